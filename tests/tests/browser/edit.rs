//! An instance is changed, and authorized again.

use rcgen::{CertificateParams, KeyPair};
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

#[tokio::test]
async fn a_secret_of_several_lines_keeps_its_lines_and_is_shown_to_nobody_afterwards() {
    let house = House::signed_in().await.unwrap();
    let browser = &house.browser;
    let instance = house.instance("Sales", &json!([])).await.unwrap();
    let key = KeyPair::generate().unwrap();
    let certificate =
        CertificateParams::new(["client".to_owned()]).unwrap().self_signed(&key).unwrap();
    let form = format!("/ui/instances/{}/edit", instance.id);
    browser.go(&form).await.unwrap();
    browser.press("Show optional fields").await.unwrap();
    browser.fill("Client certificate", &certificate.pem()).await.unwrap();
    browser.fill("Key of the client certificate", &key.serialize_pem()).await.unwrap();
    let notify = "Event Notification Callback URL";
    browser.fill(notify, "https://receiver.invalid/hook").await.unwrap();
    browser.press("Update").await.unwrap();
    browser.see("The instance is changed.").await.unwrap();
    browser.go(&form).await.unwrap();
    browser.press("Show optional fields").await.unwrap();
    let label = "Key of the client certificate";
    assert_eq!(browser.value(label).await.unwrap(), "********");
    let source = "return document.documentElement.outerHTML.includes('PRIVATE KEY')";
    assert_eq!(browser.run(source).await.unwrap(), false);
    let field = browser.field(label).await.unwrap();
    assert_eq!(field.tag_name().await.unwrap(), "textarea");
    let hidden = field.css_value("-webkit-text-security").await.unwrap();
    assert_eq!(hidden, "disc");
    // What is typed replaces the mask as a whole, and the mask keeps what is stored.
    field.click().await.unwrap();
    browser.keys("another").await.unwrap();
    assert_eq!(browser.value(label).await.unwrap(), "another");
    browser.is_sound_everywhere().await.unwrap();
    browser.fill(label, "********").await.unwrap();
    browser.press("Update").await.unwrap();
    browser.see("The instance is changed.").await.unwrap();
    house.browser.close().await.unwrap();
}
