//! The ledger, watched: crashes between its effects, mistakes, and when nothing is due any more.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use oc_config::{InstanceId, Timestamp};
use oc_egress::Clock;
use oc_poll::{
    Claimed, Due, Finding, Ledger, LedgerError, Next, Outcome, Part, ResourceId, Step, Tasks as _,
    Version,
};
use oc_store::Store;
use tokio_util::sync::CancellationToken;

use super::fuse::Fuse;
use super::lock;
use super::mutant::Mutant;
use super::story::{Seen, Story};
use crate::Salesloft;

pub(super) struct WatchedLedger {
    pub(super) store: Store,
    pub(super) clock: Clock,
    pub(super) salesloft: Salesloft,
    pub(super) story: Arc<Mutex<Story>>,
    pub(super) fuse: Fuse,
    pub(super) mutant: Mutant,
    pub(super) idle: CancellationToken,
    pub(super) running: AtomicUsize,
    /// What the provider showed when each poll began.
    pub(super) shown: Mutex<HashMap<ResourceId, Seen>>,
}

#[async_trait]
impl Ledger for WatchedLedger {
    async fn claim(
        &self,
        now: Timestamp,
        limit: usize,
        lease: Duration,
    ) -> Result<Claimed, LedgerError> {
        let claimed = self.store.claim(now, limit, lease).await?;
        for due in claimed.instances.iter().flat_map(|one| &one.resources) {
            self.running.fetch_add(1, Ordering::Relaxed);
            lock(&self.shown).insert(due.resource, Seen::of(&self.salesloft));
        }
        if claimed.instances.is_empty() && self.running.load(Ordering::Relaxed) == 0 {
            self.idle.cancel();
        }
        Ok(claimed)
    }

    async fn known(
        &self,
        resource: ResourceId,
        objects: Arc<[String]>,
    ) -> Result<Vec<Option<Version>>, LedgerError> {
        self.fuse.pass().await;
        if self.mutant == Mutant::NoFingerprints {
            return Ok(vec![None; objects.len()]);
        }
        self.store.known(resource, objects).await
    }

    async fn contents(
        &self,
        resource: ResourceId,
        objects: &[String],
    ) -> Result<Vec<Option<Bytes>>, LedgerError> {
        self.fuse.pass().await;
        self.store.contents(resource, objects).await
    }

    async fn stage(&self, due: &Due, started: Timestamp, part: Part) -> Result<(), LedgerError> {
        self.fuse.pass().await;
        let part = if self.mutant == Mutant::DropsParts { Part::default() } else { part };
        self.store.stage(due, started, part).await?;
        self.fuse.pass().await;
        Ok(())
    }

    async fn renew(
        &self,
        instance: InstanceId,
        now: Timestamp,
        lease: Duration,
    ) -> Result<(), LedgerError> {
        self.store.renew(instance, now, lease).await
    }

    async fn finish(&self, due: &Due, outcome: Outcome) -> Result<(), LedgerError> {
        self.fuse.pass().await;
        let outcome = self.mistaken(due, outcome);
        let done = match &outcome {
            Outcome::Done(finding) => Some(finding.cursor),
            _ => None,
        };
        match outcome {
            Outcome::Done(finding) if self.mutant == Mutant::CursorBeforeEvents => {
                self.cursor_first(due, finding).await?;
            }
            outcome => self.store.finish(due, outcome).await?,
        }
        if let Some(cursor) = done {
            let before = lock(&self.shown).remove(&due.resource).unwrap_or_default();
            lock(&self.story).polled(due, cursor, before, &Seen::of(&self.salesloft));
        }
        self.running.fetch_sub(1, Ordering::Relaxed);
        self.fuse.pass().await;
        Ok(())
    }
}

impl WatchedLedger {
    async fn cursor_first(&self, due: &Due, mut finding: Finding) -> Result<(), LedgerError> {
        let part = std::mem::take(&mut finding.part);
        self.store.finish(due, Outcome::Done(finding)).await?;
        self.fuse.pass().await;
        let task = self.store.task_by_hand(due).await?.map(|due| due.task);
        let (now, missing, seen) = (self.clock.now(), Vec::new(), Vec::new());
        let step = Step { part, missing, seen, task, next: Next::At(now), swept: None };
        self.store.record(due, now, step).await
    }

    fn mistaken(&self, due: &Due, outcome: Outcome) -> Outcome {
        let Outcome::Done(mut finding) = outcome else { return outcome };
        match self.mutant {
            Mutant::CursorAtEnd => finding.cursor = self.clock.now(),
            Mutant::CursorByOurClock => finding.cursor = finding.started,
            Mutant::DropsContents => finding.part.contents.clear(),
            Mutant::ForgetsTooEarly => finding.forget_before = Some(finding.cursor),
            _ => {}
        }
        finding.cursor = finding.cursor.max(due.checkpoint.cursor);
        Outcome::Done(finding)
    }
}
