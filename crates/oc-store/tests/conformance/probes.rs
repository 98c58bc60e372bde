//! Probes: one notification of a deactivated subscription, at its time, in its order.

use oc_config::InstanceId;
use oc_dispatch::{AttemptVerdict, Failed, Lane, Next, Outbox, Settlement, Turn};
use oc_poll::Ledger;
use serde_json::json;
use uuid::Uuid;

use crate::house::{House, attempt, done, part, s};

const DOWN: AttemptVerdict = AttemptVerdict::Failed { retry_after: None, overloaded: false };
const ONE: InstanceId = InstanceId(1);

fn ids(lane: &Lane) -> Vec<Uuid> {
    lane.notifications.iter().map(|one| one.id).collect()
}

async fn fails(house: &House, lane: &Lane, verdict: AttemptVerdict, probe: Option<i64>) {
    let next = Next::Queue { probe: probe.map(s) };
    let failed = Failed { id: lane.notifications[0].id, attempt: attempt(1_900, verdict), next };
    let settlement = Settlement {
        lane: lane.id,
        turn: lane.turn,
        fence: lane.fence,
        delivered: vec![],
        failed: Some(failed),
    };
    house.store.settle([settlement].into()).await.expect("a settlement");
}

async fn arrives(house: &House, lane: &Lane, at: i64) {
    let attempt = attempt(at, AttemptVerdict::Delivered);
    let delivered = lane.notifications.iter().map(|one| (one.id, attempt.clone())).collect();
    let settlement =
        Settlement { lane: lane.id, turn: lane.turn, fence: lane.fence, delivered, failed: None };
    house.store.settle([settlement].into()).await.expect("a settlement");
}

/// An instance whose three notifications have queued, to be probed at 2,200 s; and their ids.
async fn queued() -> (House, Vec<Uuid>) {
    let house = House::new().await;
    house.instance("token").await;
    let due = house.due(1_900).await.expect("a due resource");
    house.store.finish(&due, done(1_900, part(1..26))).await.expect("an outcome");
    let lane = house.lanes(1_900).await.lanes.remove(0);
    fails(&house, &lane, DOWN, Some(2_200)).await;
    let all = ids(&lane);
    (house, all)
}

#[tokio::test]
async fn a_queued_instance_is_probed_at_its_time_with_its_first_notification_alone() {
    let (house, all) = queued().await;
    let early = house.lanes(2_199).await;
    assert!(early.lanes.is_empty() && early.next == Some(s(2_200)), "{early:?}");
    let house = house.restarted().await;
    let mut claimed = house.lanes(2_200).await.lanes;
    let probe = claimed.remove(0);
    assert_eq!((probe.turn, ids(&probe)), (Turn::Probe, all[..1].to_vec()));
    assert_eq!((probe.notifications[0].attempt, probe.notifications[0].failures), (2, 0));
    assert!(claimed.is_empty() && house.lanes(2_200).await.lanes.is_empty());
}

#[tokio::test]
async fn a_probe_that_fails_waits_for_the_next_and_changes_nothing_else() {
    let (house, all) = queued().await;
    let probe = house.lanes(2_200).await.lanes.remove(0);
    fails(&house, &probe, DOWN, Some(2_800)).await;
    let queued = house.store.queued(ONE).await.unwrap().expect("queued deliveries");
    assert_eq!((queued.since, queued.waiting, queued.failed_probes), (s(1_900), 3, 1));
    assert_eq!(queued.next_probe, Some(s(2_800)));
    assert_eq!(queued.reason.as_deref(), Some("the receiver answered 200"));
    assert!(house.lanes(2_799).await.lanes.is_empty());
    let again = house.lanes(2_800).await.lanes.remove(0);
    assert_eq!((ids(&again), again.notifications[0].failures), (all[..1].to_vec(), 1));
}

#[tokio::test]
async fn a_probe_that_arrives_lets_the_rest_go_on_in_order_and_is_noted() {
    let (house, all) = queued().await;
    let probe = house.lanes(2_200).await.lanes.remove(0);
    arrives(&house, &probe, 2_201).await;
    let rest = house.lanes(2_201).await.lanes.remove(0);
    assert_eq!((rest.turn, ids(&rest)), (Turn::New, all[1..].to_vec()));
    assert_eq!(rest.notifications[0].failures, 0);
    assert_eq!(house.store.queued(ONE).await.unwrap(), None);
    let audit = house.store.audit(s(0), 0, 100).await.unwrap();
    let audit = audit.iter().filter(|one| one.action.starts_with("deliveries."));
    let audit: Vec<_> = audit.map(|one| (&*one.action, &one.details)).collect();
    let (reason, count) =
        (json!({"reason": "the receiver answered 200"}), json!({"count": 2, "probe": true}));
    assert_eq!(audit, [("deliveries.queued", &reason), ("deliveries.resumed", &count)]);
}

#[tokio::test]
async fn whoever_has_answered_410_is_never_probed() {
    let (house, _) = queued().await;
    let probe = house.lanes(2_200).await.lanes.remove(0);
    fails(&house, &probe, AttemptVerdict::Gone, None).await;
    let later = house.lanes(9_999_999).await;
    assert!(later.lanes.is_empty() && later.next.is_none());
    let queued = house.store.queued(ONE).await.unwrap().expect("queued deliveries");
    assert_eq!((queued.next_probe, queued.waiting), (None, 3));
}

#[tokio::test]
async fn without_probes_what_has_queued_waits_for_somebody() {
    let (house, _) = queued().await;
    let request = oc_dispatch::ClaimRequest {
        now: s(9_999),
        lanes: 10,
        per_destination: 10,
        room: [].into(),
        probes: false,
        lease: crate::house::LEASE,
    };
    let claimed = Outbox::claim(&house.store, request).await.unwrap();
    assert!(claimed.lanes.is_empty() && claimed.next.is_none());
}

#[tokio::test]
async fn a_destination_that_takes_a_probe_is_probed_for_its_other_instances_at_once() {
    let (house, _) = queued().await;
    house.instance("other").await;
    let due = house.due(1_900).await.expect("the other's resource");
    house.store.finish(&due, done(1_900, part(1..2))).await.expect("an outcome");
    let other = house.lanes(1_900).await.lanes.remove(0);
    fails(&house, &other, DOWN, Some(90_000)).await;
    let probe = house.lanes(2_200).await.lanes.remove(0);
    arrives(&house, &probe, 2_201).await;
    let claimed = house.lanes(2_201).await.lanes;
    let turns: Vec<_> = claimed.iter().map(|lane| (lane.id, lane.turn)).collect();
    assert_eq!(turns, [(probe.id, Turn::New), (other.id, Turn::Probe)]);
}
