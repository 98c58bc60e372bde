//! Forms from other pages, and markup where text belongs.

use serde_json::json;

use crate::house::House;

const MARKUP: &str = "<img src=x onerror=document.title='owned'>\"'><b>bold";

#[tokio::test]
async fn a_form_without_the_sessions_token_does_nothing() {
    let house = House::signed_in().await.unwrap();
    let browser = &house.browser;
    let instance = house.instance("One", &json!([])).await.unwrap();
    let page = format!("/ui/instances/{}", instance.id);
    browser.go(&page).await.unwrap();
    let token = "document.querySelector('form[action$=disable] [name=form-token]')";
    for forged in [format!("{token}.remove()"), format!("{token}.value += 'x'")] {
        browser.go(&page).await.unwrap();
        browser.run(&forged).await.unwrap();
        browser.press("Disable").await.unwrap();
        browser.see("This form is out of date").await.unwrap();
        browser.is_sound().await.unwrap();
    }
    let shown = house.server.api.get(&format!("/instances/{}", instance.id)).await.unwrap();
    assert_eq!(shown.body["disabled"], false);
    house.browser.close().await.unwrap();
}

#[tokio::test]
async fn another_site_cannot_sign_anybody_in() {
    let house = House::new().await.unwrap();
    let form = "user=user-s3cret&organization=organization-s3cret";
    let headers =
        [("origin", "https://evil.example"), ("content-type", "application/x-www-form-urlencoded")];
    let forged = house
        .server
        .api
        .call_with("POST", "//ui/sign-in", &headers, Some(form.to_owned()))
        .await
        .unwrap();
    assert_eq!(forged.status, 403);
    assert!(forged.headers.get("set-cookie").is_none());
    let own = house
        .server
        .api
        .call_with("POST", "//ui/sign-in", &headers[1..], Some(form.to_owned()))
        .await
        .unwrap();
    assert_eq!(own.status, 303);
    house.browser.close().await.unwrap();
}

#[tokio::test]
async fn names_and_tags_and_searches_are_text_whatever_they_hold() {
    let house = House::signed_in().await.unwrap();
    let browser = &house.browser;
    // The API takes tags away; what is left still has quotes and signs.
    let instance = house.instance(MARKUP, &json!([MARKUP, "\"' onfocus=x & &amp;"])).await.unwrap();
    let search = url::form_urlencoded::byte_serialize(MARKUP.as_bytes()).collect::<String>();
    let pages = [
        "/ui/instances".to_owned(),
        format!("/ui/instances?search={search}&tag={search}"),
        format!("/ui/connectors?search={search}"),
        format!("/ui/instances/{}", instance.id),
        format!("/ui/instances/{}/delete", instance.id),
        format!("/ui/sign-in?next={search}"),
    ];
    for page in pages {
        browser.go(&page).await.unwrap();
        browser.see("Open Connectors").await.unwrap();
        browser.is_sound().await.unwrap();
        let foreign =
            browser.run("return document.querySelectorAll('main b, [onerror], [onfocus]').length");
        assert_eq!(foreign.await.unwrap(), 0, "{page}");
        assert!(!browser.driver.title().await.unwrap().contains("owned"), "{page}");
    }
    house.browser.close().await.unwrap();
}
