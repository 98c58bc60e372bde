//! Who gets in, for how long, and who does not.

use oc_tests::Options;
use oc_tests::server::{ORGANIZATION, USER};

use crate::house::House;

#[tokio::test]
async fn whoever_has_both_secrets_gets_to_the_page_they_asked_for_and_out_again() {
    let house = House::new().await.unwrap();
    let browser = &house.browser;
    browser.go("/ui/connectors?search=sales").await.unwrap();
    browser.see("User secret").await.unwrap();
    browser.is_sound_everywhere().await.unwrap();
    browser.fill("User secret", "wrong").await.unwrap();
    browser.fill("Organization secret", ORGANIZATION).await.unwrap();
    browser.press("Sign in").await.unwrap();
    browser.see("The user secret or the organization secret is wrong.").await.unwrap();
    browser.is_sound().await.unwrap();
    browser.fill("User secret", USER).await.unwrap();
    browser.fill("Organization secret", ORGANIZATION).await.unwrap();
    browser.press("Sign in").await.unwrap();
    browser.see("SalesLoft").await.unwrap();
    assert_eq!(browser.path().await.unwrap(), "/ui/connectors?search=sales");
    browser.press("Sign out").await.unwrap();
    browser.see("User secret").await.unwrap();
    browser.go("/ui/instances").await.unwrap();
    browser.see("User secret").await.unwrap();
    house.browser.close().await.unwrap();
}

#[tokio::test]
async fn the_cookie_is_out_of_reach_of_scripts_and_other_sites_and_holds_no_secret() {
    let house = House::signed_in().await.unwrap();
    let cookies = house.browser.driver.get_all_cookies().await.unwrap();
    assert_eq!(cookies.len(), 1);
    let cookie = serde_json::to_value(&cookies[0]).unwrap();
    assert_eq!((&cookie["httpOnly"], &cookie["sameSite"]), (&true.into(), &"Lax".into()));
    assert!(!cookie["value"].to_string().contains(USER));
    assert_eq!(house.browser.run("return document.cookie").await.unwrap(), "");
    house.browser.close().await.unwrap();
}

#[tokio::test]
async fn a_session_survives_a_restart() {
    let mut house = House::new().await.unwrap();
    house.browser.sign_in().await.unwrap();
    let address = house.server.api.url().replace("http://", "");
    house.server.kill().await.unwrap();
    house.server.set("OC_LISTEN", &address);
    house.server.start_again().await.unwrap();
    house.browser.go("/ui/instances").await.unwrap();
    house.browser.see("There are no instances yet.").await.unwrap();
    house.browser.close().await.unwrap();
}

#[tokio::test]
async fn whoever_guesses_has_to_wait() {
    let options = Options::default().with("OC_API_FAILURE_RATE", "2");
    let house = House::with(options).await.unwrap();
    for _ in 0..3 {
        house.browser.go("/ui/sign-in").await.unwrap();
        house.browser.fill("User secret", "guess").await.unwrap();
        house.browser.fill("Organization secret", "guess").await.unwrap();
        house.browser.press("Sign in").await.unwrap();
        house.browser.see("secret").await.unwrap();
    }
    house.browser.see("Too many requests with wrong secrets came from this address").await.unwrap();
    house.browser.close().await.unwrap();
}
