//! Telling the operator what needs somebody, one notice after the other.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use oc_config::Timestamp;
use oc_egress::{Clock, Dice};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{AttemptVerdict, Destination, OutboxError, Outgoing, Transport};

/// The first pause after a failure; it doubles with each further one.
const FIRST_PAUSE: Duration = Duration::from_secs(8);
/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(3_600);
/// For how long a notice that was taken is nobody else's: longer than any attempt.
const LEASE: Duration = Duration::from_secs(300);

/// What the operator is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// The same over every repeat.
    pub id: Uuid,
    /// The exact body.
    pub body: Bytes,
    /// Which attempt this is, from 1.
    pub attempt: u32,
}

/// The port to the notices that wait.
#[cfg_attr(any(test, feature = "mock"), mockall::automock)]
#[async_trait]
pub trait Notices: Send + Sync {
    /// The earliest one, when it is due; it is not given out again before `until`, unless it is put
    /// off to another time.
    async fn take(&self, now: Timestamp, until: Timestamp) -> Result<Option<Notice>, OutboxError>;

    /// Takes one away that has arrived.
    async fn arrived(&self, id: Uuid) -> Result<(), OutboxError>;

    /// Puts one off, and so those behind it.
    async fn put_off(&self, id: Uuid, until: Timestamp) -> Result<(), OutboxError>;
}

/// Tells the operator. All notices go to one receiver in their order, beside the notifications and
/// apart from them, so that neither holds the other up.
pub struct Herald {
    /// What waits.
    pub notices: Arc<dyn Notices>,
    /// How it is sent.
    pub transport: Arc<dyn Transport>,
    /// The operator's receiver.
    pub destination: Destination,
    /// What time it is.
    pub clock: Clock,
    /// The spread of repeats.
    pub dice: Dice,
    /// The longest time between two looks at what waits.
    pub look_every: Duration,
}

impl Herald {
    /// Runs until `stop`. A notice under way then is sent again later, with the same id.
    pub async fn run(self, stop: CancellationToken) {
        let telling = async {
            loop {
                match self.tell_next().await {
                    Ok(true) => {}
                    Ok(false) => tokio::time::sleep(self.look_every).await,
                    Err(error) => {
                        tracing::error!(%error, "The operator could not be told");
                        tokio::time::sleep(self.look_every).await;
                    }
                }
            }
        };
        tokio::select! {
            () = stop.cancelled() => {}
            () = telling => {}
        }
    }

    /// Sends the earliest notice; false when none is due.
    async fn tell_next(&self) -> Result<bool, OutboxError> {
        let now = self.clock.now();
        let Some(notice) = self.notices.take(now, now.plus(LEASE)).await? else {
            return Ok(false);
        };
        let Notice { id, body, attempt } = notice;
        let resource = Arc::default();
        let outgoing = Outgoing { id, resource, body, attempt, replay: false, trace: None };
        let came_to = self.transport.send(&self.destination, outgoing).await;
        let asked = match came_to.verdict {
            AttemptVerdict::Delivered => {
                self.notices.arrived(id).await?;
                return Ok(true);
            }
            AttemptVerdict::Failed { retry_after, .. } => retry_after.unwrap_or_default(),
            AttemptVerdict::Gone => Duration::ZERO,
        };
        let (status, error) = (came_to.status, came_to.error);
        tracing::warn!(notice = %id, attempt, status, error, "The operator was not told");
        let doubled = FIRST_PAUSE.saturating_mul(2_u32.saturating_pow(attempt.saturating_sub(1)));
        let pause = doubled.min(LONGEST_PAUSE).mul_f64(1.0 + 0.1 * self.dice.roll());
        self.notices.put_off(id, self.clock.now().plus(pause.max(asked))).await?;
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use mockall::predicate::eq;
    use url::Url;

    use super::*;
    use crate::{Attempt, Callback, MockTransport, SentHeaders};

    const NOW: Timestamp = Timestamp(1_000_000_000);

    fn herald(notices: MockNotices, verdict: AttemptVerdict) -> Herald {
        let mut transport = MockTransport::new();
        transport.expect_send().returning(move |_, _| Attempt {
            url: String::new(),
            request: SentHeaders::default(),
            at: NOW,
            took: Duration::ZERO,
            status: None,
            error: None,
            answer: String::new(),
            verdict,
        });
        Herald {
            notices: Arc::new(notices),
            transport: Arc::new(transport),
            destination: Destination::Callback(Callback {
                url: Url::parse("https://operator.example/").unwrap(),
                keys: vec![],
                headers: vec![],
                basic: None,
                tls: None,
            }),
            clock: Clock::new(|| NOW),
            dice: Dice::new(|| 0.0),
            look_every: Duration::from_secs(1),
        }
    }

    fn with_one(attempt: u32) -> MockNotices {
        let mut notices = MockNotices::new();
        let notice = Notice { id: Uuid::from_u128(7), body: Bytes::new(), attempt };
        notices.expect_take().return_once(move |_, _| Ok(Some(notice)));
        notices
    }

    #[tokio::test]
    async fn a_notice_that_arrives_is_done() {
        let mut notices = with_one(1);
        notices.expect_arrived().with(eq(Uuid::from_u128(7))).once().returning(|_| Ok(()));
        assert!(herald(notices, AttemptVerdict::Delivered).tell_next().await.unwrap());
    }

    #[tokio::test]
    async fn a_notice_that_fails_comes_again_after_a_pause_that_doubles_up_to_an_hour() {
        let failed = |retry_after| AttemptVerdict::Failed { retry_after, overloaded: false };
        let hour = Some(Duration::from_secs(7_200));
        let cases = [
            (1, failed(None), 8),
            (3, failed(None), 32),
            (99, AttemptVerdict::Gone, 3_600),
            (1, failed(hour), 7_200),
        ];
        for (attempt, verdict, pause) in cases {
            let mut notices = with_one(attempt);
            let until = NOW.plus(Duration::from_secs(pause));
            notices
                .expect_put_off()
                .with(eq(Uuid::from_u128(7)), eq(until))
                .once()
                .returning(|_, _| Ok(()));
            assert!(herald(notices, verdict).tell_next().await.unwrap());
        }
    }
}
