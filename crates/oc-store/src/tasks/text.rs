//! Tasks as they stand in their column: JSON.

use oc_config::Timestamp;
use oc_hub::ReadPlace;
use oc_poll::{Load, Stage, Sweep, Swept, Task};
use serde::{Deserialize, Serialize};

use crate::StoreError;

#[derive(Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
enum TaskRow {
    Load(LoadRow),
    Sweep(SweepRow),
}

#[derive(Serialize, Deserialize)]
struct LoadRow {
    from: i64,
    all: bool,
    since: Option<i64>,
    page: Option<u32>,
    records: u64,
    total: Option<u64>,
    settled: Option<i64>,
}

#[derive(Serialize, Deserialize)]
struct SweepRow {
    number: i64,
    started: Option<i64>,
    since: i64,
    stage: StageRow,
    after: String,
    tracked: u64,
    missing: u64,
    told: u64,
    asks: bool,
    allowed: bool,
}

#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum StageRow {
    Look,
    Confirm,
    Tell,
}

#[derive(Serialize, Deserialize)]
struct SweptRow {
    started: i64,
    tracked: u64,
    deleted: u64,
}

/// A task as its column has it.
pub(super) fn task_text(task: &Task) -> String {
    let row = match task {
        Task::Load(load) => TaskRow::Load(LoadRow::of(load)),
        Task::Sweep(sweep) => TaskRow::Sweep(SweepRow::of(sweep)),
    };
    serde_json::to_string(&row).unwrap_or_default()
}

pub(crate) fn read_task(text: &str) -> Result<Task, StoreError> {
    let row = serde_json::from_str(text).map_err(|error| StoreError::stored("task", error))?;
    Ok(match row {
        TaskRow::Load(load) => Task::Load(load.into_load()),
        TaskRow::Sweep(sweep) => Task::Sweep(sweep.into_sweep()),
    })
}

/// Whether a column's task is a load.
pub(crate) fn is_load(text: Option<&str>) -> bool {
    matches!(text.map(read_task), Some(Ok(Task::Load(_))))
}

/// Whether it is one that sends everything.
pub(crate) fn is_load_of_all(text: Option<&str>) -> bool {
    matches!(text.map(read_task), Some(Ok(Task::Load(Load { all: true, .. }))))
}

pub(super) fn swept_text(swept: &Swept) -> String {
    let Swept { started, tracked, deleted } = *swept;
    serde_json::to_string(&SweptRow { started: started.0, tracked, deleted }).unwrap_or_default()
}

pub(crate) fn read_swept(text: &str) -> Option<Swept> {
    let SweptRow { started, tracked, deleted } = serde_json::from_str(text).ok()?;
    Some(Swept { started: Timestamp(started), tracked, deleted })
}

impl LoadRow {
    fn of(load: &Load) -> Self {
        let (since, page) = match load.place {
            ReadPlace::Begin => (None, None),
            ReadPlace::Since(at) => (Some(at.0), None),
            ReadPlace::Page(number) => (None, Some(number)),
        };
        let Load { from, all, records, total, settled, .. } = *load;
        let settled = settled.map(|at| at.0);
        Self { from: from.0, all, since, page, records, total, settled }
    }

    fn into_load(self) -> Load {
        let since = self.since.map(|at| ReadPlace::Since(Timestamp(at)));
        let place = since.or(self.page.map(ReadPlace::Page)).unwrap_or_default();
        let Self { from, all, records, total, .. } = self;
        let settled = self.settled.map(Timestamp);
        Load { from: Timestamp(from), all, place, records, total, settled }
    }
}

impl SweepRow {
    fn of(sweep: &Sweep) -> Self {
        let stage = match sweep.stage {
            Stage::Look => StageRow::Look,
            Stage::Confirm => StageRow::Confirm,
            Stage::Tell => StageRow::Tell,
        };
        Self {
            number: sweep.number,
            started: sweep.started.map(|at| at.0),
            since: sweep.since.0,
            stage,
            after: sweep.after.clone(),
            tracked: sweep.tracked,
            missing: sweep.missing,
            told: sweep.told,
            asks: sweep.asks,
            allowed: sweep.allowed,
        }
    }

    fn into_sweep(self) -> Sweep {
        let stage = match self.stage {
            StageRow::Look => Stage::Look,
            StageRow::Confirm => Stage::Confirm,
            StageRow::Tell => Stage::Tell,
        };
        Sweep {
            number: self.number,
            started: self.started.map(Timestamp),
            since: Timestamp(self.since),
            stage,
            after: self.after,
            tracked: self.tracked,
            missing: self.missing,
            told: self.told,
            asks: self.asks,
            allowed: self.allowed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tasks_are_read_as_they_were_written() {
        let load = |place| {
            let (from, all, records, total) = (Timestamp(5), true, 7, Some(9));
            let settled = Some(Timestamp(11));
            Task::Load(Load { from, all, place, records, total, settled })
        };
        let sweep = Sweep {
            number: 3,
            started: Some(Timestamp(1)),
            since: Timestamp(2),
            stage: Stage::Confirm,
            after: "id \"7\"".to_owned(),
            tracked: 10,
            missing: 4,
            told: 2,
            asks: true,
            allowed: false,
        };
        for task in [
            load(ReadPlace::Begin),
            load(ReadPlace::Since(Timestamp(8))),
            load(ReadPlace::Page(12)),
            Task::Sweep(sweep),
        ] {
            assert_eq!(read_task(&task_text(&task)).unwrap(), task);
        }
        assert!(read_task("{}").is_err());
    }
}
