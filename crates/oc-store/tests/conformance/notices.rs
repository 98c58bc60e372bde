//! What the operator is told: once each, in order, over restarts.

use oc_config::InstanceId;
use oc_dispatch::{AttemptVerdict, Failed, Lane, Next, Notice, Notices, Outbox, Settlement};
use oc_oauth::Vault;
use oc_poll::{Failure, Ledger, Outcome};
use oc_store::{By, DeliveryFilter, EventScope, OrganizationId};
use serde_json::{Value as Json, json};

use crate::house::{House, MINUTE, attempt, done, part, s};

const ONE: InstanceId = InstanceId(1);
const ALL: EventScope = EventScope { organization: OrganizationId(1), instance: None };

async fn take(house: &House, now: i64) -> Option<Notice> {
    house.store.take(s(now), s(now + 300)).await.expect("a look")
}

fn body(notice: &Notice) -> Json {
    serde_json::from_slice(&notice.body).expect("a JSON body")
}

/// An instance whose deliveries have queued.
async fn queued() -> House {
    let house = House::new().await;
    house.instance("token").await;
    let due = house.due(1_900).await.expect("a due resource");
    house.store.finish(&due, done(1_900, part(1..26))).await.expect("an outcome");
    queue(&house, 1_900).await;
    house
}

/// The first that waits fails for the last time.
async fn queue(house: &House, at: i64) {
    let lane = house.lanes(at).await.lanes.remove(0);
    let failed = Failed {
        id: lane.notifications[0].id,
        attempt: attempt(at, AttemptVerdict::Gone),
        next: Next::Queue { probe: None },
    };
    let Lane { id, turn, fence, .. } = lane;
    let settlement = Settlement { lane: id, turn, fence, delivered: vec![], failed: Some(failed) };
    house.store.settle([settlement].into()).await.expect("a settlement");
}

#[tokio::test]
async fn deliveries_that_queue_and_go_on_are_told_in_their_order() {
    let house = queued().await;
    let filter = DeliveryFilter::parse_queued("status='queued'").expect("a condition");
    for _ in 0..2 {
        let again = house.store.reactivate(ALL, filter.clone(), By::operator(), s(2_000)).await;
        again.expect("an answer");
    }
    let house = house.restarted().await;
    let first = take(&house, 2_000).await.expect("a notice");
    let told = body(&first);
    assert_eq!((first.attempt, &told["type"]), (1, &json!("deliveries.queued")));
    let data = &told["data"];
    assert_eq!(data["id"], first.id.to_string());
    assert_eq!((&data["instanceId"], &data["instanceName"]), (&json!(1), &json!("One")));
    assert_eq!(
        data["details"],
        json!({"reason": "the receiver answered 200", "url": "https://receiver.example/hook",
            "waiting": 3})
    );
    house.store.arrived(first.id).await.expect("a change");
    let second = take(&house, 2_000).await.expect("a notice");
    assert_eq!(body(&second)["type"], "deliveries.resumed");
    house.store.arrived(second.id).await.expect("a change");
    assert_eq!(take(&house, 9_999).await, None, "nothing had queued the second time");
}

#[tokio::test]
async fn a_notice_that_was_taken_or_put_off_comes_again_at_its_time_with_its_id() {
    let house = queued().await;
    let first = take(&house, 2_000).await.expect("a notice");
    assert_eq!(take(&house, 2_299).await, None, "it is somebody's");
    let house = house.restarted().await;
    let again = take(&house, 2_300).await.expect("a notice");
    assert_eq!((again.id, &again.body, again.attempt), (first.id, &first.body, 2));
    house.store.put_off(again.id, s(5_000)).await.expect("a change");
    assert_eq!(take(&house, 4_999).await, None);
    assert_eq!(take(&house, 5_000).await.expect("a notice").attempt, 3);
}

#[tokio::test]
async fn an_instance_that_needs_a_new_authorization_is_told_once() {
    let house = House::new().await;
    house.instance("token").await;
    for _ in 0..2 {
        house.store.mark_dead(ONE, 1, "revoked".to_owned()).await.expect("a change");
    }
    let due = house.due(1_900).await.expect("a due resource");
    let failure = Failure {
        next_due: s(2_800),
        failures: 1,
        message: "revoked".to_owned(),
        needs_authentication: true,
        stop: false,
    };
    house.store.finish(&due, Outcome::Failed(failure)).await.expect("an outcome");
    let notice = take(&house, 2_000).await.expect("a notice");
    let told = body(&notice);
    assert_eq!(told["type"], "instance.unauthorized");
    assert_eq!(told["data"]["details"], json!({"reason": "revoked"}));
    house.store.arrived(notice.id).await.expect("a change");
    assert_eq!(take(&house, 2_000).await, None);
}

#[tokio::test]
async fn a_thousand_notices_wait_at_most() {
    let house = queued().await;
    for _ in 0..500 {
        let filter = DeliveryFilter::parse_queued("status='queued'").expect("a condition");
        let again = house.store.reactivate(ALL, filter, By::operator(), s(2_000)).await;
        again.expect("an answer");
        queue(&house, 2_000).await;
    }
    let mut waiting = 0;
    while let Some(notice) = take(&house, 2_000).await {
        waiting += 1;
        house.store.arrived(notice.id).await.expect("a change");
    }
    assert_eq!(waiting, 1_000);
}

#[tokio::test]
async fn a_notice_is_given_up_after_a_day() {
    let house = queued().await;
    let notice = take(&house, 2_000).await.expect("a notice");
    let (made, _) = notice.id.get_timestamp().expect("a time").to_unix();
    let made = i64::try_from(made).expect("a time");
    for (age, left) in [(86_399, true), (86_401, false)] {
        house.store.sweep(s(made + age), MINUTE).await.expect("a sweep");
        assert_eq!(take(&house, 3_000 + age).await.is_some(), left, "after {age} s");
    }
}
