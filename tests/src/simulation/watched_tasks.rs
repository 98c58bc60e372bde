//! The tasks, watched: crashes between their effects, mistakes, and when nothing is due any more.

use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use oc_config::Timestamp;
use oc_poll::{
    ClaimedTasks, Due, LedgerError, Next, Part, ResourceId, Step, Task, Tasks, Tracked, Trouble,
    Version,
};
use oc_store::Store;
use tokio_util::sync::CancellationToken;

use super::fuse::Fuse;
use super::lock;
use super::mutant::Mutant;

pub(super) struct WatchedTasks {
    pub(super) store: Store,
    pub(super) fuse: Fuse,
    pub(super) mutant: Mutant,
    pub(super) idle: CancellationToken,
    pub(super) running: AtomicUsize,
    /// What each load would have stored with its last step, for the one that is a step ahead.
    pub(super) last: Mutex<HashMap<ResourceId, Part>>,
}

#[async_trait]
impl Tasks for WatchedTasks {
    async fn claim_tasks(
        &self,
        now: Timestamp,
        limit: usize,
        lease: Duration,
        busy: &[String],
    ) -> Result<ClaimedTasks, LedgerError> {
        let claimed = self.store.claim_tasks(now, limit, lease, busy).await?;
        self.running.fetch_add(claimed.tasks.len(), Ordering::Relaxed);
        if claimed.tasks.is_empty() && self.running.load(Ordering::Relaxed) == 0 {
            self.idle.cancel();
        }
        Ok(claimed)
    }

    async fn tracked(
        &self,
        resource: ResourceId,
        which: Tracked,
        after: &str,
        limit: usize,
    ) -> Result<Vec<(String, Version)>, LedgerError> {
        self.fuse.pass().await;
        self.store.tracked(resource, which, after, limit).await
    }

    async fn count(&self, resource: ResourceId, which: Tracked) -> Result<u64, LedgerError> {
        self.store.count(resource, which).await
    }

    async fn record(&self, due: &Due, now: Timestamp, step: Step) -> Result<(), LedgerError> {
        self.fuse.pass().await;
        let ends = step.next != Next::Now;
        let step = self.mistaken(due, step);
        self.store.record(due, now, step).await?;
        if ends {
            self.running.fetch_sub(1, Ordering::Relaxed);
        }
        self.fuse.pass().await;
        Ok(())
    }

    async fn give_back(
        &self,
        due: &Due,
        at: Timestamp,
        trouble: Option<Trouble>,
    ) -> Result<(), LedgerError> {
        self.store.give_back(due, at, trouble).await?;
        self.running.fetch_sub(1, Ordering::Relaxed);
        Ok(())
    }
}

impl WatchedTasks {
    /// What a load has found is stored one step late, so that its last page is never.
    fn mistaken(&self, due: &Due, mut step: Step) -> Step {
        let is_load = matches!(step.task, Some(Task::Load(_)));
        if self.mutant == Mutant::LoadSkips && is_load {
            let part = std::mem::take(&mut step.part);
            step.part = lock(&self.last).insert(due.resource, part).unwrap_or_default();
        }
        if self.mutant == Mutant::DeletesAgain {
            let told = step.part.fingerprints.iter_mut().filter(|one| one.version == Version::GONE);
            told.for_each(|one| one.version = Version(1));
        }
        step
    }
}
