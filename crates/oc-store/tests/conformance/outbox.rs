//! The outbox: order, retry, queue, and the same ids after a restart.

use oc_dispatch::{AttemptVerdict, Failed, Lane, Next, Outbox, Settlement};
use oc_poll::Ledger;
use oc_store::{By, DestinationOrder, OrganizationId};
use serde_json::json;
use uuid::Uuid;

use crate::house::{House, attempt, configuration, done, fields, part, s};

const DOWN: AttemptVerdict = AttemptVerdict::Failed { retry_after: None, overloaded: false };

/// A store with three notifications that wait.
async fn house_with_three() -> House {
    let house = House::new().await;
    house.instance("token").await;
    let due = house.due(1_900).await.expect("a due resource");
    house.store.finish(&due, done(1_900, part(1..26))).await.expect("an outcome");
    house
}

fn ids(lane: &Lane) -> Vec<Uuid> {
    lane.notifications.iter().map(|one| one.id).collect()
}

fn delivered(lane: &Lane, count: usize) -> Settlement {
    let sent = lane.notifications.iter().take(count);
    let delivered = sent.map(|one| (one.id, attempt(1_900, AttemptVerdict::Delivered))).collect();
    Settlement { lane: lane.id, turn: lane.turn, fence: lane.fence, delivered, failed: None }
}

fn failing(lane: &Lane, delivered_before: usize, next: Next) -> Settlement {
    let id = lane.notifications[delivered_before].id;
    let failed = Failed { id, attempt: attempt(1_900, DOWN), next };
    Settlement { failed: Some(failed), ..delivered(lane, delivered_before) }
}

#[tokio::test]
async fn a_lane_is_claimed_once_and_goes_on_where_it_was_settled() {
    let house = house_with_three().await;
    let lane = house.lanes(1_900).await.lanes.remove(0);
    assert_eq!(ids(&lane).len(), 3);
    assert!(lane.notifications.iter().all(|one| one.changed.is_some()));
    assert!(house.lanes(1_900).await.lanes.is_empty());
    house.store.settle([delivered(&lane, 2)].into()).await.unwrap();
    let rest = house.lanes(1_900).await.lanes.remove(0);
    assert_eq!(ids(&rest), ids(&lane)[2..]);
    house.store.settle([delivered(&rest, 1)].into()).await.unwrap();
    let empty = house.lanes(99_999).await;
    assert!(empty.lanes.is_empty() && empty.next.is_none());
    let standing = house.store.standing(s(2_000)).await.unwrap();
    assert_eq!((standing.outbox, standing.oldest), (0, None));
}

#[tokio::test]
async fn after_a_restart_what_was_not_settled_comes_again_with_the_same_ids() {
    let house = house_with_three().await;
    let lane = house.lanes(1_900).await.lanes.remove(0);
    let (all, bodies) = (ids(&lane), lane.notifications[0].body.clone());
    let house = house.restarted().await;
    let again = house.lanes(1_900).await.lanes.remove(0);
    assert_eq!(ids(&again), all);
    assert_eq!(again.notifications[0].body, bodies);
}

#[tokio::test]
async fn a_notification_that_failed_holds_its_lane_until_it_is_sent_again() {
    let house = house_with_three().await;
    let lane = house.lanes(1_900).await.lanes.remove(0);
    house.store.settle([failing(&lane, 1, Next::Retry(s(1_908)))].into()).await.unwrap();
    let early = house.lanes(1_907).await;
    assert!(early.lanes.is_empty());
    assert_eq!(early.next, Some(s(1_908)));
    let due = house.due(2_800).await.unwrap();
    house.store.finish(&due, done(1_901, part(30..31))).await.unwrap();
    assert!(house.lanes(1_907).await.lanes.is_empty());
    let again = house.lanes(1_908).await.lanes.remove(0);
    assert_eq!(ids(&again)[..2], ids(&lane)[1..]);
    let (head, second) = (&again.notifications[0], &again.notifications[1]);
    assert_eq!((head.failures, head.first_failure), (1, Some(s(1_960))));
    assert_eq!((second.failures, second.first_failure), (0, None));
    house.store.settle([failing(&again, 0, Next::Retry(s(1_964)))].into()).await.unwrap();
    let third = house.lanes(1_964).await.lanes.remove(0);
    assert_eq!(third.notifications[0].failures, 2);
    house.store.settle([delivered(&third, 1)].into()).await.unwrap();
    assert_eq!(house.lanes(1_964).await.lanes[0].notifications[0].failures, 0);
}

#[tokio::test]
async fn after_the_last_failure_all_of_the_instance_queues_until_it_is_reactivated() {
    let house = house_with_three().await;
    let lane = house.lanes(1_900).await.lanes.remove(0);
    house.store.settle([failing(&lane, 0, Next::Queue { probe: None })].into()).await.unwrap();
    let due = house.due(2_800).await.unwrap();
    house.store.finish(&due, done(2_800, part(30..31))).await.unwrap();
    assert!(house.lanes(99_999).await.lanes.is_empty());
    let standing = house.store.standing(s(9_000)).await.unwrap();
    assert_eq!((standing.outbox, standing.oldest), (4, Some(s(1_900))));
    assert_eq!((standing.queued_instances, standing.queued_destinations), (1, 1));
    assert_eq!(standing.due, 1);
    let house = house.restarted().await;
    assert!(house.lanes(99_999).await.lanes.is_empty());
    let queued = house.store.instance(oc_config::InstanceId(1));
    let queued = queued.await.unwrap().unwrap();
    assert_eq!(queued.queued_at, Some(s(1_900)));
    let same = fields(&configuration(&json!({})));
    house
        .store
        .update_instance(queued.id, queued.revision, same, true, By::default(), s(3_000))
        .await
        .unwrap();
    let again = house.lanes(3_000).await.lanes.remove(0);
    assert_eq!(ids(&again)[..3], ids(&lane));
    assert_eq!((again.notifications.len(), again.notifications[0].failures), (4, 0));
}

#[tokio::test]
async fn destinations_are_shown_to_their_organization_alone() {
    let house = house_with_three().await;
    let lane = house.lanes(1_900).await.lanes.remove(0);
    house.store.settle([failing(&lane, 1, Next::Retry(s(1_908)))].into()).await.unwrap();
    let of = async |organization, since| {
        let (organization, order) = (OrganizationId(organization), DestinationOrder::Failures);
        house.store.destinations(organization, s(since), order, 10).await.unwrap()
    };
    let own = of(1, 0).await.remove(0);
    assert_eq!(own.destination, "https://receiver.example");
    assert_eq!((own.backlog, own.oldest), (2, Some(s(1_900))));
    assert_eq!((own.attempts, own.failures, own.queued_instances), (2, 1, 0));
    assert_eq!(of(1, 1_901).await[0].attempts, 0);
    assert!(of(2, 0).await.is_empty());
}

#[tokio::test]
async fn a_destination_without_room_is_passed_over() {
    let house = house_with_three().await;
    house.instance("other").await;
    let due = house.due(1_900).await.unwrap();
    house.store.finish(&due, done(1_900, part(1..2))).await.unwrap();
    let request = |room: &[(&str, usize)], per_destination| oc_dispatch::ClaimRequest {
        now: s(1_900),
        lanes: 10,
        per_destination,
        room: room
            .iter()
            .map(|(id, room)| (oc_dispatch::DestinationId((*id).to_owned()), *room))
            .collect(),
        probes: true,
        lease: crate::house::LEASE,
    };
    let full = request(&[("https://receiver.example", 0)], 10);
    assert!(Outbox::claim(&house.store, full).await.unwrap().lanes.is_empty());
    let one = Outbox::claim(&house.store, request(&[], 1)).await.unwrap();
    assert_eq!(one.lanes.len(), 1);
}

#[tokio::test]
async fn without_a_callback_notifications_are_kept_and_not_sent() {
    let house = House::new().await;
    let id = house.instance("token").await;
    let silent = configuration(&json!({"event.notification.callback.url": null}));
    house
        .store
        .update_instance(id, 1, fields(&silent), false, By::default(), s(1_001))
        .await
        .unwrap();
    let due = house.due(1_900).await.unwrap();
    house.store.finish(&due, done(1_900, part(1..2))).await.unwrap();
    assert!(house.lanes(99_999).await.lanes.is_empty());
    assert_eq!(house.store.standing(s(2_000)).await.unwrap().outbox, 0);
}

#[tokio::test]
async fn a_finished_poll_wakes_the_dispatcher() {
    let house = house_with_three().await;
    house.store.changed().await;
}
