//! What loads and sweeps need: which are due, what is known, and their steps.

mod answer;
mod due;
mod plan;
mod step;
mod text;

use std::collections::HashSet;
use std::time::Duration;

use async_trait::async_trait;
use oc_config::Timestamp;
use oc_poll::{
    ClaimedTasks, Due, DueTask, LedgerError, Next, ResourceId, Step, Tasks, Tracked, Trouble,
    Version,
};
use tracing::Instrument as _;

use crate::sql::{Sql, params};
use crate::store::locked;
use crate::{Store, StoreError};

pub use answer::Answered;
pub(crate) use plan::{Plan, planned, replanned};
pub(crate) use text::{is_load, is_load_of_all, read_swept, read_task};

/// For how long an instance is kept for its task when the poll under way has ended: longer than
/// the time between two looks at what is due.
const RESERVED: Duration = Duration::from_secs(3);
/// Told as deleted, as the fingerprints have it.
const GONE: i64 = Version::GONE.0;

#[async_trait]
impl Tasks for Store {
    async fn claim_tasks(
        &self,
        now: Timestamp,
        limit: usize,
        lease: Duration,
        busy: &[String],
    ) -> Result<ClaimedTasks, LedgerError> {
        let held = locked(&self.shared.polls).held(now);
        let profiles = self.profiles.clone();
        let busy: HashSet<String> = busy.iter().cloned().collect();
        let find = move |sql: &Sql| due::find(sql, &profiles, now, limit, &held, &busy);
        let due::Found { tasks: mut found, staged, waiting, next } =
            self.database.read(find).await?;
        self.void_leftovers(found.iter_mut().map(|one| &mut one.due), staged).await?;
        let mut polls = locked(&self.shared.polls);
        // Polls that come one after the other must not keep a task out for ever.
        waiting.into_iter().for_each(|instance| polls.reserve(instance, now, RESERVED));
        found.retain(|one| !polls.is_held(&one.due.target.instance, now));
        for one in &found {
            polls.take(one.due.target.instance, 1, now, lease);
        }
        Ok(ClaimedTasks { tasks: found, next })
    }

    async fn tracked(
        &self,
        resource: ResourceId,
        which: Tracked,
        after: &str,
        limit: usize,
    ) -> Result<Vec<(String, Version)>, LedgerError> {
        let after = after.to_owned();
        let find = move |sql: &Sql| {
            let (condition, number) = condition(which);
            let values = params![resource.0, after, number, limit];
            sql.all(
                &format!(
                    "SELECT object_id, version FROM fingerprint
                 WHERE resource_id = ?1 AND object_id > ?2 AND {condition}
                 ORDER BY object_id LIMIT ?4",
                ),
                values,
                |row| Ok((row.get(0)?, Version(row.get(1)?))),
            )
        };
        Ok(self.database.read(find).await?)
    }

    async fn count(&self, resource: ResourceId, which: Tracked) -> Result<u64, LedgerError> {
        let count = move |sql: &Sql| {
            let (condition, number) = condition(which);
            sql.one(&format!(
                "SELECT count(*) FROM fingerprint WHERE resource_id = ?1 AND ?2 = '' AND {condition}",
            ), params![resource.0, "", number], |row| row.get(0))
        };
        Ok(self.database.read(count).await?)
    }

    async fn record(&self, due: &Due, now: Timestamp, step: Step) -> Result<(), LedgerError> {
        let mut notifications = self.notifications(due, &step.part.events, now).await?;
        // What was there before, or has gone at some time, says nothing about how fast changes are told.
        notifications.iter_mut().for_each(|one| one.changed = None);
        let (resource, revision, instance) = (due.resource, due.revision, due.target.instance);
        let (goes_on, count) = (step.next == Next::Now, notifications.len());
        let record =
            move |sql: &Sql| step::record(sql, resource, revision, now, &step, &notifications);
        let commit = tracing::info_span!("commit", notifications = count);
        let recorded = self.database.write(record).instrument(commit).await;
        if matches!(recorded, Ok(true)) {
            self.shared.outbox_changed.notify_one();
        }
        if matches!(recorded, Err(StoreError::Conflict)) || (recorded.is_ok() && !goes_on) {
            locked(&self.shared.polls).give_back(&instance);
        }
        Ok(recorded.map(drop)?)
    }

    async fn give_back(
        &self,
        due: &Due,
        at: Timestamp,
        trouble: Option<Trouble>,
    ) -> Result<(), LedgerError> {
        let (resource, revision) = (due.resource, due.revision);
        let put_off = move |sql: &Sql| step::put_off(sql, resource, revision, at, trouble.as_ref());
        let done = self.database.write(put_off).await;
        if matches!(done, Ok(()) | Err(StoreError::Conflict)) {
            locked(&self.shared.polls).give_back(&due.target.instance);
        }
        Ok(done?)
    }
}

impl Store {
    /// The task of a resource as if it were due, for whoever carries it on by hand while nobody
    /// else does.
    ///
    /// # Errors
    /// When the storage fails, or the configuration cannot be read any more.
    pub async fn task_by_hand(&self, due: &Due) -> Result<Option<DueTask>, StoreError> {
        let profiles = self.profiles.clone();
        let (instance, resource) = (due.target.instance, due.resource);
        self.database.read(move |sql| due::of_resource(sql, &profiles, instance, resource)).await
    }
}

/// Which rows, with ?3 for the number of a sweep.
fn condition(which: Tracked) -> (String, i64) {
    match which {
        Tracked::All => ("?3 = 0".to_owned(), 0),
        Tracked::Living => (format!("version <> {GONE} AND ?3 = 0"), 0),
        Tracked::Unseen(number) => {
            (format!("version <> {GONE} AND sweep BETWEEN 0 AND ?3"), number - 2)
        }
        Tracked::Missing(number) => ("sweep = ?3".to_owned(), -number),
    }
}
