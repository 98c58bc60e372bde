//! Sending a lane: one notification after the other, up to the first that does not arrive.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use oc_config::{FailurePolicy, Timestamp};
use oc_egress::{Clock, Dice};
use oc_telemetry::{TraceContext, named};
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;
use tracing::field::Empty;

use crate::metrics;
use crate::outbox::{Failed, Lane, Next, Outbox, Pending, Settlement, Turn};
use crate::schedule::Failures;
use crate::{
    Attempt, AttemptVerdict, Destination, Outgoing, ProbeSchedule, RetrySchedule, SentHeaders,
    Transport,
};

/// What a lane showed of its destination.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Breath {
    /// It answered well.
    Easy,
    /// It asked for less, or did not answer in time.
    Short,
    /// It asked to be left alone until then (`Retry-After`).
    Pause(Timestamp),
    /// Nothing that tells.
    Unknown,
}

/// What sending needs.
pub(super) struct Sender {
    pub(super) outbox: Arc<dyn Outbox>,
    pub(super) transport: Arc<dyn Transport>,
    pub(super) clock: Clock,
    pub(super) dice: Dice,
    pub(super) schedule: RetrySchedule,
    pub(super) policy: FailurePolicy,
    pub(super) probes: ProbeSchedule,
    pub(super) stint: Duration,
    pub(super) stop: CancellationToken,
}

impl Sender {
    /// Sends the lane's notifications in order; after a stop or a stint, only the one under way.
    pub(super) async fn send(&self, lane: Lane) -> (Settlement, Breath) {
        let Lane { id, turn, fence, .. } = lane;
        let mut settlement =
            Settlement { lane: id, turn, fence, delivered: Vec::new(), failed: None };
        let mut breath = Breath::Unknown;
        let until = self.clock.now().plus(self.stint);
        for pending in &lane.notifications {
            if !self.outbox.holds(&lane, self.clock.now()) {
                tracing::warn!(lane = id.0, "Not sent: others may have taken it over meanwhile");
                break;
            }
            let attempt = self.attempt(&lane, pending).await;
            metrics::attempted(&attempt);
            if attempt.verdict == AttemptVerdict::Delivered {
                breath = Breath::Easy;
                if turn != Turn::Replay {
                    metrics::arrived(pending, &attempt);
                }
                settlement.delivered.push((pending.id, attempt));
            } else {
                breath = self.breath_of(attempt.verdict);
                settlement.failed = Some(self.failed(&lane, pending, attempt));
                break;
            }
            if self.stop.is_cancelled() || self.clock.now() >= until {
                break;
            }
        }
        let (arrived, failed) = (!settlement.delivered.is_empty(), settlement.failed.is_some());
        if turn == Turn::Probe && (arrived || failed) {
            metrics::probed(arrived);
        }
        (settlement, breath)
    }

    /// One attempt, as a part of the trace that found the notification.
    async fn attempt(&self, lane: &Lane, pending: &Pending) -> Attempt {
        let number = pending.attempt;
        let span = tracing::info_span!(
            "deliver",
            otel.kind = "client",
            trace = Empty,
            id = %pending.id,
            attempt = number,
            status = Empty
        );
        if let Some(trace) = &pending.trace {
            trace.follow(&span);
        }
        let span = named(span);
        let outgoing = Outgoing {
            id: pending.id,
            resource: Arc::clone(&lane.resource),
            body: pending.body.clone(),
            attempt: number,
            replay: lane.turn == Turn::Replay,
            trace: TraceContext::of(&span),
        };
        let attempt = self.send_one(&lane.destination, outgoing).instrument(span.clone()).await;
        if let Some(status) = attempt.status {
            span.record("status", status);
        }
        attempt
    }

    /// A fault of the program within an attempt is a failure like others: the lane is settled, and
    /// neither its claim nor its share of the destination is lost.
    async fn send_one(&self, to: &Destination, outgoing: Outgoing) -> Attempt {
        let (id, at) = (outgoing.id, self.clock.now());
        let sending = AssertUnwindSafe(async { self.transport.send(to, outgoing).await });
        sending.catch_unwind().await.unwrap_or_else(|_| {
            tracing::error!(event = %id, "Sending a notification ended in a fault of the program");
            Attempt {
                url: to.place(),
                request: SentHeaders::default(),
                at,
                took: self.clock.now().since(at),
                status: None,
                error: Some("a fault of the program; its log has more".to_owned()),
                answer: String::new(),
                verdict: AttemptVerdict::Failed { retry_after: None, overloaded: false },
            }
        })
    }

    fn breath_of(&self, verdict: AttemptVerdict) -> Breath {
        match verdict {
            AttemptVerdict::Failed { retry_after: Some(wait), .. } => {
                Breath::Pause(self.clock.now().plus(wait))
            }
            AttemptVerdict::Failed { overloaded: true, .. } => Breath::Short,
            _ => Breath::Unknown,
        }
    }

    fn failed(&self, lane: &Lane, pending: &Pending, attempt: Attempt) -> Failed {
        let next = self.retried(lane, pending, &attempt).map_or_else(
            || {
                if lane.turn == Turn::New {
                    metrics::queued();
                }
                Next::Queue { probe: self.probed(lane, pending, &attempt) }
            },
            Next::Retry,
        );
        Failed { id: pending.id, attempt, next }
    }

    /// When it is sent again, while there is a repeat left.
    fn retried(&self, lane: &Lane, pending: &Pending, attempt: &Attempt) -> Option<Timestamp> {
        let AttemptVerdict::Failed { retry_after, .. } = attempt.verdict else { return None };
        if lane.turn == Turn::Probe || lane.policy.unwrap_or(self.policy) == FailurePolicy::Queue {
            return None;
        }
        let failures = Failures {
            count: pending.failures + 1,
            first: pending.first_failure.unwrap_or_else(|| attempt.ended()),
            last: attempt.at,
        };
        self.schedule.next(failures, self.dice.roll(), self.clock.now(), retry_after)
    }

    /// When its instance is probed; never where the receiver has gone for good.
    fn probed(&self, lane: &Lane, pending: &Pending, attempt: &Attempt) -> Option<Timestamp> {
        let AttemptVerdict::Failed { retry_after, .. } = attempt.verdict else { return None };
        let failures = match lane.turn {
            Turn::New => 0,
            Turn::Probe => pending.failures + 1,
            Turn::Replay => return None,
        };
        let next = self.probes.next(failures, self.dice.roll(), self.clock.now(), retry_after);
        next.filter(|_| lane.probes)
    }
}
