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

/// Pushed records were worked off; some could not be made out.
pub(crate) fn taken_in(connector: &str, records: usize, events: usize, dropped: u64) {
    let count = |counted: usize| u64::try_from(counted).unwrap_or(u64::MAX);
    let connector = connector.to_owned();
    metrics::counter!("oc_pushed_records_total", "connector" => connector.clone())
        .increment(count(records));
    metrics::counter!("oc_pushed_events_total", "connector" => connector.clone())
        .increment(count(events));
    metrics::counter!("oc_pushed_dropped_total", "connector" => connector).increment(dropped);
}
