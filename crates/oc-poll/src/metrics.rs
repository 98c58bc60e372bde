//! The metrics of polling.

use std::time::Duration;

use oc_telemetry as table;

use crate::task::Task;
use crate::{EventKind, Part};

/// A poll ended well.
pub(crate) fn polled(connector: &str, took: Duration, records: u64) {
    table::POLLS.add(&[connector, "done"], 1);
    table::POLL_RECORDS.add(&[connector], records);
    table::POLL_SECONDS.took(&[connector], took);
}

/// A poll failed.
pub(crate) fn failed(connector: &str) {
    table::POLLS.add(&[connector, "failed"], 1);
}

/// So many polls wait for a rate budget.
pub(crate) fn waiting(polls: usize) {
    table::POLLS_WAITING.count(&[], count(polls));
}

/// So many instances are being polled.
pub(crate) fn running(instances: usize) {
    table::POLLS_RUNNING.count(&[], count(instances));
}

/// Pushed records were worked off; some could not be made out.
pub(crate) fn taken_in(connector: &str, records: usize, dropped: u64) {
    table::PUSHED_RECORDS.add(&[connector], count(records));
    table::PUSHED_DROPPED.add(&[connector], dropped);
}

/// A stint of a load or sweep ended.
pub(crate) fn carried_on(connector: &str, task: &Task, failed: bool) {
    let task = match task {
        Task::Load(_) => "load",
        Task::Sweep(_) => "sweep",
    };
    table::TASKS.add(&[connector, task, if failed { "failed" } else { "done" }], 1);
}

/// How many events there are of each kind.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Tally {
    created: u64,
    updated: u64,
    deleted: u64,
}

impl Tally {
    pub(crate) fn of(part: &Part) -> Self {
        let mut tally = Self::default();
        tally.add(part);
        tally
    }

    pub(crate) fn add(&mut self, part: &Part) {
        for event in &part.events {
            match event.kind {
                EventKind::Created => self.created += 1,
                EventKind::Updated => self.updated += 1,
                EventKind::Deleted => self.deleted += 1,
            }
        }
    }

    /// They are stored; `source` has found them.
    pub(crate) fn stored(self, connector: &str, source: &str) {
        let Self { created, updated, deleted } = self;
        for (kind, events) in [("created", created), ("updated", updated), ("deleted", deleted)] {
            if events > 0 {
                table::EVENTS.add(&[connector, source, kind], events);
            }
        }
    }
}

fn count(counted: usize) -> u64 {
    u64::try_from(counted).unwrap_or(u64::MAX)
}
