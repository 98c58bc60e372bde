//! The loop: when it looks, and what it does with what it finds.

use std::sync::Mutex;

use async_trait::async_trait;
use oc_config::{Timestamp, WebhookKind};
use serde_json::json;
use tokio::sync::Notify;

use super::*;
use crate::Due;
use crate::fixture::{Book, due, person, s};
use crate::inbox::{ClaimedPushed, Pushed, TakenIn};

/// An inbox that is claimed as listed, then empty.
struct Letters {
    claims: Mutex<std::vec::IntoIter<ClaimedPushed>>,
    /// So often somebody who waits is told that something has arrived.
    arrivals: Mutex<u32>,
    taken: Mutex<usize>,
    expected: usize,
    done: Notify,
}

#[async_trait]
impl Inbox for Letters {
    async fn claim_pushed(
        &self,
        _: Timestamp,
        _: usize,
        _: Duration,
    ) -> Result<ClaimedPushed, LedgerError> {
        Ok(self.claims.lock().unwrap().next().unwrap_or_default())
    }

    async fn take_in(&self, _: &Due, now: Timestamp, taken: TakenIn) -> Result<(), LedgerError> {
        assert_eq!((now, taken.numbers.len()), (s(2_000), 1));
        *self.taken.lock().unwrap() += taken.part.events.len();
        if *self.taken.lock().unwrap() == self.expected {
            self.done.notify_one();
        }
        Ok(())
    }

    async fn arrived(&self) {
        let has_arrived = {
            let mut left = self.arrivals.lock().unwrap();
            let has_arrived = *left > 0;
            *left -= u32::from(has_arrived);
            has_arrived
        };
        if !has_arrived {
            std::future::pending::<()>().await;
        }
    }
}

fn claimed(number: i64, id: u32) -> ClaimedPushed {
    let body = person(id, 950, 1_500).to_string().into();
    let pushed = vec![Pushed { number, kind: WebhookKind::Updated, body }];
    let resources = vec![DuePushed { due: due(&json!({})), pushed }];
    ClaimedPushed { resources, others_wait: false }
}

/// Works all of it off; tells how long that took.
async fn worked_off(claims: Vec<ClaimedPushed>, arrivals: u32, expected: usize) -> Duration {
    let letters = Arc::new(Letters {
        claims: Mutex::new(claims.into_iter()),
        arrivals: Mutex::new(arrivals),
        taken: Mutex::new(0),
        expected,
        done: Notify::new(),
    });
    let intake = Intake {
        inbox: Arc::clone(&letters) as Arc<dyn Inbox>,
        ledger: Arc::new(Book::default()),
        clock: Clock::new(|| s(2_000)),
        settings: IntakeSettings {
            concurrency: 2,
            lease: Duration::from_secs(60),
            look_every: Duration::from_secs(3_600),
        },
    };
    let (began, stop) = (tokio::time::Instant::now(), CancellationToken::new());
    let running = tokio::spawn(intake.run(stop.clone()));
    letters.done.notified().await;
    stop.cancel();
    running.await.unwrap();
    began.elapsed()
}

#[tokio::test(start_paused = true)]
async fn what_arrives_is_worked_off_at_once_and_more_of_it_behind_that() {
    // Nothing at the start; then something arrives, and there is more of it.
    let claims = vec![ClaimedPushed::default(), claimed(1, 1), claimed(2, 2)];
    assert_eq!(worked_off(claims, 1, 2).await, Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn what_waits_for_a_poll_is_looked_at_again_soon() {
    let held = ClaimedPushed { resources: Vec::new(), others_wait: true };
    assert_eq!(worked_off(vec![held, claimed(1, 1)], 0, 1).await, WAITS);
}
