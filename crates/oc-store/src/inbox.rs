//! What the provider has pushed: received durably, and worked off under the instance's claim.

mod due;
mod receive;

use std::time::Duration;

use async_trait::async_trait;
use oc_config::Timestamp;
use oc_dispatch::Notification;
use oc_poll::{ClaimedPushed, Due, DuePushed, Inbox, LedgerError, ResourceId, TakenIn};
use tracing::Instrument as _;

use crate::claims::Kind;
use crate::ledger::{Told, publish, remember, replace_contents, tell};
use crate::postgres::{Touches, claims};
use crate::sql::{Sql, params};
use crate::wakes::Wake;
use crate::{Store, StoreError};

pub use receive::{Received, Receiver};

#[async_trait]
impl Inbox for Store {
    async fn claim_pushed(
        &self,
        now: Timestamp,
        limit: usize,
        lease: Duration,
    ) -> Result<ClaimedPushed, LedgerError> {
        let mut found = self.take_pushed(now, limit, lease).await?;
        let due = found.resources.iter_mut().map(|one| &mut one.due);
        self.void_leftovers(due, found.staged).await?;
        for (resource, records) in found.unwanted {
            tracing::warn!(
                resource = resource.0,
                records,
                "Pushed records of a resource that is not configured any more were dropped"
            );
            let touches = Touches::Resources(vec![resource]);
            self.database.write_to(touches, move |sql| drop_all(sql, resource)).await?;
        }
        Ok(ClaimedPushed { resources: found.resources, others_wait: found.others_wait })
    }

    async fn take_in(&self, due: &Due, now: Timestamp, taken: TakenIn) -> Result<(), LedgerError> {
        let notifications = self.pushed_notifications(due, &taken.part.events, now).await?;
        let (claimed, instance) = (due.clone(), due.target.instance);
        let claim = self.claimed_instance(due, true);
        let count = notifications.len();
        let take = move |sql: &Sql| {
            claim.guard(sql, || take_in(sql, &claimed, now, &taken, &notifications))
        };
        let commit = tracing::info_span!("commit", notifications = count);
        let touches = Touches::Instance(instance);
        let taken = self.database.write_to(touches, take).instrument(commit).await;
        let taken = taken.map(Told::has_news);
        if matches!(taken, Ok(true)) {
            self.shared.wakes.wake(Wake::Outbox);
        }
        if matches!(taken, Ok(_) | Err(StoreError::Conflict)) {
            self.given_back(claim, taken.is_err()).await;
        }
        Ok(taken.map(drop)?)
    }

    async fn arrived(&self) {
        self.shared.wakes.changed(Wake::Pushed).await;
    }
}

impl Store {
    /// Resources with pushed records, whose instances are this process's from now on.
    async fn take_pushed(
        &self,
        now: Timestamp,
        limit: usize,
        lease: Duration,
    ) -> Result<due::Found, StoreError> {
        let held = self.held(Kind::Instance, now);
        let profiles = self.profiles.clone();
        let find = move |sql: &Sql| {
            let of_all =
                sql.is_postgres().then(|| claims::held(sql, Kind::Instance)).transpose()?;
            let waiting = due::waiting(sql, limit, of_all.as_ref().unwrap_or(&held))?;
            // In a database that is shared it is read when it is claimed.
            if sql.is_postgres() { Ok(waiting) } else { due::find(sql, &profiles, waiting) }
        };
        let mut found = self.database.read(find).await?;
        let instances = found.candidates.iter().map(|(_, instance, _)| instance.0).collect();
        let taken = self.take(Kind::Instance, instances, (now, lease)).await?;
        found.others_wait |= taken.len() < found.candidates.len();
        if self.node().is_some() {
            found.candidates.retain(|(_, instance, _)| taken.contains_key(&instance.0));
            let profiles = self.profiles.clone();
            let find = move |sql: &Sql| due::find(sql, &profiles, found.clone());
            found = self.database.read(find).await?;
        }
        let of_claim = |mut one: DuePushed| {
            one.due.fence = *taken.get(&one.due.target.instance.0)?;
            Some(one)
        };
        found.resources = found.resources.into_iter().filter_map(of_claim).collect();
        for (key, fence) in taken {
            if !found.resources.iter().any(|one| one.due.target.instance.0 == key) {
                self.let_go(Kind::Instance, key, fence).await;
            }
        }
        Ok(found)
    }
}

/// Records what came of pushed records; returns whether there is something to send. Nothing may have
/// been found of the resource since they were claimed.
fn take_in(
    sql: &Sql,
    due: &Due,
    now: Timestamp,
    TakenIn { numbers, part }: &TakenIn,
    notifications: &[Notification],
) -> Result<Told, StoreError> {
    let (resource, before) = (due.resource, due.checkpoint);
    let as_claimed = params![resource.0, due.revision, before.cursor.0, before.floor.0];
    let row = sql.find(
        "SELECT polls, sweep, visible_through, destination FROM resource
             WHERE id = ?1 AND revision = ?2 AND cursor = ?3 AND floor = ?4",
        as_claimed,
        |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)),
    )?;
    let (polls, sweep, visible, destination): (i64, i64, i64, Option<String>) =
        row.ok_or(StoreError::Conflict)?;
    let each = numbers.iter().map(|number| [number]);
    if sql.count_each("DELETE FROM inbox WHERE seq = ?1", each)?.contains(&0) {
        return Err(StoreError::Conflict);
    }
    remember(sql, resource, polls, sweep, &part.fingerprints)?;
    replace_contents(sql, resource, polls, &part.contents)?;
    tell(sql, resource, now, notifications)?;
    publish(sql, resource, visible, destination.is_some(), now)
}

fn drop_all(sql: &Sql, resource: ResourceId) -> Result<(), StoreError> {
    sql.execute("DELETE FROM inbox WHERE resource_id = ?1", [resource.0])?;
    Ok(())
}
