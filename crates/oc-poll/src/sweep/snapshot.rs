//! A sweep by whole lists: what two readings in a row have not shown has gone.

use std::sync::Arc;

use oc_config::{Deletes, DetectDeletes, HubCall};
use oc_hub::{Page, ReadPlace, object_id};

use super::Flow;
use crate::background::{Work, WorkError};
use crate::observe::fields;
use crate::source::Reading;
use crate::task::{Next, Stage, Step, Sweep, Task, Tracked};
use crate::{Due, Version};

/// Objects that are confirmed in one step.
const CONFIRMED_AT_ONCE: usize = 20;

impl Work<'_> {
    /// Reads the whole list in one go: a reading that was interrupted proves nothing.
    pub(super) async fn snapshot(&self, due: &Due, sweep: Sweep) -> Result<Flow, WorkError> {
        let resource = due.config.resource.clone();
        let reading = Reading {
            target: due.target.clone(),
            call: HubCall { resource, ..HubCall::default() },
            page_size: due.config.page_size,
            fields: fields(&due.config),
            from: ReadPlace::Begin,
            spare: false,
        };
        let mut pages = self.source.open(reading).await?;
        let task = Some(Task::Sweep(sweep.clone()));
        while let Some(page) = pages.next().await? {
            let known = self.known(due, &page).await?;
            let seen = known.iter().filter(|(_, version)| *version != Version::GONE);
            let seen = seen.map(|(id, _)| id.clone()).collect();
            let part = self.returned(due, page, &known).await?;
            self.record(due, Step { part, seen, ..Step::to(task.clone(), Next::Now) }).await?;
        }
        Ok(Flow::On(Sweep { stage: Stage::Confirm, after: String::new(), ..sweep }))
    }

    /// The objects of a page that are known.
    pub(super) async fn known(
        &self,
        due: &Due,
        page: &Page,
    ) -> Result<Vec<(String, Version)>, WorkError> {
        let ids = page.records().filter_map(|record| record.fields[0].and_then(object_id));
        let ids: Arc<[String]> = ids.map(std::borrow::Cow::into_owned).collect();
        let known = self.ledger.known(due.resource, Arc::clone(&ids)).await?;
        Ok(ids.iter().zip(known).filter_map(|(id, known)| Some((id.clone(), known?))).collect())
    }

    /// What was not in the lists counts as gone, once the provider has said so of each where it can.
    pub(super) async fn confirm(
        &self,
        due: &Due,
        detect: &DetectDeletes,
        mut sweep: Sweep,
    ) -> Result<Flow, WorkError> {
        let asks_each =
            matches!(due.target.deletes(&due.config.resource), Deletes::Snapshot { confirm: true });
        let mut must = true;
        loop {
            if self.is_held(due, detect, &sweep).await? {
                return Ok(Flow::Over);
            }
            let which = Tracked::Unseen(sweep.number);
            let candidates =
                self.tasks.tracked(due.resource, which, &sweep.after, CONFIRMED_AT_ONCE).await?;
            let Some((last, _)) = candidates.last() else {
                return Ok(Flow::On(Sweep { stage: Stage::Tell, after: String::new(), ..sweep }));
            };
            sweep.after = last.clone();
            let (mut missing, mut seen) = (Vec::new(), Vec::new());
            for (id, _) in candidates {
                let is_gone = !asks_each || self.is_gone(due, &id, must).await?;
                if is_gone { missing.push(id) } else { seen.push(id) }
            }
            sweep.missing += u64::try_from(missing.len()).unwrap_or(0);
            let step = Step::to(Some(Task::Sweep(sweep.clone())), Next::Now);
            self.record(due, Step { missing, seen, ..step }).await?;
            must = false;
        }
    }
}
