//! Without a mouse.

use oc_tests::server::{ORGANIZATION, SIGNATURE_KEY, USER};
use serde_json::json;
use thirtyfour::Key;

use crate::house::House;

#[tokio::test]
async fn everything_on_the_way_to_a_poll_is_reached_with_the_keyboard() {
    let house = House::new().await.unwrap();
    let browser = &house.browser;
    let instance = house.instance("One", &json!([])).await.unwrap();
    browser.go(&format!("/ui/instances/{}", instance.id)).await.unwrap();
    browser.see("User secret").await.unwrap();
    browser.keys(USER).await.unwrap();
    browser.keys(Key::Tab + "").await.unwrap();
    browser.keys(ORGANIZATION).await.unwrap();
    browser.keys(Key::Enter + "").await.unwrap();
    browser.see("Polled resources").await.unwrap();
    browser.keys(Key::Tab + "").await.unwrap();
    assert_eq!(browser.focused().await.unwrap(), "Skip to the content");
    browser.keys(Key::Enter + "").await.unwrap();
    browser.keys(Key::Tab + "").await.unwrap();
    assert_eq!(browser.focused().await.unwrap(), "Poll now");
    let outline = "return getComputedStyle(document.activeElement).outlineStyle";
    assert_eq!(browser.run(outline).await.unwrap(), "solid", "the focus is to be seen");
    browser.keys(Key::Enter + "").await.unwrap();
    browser.see("It is polled now").await.unwrap();
    house.browser.close().await.unwrap();
}

#[tokio::test]
async fn an_instance_is_made_with_the_keyboard_alone() {
    let house = House::signed_in().await.unwrap();
    let browser = &house.browser;
    browser.go("/ui/connectors").await.unwrap();
    browser.tab_to("Authenticate SalesLoft").await.unwrap();
    browser.keys(Key::Enter + "").await.unwrap();
    browser.see("Create Instance").await.unwrap();
    for (label, text) in
        [("Name", "By keyboard"), ("API Key", "api-key"), ("API Secret", "api-s3cret")]
    {
        browser.tab_to(label).await.unwrap();
        browser.keys(text).await.unwrap();
    }
    browser.tab_to("Show optional fields").await.unwrap();
    browser.keys(Key::Enter + "").await.unwrap();
    browser.tab_to("Callback Notification Signature Key").await.unwrap();
    browser.keys(SIGNATURE_KEY).await.unwrap();
    browser.tab_to("Events Enabled").await.unwrap();
    browser.keys(" ").await.unwrap();
    browser.tab_to("Event Notification Callback URL").await.unwrap();
    browser.keys(house.receiver.url("/hook")).await.unwrap();
    browser.tab_to("Interval, by slider").await.unwrap();
    browser.keys(Key::Right + "").await.unwrap();
    browser.tab_to("Edit contacts").await.unwrap();
    browser.keys(Key::Enter + "").await.unwrap();
    browser.tab_to("ID Field").await.unwrap();
    browser.tab_to("Create Instance").await.unwrap();
    browser.keys(Key::Enter + "").await.unwrap();
    browser.see("Let the application in?").await.unwrap();
    browser.tab_to("Allow").await.unwrap();
    browser.keys(Key::Enter + "").await.unwrap();
    browser.see("The instance is created.").await.unwrap();
    let made = house.server.api.get("/instances").await.unwrap().body[0].clone();
    let path = format!("/instances/{}", made["id"]);
    let made = house.server.api.get(&path).await.unwrap().body;
    assert_eq!((&made["name"], &made["eventsEnabled"]), (&json!("By keyboard"), &json!(true)));
    assert_eq!(made["configuration"]["event.poller.refresh_interval"], "16");
    house.browser.close().await.unwrap();
}

#[tokio::test]
async fn enter_in_a_field_sends_the_form_and_does_not_switch_its_view() {
    let house = House::signed_in().await.unwrap();
    let browser = &house.browser;
    browser.go("/ui/connectors/salesloft/new").await.unwrap();
    browser.fill("Name", "By keyboard").await.unwrap();
    browser.fill("API Key", "api-key").await.unwrap();
    browser.keys(Key::Enter + "").await.unwrap();
    browser.see("Let the application in?").await.unwrap();
    house.browser.close().await.unwrap();
}
