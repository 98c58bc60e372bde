//! The audit: statuses, filters, pages, replays, deliveries and counts.

use std::time::Duration;

use oc_config::InstanceId;
use oc_dispatch::{AttemptVerdict, Failed, Lane, Next, Outbox, Settlement, Turn};
use oc_poll::{EventKind, Ledger};
use oc_store::{
    AuditedEvent, Buckets, By, DeliveryFilter, EventFilter, EventScope, EventStatus,
    OrganizationId, Reactivated, Replayed,
};
use serde_json::json;
use uuid::Uuid;

use crate::house::{ClaimPolls, House, MINUTE, attempt, configuration, done, fields, part, s};
use crate::place::ask;

const DOWN: AttemptVerdict = AttemptVerdict::Failed { retry_after: None, overloaded: false };
const ALL: EventScope = EventScope { organization: OrganizationId(1), instance: None };

/// Three notifications of 10, 10 and 5 events, made at 1,900 s.
async fn house_with_three() -> (House, InstanceId) {
    let house = House::new().await;
    let id = house.instance("token").await;
    let due = house.due(1_900).await.expect("a due resource");
    house.store.finish(&due, done(1_900, part(1..26))).await.expect("an outcome");
    (house, id)
}

/// What arrived of a lane, and what did not.
fn outcome(lane: &Lane, arrived: usize, failed: Option<Next>) -> Settlement {
    let sent = lane.notifications.iter().take(arrived);
    let delivered = sent.map(|one| (one.id, attempt(1_901, AttemptVerdict::Delivered))).collect();
    let failed = failed.map(|next| Failed {
        id: lane.notifications[arrived].id,
        attempt: attempt(1_902, DOWN),
        next,
    });
    Settlement { lane: lane.id, turn: lane.turn, fence: lane.fence, delivered, failed }
}

async fn settle(house: &House, lane: &Lane, arrived: usize, failed: Option<Next>) {
    house.store.settle([outcome(lane, arrived, failed)].into()).await.expect("a settlement");
}

async fn lane(house: &House, at: i64) -> Lane {
    house.lanes(at).await.lanes.remove(0)
}

fn ids(lane: &Lane) -> Vec<Uuid> {
    lane.notifications.iter().map(|one| one.id).collect()
}

async fn events(house: &House, filter: EventFilter) -> Vec<AuditedEvent> {
    house.store.events(ALL, filter, None, 100).await.expect("events").events
}

async fn statuses(house: &House) -> Vec<EventStatus> {
    events(house, EventFilter::default()).await.iter().map(|one| one.status).collect()
}

async fn replay_all(house: &House, failed: bool) -> Replayed {
    let filter = EventFilter::default();
    house
        .store
        .replay_events(ALL, filter, failed, By::operator(), s(2_000))
        .await
        .expect("a replay")
}

#[tokio::test]
async fn a_status_tells_how_far_a_notification_has_come() {
    use EventStatus::{Dispatched, New, Notified, Received};
    let (house, id) = house_with_three().await;
    assert_eq!(statuses(&house).await, [New, New, New]);
    let first = lane(&house, 1_900).await;
    settle(&house, &first, 1, Some(Next::Retry(s(1_910)))).await;
    assert_eq!(statuses(&house).await, [New, Dispatched, Notified]);
    let second = lane(&house, 1_910).await;
    settle(&house, &second, 0, Some(Next::Queue { probe: None })).await;
    assert_eq!(statuses(&house).await, [Received, Received, Notified]);
    for status in EventStatus::ALL {
        let filter = EventFilter { status: Some(status), ..EventFilter::default() };
        let expected = statuses(&house).await.into_iter().filter(|one| *one == status).count();
        assert_eq!(events(&house, filter).await.len(), expected, "{status:?}");
    }
    let audited = house.store.event(ALL, ids(&second)[0]).await.unwrap().unwrap();
    assert_eq!((audited.instance, audited.resource.as_str()), (id, "contacts"));
    assert_eq!(audited.attempts.len(), 2);
    assert_eq!(audited.attempts[0].url, "https://receiver.example/hook");
    assert_eq!(audited.body, second.notifications[0].body);
}

#[tokio::test]
async fn what_is_only_kept_is_consumed() {
    let house = House::new().await;
    let id = house.instance("token").await;
    let silent = configuration(&json!({"event.notification.callback.url": null}));
    house
        .store
        .update_instance(id, 1, fields(&silent), false, By::operator(), s(1_001))
        .await
        .unwrap();
    let due = house.due(1_900).await.unwrap();
    house.store.finish(&due, done(1_900, part(1..2))).await.unwrap();
    assert_eq!(statuses(&house).await, [EventStatus::Consumed]);
    let deliveries = house.store.deliveries(ALL, DeliveryFilter::default(), None, 10, false).await;
    assert!(deliveries.unwrap().deliveries.is_empty());
    assert_eq!(replay_all(&house, false).await, Replayed::NoCallback);
}

#[tokio::test]
async fn parts_of_a_running_poll_are_not_seen() {
    let (house, _) = house_with_three().await;
    let due = house.due(2_800).await.unwrap();
    house.store.stage(&due, s(2_800), part(30..42)).await.unwrap();
    assert_eq!(events(&house, EventFilter::default()).await.len(), 3);
    house.store.finish(&due, done(2_800, part(42..43))).await.unwrap();
    assert_eq!(events(&house, EventFilter::default()).await.len(), 6);
}

#[tokio::test]
async fn pages_follow_each_other_without_gap_or_repeat_over_many_lanes() {
    let house = House::new().await;
    for token in ["a", "b", "c"] {
        house.instance(token).await;
    }
    for at in [1_900, 2_800, 3_700] {
        let due = house.store.claim_polls(s(at)).await;
        for due in due.into_iter().flat_map(|one| one.resources) {
            house.store.finish(&due, done(at, part(at..at + 25))).await.unwrap();
        }
    }
    let (mut seen, mut before) = (Vec::new(), None);
    loop {
        let page = house.store.events(ALL, EventFilter::default(), before, 4).await.unwrap();
        seen.extend(page.events.iter().map(|one| (one.created, one.id)));
        before = page.next;
        if before.is_none() {
            break;
        }
    }
    assert_eq!(seen.len(), 27);
    assert!(seen.is_sorted_by(|newer, older| newer > older), "newest first, each once");
    let scope = EventScope { instance: Some(InstanceId(2)), ..ALL };
    let of_one = house.store.events(scope, EventFilter::default(), None, 100).await.unwrap();
    assert!(of_one.events.len() == 9 && of_one.events.iter().all(|one| one.instance.0 == 2));
}

#[tokio::test]
async fn filters_by_time_and_resource_are_inclusive_and_exact() {
    let (house, _) = house_with_three().await;
    let due = house.due(2_800).await.unwrap();
    house.store.finish(&due, done(2_800, part(30..31))).await.unwrap();
    let between = |from: i64, to: i64| EventFilter {
        from: Some(s(from)),
        to: Some(s(to)),
        ..EventFilter::default()
    };
    for (from, to, count) in [
        (1_900, 2_800, 4),
        (1_900, 2_799, 3),
        (1_901, 2_800, 1),
        (1_901, 2_799, 0),
        (2_801, 9_000, 0),
    ] {
        assert_eq!(events(&house, between(from, to)).await.len(), count, "{from} to {to}");
    }
    let of = |name: &str| EventFilter { resource: Some(name.to_owned()), ..EventFilter::default() };
    assert_eq!(events(&house, of("contacts")).await.len(), 4);
    assert!(events(&house, of("accounts")).await.is_empty());
}

#[tokio::test]
async fn notifications_are_filtered_by_the_kinds_that_they_tell_also_those_of_older_versions() {
    use EventKind::{Created, Deleted, Updated};
    let house = House::new().await;
    house.instance("token").await;
    let due = house.due(1_900).await.unwrap();
    let kinds = [vec![Created; 10], vec![Updated; 9], vec![Deleted], vec![Updated; 5]].concat();
    let mut found = part(0..25);
    for (event, kind) in found.events.iter_mut().zip(kinds) {
        event.kind = kind;
    }
    house.store.finish(&due, done(1_900, found)).await.unwrap();
    let of = |kind| EventFilter { kind: Some(kind), ..EventFilter::default() };
    let all: Vec<Uuid> =
        events(&house, EventFilter::default()).await.iter().map(|one| one.id).collect();
    let [third, second, first] = all[..] else { panic!("{all:?}") };
    // As an older version would have written the second one.
    for forgotten in ["SELECT 1", "UPDATE notification SET kinds = 0 WHERE seq = 2"] {
        ask(&house.place, forgotten).await;
        for (kind, expected) in
            [(Created, vec![first]), (Updated, vec![third, second]), (Deleted, vec![second])]
        {
            let found: Vec<Uuid> =
                events(&house, of(kind)).await.iter().map(|one| one.id).collect();
            assert_eq!(found, expected, "{kind:?} after {forgotten}");
        }
    }
    let page = house.store.events(ALL, of(Updated), None, 1).await.unwrap();
    let next = house.store.events(ALL, of(Updated), page.next, 1).await.unwrap();
    assert_eq!((page.events[0].id, next.events[0].id), (third, second));
}

#[tokio::test]
async fn nothing_is_seen_or_replayed_out_of_its_organization_or_instance() {
    let (house, id) = house_with_three().await;
    let other = house.instance("other").await;
    let all = lane(&house, 1_900).await;
    settle(&house, &all, 3, None).await;
    let foreign = [
        EventScope { organization: OrganizationId(2), instance: None },
        EventScope { organization: OrganizationId(2), instance: Some(id) },
        EventScope { organization: OrganizationId(1), instance: Some(other) },
    ];
    for scope in foreign {
        let (store, filter) = (&house.store, EventFilter::default());
        assert!(store.events(scope, filter.clone(), None, 9).await.unwrap().events.is_empty());
        assert!(store.event(scope, ids(&all)[0]).await.unwrap().is_none());
        let one = store.replay_event(scope, ids(&all)[0], By::operator(), s(2_000)).await.unwrap();
        assert_eq!(one, Replayed::Unknown);
        let range =
            store.replay_events(scope, filter, false, By::operator(), s(2_000)).await.unwrap();
        assert_eq!(range, Replayed::Accepted(0));
        let page = store.deliveries(scope, DeliveryFilter::default(), None, 9, true).await.unwrap();
        assert!(page.deliveries.is_empty());
        let counted = store.event_counts(scope, hour(), 9).await.unwrap().unwrap();
        assert!(counted.is_empty());
    }
}

#[tokio::test]
async fn a_replay_sends_the_same_again_in_order_and_counts_its_attempts() {
    let (house, _) = house_with_three().await;
    let first = lane(&house, 1_900).await;
    settle(&house, &first, 3, None).await;
    assert_eq!(replay_all(&house, false).await, Replayed::Accepted(3));
    let house = house.restarted().await;
    let again = lane(&house, 2_000).await;
    assert!(again.turn == Turn::Replay && ids(&again) == ids(&first));
    assert_eq!(again.notifications[0].body, first.notifications[0].body);
    assert_eq!(again.notifications[0].attempt, 2);
    settle(&house, &again, 3, None).await;
    assert!(house.lanes(99_999).await.lanes.is_empty());
    let audited = house.store.event(ALL, ids(&first)[0]).await.unwrap().unwrap();
    assert_eq!(audited.attempts.iter().map(|one| one.replay).collect::<Vec<_>>(), [false, true]);
}

#[tokio::test]
async fn what_is_new_goes_before_replays_and_waits_for_none() {
    let (house, _) = house_with_three().await;
    let first = lane(&house, 1_900).await;
    settle(&house, &first, 3, None).await;
    assert_eq!(replay_all(&house, false).await, Replayed::Accepted(3));
    let replays = lane(&house, 2_000).await;
    let due = house.due(2_800).await.unwrap();
    house.store.finish(&due, done(2_800, part(30..31))).await.unwrap();
    let fresh = lane(&house, 2_800).await;
    assert!(
        fresh.turn == Turn::New && fresh.id == replays.id,
        "it is sent while a replay is under way"
    );
    settle(&house, &replays, 1, Some(Next::Retry(s(2_900)))).await;
    settle(&house, &fresh, 0, Some(Next::Retry(s(2_950)))).await;
    let waits = house.lanes(2_949).await;
    assert!(waits.lanes.is_empty(), "a replay overtook what waits for its retry");
    assert_eq!(waits.next, Some(s(2_950)));
    let fresh = lane(&house, 2_950).await;
    settle(&house, &fresh, 1, None).await;
    let rest = lane(&house, 2_950).await;
    assert_eq!((rest.turn, ids(&rest)), (Turn::Replay, ids(&first)[1..].to_vec()));
    assert_eq!(rest.notifications[0].failures, 1);
}

#[tokio::test]
async fn a_replay_that_fails_to_the_end_is_given_up_and_queues_nothing() {
    let (house, _) = house_with_three().await;
    let first = lane(&house, 1_900).await;
    settle(&house, &first, 3, None).await;
    assert_eq!(replay_all(&house, false).await, Replayed::Accepted(3));
    let replays = lane(&house, 2_000).await;
    settle(&house, &replays, 0, Some(Next::Queue { probe: None })).await;
    assert_eq!(statuses(&house).await, [EventStatus::Notified; 3]);
    let next = lane(&house, 2_000).await;
    assert_eq!(ids(&next), ids(&first)[1..]);
    assert_eq!(next.notifications[0].failures, 1, "behind it each is tried once");
    settle(&house, &next, 2, None).await;
    assert_eq!(replay_all(&house, true).await, Replayed::Accepted(1));
    assert_eq!(ids(&lane(&house, 2_000).await), ids(&first)[..1]);
}

#[tokio::test]
async fn what_is_still_to_be_sent_is_not_replayed() {
    let (house, _) = house_with_three().await;
    let first = lane(&house, 1_900).await;
    settle(&house, &first, 1, Some(Next::Retry(s(9_000)))).await;
    let waiting =
        house.store.replay_event(ALL, ids(&first)[1], By::operator(), s(2_000)).await.unwrap();
    assert_eq!(waiting, Replayed::Waiting);
    assert_eq!(replay_all(&house, false).await, Replayed::Accepted(1));
    let unknown =
        house.store.replay_event(ALL, Uuid::nil(), By::operator(), s(2_000)).await.unwrap();
    assert_eq!(unknown, Replayed::Unknown);
}

#[tokio::test]
async fn what_has_queued_can_be_replayed_and_is_not_sent_again_when_the_rest_goes_on() {
    let (house, _) = house_with_three().await;
    let first = lane(&house, 1_900).await;
    settle(&house, &first, 0, Some(Next::Queue { probe: None })).await;
    assert_eq!(replay_all(&house, true).await, Replayed::Accepted(1));
    let replay = lane(&house, 2_000).await;
    assert_eq!((replay.turn, ids(&replay)), (Turn::Replay, ids(&first)[..1].to_vec()));
    settle(&house, &replay, 1, None).await;
    assert!(house.lanes(99_999).await.lanes.is_empty(), "the subscription was not reactivated");
    let queued = DeliveryFilter::parse_queued("channel='webhook' and status='queued'").unwrap();
    let done = house.store.reactivate(ALL, queued.clone(), By::operator(), s(3_000)).await.unwrap();
    assert_eq!(done, Reactivated { subscriptions: 1, notifications: 2 });
    assert_eq!(ids(&lane(&house, 3_000).await), ids(&first)[1..]);
    let none = house.store.reactivate(ALL, queued, By::operator(), s(3_000)).await.unwrap();
    assert_eq!(none, Reactivated::default());
    let noted = house.store.audit(s(2_000), 0, 10).await.unwrap();
    let noted: Vec<_> =
        noted.iter().map(|one| (&*one.action, &*one.subject, &one.details)).collect();
    let (replayed, resumed) = (json!({"count": 1}), json!({"count": 2}));
    let expected = [
        ("events.replayed", "organization 1", &replayed),
        ("deliveries.resumed", "instance 1", &resumed),
    ];
    assert_eq!(noted, expected);
}

#[tokio::test]
async fn a_subscription_that_is_deactivated_holds_replays_back_that_were_asked_for_before() {
    let (house, id) = house_with_three().await;
    let first = lane(&house, 1_900).await;
    settle(&house, &first, 1, Some(Next::Retry(s(2_100)))).await;
    assert_eq!(replay_all(&house, false).await, Replayed::Accepted(1));
    let second = lane(&house, 2_100).await;
    settle(&house, &second, 0, Some(Next::Queue { probe: None })).await;
    assert!(house.lanes(99_999).await.lanes.is_empty());
    let other = "status='queued' and config.url='https://other.example/'";
    let other = DeliveryFilter::parse_queued(other).unwrap();
    let none = house.store.reactivate(ALL, other, By::operator(), s(3_000)).await.unwrap();
    assert_eq!(none, Reactivated::default());
    let scope = EventScope { instance: Some(id), ..ALL };
    let this = "status='queued' and config.url='https://receiver.example/hook'";
    let this = DeliveryFilter::parse_queued(this).unwrap();
    house.store.reactivate(scope, this, By::operator(), s(3_000)).await.unwrap();
    let fresh = lane(&house, 3_000).await;
    assert_eq!(fresh.turn, Turn::New);
    settle(&house, &fresh, 2, None).await;
    let replay = lane(&house, 3_000).await;
    assert_eq!((replay.turn, ids(&replay)), (Turn::Replay, ids(&first)[..1].to_vec()));
}

#[tokio::test]
async fn a_notification_is_kept_while_its_replay_waits() {
    let (house, _) = house_with_three().await;
    let first = lane(&house, 1_900).await;
    settle(&house, &first, 3, None).await;
    house.store.replay_event(ALL, ids(&first)[1], By::operator(), s(2_000)).await.unwrap();
    assert_eq!(house.store.sweep(s(99_999), MINUTE).await.unwrap().notifications, 2);
    let replay = lane(&house, 2_000).await;
    settle(&house, &replay, 1, None).await;
    assert_eq!(house.store.sweep(s(99_999), MINUTE).await.unwrap().notifications, 1);
}

#[tokio::test]
async fn replays_without_end_keep_the_last_hundred_attempts_the_first_arrival_and_one_body() {
    let (house, _) = house_with_three().await;
    let first = lane(&house, 1_900).await;
    settle(&house, &first, 0, Some(Next::Retry(s(1_905)))).await;
    settle(&house, &lane(&house, 1_905).await, 3, None).await;
    let number = async |sql: &str| ask(&house.place, sql).await.expect("a number");
    let bytes = "SELECT count(*) * 1000000 + sum(length(body)) FROM notification";
    let before = number(bytes).await;
    for number in 3..=120 {
        house.store.replay_event(ALL, ids(&first)[0], By::operator(), s(2_000)).await.unwrap();
        let replay = lane(&house, 2_000).await;
        assert_eq!(replay.notifications[0].attempt, number);
        settle(&house, &replay, 1, None).await;
    }
    let kept = "SELECT count(*) FROM attempt WHERE notification = 1";
    assert_eq!(number(kept).await, 101);
    assert_eq!(number(&format!("{kept} AND (number = 2 OR number BETWEEN 21 AND 120)")).await, 101);
    assert_eq!(number(bytes).await, before);
}

#[tokio::test]
async fn deliveries_are_listed_by_status_and_subscription() {
    let (house, id) = house_with_three().await;
    let first = lane(&house, 1_900).await;
    settle(&house, &first, 1, Some(Next::Retry(s(1_910)))).await;
    let list = async |text: &str| {
        let filter = DeliveryFilter::parse(text).expect("a condition");
        let page = house.store.deliveries(ALL, filter, None, 10, true).await.expect("deliveries");
        page.deliveries
    };
    let all = list("channel='webhook'").await;
    let names: Vec<&str> = all.iter().map(oc_store::Delivery::status_name).collect();
    assert_eq!(names, ["created", "retry", "notified"]);
    assert_eq!((all[1].created, all[1].updated), (s(1_900), s(1_902)));
    assert_eq!(all[1].body.as_ref(), Some(&first.notifications[1].body));
    for (text, count) in [
        ("status='delivered'", 1),
        ("status in ('created', 'retry')", 2),
        ("status='queued'", 0),
        ("subscriptionId=1 and config.url='https://receiver.example/hook'", 3),
        ("subscriptionId=2", 0),
        ("updatedDate > '1970-01-01T00:31:41.5Z'", 1),
        ("not status='notified' and channel='webhook'", 2),
    ] {
        assert_eq!(list(text).await.len(), count, "{text}");
    }
    assert_eq!(id, InstanceId(1));
    let one = format!("notificationId='{}'", ids(&first)[0]);
    assert_eq!(list(&one).await.len(), 1);
}

fn hour() -> Buckets {
    Buckets { first: s(0), width: Duration::from_secs(60), count: 61 }
}

#[tokio::test]
async fn events_are_counted_by_time_and_by_what_became_of_them() {
    let (house, id) = house_with_three().await;
    let first = lane(&house, 1_900).await;
    settle(&house, &first, 1, Some(Next::Retry(s(1_910)))).await;
    let due = house.due(2_800).await.unwrap();
    house.store.finish(&due, done(2_800, part(30..31))).await.unwrap();
    let counts = house.store.event_counts(ALL, hour(), 10).await.unwrap().unwrap();
    let shown: Vec<_> =
        counts.iter().map(|one| (one.bucket, one.count, one.success, one.failed)).collect();
    assert_eq!(shown, [(31, 25, 10, 10), (46, 1, 0, 0)]);
    assert!(counts.iter().all(|one| one.instance == id));
    let totals = house.store.event_totals(ALL, hour()).await.unwrap();
    assert_eq!(totals, [(31, 25), (46, 1)]);
    assert_eq!(house.store.event_counts(ALL, hour(), 1).await.unwrap(), None);
    let attempts = house.store.attempt_counts(ALL, hour()).await.unwrap();
    let shown: Vec<_> = attempts.iter().map(|one| (one.bucket, one.count, one.failures)).collect();
    assert_eq!(shown, [(31, 2, 1)]);
    assert_eq!(attempts[0].mean_took, 60_000_000);
}
