//! The metrics of polling; labels have few values.

use std::time::Duration;

/// A poll ended well.
pub(crate) fn polled(connector: &str, took: Duration, records: u64, events: u64) {
    let connector = connector.to_owned();
    metrics::counter!("oc_polls_total", "connector" => connector.clone(), "result" => "done")
        .increment(1);
    metrics::counter!("oc_poll_records_total", "connector" => connector.clone()).increment(records);
    metrics::counter!("oc_poll_events_total", "connector" => connector.clone()).increment(events);
    metrics::histogram!("oc_poll_seconds", "connector" => connector).record(took.as_secs_f64());
}

/// A poll failed.
pub(crate) fn failed(connector: &str) {
    let connector = connector.to_owned();
    metrics::counter!("oc_polls_total", "connector" => connector, "result" => "failed")
        .increment(1);
}

/// So many polls wait for a rate budget.
pub(crate) fn waiting(polls: usize) {
    #[expect(clippy::cast_precision_loss, reason = "a few thousand at most")]
    metrics::gauge!("oc_polls_waiting").set(polls as f64);
}

/// So many instances are being polled.
pub(crate) fn running(instances: usize) {
    #[expect(clippy::cast_precision_loss, reason = "a few thousand at most")]
    metrics::gauge!("oc_polls_running").set(instances as f64);
}
