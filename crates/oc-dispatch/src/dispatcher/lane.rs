//! Sending a lane: one notification after the other, up to the first that does not arrive.

use std::sync::Arc;

use oc_egress::Clock;
use tokio_util::sync::CancellationToken;

use crate::outbox::{Failed, Lane, Next, Pending, Settlement};
use crate::{Attempt, AttemptVerdict, Outgoing, RetrySchedule, Transport};

/// What a lane showed of its destination.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Breath {
    /// It answered well.
    Easy,
    /// It asked for less, or did not answer in time.
    Short,
    /// Nothing that tells.
    Unknown,
}

/// What sending needs.
pub(super) struct Sender {
    pub(super) transport: Arc<dyn Transport>,
    pub(super) clock: Clock,
    pub(super) schedule: RetrySchedule,
    pub(super) stop: CancellationToken,
}

impl Sender {
    /// Sends the lane's notifications in order; after a stop, only the one under way.
    pub(super) async fn send(&self, lane: Lane) -> (Settlement, Breath) {
        let mut settlement = Settlement { lane: lane.id, delivered: Vec::new(), failed: None };
        let mut breath = Breath::Unknown;
        for pending in lane.notifications {
            let outgoing = Outgoing {
                id: pending.id,
                body: pending.body.clone(),
                attempt: pending.failures + 1,
            };
            let attempt = self.transport.send(&lane.destination, outgoing).await;
            if attempt.verdict == AttemptVerdict::Delivered {
                breath = Breath::Easy;
                settlement.delivered.push((pending.id, attempt));
            } else {
                if matches!(attempt.verdict, AttemptVerdict::Failed { overloaded: true, .. }) {
                    breath = Breath::Short;
                }
                settlement.failed = Some(self.failed(&pending, attempt));
                break;
            }
            if self.stop.is_cancelled() {
                break;
            }
        }
        (settlement, breath)
    }

    fn failed(&self, pending: &Pending, attempt: Attempt) -> Failed {
        let first = pending.first_failure.unwrap_or(attempt.at);
        let next = match attempt.verdict {
            AttemptVerdict::Gone => None,
            AttemptVerdict::Failed { retry_after, .. } => {
                let (failures, now) = (pending.failures + 1, self.clock.now());
                self.schedule.next(first, failures, rand::random(), now, retry_after)
            }
            AttemptVerdict::Delivered => Some(attempt.at),
        };
        Failed { id: pending.id, attempt, next: next.map_or(Next::Queue, Next::Retry) }
    }
}
