//! Slow receivers, and many notifications.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use oc_config::{FailurePolicy, Timestamp};
use oc_dispatch::{
    Attempt, AttemptVerdict, ClaimRequest, Destination, Dispatcher, DispatcherSettings, Failed,
    Next, Outbox, Outgoing, ProbeSchedule, RetrySchedule, Settlement, Transport, Turn,
};
use oc_egress::{Clock, Dice};
use oc_poll::Ledger;
use oc_store::{
    By, DeliveryFilter, EventFilter, EventScope, MOST_REPLAYS, OrganizationId, Reactivated,
    Replayed, Store,
};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::house::{House, LEASE, attempt, done, part, s};

fn claim(now: Timestamp) -> ClaimRequest {
    let room = [].into();
    ClaimRequest { now, lanes: 10, per_destination: 10, room, probes: true, lease: LEASE }
}

/// A receiver that takes 25 seconds for each notification. Before it answers, another worker looks
/// for what it could send.
struct Slow {
    time: Arc<AtomicI64>,
    store: Store,
    sent: Mutex<Vec<Uuid>>,
    seen_by_others: Mutex<Vec<Uuid>>,
    done: CancellationToken,
}

#[async_trait]
impl Transport for Slow {
    async fn send(&self, _: &Destination, outgoing: Outgoing) -> Attempt {
        let now = self.time.fetch_add(25_000_000, Ordering::Relaxed) + 25_000_000;
        let seen = Outbox::claim(&self.store, claim(Timestamp(now))).await.expect("a claim");
        let seen = seen.lanes.iter().flat_map(|lane| &lane.notifications).map(|one| one.id);
        self.seen_by_others.lock().expect("what was seen").extend(seen);
        let mut sent = self.sent.lock().expect("what was sent");
        sent.push(outgoing.id);
        if sent.len() == 3 {
            self.done.cancel();
        }
        attempt(now / 1_000_000, AttemptVerdict::Delivered)
    }
}

#[tokio::test]
async fn a_slow_call_does_not_outlive_its_claim_and_is_not_sent_twice() {
    let house = House::new().await;
    house.instance("token").await;
    let due = house.due(1_900).await.expect("a due resource");
    house.store.finish(&due, done(1_900, part(1..26))).await.expect("an outcome");
    let (time, stop) = (Arc::new(AtomicI64::new(s(1_900).0)), CancellationToken::new());
    let slow = Arc::new(Slow {
        time: Arc::clone(&time),
        store: house.store.clone(),
        sent: Mutex::default(),
        seen_by_others: Mutex::default(),
        done: stop.clone(),
    });
    let dispatcher = Dispatcher {
        outbox: Arc::new(house.store.clone()),
        transport: slow.clone(),
        clock: Clock::new(move || Timestamp(time.load(Ordering::Relaxed))),
        dice: Dice::new(|| 0.5),
        settings: DispatcherSettings {
            concurrency: 4,
            per_destination: 4,
            schedule: RetrySchedule::default(),
            policy: FailurePolicy::Retry,
            probes: ProbeSchedule::new(Duration::ZERO, Duration::ZERO),
            stint: Duration::from_secs(10),
            attempt_within: Duration::from_secs(30),
            look_every: Duration::from_millis(10),
            drain: Duration::from_secs(60),
        },
    };
    dispatcher.run(stop).await;
    let sent = slow.sent.lock().expect("what was sent").clone();
    let mut once = sent.clone();
    once.dedup();
    assert!(sent.len() == 3 && sent == once, "{sent:?}");
    let seen = slow.seen_by_others.lock().expect("what was seen").clone();
    assert!(seen.is_empty(), "another worker would have sent {seen:?}");
    assert_eq!(house.store.standing(s(1_900)).await.expect("a count").outbox, 0);
}

#[tokio::test]
async fn more_than_ten_thousand_go_on_to_the_last_and_a_replay_of_so_many_says_so() {
    let house = House::new().await;
    house.instance("token").await;
    let due = house.due(1_900).await.expect("a due resource");
    let many = MOST_REPLAYS + 1;
    let events = 10 * i64::try_from(many).expect("a number");
    house.store.finish(&due, done(1_900, part(1..events + 1))).await.expect("an outcome");
    let lane = house.lanes(1_900).await.lanes.remove(0);
    let failed = Failed {
        id: lane.notifications[0].id,
        attempt: attempt(1_900, AttemptVerdict::Gone),
        next: Next::Queue { probe: None },
    };
    let queue = Settlement {
        lane: lane.id,
        turn: lane.turn,
        fence: lane.fence,
        delivered: vec![],
        failed: Some(failed),
    };
    house.store.settle([queue].into()).await.expect("a settlement");

    let scope = EventScope { organization: OrganizationId(1), instance: None };
    let filter = DeliveryFilter::parse_queued("status='queued'").expect("a condition");
    let done = house.store.reactivate(scope, filter, By::operator(), s(2_000)).await;
    let all = u64::try_from(many).expect("a number");
    assert_eq!(done.expect("an answer"), Reactivated { subscriptions: 1, notifications: all });
    let mut sent = 0;
    while let Some(lane) = house.lanes(2_000).await.lanes.pop() {
        assert_eq!(lane.turn, Turn::New);
        sent += lane.notifications.len();
        let arrived = attempt(2_000, AttemptVerdict::Delivered);
        let delivered = lane.notifications.iter().map(|one| (one.id, arrived.clone())).collect();
        let settlement = Settlement {
            lane: lane.id,
            turn: lane.turn,
            fence: lane.fence,
            delivered,
            failed: None,
        };
        house.store.settle([settlement].into()).await.expect("a settlement");
    }
    assert_eq!(sent, many);

    let replayed = house
        .store
        .replay_events(scope, EventFilter::default(), false, By::operator(), s(3_000))
        .await;
    assert_eq!(replayed.expect("an answer"), Replayed::TooMany);
    assert!(house.lanes(3_000).await.lanes.is_empty(), "a part of it is sent all the same");
}
