//! Which task a resource has when it is new or configured anew.

use std::time::Duration;

use oc_config::{Connector, Deletes, Initial, ResourceConfig, Timestamp};
use oc_hub::ReadPlace;
use oc_poll::{Load, Sweep, Task};

use super::read_task;
use super::text::task_text;

/// What a resource's configuration asks for besides polling.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Plan {
    /// What of the past is sent.
    pub(crate) initial: Initial,
    /// From one sweep to the next.
    pub(crate) every: Option<Duration>,
    /// Its records have dates, so that polls do not read all of them.
    pub(crate) is_dated: bool,
}

impl Plan {
    pub(crate) fn of(config: &ResourceConfig, connector: &Connector) -> Self {
        let resource = connector.resources.get(&config.resource);
        // With a marker alone polls find everything.
        let sweeps = resource.is_some_and(|resource| resource.deletes != Deletes::None);
        Self {
            initial: config.initial,
            every: config.detect_deletes.filter(|_| sweeps).map(|detect| detect.every),
            is_dated: config.updated.is_some() || config.created.is_some(),
        }
    }

    /// Nothing dated at or before this is sent.
    pub(crate) fn floor(&self, start: Timestamp) -> Timestamp {
        match self.initial {
            Initial::Now => start,
            Initial::Since(at) => at,
            Initial::All => Timestamp::EPOCH,
        }
    }

    /// The reading of what is there; with sweeps also what is older is noted.
    fn load(&self, start: Timestamp) -> Option<Load> {
        let notes = self.every.is_some() && self.is_dated;
        let sends = self.initial != Initial::Now && self.floor(start) < start;
        let from = if notes { Timestamp::EPOCH } else { self.floor(start) };
        let all = self.initial == Initial::All;
        let (place, records, total, settled) = (ReadPlace::Begin, 0, None, None);
        (notes || sends).then_some(Load { from, all, place, records, total, settled })
    }

    fn first_sweep(&self, start: Timestamp) -> Option<(Task, Timestamp)> {
        let first = Sweep { number: 1, since: start, ..Sweep::default() };
        self.every.map(|every| (Task::Sweep(first), start.plus(every)))
    }
}

/// The task of a new resource and when it is due.
pub(crate) fn planned(plan: &Plan, start: Timestamp) -> Option<(String, Timestamp)> {
    let load = plan.load(start).map(|load| (Task::Load(load), start));
    let (task, due) = load.or_else(|| plan.first_sweep(start))?;
    Some((task_text(&task), due))
}

/// The task of a resource that had `before` when sweeps are switched on; `None` leaves it as it is.
pub(crate) fn replanned(
    plan: &Plan,
    before: Option<&str>,
    now: Timestamp,
) -> Option<(String, Timestamp)> {
    let under_way = match before.map(read_task) {
        Some(Ok(Task::Load(load))) => Some(load),
        _ => None,
    };
    if !plan.is_dated {
        // Polls note everything anyway; a load that is under way ends in a sweep by itself.
        let sweep = under_way.is_none().then(|| plan.first_sweep(now)).flatten()?;
        return Some((task_text(&sweep.0), sweep.1));
    }
    let all = under_way.is_some_and(|load| load.all);
    let (from, place) = (Timestamp::EPOCH, ReadPlace::Begin);
    let load = Load { from, all, place, records: 0, total: None, settled: None };
    Some((task_text(&Task::Load(load)), now))
}
