//! The metrics of the store.

use std::time::Duration;

use oc_telemetry as table;

use crate::retention::Swept;

/// A transaction of so many jobs ended.
pub(crate) fn committed(jobs: usize, took: Duration, done: bool) {
    table::COMMITS.add(&[result(done)], 1);
    table::COMMIT_SECONDS.took(&[], took);
    // A group is small.
    table::COMMIT_JOBS.record(&[], u32::try_from(jobs).map_or(f64::MAX, f64::from));
}

/// A run that takes away what is too old ended, having taken away so much.
pub(crate) fn swept(swept: &Swept, done: bool) {
    table::RETENTION.add(&[result(done)], 1);
    table::REMOVED.add(&["notification"], swept.notifications);
    table::REMOVED.add(&["fingerprint"], swept.fingerprints);
}

fn result(done: bool) -> &'static str {
    if done { "done" } else { "failed" }
}
