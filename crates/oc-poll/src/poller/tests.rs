//! The loop: claims, failures, the threshold, and the stop.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use oc_config::InstanceId;
use serde_json::json;

use super::*;
use crate::fixture::{Book, due, page, s, source};
use crate::{MockPages, MockSource, Pages, Reading, SourceError};

fn instance(number: i64, failures: u32, resources: usize) -> DueInstance {
    let resources = (0..resources).map(|_| due(&json!({}))).collect();
    DueInstance { instance: InstanceId(number), failures, resources }
}

fn poller(book: &Arc<Book>, source: impl Source + 'static) -> Poller {
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
async fn run(book: &Arc<Book>, source: impl Source + 'static, outcomes: usize) -> Vec<Outcome> {
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
    source.expect_waiting().return_const(0_usize);
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
    slow.expect_waiting().return_const(0_usize);
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

/// A source some of whose readings never get their turn.
struct Limited {
    is_stuck: fn(&oc_hub::Target) -> bool,
    others: MockSource,
    waiting: AtomicUsize,
    /// The most polls that have waited at once.
    most: Arc<AtomicUsize>,
}

#[async_trait]
impl Source for Limited {
    async fn open(&self, reading: Reading) -> Result<Box<dyn Pages>, SourceError> {
        if (self.is_stuck)(&reading.target) {
            let waiting = self.waiting.fetch_add(1, Ordering::Relaxed) + 1;
            self.most.fetch_max(waiting, Ordering::Relaxed);
            std::future::pending::<()>().await;
        }
        self.others.open(reading).await
    }

    async fn find(
        &self,
        _: &Due,
        _: &str,
        _: &[String],
        _: &oc_hub::Picker,
    ) -> Result<oc_hub::Page, SourceError> {
        Err(SourceError::of("only polls are tried"))
    }

    async fn is_gone(&self, _: &Due, _: &str) -> Result<bool, SourceError> {
        Err(SourceError::of("only polls are tried"))
    }

    fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }
}

fn of_account(account: &str, number: i64) -> DueInstance {
    let mut due = instance(number, 0, 1);
    for resource in &mut due.resources {
        resource.target.instance = due.instance;
        account.clone_into(&mut resource.target.account);
    }
    due
}

/// Instances of so many accounts that wait for their limit, five each, before those of another.
fn crowd(accounts: i64, others: i64) -> Arc<Book> {
    let limited = (0..accounts * 5)
        .map(|number| of_account(&format!("limited {}", number % accounts), number));
    let others = (0..others).map(|number| of_account("other", 1_000 + number));
    let due = Mutex::new(limited.chain(others).collect());
    Arc::new(Book { due, due_again: true, ..Book::default() })
}

fn limited(is_stuck: fn(&oc_hub::Target) -> bool) -> (Limited, Arc<AtomicUsize>) {
    let (others, most) = (source(vec![page(&[])], None), Arc::new(AtomicUsize::new(0)));
    let waiting = AtomicUsize::new(0);
    (Limited { is_stuck, others, waiting, most: Arc::clone(&most) }, most)
}

/// Polls until so many have ended; gives the most that have waited at once.
async fn poll_crowd(
    book: &Arc<Book>,
    is_stuck: fn(&oc_hub::Target) -> bool,
    ended: usize,
) -> usize {
    let (source, most) = limited(is_stuck);
    let stop = CancellationToken::new();
    let running = tokio::spawn(poller(book, source).run(stop.clone()));
    let done = |outcome: &&Outcome| matches!(outcome, Outcome::Done(_));
    while book.outcomes.lock().unwrap().iter().filter(done).count() < ended {
        book.finished.notified().await;
    }
    stop.cancel();
    running.await.unwrap();
    most.load(Ordering::Relaxed)
}

fn is_limited(target: &oc_hub::Target) -> bool {
    target.account.starts_with("limited")
}

#[tokio::test(start_paused = true)]
async fn accounts_that_wait_for_their_rate_limit_hold_up_no_other() {
    // Four seats; each account may have two polls, so that six accounts fill them three times.
    let most = poll_crowd(&crowd(6, 50), is_limited, 50).await;
    assert_eq!(most, 12);
}

#[tokio::test(start_paused = true)]
async fn an_instance_that_is_never_done_does_not_starve_the_others_of_its_account() {
    poll_crowd(&crowd(0, 50), |target| target.instance == InstanceId(1_000), 49).await;
}

#[tokio::test(start_paused = true)]
async fn however_many_polls_wait_all_together_are_bounded() {
    let book = crowd(20, 0);
    let (source, most) = limited(is_limited);
    let stop = CancellationToken::new();
    let running = tokio::spawn(poller(&book, source).run(stop.clone()));
    tokio::time::sleep(Duration::from_secs(5)).await;
    stop.cancel();
    running.await.unwrap();
    assert_eq!(most.load(Ordering::Relaxed), 16);
}
