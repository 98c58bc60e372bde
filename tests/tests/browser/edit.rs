//! An instance is changed, and authorized again.

use serde_json::json;

use crate::house::House;

#[tokio::test]
async fn a_change_keeps_the_secrets_and_authorizing_again_mends_the_instance() {
    let house = House::signed_in().await.unwrap();
    let browser = &house.browser;
    let instance = house.instance("Before", &json!(["Docs", "two, words"])).await.unwrap();
    let page = format!("/ui/instances/{}", instance.id);
    browser.go(&page).await.unwrap();
    browser.press("Edit").await.unwrap();
    browser.see("Edit Before").await.unwrap();
    browser.is_sound_everywhere().await.unwrap();
    browser.fill("Name", "After").await.unwrap();
    browser.fill("Event poller refresh interval (mins)", "30").await.unwrap();
    browser.press("Update").await.unwrap();
    browser.see("The instance is changed.").await.unwrap();
    let path = format!("/instances/{}", instance.id);
    let shown = house.server.api.get(&path).await.unwrap().body;
    assert_eq!((&shown["name"], &shown["token"]), (&json!("After"), &json!(instance.token)));
    assert_eq!(shown["tags"], json!(["Docs", "two, words"]));
    assert_eq!(shown["configuration"]["event.poller.refresh_interval"], "30");

    house.salesloft.with(|provider| provider.accounts.revoke_all());
    browser.press("Poll now").await.unwrap();
    let api = &house.server.api;
    for _ in 0..600 {
        if api.get(&path).await.unwrap().body["valid"] == false {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    browser.go(&page).await.unwrap();
    browser.see("Needs re-authentication").await.unwrap();
    browser.is_sound_everywhere().await.unwrap();
    browser.press("Edit").await.unwrap();
    browser.press("Re-Authenticate").await.unwrap();
    browser.see("Let the application in?").await.unwrap();
    browser.press("Allow").await.unwrap();
    browser.see("The instance is changed.").await.unwrap();
    browser.see("Active").await.unwrap();
    let (id, secret) = house.salesloft.with(|provider| provider.accounts.client.clone());
    assert_eq!((id.as_str(), secret.as_str()), ("api-key", "api-s3cret"));
    let shown = api.get(&path).await.unwrap().body;
    assert_eq!((&shown["valid"], &shown["token"]), (&json!(true), &json!(instance.token)));
    house.browser.close().await.unwrap();
}
