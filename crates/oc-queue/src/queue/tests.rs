//! The queue without JetStream.

use oc_dispatch::{MockBacklog, MockOutbox};
use oc_sinks::NatsServers;
use secrecy::SecretString;

use super::*;
use crate::stream::Standing;

/// A queue whose JetStream nobody has ever seen.
async fn queue(outbox: MockOutbox) -> Queue {
    let url = SecretString::from("nats://127.0.0.1:1");
    let settings = QueueSettings {
        servers: NatsServers::read(&url).unwrap(),
        replicas: 3,
        max_ack_pending: 10,
        outbox: "test".to_owned(),
        per_destination: 10,
        probes: true,
    };
    let (outbox, backlog) = (Arc::new(outbox), Arc::new(MockBacklog::new()));
    Queue::connect(settings, outbox, backlog, Clock::new(|| Timestamp(0))).await.unwrap()
}

fn request(now: Timestamp) -> ClaimRequest {
    ClaimRequest { now, lanes: 1, per_destination: 1, room: [].into(), probes: true, lease: LATER }
}

#[tokio::test(start_paused = true)]
async fn what_is_overdue_is_claimed_for_as_long_as_anything_else() {
    let mut outbox = MockOutbox::new();
    let now = Timestamp(0).plus(Duration::from_secs(100));
    let is_as_if_earlier = move |asked: &ClaimRequest| {
        asked.now == now.minus(OVERDUE) && asked.now.plus(asked.lease) == now.plus(LATER)
    };
    outbox
        .expect_claim()
        .once()
        .withf(is_as_if_earlier)
        .returning(move |_| Ok(Claimed { lanes: Vec::new(), next: Some(now) }));
    let queue = queue(outbox).await;
    assert_eq!(queue.overdue(request(now)).await.unwrap().next, None);
}

#[tokio::test(start_paused = true)]
async fn what_is_overdue_is_looked_for_every_five_seconds_unless_the_queue_is_full() {
    let queue = queue(MockOutbox::new()).await;
    sleep(Duration::from_secs(5)).await;
    assert!(queue.0.is_time_for_overdue() && !queue.0.is_time_for_overdue());
    let stands = |under_way| *queue.0.standing.lock().unwrap() = Standing { waiting: 0, under_way };
    stands(10);
    sleep(Duration::from_secs(5)).await;
    assert!(!queue.0.is_time_for_overdue());
    stands(9);
    assert!(queue.0.is_time_for_overdue());
}

#[tokio::test(start_paused = true)]
async fn a_start_without_jetstream_leaves_all_to_the_outbox() {
    let mut outbox = MockOutbox::new();
    let next = Some(Timestamp(9));
    outbox.expect_claim().once().returning(move |_| Ok(Claimed { lanes: Vec::new(), next }));
    outbox.expect_settle().once().returning(|_| Ok(()));
    let queue = queue(outbox).await;
    assert!(!queue.is_connected());
    assert_eq!(queue.claim(request(Timestamp(0))).await.unwrap().next, next);
    queue.settle([].into()).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn without_jetstream_what_is_new_in_the_outbox_wakes_the_workers() {
    let mut outbox = MockOutbox::new();
    outbox.expect_changed().return_const(());
    let queue = queue(outbox).await;
    let stop = CancellationToken::new();
    let running = tokio::spawn(queue.clone().run(stop.clone()));
    queue.changed().await;
    stop.cancel();
    running.await.unwrap();
}
