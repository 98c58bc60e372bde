//! The metrics of delivery; labels have few values.

use crate::{Attempt, AttemptVerdict};

/// An attempt ended, however it did.
pub(crate) fn attempted(attempt: &Attempt) {
    let result = match attempt.verdict {
        AttemptVerdict::Delivered => "delivered",
        AttemptVerdict::Failed { .. } => "failed",
        AttemptVerdict::Gone => "gone",
    };
    metrics::counter!("oc_delivery_attempts_total", "result" => result).increment(1);
    metrics::histogram!("oc_delivery_seconds", "result" => result)
        .record(attempt.took.as_secs_f64());
}

/// A notification was queued, and its instance's deliveries with it.
pub(crate) fn queued() {
    metrics::counter!("oc_delivery_queued_total").increment(1);
}

/// A receiver was probed.
pub(crate) fn probed(arrived: bool) {
    let result = if arrived { "arrived" } else { "failed" };
    metrics::counter!("oc_delivery_probes_total", "result" => result).increment(1);
}
