//! Sessions of the web page, and forms that wait in them.

use std::time::Duration;

use oc_store::Session;
use secrecy::{ExposeSecret, SecretString};

use crate::house::{House, s};

const HOUR: Duration = Duration::from_secs(3_600);

fn secret(text: &str) -> SecretString {
    SecretString::from(text)
}

pub(crate) fn session() -> Session {
    Session {
        user: secret("user-s3cret"),
        organization: secret("org-s3cret"),
        form_token: secret("form-s3cret"),
    }
}

async fn signed_in(token: &str) -> House {
    let house = House::new().await;
    house.store.begin_session(&secret(token), &session(), s(5_000)).await.expect("a session");
    house
}

async fn draft(house: &House, token: &str, state: &str, at: i64) -> Option<String> {
    let found = house.store.draft(&secret(token), &secret(state), s(at)).await.expect("it opens");
    found.map(|form| form.expose_secret().to_owned())
}

#[tokio::test]
async fn a_session_survives_a_restart_until_it_ends() {
    let house = signed_in("browser").await.restarted().await;
    let found = house.store.session(&secret("browser"), s(4_999)).await.unwrap().unwrap();
    assert_eq!(found.user.expose_secret(), "user-s3cret");
    assert_eq!(found.organization.expose_secret(), "org-s3cret");
    assert_eq!(found.form_token.expose_secret(), "form-s3cret");
    assert!(house.store.session(&secret("browser"), s(5_000)).await.unwrap().is_none());
    assert!(house.store.session(&secret("another"), s(1_000)).await.unwrap().is_none());
}

#[tokio::test]
async fn a_draft_belongs_to_its_session_and_is_taken_once() {
    let house = signed_in("browser").await;
    let (browser, state) = (secret("browser"), secret("state"));
    house.store.keep_draft(&browser, &state, &secret("filled in"), s(1_600)).await.unwrap();
    assert_eq!(draft(&house, "browser", "state", 1_599).await.as_deref(), Some("filled in"));
    assert_eq!(draft(&house, "another", "state", 1_599).await, None);
    assert_eq!(draft(&house, "browser", "state", 1_600).await, None);
    let taken = house.store.take_draft(&browser, &state, s(1_000)).await.unwrap();
    assert_eq!(taken.unwrap().expose_secret(), "filled in");
    assert!(house.store.take_draft(&browser, &state, s(1_000)).await.unwrap().is_none());
}

#[tokio::test]
async fn signing_out_takes_the_drafts_along() {
    let house = signed_in("browser").await;
    let browser = secret("browser");
    house.store.keep_draft(&browser, &secret("state"), &secret("x"), s(1_600)).await.unwrap();
    house.store.end_session(&browser).await.unwrap();
    assert!(house.store.session(&browser, s(1_000)).await.unwrap().is_none());
    assert_eq!(draft(&house, "browser", "state", 1_000).await, None);
}

#[tokio::test]
async fn only_so_many_drafts_are_kept_the_newest_ones() {
    let house = signed_in("browser").await;
    for at in 0..25 {
        let state = secret(&format!("state-{at}"));
        house
            .store
            .keep_draft(&secret("browser"), &state, &secret("x"), s(2_000 + at))
            .await
            .unwrap();
    }
    assert_eq!(draft(&house, "browser", "state-4", 1_000).await, None);
    assert!(draft(&house, "browser", "state-5", 1_000).await.is_some());
}

#[tokio::test]
async fn what_has_ended_is_swept_away() {
    let house = signed_in("browser").await;
    let browser = secret("browser");
    house.store.keep_draft(&browser, &secret("state"), &secret("x"), s(1_600)).await.unwrap();
    house.store.sweep(s(5_000), HOUR).await.unwrap();
    // Nothing is found at a time at which both were good.
    assert!(house.store.session(&browser, s(1_000)).await.unwrap().is_none());
    assert_eq!(draft(&house, "browser", "state", 1_000).await, None);
}
