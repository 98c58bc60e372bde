//! The ledger: claims, one transaction a poll, and what an abandoned poll leaves.

use oc_poll::{Failure, Finding, Fingerprint, Ledger, LedgerError, Outcome, Part, Version};
use oc_store::{By, InstanceFields};
use serde_json::json;

use crate::house::{ClaimPolls, House, LEASE, configuration, done, fields, part, s};
use crate::place::ask;

#[tokio::test]
async fn a_resource_is_due_one_interval_after_its_creation_and_then_claimed_once() {
    let house = House::new().await;
    house.instance("token").await;
    assert!(house.due(1_899).await.is_none());
    let next = Ledger::claim(&house.store, s(1_000), 10, LEASE).await.unwrap().next;
    assert_eq!(next, Some(s(1_900)));
    let due = house.due(1_900).await.unwrap();
    assert_eq!((due.checkpoint.cursor, due.checkpoint.polled), (s(1_000), false));
    assert!(house.due(1_900).await.is_none());
    house.store.finish(&due, done(1_900, Part::default())).await.unwrap();
    assert!(house.due(2_799).await.is_none());
    let due = house.due(2_800).await.unwrap();
    assert_eq!((due.checkpoint.cursor, due.checkpoint.polled), (s(1_900), true));
}

fn quiet(started: i64) -> Finding {
    let Outcome::Done(found) = done(started, Part::default()) else { unreachable!() };
    found
}

#[tokio::test]
async fn quiet_polls_are_remembered_until_the_instance_is_changed() {
    let house = House::new().await;
    let id = house.instance("token").await;
    let due = house.due(1_900).await.unwrap();
    let found = Finding { quiet: 7, next_due: s(9_000), ..quiet(1_900) };
    house.store.finish(&due, Outcome::Done(found)).await.unwrap();
    let house = house.restarted().await;
    assert!(house.due(8_999).await.is_none());
    let due = house.due(9_000).await.unwrap();
    assert_eq!(due.checkpoint.quiet, 7);
    let found = Finding { quiet: 8, next_due: s(20_000), ..quiet(9_000) };
    house.store.finish(&due, Outcome::Done(found)).await.unwrap();
    let adaptive = json!({"event.poller.adaptive": true});
    let changed = fields(&configuration(&adaptive));
    house.store.update_instance(id, 1, changed, false, By::default(), s(9_100)).await.unwrap();
    let due = house.due(9_100).await.expect("it is polled before the long quiet is over");
    assert_eq!((due.checkpoint.quiet, due.adaptive), (0, true));
}

#[tokio::test]
async fn polls_that_end_together_count_each_for_itself() {
    let house = House::new().await;
    let mut ids = Vec::new();
    for token in ["one", "two", "three", "four"] {
        ids.push(house.instance(token).await);
    }
    // One has failed before.
    let ill = house.store.claim_polls(s(1_900)).await.remove(0);
    house.store.finish(&ill.resources[0], failed(3, false)).await.unwrap();
    let house = house.restarted().await;
    let due = house.store.claim_polls(s(2_000)).await;
    assert_eq!(due.iter().map(|one| one.failures).sum::<u32>(), 3);
    // Another is changed meanwhile.
    let changed = *ids.iter().find(|id| **id != ill.instance).unwrap();
    let fields = fields(&configuration(&json!({"event.poller.refresh_interval": "20"})));
    house.store.update_instance(changed, 1, fields, false, By::default(), s(2_010)).await.unwrap();

    // They have found nothing, and what fills one, two and ten notifications.
    let found = [0, 1, 20, 100];
    let finish = due.iter().enumerate().map(async |(at, one)| {
        let finished = house.store.finish(&one.resources[0], done(2_000, part(0..found[at]))).await;
        (one.instance, matches!(finished, Err(LedgerError::Superseded)), finished.is_ok())
    });
    for (instance, superseded, counts) in futures_util::future::join_all(finish).await {
        assert_eq!((superseded, counts), (instance == changed, instance != changed), "{instance}");
    }
    let lanes = house.lanes(2_000).await.lanes;
    let mut told: Vec<_> = lanes.iter().map(|lane| lane.notifications.len()).collect();
    told.sort_unstable();
    let recorded = due.iter().zip([0, 1, 2, 10]).filter(|(one, _)| one.instance != changed);
    let expected: Vec<_> = recorded.map(|(_, count)| count).filter(|count| *count > 0).collect();
    assert_eq!(told, expected);
    let again = house.store.claim_polls(s(2_900)).await;
    let again: Vec<_> = again.iter().filter(|one| one.instance != changed).collect();
    assert_eq!(again.len(), 3);
    for one in again {
        let checkpoint = one.resources[0].checkpoint;
        assert_eq!((one.failures, checkpoint.cursor), (0, s(2_000)), "{}", one.instance);
    }
}

#[tokio::test]
async fn events_fingerprints_and_cursor_are_stored_together() {
    let house = House::new().await;
    house.instance("token").await;
    let due = house.due(1_900).await.unwrap();
    house.store.finish(&due, done(1_900, part(1..13))).await.unwrap();
    let ids = ["1", "99", "12", "11", "12", ""].map(str::to_owned);
    let known = house.store.known(due.resource, ids.into()).await.unwrap();
    let version = |seconds: i64| Some(Version(seconds * 1_000_000));
    assert_eq!(known, [version(1), None, version(12), version(11), version(12), None]);
    assert_eq!(house.store.known(due.resource, [].into()).await.unwrap(), []);
    let lanes = house.lanes(1_900).await.lanes;
    assert_eq!(lanes[0].notifications.len(), 2);
    assert_eq!(house.due(2_800).await.unwrap().checkpoint.cursor, s(1_900));
}

#[tokio::test]
async fn notifications_are_in_the_order_in_which_a_poll_has_found_their_records() {
    let house = House::new().await;
    house.instance("token").await;
    let due = house.due(1_900).await.unwrap();
    house.store.finish(&due, done(1_900, part(1..471))).await.unwrap();
    assert_eq!(house.store.standing(s(1_900)).await.unwrap().outbox, 47);
    let lane = house.lanes(1_900).await.lanes.remove(0);
    let bodies: Vec<_> =
        lane.notifications.iter().map(|one| String::from_utf8_lossy(&one.body)).collect();
    assert!(bodies.len() > 16, "{}", bodies.len());
    for (at, body) in bodies.iter().enumerate() {
        assert!(body.contains(&format!("\"objectId\":\"{}\"", at * 10 + 1)), "{at}: {body}");
    }
}

#[tokio::test]
async fn notifications_carry_what_the_instance_is_called_when_they_are_found() {
    let house = House::new().await;
    let id = house.instance("token").await;
    for (revision, name) in [(1, "Sales"), (2, "Sales, Europe")] {
        let renamed =
            InstanceFields { name: name.to_owned(), ..fields(&configuration(&json!({}))) };
        let now = s(1_900 + revision * 900);
        house
            .store
            .update_instance(id, revision, renamed, false, By::default(), now)
            .await
            .unwrap();
        let due = house.due(1_900 + revision * 900).await.unwrap();
        house.store.finish(&due, done(1_900 + revision * 900, part(1..2))).await.unwrap();
    }
    let told = house.lanes(9_000).await.lanes.remove(0).notifications;
    let bodies: Vec<_> = told.iter().map(|one| String::from_utf8_lossy(&one.body)).collect();
    assert!(bodies[0].contains("\"Sales\""), "{}", bodies[0]);
    assert!(bodies[1].contains("\"Sales, Europe\""), "{}", bodies[1]);
}

#[tokio::test]
async fn what_the_database_refuses_leaves_nothing_and_can_be_done_again() {
    let house = House::new().await;
    let id = house.instance("token").await;
    let due = house.due(1_900).await.unwrap();
    // Of three notifications two have ten events.
    ask(&house.place, "CREATE UNIQUE INDEX refusing ON notification (events)").await;
    let found = || done(1_900, part(1..26));
    assert!(house.store.finish(&due, found()).await.is_err());
    assert_eq!(house.store.resource_states(id).await.unwrap()[0].cursor, s(1_000));
    assert_eq!(ask(&house.place, "SELECT count(*) FROM notification").await, Some(0));
    assert_eq!(ask(&house.place, "SELECT count(*) FROM fingerprint").await, Some(0));
    ask(&house.place, "DROP INDEX refusing").await;
    house.store.finish(&due, found()).await.unwrap();
    assert_eq!(house.store.standing(s(1_900)).await.unwrap().outbox, 3);
}

#[tokio::test]
async fn of_several_versions_of_an_object_the_last_counts() {
    let house = House::new().await;
    house.instance("token").await;
    let due = house.due(1_900).await.unwrap();
    let mut found = part(1..3);
    let seen = [("1", 7), ("1", 8), ("a\0b", 1), ("a\u{fffd}b", 2)];
    found.fingerprints.extend(seen.map(|(id, seconds)| Fingerprint {
        object_id: id.to_owned(),
        version: Version(seconds * 1_000_000),
    }));
    house.store.finish(&due, done(1_900, found)).await.unwrap();
    let ids = ["1", "2", "a\u{fffd}b"].map(str::to_owned);
    let known = house.store.known(due.resource, ids.into()).await.unwrap();
    assert_eq!(known, [8, 2, 2].map(|seconds| Some(Version(seconds * 1_000_000))));
}

#[tokio::test]
async fn what_is_put_aside_is_seen_when_the_poll_is_done_and_not_before() {
    let house = House::new().await;
    house.instance("token").await;
    let due = house.due(1_900).await.unwrap();
    house.store.stage(&due, s(1_900), part(1..11)).await.unwrap();
    house.store.stage(&due, s(1_900), part(11..21)).await.unwrap();
    assert!(house.lanes(1_900).await.lanes.is_empty());
    let known = house.store.known(due.resource, ["15".to_owned()].into()).await.unwrap();
    assert_eq!(known, [Some(Version(15_000_000))]);
    house.store.finish(&due, done(1_900, part(21..22))).await.unwrap();
    let lane = house.lanes(1_900).await.lanes.remove(0);
    let bodies = lane.notifications.iter().map(|one| String::from_utf8_lossy(&one.body));
    let firsts: Vec<bool> = bodies
        .zip(["\"objectId\":\"1\"", "\"objectId\":\"11\"", "\"objectId\":\"21\""])
        .map(|(body, id)| body.contains(id))
        .collect();
    assert_eq!(firsts, [true, true, true]);
}

#[tokio::test]
async fn an_abandoned_poll_leaves_nothing_and_can_do_nothing_more() {
    let house = House::new().await;
    house.instance("token").await;
    let due = house.due(1_900).await.unwrap();
    house.store.finish(&due, done(1_900, part(1..2))).await.unwrap();
    let abandoned = house.due(2_800).await.unwrap();
    let mut newer = part(2..3);
    newer.fingerprints.push(Fingerprint { object_id: "1".to_owned(), version: Version(77) });
    house.store.stage(&abandoned, s(2_800), newer.clone()).await.unwrap();
    newer.fingerprints[1].version = Version(78);
    house.store.stage(&abandoned, s(2_800), newer).await.unwrap();

    let house = house.restarted().await;
    let due = house.due(2_800).await.unwrap();
    let ids = ["1".to_owned(), "2".to_owned()];
    let known = house.store.known(due.resource, ids.into()).await.unwrap();
    assert_eq!(known, [Some(Version(1_000_000)), None]);
    let late = house.store.stage(&abandoned, s(2_800), part(5..6)).await;
    assert!(matches!(late, Err(LedgerError::Superseded)));
    let late = house.store.finish(&abandoned, done(2_800, Part::default())).await;
    assert!(matches!(late, Err(LedgerError::Superseded)));
    house.store.finish(&due, done(2_800, Part::default())).await.unwrap();
    assert_eq!(house.lanes(2_800).await.lanes[0].notifications.len(), 1);
}

fn failed(failures: u32, stop: bool) -> Outcome {
    Outcome::Failed(Failure {
        message: "the provider is down".to_owned(),
        failures,
        needs_authentication: false,
        stop,
        next_due: s(2_000),
    })
}

#[tokio::test]
async fn a_failed_poll_takes_back_what_it_had_put_aside_and_is_counted() {
    let house = House::new().await;
    let id = house.instance("token").await;
    let due = house.due(1_900).await.unwrap();
    house.store.stage(&due, s(1_900), part(1..11)).await.unwrap();
    house.store.finish(&due, failed(1, false)).await.unwrap();
    let again = house.store.claim_polls(s(2_000)).await.remove(0);
    assert_eq!(again.failures, 1);
    let shown = house.store.instance(id).await.unwrap().unwrap();
    assert_eq!(shown.failed_polls, 1);
    let due = &again.resources[0];
    assert_eq!(due.checkpoint, again.resources[0].checkpoint);
    assert_eq!(house.store.known(due.resource, ["1".to_owned()].into()).await.unwrap(), [None]);
    let state = house.store.resource_states(id).await.unwrap().remove(0);
    assert_eq!(state.last_result.unwrap()["error"], "the provider is down");
    house.store.finish(due, done(2_000, Part::default())).await.unwrap();
    assert!(house.lanes(2_000).await.lanes.is_empty());
    assert_eq!(house.store.claim_polls(s(9_000)).await[0].failures, 0);
}

#[tokio::test]
async fn polling_that_has_stopped_stays_so_until_the_instance_is_changed() {
    let house = House::new().await;
    let id = house.instance("token").await;
    let due = house.due(1_900).await.unwrap();
    house.store.finish(&due, failed(100, true)).await.unwrap();
    assert!(house.due(99_999).await.is_none());
    let stopped = house.store.instance(id).await.unwrap().unwrap();
    assert_eq!(stopped.stopped.as_deref(), Some("the provider is down"));
    let same = fields(&configuration(&json!({})));
    house
        .store
        .update_instance(id, stopped.revision, same, false, By::default(), s(3_000))
        .await
        .unwrap();
    assert_eq!(house.store.instance(id).await.unwrap().unwrap().stopped, None);
    assert_eq!(house.due(99_999).await.unwrap().checkpoint.cursor, s(1_000));
}

#[tokio::test]
async fn a_poll_that_could_not_begin_is_due_later() {
    let house = House::new().await;
    house.instance("token").await;
    let due = house.due(1_900).await.unwrap();
    house.store.finish(&due, Outcome::Deferred(s(1_950))).await.unwrap();
    assert!(house.due(1_949).await.is_none());
    assert!(house.due(1_950).await.is_some());
}

#[tokio::test]
async fn a_part_for_an_older_configuration_is_refused_and_gives_the_claim_back() {
    let house = House::new().await;
    let id = house.instance("token").await;
    let due = house.due(1_900).await.unwrap();
    house.store.stage(&due, s(1_900), part(1..3)).await.unwrap();
    let same = fields(&configuration(&json!({})));
    house.store.update_instance(id, 1, same, false, By::default(), s(1_901)).await.unwrap();
    let late = house.store.stage(&due, s(1_900), part(3..5)).await;
    assert!(matches!(late, Err(LedgerError::Superseded)));
    let again = house.due(1_902).await.expect("the instance is free again");
    house.store.finish(&again, done(1_902, part(1..5))).await.unwrap();
    assert_eq!(house.lanes(1_902).await.lanes[0].notifications.len(), 1);
}
