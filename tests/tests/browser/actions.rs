//! What is done with an instance at the press of a button.

use serde_json::json;

use crate::house::House;

#[tokio::test]
async fn an_instance_is_disabled_enabled_and_deleted_by_its_name() {
    let house = House::signed_in().await.unwrap();
    let browser = &house.browser;
    let instance = house.instance("Two words", &json!([])).await.unwrap();
    browser.go(&format!("/ui/instances/{}", instance.id)).await.unwrap();
    browser.press("Disable").await.unwrap();
    browser.see("The instance is disabled").await.unwrap();
    let shown = house.server.api.get(&format!("/instances/{}", instance.id)).await.unwrap();
    assert_eq!(shown.body["disabled"], true);
    browser.is_sound_everywhere().await.unwrap();
    browser.press("Enable").await.unwrap();
    browser.see("The instance is enabled").await.unwrap();
    browser.press("Delete").await.unwrap();
    browser.fill("Name of the instance", "Two").await.unwrap();
    browser.press("Delete the instance").await.unwrap();
    browser.see("That is not its name; nothing was deleted.").await.unwrap();
    browser.is_sound_everywhere().await.unwrap();
    browser.fill("Name of the instance", "Two words").await.unwrap();
    browser.press("Delete the instance").await.unwrap();
    browser.see("The instance is deleted.").await.unwrap();
    let gone = house.server.api.get(&format!("/instances/{}", instance.id)).await.unwrap();
    assert_eq!(gone.status, 404);
    house.browser.close().await.unwrap();
}
