//! Without a mouse.

use oc_tests::server::{ORGANIZATION, USER};
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
