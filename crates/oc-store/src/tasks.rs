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

use crate::claims::Kind;
use crate::ledger::Told;
use crate::postgres::{Touches, claims};
use crate::sql::{Sql, params};
use crate::wakes::Wake;
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
        let due::Found { mut tasks, mut staged, waiting, next } =
            self.find_tasks(now, limit, busy).await?;
        // Polls that come one after the other must not keep a task out for ever.
        self.reserve(waiting, (now, RESERVED)).await?;
        let found = tasks.iter().map(|one| one.due.target.instance.0).collect();
        let taken = self.take(Kind::Instance, found, (now, lease)).await?;
        let of_claim = |mut one: DueTask| {
            one.due.fence = *taken.get(&one.due.target.instance.0)?;
            Some(one)
        };
        tasks = tasks.into_iter().filter_map(of_claim).collect();
        if self.node().is_some() {
            (tasks, staged) = self.found_again(tasks).await?;
        }
        staged.retain(|staged| tasks.iter().any(|one| one.due.resource == *staged));
        self.void_leftovers(tasks.iter_mut().map(|one| &mut one.due), staged).await?;
        Ok(ClaimedTasks { tasks, next })
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
        let claim = self.claimed_instance(due, !goes_on);
        let record = move |sql: &Sql| {
            claim.guard(sql, || step::record(sql, resource, revision, now, &step, &notifications))
        };
        let commit = tracing::info_span!("commit", notifications = count);
        let touches = Touches::Instance(instance);
        let recorded = self.database.write_to(touches, record).instrument(commit).await;
        let recorded = recorded.map(Told::has_news);
        if matches!(recorded, Ok(true)) {
            self.shared.wakes.wake(Wake::Outbox);
        }
        if matches!(recorded, Err(StoreError::Conflict)) || (recorded.is_ok() && !goes_on) {
            self.given_back(claim, recorded.is_err()).await;
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
        let instance = due.target.instance;
        let claim = self.claimed_instance(due, true);
        let put_off = move |sql: &Sql| {
            claim.guard(sql, || step::put_off(sql, resource, revision, at, trouble.as_ref()))
        };
        let done = self.database.write_to(Touches::Instance(instance), put_off).await;
        if matches!(done, Ok(()) | Err(StoreError::Conflict)) {
            self.given_back(claim, done.is_err()).await;
        }
        Ok(done?)
    }
}

impl Store {
    /// Up to `limit` tasks of instances that nobody works for.
    async fn find_tasks(
        &self,
        now: Timestamp,
        limit: usize,
        busy: &[String],
    ) -> Result<due::Found, StoreError> {
        let held = self.held(Kind::Instance, now);
        let profiles = self.profiles.clone();
        let busy: HashSet<String> = busy.iter().cloned().collect();
        let find = move |sql: &Sql| {
            let of_all =
                sql.is_postgres().then(|| claims::held(sql, Kind::Instance)).transpose()?;
            due::find(sql, &profiles, now, limit, of_all.as_ref().unwrap_or(&held), &busy)
        };
        self.database.read(find).await
    }

    /// Tasks as their last owners have left them, read after they were claimed.
    async fn found_again(
        &self,
        tasks: Vec<DueTask>,
    ) -> Result<(Vec<DueTask>, Vec<ResourceId>), StoreError> {
        let (mut found, mut all_staged) = (Vec::with_capacity(tasks.len()), Vec::new());
        for one in tasks {
            let (profiles, instance) = (self.profiles.clone(), one.due.target.instance);
            let resource = one.due.resource;
            let find = move |sql: &Sql| {
                let mut staged = Vec::new();
                Ok((due::of_resource(sql, &profiles, instance, resource, &mut staged)?, staged))
            };
            let (again, staged) = self.database.read(find).await?;
            let fence = one.due.fence;
            match again {
                // What another node has done meanwhile may have put it off.
                Some(again) if again.due.revision == one.due.revision && again.task == one.task => {
                    found.push(DueTask { due: Due { fence, ..again.due }, ..again });
                    all_staged.extend(staged);
                }
                _ => self.let_go(Kind::Instance, instance.0, fence).await,
            }
        }
        Ok((found, all_staged))
    }

    /// The task of a resource as if it were due, for whoever carries it on by hand while nobody
    /// else does.
    ///
    /// # Errors
    /// When the storage fails, or the configuration cannot be read any more.
    pub async fn task_by_hand(&self, due: &Due) -> Result<Option<DueTask>, StoreError> {
        let (profiles, fence) = (self.profiles.clone(), due.fence);
        let (instance, resource) = (due.target.instance, due.resource);
        let find =
            move |sql: &Sql| due::of_resource(sql, &profiles, instance, resource, &mut Vec::new());
        let found = self.database.read(find).await?;
        Ok(found.map(|one| DueTask { due: Due { fence, ..one.due }, ..one }))
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
