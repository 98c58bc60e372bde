//! The metrics of delivery.

use oc_config::Timestamp;
use oc_telemetry as table;
use uuid::Uuid;

use crate::outbox::Pending;
use crate::{Attempt, AttemptVerdict};

/// An attempt ended, however it did.
pub(crate) fn attempted(attempt: &Attempt) {
    let result = match attempt.verdict {
        AttemptVerdict::Delivered => "delivered",
        AttemptVerdict::Failed { .. } => "failed",
        AttemptVerdict::Gone => "gone",
    };
    table::ATTEMPTS.add(&[result, table::status_class(attempt.status)], 1);
    table::ATTEMPT_SECONDS.took(&[result], attempt.took);
}

/// A notification has arrived for the first time.
pub(crate) fn arrived(pending: &Pending, attempt: &Attempt) {
    let at = attempt.ended();
    if let Some(stored) = stored(pending.id) {
        table::DELIVERY_LATENCY.took(&[], at.since(stored));
    }
    if let Some(changed) = pending.changed {
        table::CHANGE_LAG.took(&[], at.since(changed));
    }
}

/// When a notification was stored: its id is made just before.
fn stored(id: Uuid) -> Option<Timestamp> {
    let (seconds, nanos) = id.get_timestamp()?.to_unix();
    let micros = seconds.checked_mul(1_000_000)?.checked_add(u64::from(nanos / 1_000))?;
    i64::try_from(micros).ok().map(Timestamp)
}

/// A notification was queued, and its instance's deliveries with it.
pub(crate) fn queued() {
    table::QUEUED.add(&[], 1);
}

/// A receiver was probed.
pub(crate) fn probed(arrived: bool) {
    let result = if arrived { "arrived" } else { "failed" };
    table::PROBES.add(&[result], 1);
}
