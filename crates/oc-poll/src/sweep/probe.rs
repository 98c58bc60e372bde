//! A sweep by ids: those known are asked for, many in one request.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use oc_config::DetectDeletes;
use oc_hub::{Page, object_id};

use super::Flow;
use crate::background::{Work, WorkError};
use crate::ledger::Part;
use crate::observe::fields;
use crate::task::{Next, Stage, Step, Sweep, Task, Tracked};
use crate::{Due, Version};

/// Requests of one stint.
const REQUESTS: usize = 10;
/// The longest pause between two stints.
const LONGEST_PAUSE: Duration = Duration::from_secs(600);

/// How the provider is asked.
pub(super) struct Manner {
    /// Its filter for ids.
    pub(super) list: String,
    /// Ids a request.
    pub(super) batch: usize,
    /// Whether what is missing is asked for alone before it counts.
    pub(super) confirm: bool,
}

/// What is missing is asked for alone before it counts.
#[derive(Clone, Copy)]
struct Confirm {
    /// Nothing has come of the stint so far, so that it waits rather than begin again.
    must: bool,
}

impl Work<'_> {
    pub(super) async fn probe(
        &self,
        due: &Due,
        detect: &DetectDeletes,
        mut sweep: Sweep,
        manner: Manner,
    ) -> Result<Flow, WorkError> {
        for number in 0..REQUESTS {
            let asked =
                self.tasks.tracked(due.resource, Tracked::All, &sweep.after, manner.batch).await?;
            let Some((last, _)) = asked.last() else {
                return Ok(Flow::On(Sweep { stage: Stage::Tell, after: String::new(), ..sweep }));
            };
            sweep.after = last.clone();
            let ids: Vec<String> = asked.iter().map(|(id, _)| id.clone()).collect();
            let fields = fields(&due.config);
            let page = self.source.find(due, &manner.list, &ids, &fields).await?;
            let confirm = manner.confirm.then_some(Confirm { must: number == 0 });
            let missing = self.missing(due, &page, &asked, confirm).await?;
            let part = self.returned(due, page, &asked).await?;
            sweep.missing += u64::try_from(missing.len()).unwrap_or(0);
            let step = Step::to(Some(Task::Sweep(sweep.clone())), Next::Now);
            self.record(due, Step { part, missing, ..step }).await?;
            if self.is_held(due, detect, &sweep).await? {
                return Ok(Flow::Over);
            }
        }
        // Spread over half the time until the next sweep.
        let at = self.clock.now().plus(pause(detect.every, sweep.tracked, manner.batch));
        self.record(due, Step::to(Some(Task::Sweep(sweep)), Next::At(at))).await?;
        Ok(Flow::Over)
    }

    /// Of the objects asked for, those that are not there.
    async fn missing(
        &self,
        due: &Due,
        page: &Page,
        asked: &[(String, Version)],
        confirm: Option<Confirm>,
    ) -> Result<Vec<String>, WorkError> {
        let found = ids(page);
        let mut missing = Vec::new();
        for (id, version) in asked {
            if *version == Version::GONE || found.contains(id) {
                continue;
            }
            let is_gone = match confirm {
                Some(Confirm { must }) => self.is_gone(due, id, must).await?,
                None => true,
            };
            missing.extend(is_gone.then(|| id.clone()));
        }
        Ok(missing)
    }

    /// What was told as deleted and is there.
    pub(super) async fn returned(
        &self,
        due: &Due,
        page: Page,
        known: &[(String, Version)],
    ) -> Result<Part, WorkError> {
        let versions: HashMap<&str, Version> =
            known.iter().map(|(id, version)| (id.as_str(), *version)).collect();
        let is_back = |id: &str| versions.get(id) == Some(&Version::GONE);
        let back = page.retained(|record| {
            let id = record.fields[0].and_then(object_id);
            id.is_some_and(|id| is_back(&id))
        });
        if back.is_empty() {
            return Ok(Part::default());
        }
        let mut sifter = self.returns(due);
        sifter.take(&back).await?;
        Ok(sifter.hand_over())
    }
}

/// The ids of a page's records.
fn ids(page: &Page) -> HashSet<String> {
    let ids = page.records().filter_map(|record| record.fields[0].and_then(object_id));
    ids.map(std::borrow::Cow::into_owned).collect()
}

fn pause(every: Duration, tracked: u64, batch: usize) -> Duration {
    let a_stint = u64::try_from(batch * REQUESTS).unwrap_or(u64::MAX).max(1);
    let stints = u32::try_from(tracked.div_ceil(a_stint)).unwrap_or(u32::MAX).max(1);
    (every / 2 / stints).min(LONGEST_PAUSE)
}
