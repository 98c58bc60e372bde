//! A sweep where the provider itself lists what was deleted.

use oc_config::{
    Condition, DateReader, FieldName, FieldPath, HubCall, Operator, Timestamp, Value, Zone,
};
use oc_hub::{Page, Picker, ReadPlace, object_id};

use super::Flow;
use crate::Due;
use crate::Version;
use crate::background::{Work, WorkError};
use crate::source::Reading;
use crate::task::{Next, Stage, Step, Sweep, Task, Tracked};

impl Work<'_> {
    /// Reads what was deleted since the last sweep began, less what may be listed late.
    pub(super) async fn feed(
        &self,
        due: &Due,
        mut sweep: Sweep,
        from: String,
        id: FieldPath,
    ) -> Result<Flow, WorkError> {
        let resources = &due.target.connector.resources;
        let updated = resources.get(&from).and_then(|feed| feed.updated.clone());
        let since = sweep.since.minus(due.target.lag(&from));
        let condition = updated.as_ref().map(|updated| Condition::Compare {
            field: FieldName(updated.to_string().split('.').map(str::to_owned).collect()),
            operator: Operator::GreaterOrEqual,
            value: Value::Text(since.to_string()),
        });
        let reading = Reading {
            target: due.target.clone(),
            call: HubCall { resource: from, condition, ..HubCall::default() },
            page_size: None,
            fields: Picker::new([Some(id), updated, None]),
            from: ReadPlace::Begin,
            // It has to be read in one go.
            spare: false,
        };
        let mut pages = self.source.open(reading).await?;
        while let Some(page) = pages.next().await? {
            let missing = self.listed(due, &page).await?;
            let step = Step::to(Some(Task::Sweep(sweep.clone())), Next::Now);
            self.record(due, Step { missing, ..step }).await?;
        }
        // Counted at the end, as a reading that was interrupted has marked some already.
        sweep.missing = self.tasks.count(due.resource, Tracked::Missing(sweep.number)).await?;
        Ok(Flow::On(Sweep { stage: Stage::Tell, after: String::new(), ..sweep }))
    }

    /// The known objects that a page lists as deleted, unless they have changed since.
    async fn listed(&self, due: &Due, page: &Page) -> Result<Vec<String>, WorkError> {
        let reader = DateReader::any(Zone::gmt());
        let mut listed = Vec::new();
        for record in page.records() {
            let [id, at, _] = record.fields;
            let at = at.and_then(|raw| reader.read_json(raw));
            listed.extend(id.and_then(object_id).map(|id| (id.into_owned(), at)));
        }
        let ids = listed.iter().map(|(id, _)| id.clone()).collect();
        let known = self.ledger.known(due.resource, ids).await?;
        let is_gone = |known: Option<Version>, at: Option<Timestamp>| match known {
            None | Some(Version::GONE) => false,
            Some(known) => at >= known.date() || at.is_none(),
        };
        let gone = listed.into_iter().zip(known).filter(|((_, at), known)| is_gone(*known, *at));
        Ok(gone.map(|((id, _), _)| id).collect())
    }
}
