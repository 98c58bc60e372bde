//! Instances, users, and what is swept away.

use oc_dispatch::{AttemptVerdict, Lane, Outbox, Settlement};
use oc_poll::{Failure, Finding, Ledger, LedgerError, Outcome, Part};
use oc_store::{By, OrganizationId, StoreError};
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;

use crate::house::{House, MINUTE, attempt, configuration, done, fields, part, s};

#[tokio::test]
async fn an_instance_is_found_by_number_token_and_organization() {
    let house = House::new().await;
    let id = house.instance("token-s3cret").await;
    let found = house.store.instance(id).await.unwrap().unwrap();
    assert_eq!((found.name.as_str(), found.created), ("One", s(1_000)));
    assert_eq!(found.token.expose_secret(), "token-s3cret");
    let key = found.configuration.secret("oauth.api.secret").unwrap();
    assert_eq!(key.expose_secret(), "api-s3cret");
    let with = |token: &str| {
        let (store, token) = (house.store.clone(), SecretString::from(token));
        async move { store.instance_with(&token).await.unwrap().map(|one| one.id) }
    };
    assert_eq!((with("token-s3cret").await, with("token").await), (Some(id), None));
}

#[tokio::test]
async fn a_change_counts_only_when_nobody_was_faster() {
    let house = House::new().await;
    let id = house.instance("token").await;
    let mut renamed = fields(&configuration(&json!({})));
    renamed.name = "Two".to_owned();
    house
        .store
        .update_instance(id, 1, renamed.clone(), false, By::default(), s(1_001))
        .await
        .unwrap();
    let late = house.store.update_instance(id, 1, renamed, false, By::default(), s(1_001)).await;
    assert!(matches!(late, Err(StoreError::Conflict)));
    assert_eq!(house.store.instance(id).await.unwrap().unwrap().name, "Two");
}

#[tokio::test]
async fn a_cursor_survives_a_change_and_starts_anew_with_another_url() {
    let house = House::new().await;
    let id = house.instance("token").await;
    let due = house.due(1_900).await.unwrap();
    house.store.finish(&due, done(1_900, part(1..2))).await.unwrap();
    let running = house.due(2_800).await.unwrap();
    let mut same = fields(&configuration(&json!({})));
    same.polled.as_mut().unwrap()[0].start = s(2_801);
    house.store.update_instance(id, 1, same.clone(), false, By::default(), s(2_801)).await.unwrap();
    let void = house.store.finish(&running, done(2_800, Part::default())).await;
    assert!(matches!(void, Err(LedgerError::Superseded)));
    let due = house.due(2_801).await.unwrap();
    assert_eq!((due.checkpoint.cursor, due.checkpoint.polled), (s(1_900), true));

    same.polled.as_mut().unwrap()[0].identity = "another".to_owned();
    house.store.update_instance(id, 2, same, false, By::default(), s(2_801)).await.unwrap();
    let void = house.store.finish(&due, done(2_801, Part::default())).await;
    assert!(matches!(void, Err(LedgerError::Superseded)));
    let due = house.due(2_801).await.unwrap();
    assert_eq!((due.checkpoint.cursor, due.checkpoint.floor), (s(2_801), s(2_801)));
    assert!(!due.checkpoint.polled);
    assert_eq!(house.store.known(due.resource, ["1".to_owned()].into()).await.unwrap(), [None]);
}

#[tokio::test]
async fn resources_that_are_not_polled_any_more_keep_their_cursor_and_their_notifications() {
    let house = House::new().await;
    let id = house.instance("token").await;
    let due = house.due(1_900).await.unwrap();
    house.store.finish(&due, done(1_900, part(1..2))).await.unwrap();
    let mut off = fields(&configuration(&json!({})));
    off.polled = None;
    house.store.update_instance(id, 1, off, false, By::default(), s(2_000)).await.unwrap();
    assert!(house.due(99_999).await.is_none());
    assert_eq!(house.lanes(2_000).await.lanes.len(), 1);
    let on = fields(&configuration(&json!({})));
    house.store.update_instance(id, 2, on, false, By::default(), s(2_000)).await.unwrap();
    assert_eq!(house.due(99_999).await.unwrap().checkpoint.cursor, s(1_900));
}

/// The first notification has arrived.
fn settled(lane: &Lane) -> Settlement {
    let delivered = vec![(lane.notifications[0].id, attempt(1_901, AttemptVerdict::Delivered))];
    Settlement { lane: lane.id, turn: lane.turn, fence: lane.fence, delivered, failed: None }
}

#[tokio::test]
async fn a_deleted_instance_is_gone_with_all_that_waited() {
    let house = House::new().await;
    let id = house.instance("token").await;
    let due = house.due(1_900).await.unwrap();
    house.store.finish(&due, done(1_900, part(1..26))).await.unwrap();
    let lane = house.lanes(1_900).await.lanes.remove(0);
    assert_eq!(house.store.delete_instance(id, By::default(), s(2_000)).await.unwrap(), Some(3));
    assert_eq!(house.store.delete_instance(id, By::default(), s(2_000)).await.unwrap(), None);
    assert!(house.store.instance(id).await.unwrap().is_none());
    assert!(house.store.instance_with(&SecretString::from("token")).await.unwrap().is_none());
    house.store.settle([settled(&lane)].into()).await.unwrap();
    let swept = house.store.sweep(s(2_000), MINUTE).await.unwrap();
    assert_eq!(swept.notifications, 3);
    assert!(house.due(99_999).await.is_none() && house.lanes(99_999).await.lanes.is_empty());
}

#[tokio::test]
async fn what_waits_is_kept_however_old_it_is() {
    let house = House::new().await;
    house.instance("token").await;
    let due = house.due(1_900).await.unwrap();
    house.store.finish(&due, done(1_900, part(1..26))).await.unwrap();
    let lane = house.lanes(1_900).await.lanes.remove(0);
    house.store.settle([settled(&lane)].into()).await.unwrap();
    assert_eq!(house.store.sweep(s(1_950), MINUTE).await.unwrap().notifications, 0);
    assert_eq!(house.store.sweep(s(2_000), MINUTE).await.unwrap().notifications, 1);
    assert_eq!(house.lanes(2_000).await.lanes[0].notifications.len(), 2);
}

#[tokio::test]
async fn fingerprints_that_no_poll_can_need_are_forgotten() {
    let house = House::new().await;
    house.instance("token").await;
    let due = house.due(1_900).await.unwrap();
    let Outcome::Done(found) = done(1_900, part(1..5)) else { unreachable!() };
    let outcome = Outcome::Done(Finding { forget_before: Some(s(3)), ..found });
    house.store.finish(&due, outcome).await.unwrap();
    assert_eq!(house.store.sweep(s(1_901), MINUTE).await.unwrap().fingerprints, 2);
    let ids = ["2".to_owned(), "3".to_owned()];
    let known = house.store.known(due.resource, ids.into()).await.unwrap();
    assert_eq!(known.iter().map(Option::is_some).collect::<Vec<_>>(), [false, true]);
    let floor = house.due(2_800).await.unwrap().checkpoint.floor;
    assert_eq!(floor, s(1_000), "the floor is above what was forgotten already");
}

#[tokio::test]
async fn the_floor_rises_over_what_is_forgotten() {
    let house = House::new().await;
    house.instance("token").await;
    let due = house.due(1_900).await.unwrap();
    let Outcome::Done(found) = done(1_900, part(1_100..1_104)) else { unreachable!() };
    let outcome = Outcome::Done(Finding { forget_before: Some(s(1_102)), ..found });
    house.store.finish(&due, outcome).await.unwrap();
    assert_eq!(house.store.sweep(s(1_901), MINUTE).await.unwrap().fingerprints, 2);
    let floor = house.due(2_800).await.unwrap().checkpoint.floor;
    assert_eq!(floor.0, s(1_102).0 - 1);
}

#[tokio::test]
async fn what_waits_for_a_callback_that_was_taken_away_is_not_lost() {
    let house = House::new().await;
    let id = house.instance("token").await;
    let due = house.due(1_900).await.unwrap();
    house.store.finish(&due, done(1_900, part(1..2))).await.unwrap();
    let none = json!({"event.notification.callback.url": null});
    house
        .store
        .update_instance(id, 1, fields(&configuration(&none)), false, By::default(), s(2_000))
        .await
        .unwrap();
    assert!(house.lanes(2_000).await.lanes.is_empty());
    let due = house.due(2_800).await.unwrap();
    house.store.finish(&due, done(2_800, part(2..3))).await.unwrap();
    let again = fields(&configuration(&json!({})));
    house.store.update_instance(id, 2, again, false, By::default(), s(2_900)).await.unwrap();
    assert_eq!(house.lanes(2_900).await.lanes[0].notifications.len(), 2);
}

#[tokio::test]
async fn an_instance_that_the_provider_refuses_says_so_until_it_is_changed() {
    let house = House::new().await;
    let id = house.instance("token").await;
    let due = house.due(1_900).await.unwrap();
    let failure = Failure {
        message: "403".to_owned(),
        failures: 1,
        needs_authentication: true,
        stop: true,
        next_due: s(1_910),
    };
    house.store.finish(&due, Outcome::Failed(failure)).await.unwrap();
    let found = house.store.instance(id).await.unwrap().unwrap();
    assert_eq!((found.dead.as_deref(), found.stopped.as_deref()), (Some("403"), Some("403")));
    house
        .store
        .update_instance(id, 1, fields(&configuration(&json!({}))), false, By::default(), s(2_000))
        .await
        .unwrap();
    let found = house.store.instance(id).await.unwrap().unwrap();
    assert_eq!((found.dead, found.stopped), (None, None));
}

#[tokio::test]
async fn the_first_user_is_made_once_and_takes_the_secrets_that_are_given() {
    let house = House::new().await;
    let secret = |text: &str| SecretString::from(text);
    let user = house.store.user_with(&secret("user-s3cret"), s(2_000)).await.unwrap().unwrap();
    assert_eq!((user.id, user.organization), (1, OrganizationId(1)));
    let generated = (&secret("a"), &secret("b"));
    assert!(!house.store.ensure_first_user(None, None, generated).await.unwrap());
    assert!(house.store.user_with(&secret("a"), s(2_000)).await.unwrap().is_none());
    house.store.ensure_first_user(Some(&secret("new")), None, generated).await.unwrap();
    assert!(house.store.user_with(&secret("new"), s(2_000)).await.unwrap().is_some());
    assert!(house.store.user_with(&secret("user-s3cret"), s(2_000)).await.unwrap().is_none());
    let organization =
        house.store.organization_with(&secret("org-s3cret"), s(2_000)).await.unwrap();
    assert_eq!(organization, Some(OrganizationId(1)));
}
