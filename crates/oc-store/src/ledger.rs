//! What polling needs: what is due, what is known, and the outcome of a poll in one transaction.

mod claim;
mod content;
mod due;
mod outcome;
mod together;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use oc_config::{InstanceId, Timestamp};
use oc_dispatch::{MOST_EVENTS, MOST_PUSHED_EVENTS, Notification, compose};
use oc_poll::{
    Claimed, Due, DueInstance, Event, Finding, Ledger, LedgerError, Outcome, Part, ResourceId,
    Version,
};
use tracing::Instrument as _;
use uuid::Uuid;

use crate::claims::{Claim, Kind};
use crate::postgres::Touches;
use crate::sql::{Sql, params};
use crate::wakes::Wake;
use crate::{Store, StoreError};
use outcome::Done;
use together::Ended;

pub(crate) use content::{
    forget as forget_contents, keep_only as keep_only_contents, replace as replace_contents,
};
pub(crate) use due::due_resource;
pub(crate) use outcome::{Told, publish, remember, tell, void_staged};
pub(crate) use together::Together;

impl From<StoreError> for LedgerError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Conflict => Self::Superseded,
            other => Self::Storage(Box::new(other)),
        }
    }
}

#[async_trait]
impl Ledger for Store {
    async fn claim(
        &self,
        now: Timestamp,
        limit: usize,
        lease: Duration,
    ) -> Result<Claimed, LedgerError> {
        let mut found = self.take_due(now, limit, lease).await?;
        let due = found.instances.iter_mut().flat_map(|one| &mut one.resources);
        self.void_leftovers(due, found.staged).await?;
        for (instance, reason) in found.unreadable {
            tracing::error!(%instance, reason, "Polling stopped");
            let touches = Touches::Instance(instance);
            let stop = move |sql: &Sql| outcome::stop(sql, instance, &reason);
            self.database.write_to(touches, stop).await?;
        }
        Ok(Claimed { instances: found.instances, next: found.next })
    }

    async fn known(
        &self,
        resource: ResourceId,
        objects: Arc<[String]>,
    ) -> Result<Vec<Option<Version>>, LedgerError> {
        // Each is looked up by itself: as a join it may be planned to read all that is known of the
        // resource, while the database has no statistics of what has just been stored.
        let look_up = move |sql: &Sql| {
            let versions = format!(
                "SELECT (SELECT version FROM fingerprint
                   WHERE resource_id = ?1 AND object_id = list.value)
                 FROM {} ORDER BY list.rowid",
                sql.list("?2")
            );
            sql.all(&versions, params![resource.0, objects[..]], |row| {
                Ok(row.get::<Option<i64>>(0)?.map(Version))
            })
        };
        Ok(self.database.look(look_up).await?)
    }

    async fn contents(
        &self,
        resource: ResourceId,
        objects: &[String],
    ) -> Result<Vec<Option<Bytes>>, LedgerError> {
        let objects = objects.to_vec();
        Ok(self.database.read(move |sql| content::find(sql, resource, &objects)).await?)
    }

    async fn stage(&self, due: &Due, started: Timestamp, part: Part) -> Result<(), LedgerError> {
        let notifications = self.notifications(due, &part.events, started).await?;
        let (resource, revision) = (due.resource, due.revision);
        let claim = self.claimed_instance(due, false);
        let stage = move |sql: &Sql| {
            claim.guard(sql, || {
                outcome::stage(
                    sql,
                    resource,
                    revision,
                    started,
                    &part.fingerprints,
                    &notifications,
                )?;
                content::stage(sql, resource, &part.contents)
            })
        };
        let touches = Touches::Instance(due.target.instance);
        let span = tracing::info_span!("stage");
        let staged = self.database.write_to(touches, stage).instrument(span).await;
        if matches!(staged, Err(StoreError::Conflict)) {
            self.given_back(claim, true).await;
        }
        Ok(staged?)
    }

    async fn renew(
        &self,
        instance: InstanceId,
        now: Timestamp,
        lease: Duration,
    ) -> Result<(), LedgerError> {
        Ok(self.hold_longer(Kind::Instance, instance.0, (now, lease)).await?)
    }

    async fn finish(&self, due: &Due, outcome: Outcome) -> Result<(), LedgerError> {
        let (resource, revision, instance) = (due.resource, due.revision, due.target.instance);
        let claim = self.claimed_instance(due, true);
        let touches = Touches::Instance(instance);
        let finished = match outcome {
            Outcome::Done(finding) => self.done(due, claim, finding).await,
            Outcome::Failed(failure) => {
                let failed = move |sql: &Sql| {
                    claim
                        .guard(sql, || outcome::failed(sql, resource, revision, instance, &failure))
                };
                self.database.write_to(touches, failed).await
            }
            Outcome::Deferred(until) => {
                let put_off = move |sql: &Sql| {
                    claim.guard(sql, || outcome::deferred(sql, resource, revision, until))
                };
                self.database.write_to(touches, put_off).await
            }
        };
        if matches!(finished, Ok(()) | Err(StoreError::Conflict)) {
            self.given_back(claim, finished.is_err()).await;
        }
        Ok(finished?)
    }
}

impl Store {
    /// Records a poll that read every page.
    async fn done(&self, due: &Due, claim: Claim, finding: Finding) -> Result<(), StoreError> {
        let notifications = self.notifications(due, &finding.part.events, finding.started).await?;
        let commit = tracing::info_span!("commit", notifications = notifications.len());
        let (instance, done) = (due.target.instance, Done::of(due, finding, notifications));
        let told = match &self.together {
            Some(together) if done.is_small() => {
                together.record(Ended { claim, instance, done }).instrument(commit).await?
            }
            _ => {
                let record = move |sql: &Sql| {
                    claim.guard(sql, || {
                        let told = outcome::done(sql, &[&done])?.pop().flatten();
                        told.ok_or(StoreError::Conflict)
                    })
                };
                let touches = Touches::Instance(instance);
                self.database.write_to(touches, record).instrument(commit).await?.has_news()
            }
        };
        if told {
            self.shared.wakes.wake(Wake::Outbox);
        }
        Ok(())
    }

    /// All resources of an instance as if they were due, for whoever polls by hand while nobody
    /// else does.
    ///
    /// # Errors
    /// When the storage fails, or the configuration cannot be read any more.
    pub async fn polled_by_hand(&self, id: InstanceId) -> Result<Option<DueInstance>, StoreError> {
        let fence = self.take_by_hand(id).await?;
        let profiles = self.profiles.clone();
        let find = move |sql: &Sql| {
            let mut staged = Vec::new();
            Ok((due::all_of(sql, &profiles, id, &mut staged)?, staged))
        };
        let (mut found, staged) = self.database.read(find).await?;
        let due = found.iter_mut().flat_map(|one| &mut one.resources);
        self.void_leftovers(due, staged).await?;
        let due = found.iter_mut().flat_map(|one| &mut one.resources);
        due.for_each(|due| due.fence = fence);
        Ok(found)
    }

    /// Composes notifications outside the writer, which has other work.
    pub(crate) async fn notifications(
        &self,
        due: &Due,
        events: &[Event],
        started: Timestamp,
    ) -> Result<Vec<Notification>, StoreError> {
        self.composed(due, events, started, MOST_EVENTS).await
    }

    /// The same for what the provider has pushed.
    pub(crate) async fn pushed_notifications(
        &self,
        due: &Due,
        events: &[Event],
        now: Timestamp,
    ) -> Result<Vec<Notification>, StoreError> {
        self.composed(due, events, now, MOST_PUSHED_EVENTS).await
    }

    async fn composed(
        &self,
        due: &Due,
        events: &[Event],
        started: Timestamp,
        most: usize,
    ) -> Result<Vec<Notification>, StoreError> {
        if events.is_empty() {
            return Ok(Vec::new());
        }
        let (profiles, instance) = (self.profiles.clone(), due.target.instance);
        // An outcome only counts while the instance is as it was when it was claimed.
        let profile = match profiles.kept(instance, due.configured) {
            Some(profile) => profile,
            None => {
                let profile = self.database.read(move |sql| profiles.of(sql, instance)).await?;
                profile.ok_or(StoreError::Conflict)?
            }
        };
        let of = &due.config.name;
        Ok(compose(&profile.origin, of, events, started, most, Uuid::now_v7))
    }

    /// What an earlier poll had staged and not finished is void, and so is whatever it still does.
    pub(crate) async fn void_leftovers<'d>(
        &self,
        found: impl Iterator<Item = &'d mut Due>,
        staged: Vec<ResourceId>,
    ) -> Result<(), StoreError> {
        if staged.is_empty() {
            return Ok(());
        }
        let voided = staged.clone();
        let void = move |sql: &Sql| {
            for &resource in &voided {
                outcome::void_staged(sql, resource)?;
                sql.execute(
                    "UPDATE resource SET revision = revision + 1 WHERE id = ?1",
                    [resource.0],
                )?;
            }
            Ok(())
        };
        let touches = Touches::Resources(staged.clone());
        self.database.write_to(touches, void).await?;
        for due in found.filter(|due| staged.contains(&due.resource)) {
            due.revision += 1;
        }
        Ok(())
    }
}
