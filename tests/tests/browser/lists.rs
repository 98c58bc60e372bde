//! Connectors and instances: listed, searched, and shown one by one.

use serde_json::json;

use crate::house::House;

#[tokio::test]
async fn connectors_are_searched_and_what_is_not_there_says_so() {
    let house = House::signed_in().await.unwrap();
    let browser = &house.browser;
    browser.press("Connectors").await.unwrap();
    browser.see("sales engagement platform").await.unwrap();
    browser.is_sound_everywhere().await.unwrap();
    browser.go("/ui/connectors?search=nothing+such").await.unwrap();
    browser.see("No connector matches").await.unwrap();
    browser.is_sound().await.unwrap();
    browser.go("/ui/instances/999").await.unwrap();
    browser.see("There is no instance `999`").await.unwrap();
    browser.is_sound().await.unwrap();
    browser.go("/ui/nowhere").await.unwrap();
    browser.see("There is no such page").await.unwrap();
    browser.is_sound().await.unwrap();
    house.browser.close().await.unwrap();
}

#[tokio::test]
async fn instances_are_listed_page_by_page_and_searched_by_name_and_tag() {
    let house = House::signed_in().await.unwrap();
    let browser = &house.browser;
    browser.go("/ui/instances").await.unwrap();
    browser.see("There are no instances yet.").await.unwrap();
    browser.is_sound_everywhere().await.unwrap();
    for at in 0..52 {
        house
            .instance(&format!("Account {at:02}"), &json!([format!("tag-{}", at % 2)]))
            .await
            .unwrap();
    }
    browser.go("/ui/instances?search=account&tag=tag-1").await.unwrap();
    browser.see("26 in all").await.unwrap();
    browser.go("/ui/instances").await.unwrap();
    browser.see("52 in all").await.unwrap();
    browser.is_sound_everywhere().await.unwrap();
    assert!(!browser.text().await.unwrap().contains("Account 50"));
    browser.press("Next page").await.unwrap();
    browser.see("Account 51").await.unwrap();
    browser.press("Account 51").await.unwrap();
    browser.see("Polled resources").await.unwrap();
    browser.see("contacts").await.unwrap();
    browser.is_sound_everywhere().await.unwrap();
    browser.go("/ui/instances?search=nothing").await.unwrap();
    browser.see("No instance matches.").await.unwrap();
    house.browser.close().await.unwrap();
}
