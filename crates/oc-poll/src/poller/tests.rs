//! The loop: claims, failures, the threshold, and the stop.

use oc_config::InstanceId;
use serde_json::json;

use super::*;
use crate::fixture::{Book, due, page, s, source};
use crate::{MockPages, MockSource, SourceError};

fn instance(number: i64, failures: u32, resources: usize) -> DueInstance {
    let resources = (0..resources).map(|_| due(&json!({}))).collect();
    DueInstance { instance: InstanceId(number), failures, resources }
}

fn poller(book: &Arc<Book>, source: MockSource) -> Poller {
    let settings = PollerSettings {
        concurrency: 4,
        failure_threshold: 3,
        lease: Duration::from_secs(60),
        look_every: Duration::from_millis(10),
    };
    Poller {
        ledger: book.clone(),
        source: Arc::new(source),
        clock: Clock::new(|| s(2_000)),
        dice: Dice::new(|| 0.5),
        settings,
    }
}

/// Runs the loop until so many outcomes are recorded.
async fn run(book: &Arc<Book>, source: MockSource, outcomes: usize) -> Vec<Outcome> {
    let stop = CancellationToken::new();
    let running = tokio::spawn(poller(book, source).run(stop.clone()));
    while book.outcomes.lock().unwrap().len() < outcomes {
        book.finished.notified().await;
    }
    stop.cancel();
    running.await.unwrap();
    book.outcomes.lock().unwrap().clone()
}

fn book(due: Vec<DueInstance>) -> Arc<Book> {
    let book = Book::default();
    *book.due.lock().unwrap() = due;
    Arc::new(book)
}

#[tokio::test(start_paused = true)]
async fn everything_due_is_polled_though_an_account_has_only_its_share_at_once() {
    let book = book((0..20).map(|number| instance(number, 0, 2)).collect());
    let outcomes = run(&book, source(vec![page(&[])], None), 40).await;
    let handed_back =
        outcomes.iter().filter(|outcome| matches!(outcome, Outcome::Deferred(_))).count();
    assert_eq!(outcomes.len(), 40);
    assert!(
        outcomes.iter().all(|outcome| !matches!(outcome, Outcome::Failed(_))) && handed_back < 40
    );
}

#[tokio::test(start_paused = true)]
async fn failures_are_counted_over_an_instances_resources_and_stop_it_at_the_threshold() {
    let book = book(vec![instance(1, 1, 3)]);
    let outcomes = run(&book, source(vec![], None), 3).await;
    let counted: Vec<_> = outcomes
        .iter()
        .map(|outcome| match outcome {
            Outcome::Failed(failure) => (failure.failures, failure.stop),
            _ => (0, false),
        })
        .collect();
    assert_eq!(counted, [(2, false), (3, true), (0, false)]);
    assert!(matches!(outcomes[2], Outcome::Deferred(_)));
}

#[tokio::test(start_paused = true)]
async fn a_lost_authorization_stops_the_instance_at_once() {
    let mut source = MockSource::new();
    source.expect_open().returning(|_| {
        Err(SourceError { needs_authentication: true, ..SourceError::of("invalid_grant") })
    });
    let outcomes = run(&book(vec![instance(1, 0, 1)]), source, 1).await;
    let Outcome::Failed(failure) = &outcomes[0] else { panic!("{outcomes:?}") };
    assert!(failure.stop && failure.needs_authentication);
}

#[tokio::test(start_paused = true)]
async fn a_poll_that_takes_longer_than_its_lease_keeps_its_claim() {
    let mut slow = MockSource::new();
    slow.expect_open().returning(|_| {
        let mut pages = MockPages::new();
        pages.expect_next().returning(|| Ok(None));
        pages.expect_clock().return_const(None);
        Ok(Box::new(pages))
    });
    let book = book(vec![instance(1, 0, 1)]);
    *book.takes.lock().unwrap() = Duration::from_secs(90);
    run(&book, slow, 1).await;
    // The lease of 60 s is renewed every 20 s.
    assert_eq!(*book.renewed.lock().unwrap(), 4);
}
