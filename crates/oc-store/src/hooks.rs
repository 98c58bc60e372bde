//! What subscribing needs: which instances the provider is to tell of changes, and what it does.

mod state;
mod wanted;

use std::collections::HashSet;
use std::ops::ControlFlow;
use std::time::Duration;

use async_trait::async_trait;
use oc_config::{InstanceId, Timestamp};
use oc_hub::Subscribed;
use oc_poll::{ClaimedHooks, Hook, HookClaim, HookOutcome, Hooks, LedgerError};
use secrecy::SecretString;

use crate::profile::Profiles;
use crate::sql::{Row, Sql, params};
use crate::store::locked;
use crate::{SecretKey, Store, StoreError};

pub use state::HookState;
pub(crate) use wanted::{fit, forget};

#[async_trait]
impl Hooks for Store {
    async fn claim_hooks(
        &self,
        now: Timestamp,
        limit: usize,
        lease: Duration,
    ) -> Result<ClaimedHooks, LedgerError> {
        let held = locked(&self.shared.hooks).held(now);
        let (key, profiles) = (self.key.clone(), self.profiles.clone());
        let find = move |sql: &Sql| due(sql, &key, &profiles, now, limit, &held);
        let mut claimed = self.database.read(find).await?;
        let mut hooks = locked(&self.shared.hooks);
        claimed.hooks.retain(|hook| !hooks.is_held(&hook.target.instance, now));
        for hook in &claimed.hooks {
            hooks.take(hook.target.instance, 1, now, lease);
        }
        Ok(claimed)
    }

    async fn claim_hook(
        &self,
        instance: InstanceId,
        now: Timestamp,
        lease: Duration,
    ) -> Result<HookClaim, LedgerError> {
        {
            let mut hooks = locked(&self.shared.hooks);
            if hooks.is_held(&instance, now) {
                return Ok(HookClaim::Held);
            }
            hooks.take(instance, 1, now, lease);
        }
        let (key, profiles) = (self.key.clone(), self.profiles.clone());
        let find = move |sql: &Sql| hook(sql, &key, &profiles, instance);
        match self.database.read(find).await? {
            Some(hook) => Ok(HookClaim::Claimed(Box::new(hook))),
            None => {
                locked(&self.shared.hooks).give_back(&instance);
                Ok(HookClaim::Missing)
            }
        }
    }

    async fn note(&self, hook: &Hook, subscribed: &[Subscribed]) -> Result<(), LedgerError> {
        let (instance, subscribed) = (hook.target.instance, subscribed.to_vec());
        Ok(self.database.write(move |sql| note(sql, instance, &subscribed)).await?)
    }

    async fn settle(&self, hook: &Hook, outcome: HookOutcome) -> Result<(), LedgerError> {
        let (instance, revision) = (hook.target.instance, hook.revision);
        let settled = self.database.write(move |sql| settle(sql, instance, revision, &outcome));
        let settled = settled.await;
        locked(&self.shared.hooks).give_back(&instance);
        Ok(settled?)
    }
}

/// Up to `limit` hooks, the longest due first, and when to look again. One of an instance that
/// cannot be read any more is left out: nobody could be asked.
fn due(
    sql: &Sql,
    key: &SecretKey,
    profiles: &Profiles,
    now: Timestamp,
    limit: usize,
    held: &HashSet<InstanceId>,
) -> Result<ClaimedHooks, StoreError> {
    let mut hooks = Vec::new();
    let due = "SELECT instance_id FROM hook WHERE due <= ?1 ORDER BY due";
    sql.each(due, [now.0], |row| {
        if hooks.len() == limit {
            return Ok(ControlFlow::Break(()));
        }
        let instance = InstanceId(row.get(0)?);
        if !held.contains(&instance) {
            match hook(sql, key, profiles, instance) {
                Ok(found) => hooks.extend(found),
                Err(error) if error.is_of_database() => return Err(error),
                Err(_) => {}
            }
        }
        Ok(ControlFlow::Continue(()))
    })?;
    let next = sql
        .one("SELECT min(due) FROM hook WHERE due > ?1", [now.0], |row| row.get::<Option<i64>>(0))?
        .map(Timestamp);
    Ok(ClaimedHooks { hooks, next })
}

fn hook(
    sql: &Sql,
    key: &SecretKey,
    profiles: &Profiles,
    instance: InstanceId,
) -> Result<Option<Hook>, StoreError> {
    let row = sql.find(
        "SELECT revision, suffix, secret, wanted, failures FROM hook WHERE instance_id = ?1",
        [instance.0],
        |row| {
            let (sealed, wanted): (Vec<u8>, String) = (row.get(2)?, row.get(3)?);
            Ok((row.get(0)?, row.get(1)?, sealed, wanted, row.get(4)?))
        },
    )?;
    let Some((revision, suffix, sealed, wanted, failures)) = row else { return Ok(None) };
    let Some(profile) = profiles.of(sql, instance)? else { return Ok(None) };
    Ok(Some(Hook {
        target: profile.target(instance),
        revision,
        suffix,
        secret: open_secret(key, instance, &sealed)?,
        wanted: wanted::read(&wanted)?,
        known: subscribed(sql, instance)?,
        failures,
    }))
}

/// The subscriptions that were noted of an instance.
fn subscribed(sql: &Sql, instance: InstanceId) -> Result<Vec<Subscribed>, StoreError> {
    let read =
        |row: &Row<'_>| Ok(Subscribed { id: row.get(0)?, event: row.get(1)?, url: row.get(2)? });
    sql.all(
        "SELECT id, event, url FROM subscription WHERE instance_id = ?1 ORDER BY event, id",
        [instance.0],
        read,
    )
}

fn note(sql: &Sql, instance: InstanceId, subscribed: &[Subscribed]) -> Result<(), StoreError> {
    let has_hook = "SELECT 1 FROM hook WHERE instance_id = ?1";
    if sql.find(has_hook, [instance.0], |_| Ok(()))?.is_none() {
        return Err(StoreError::Conflict);
    }
    sql.execute("DELETE FROM subscription WHERE instance_id = ?1", [instance.0])?;
    sql.execute_each(
        "INSERT INTO subscription (instance_id, id, event, url) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (instance_id, id) DO UPDATE SET event = excluded.event, url = excluded.url",
        subscribed.iter().map(|one| params![instance.0, one.id, one.event, one.url]),
    )?;
    Ok(())
}

fn settle(
    sql: &Sql,
    instance: InstanceId,
    revision: i64,
    HookOutcome { due, trouble }: &HookOutcome,
) -> Result<(), StoreError> {
    sql.execute(
        "UPDATE hook SET due = ?3, failures = ?4, error = ?5
         WHERE instance_id = ?1 AND revision = ?2",
        params![
            instance.0,
            revision,
            due.map(|at| at.0),
            trouble.as_ref().map_or(0, |trouble| trouble.failures),
            trouble.as_ref().map(|trouble| &trouble.message),
        ],
    )?;
    Ok(())
}

/// What deliveries to an instance are signed with.
pub(crate) fn open_secret(
    key: &SecretKey,
    instance: InstanceId,
    sealed: &[u8],
) -> Result<SecretString, StoreError> {
    let opened = key.open(&secret_of(instance), sealed)?;
    let text = std::str::from_utf8(&opened).map_err(|error| StoreError::stored("hook", error))?;
    Ok(SecretString::from(text))
}

/// The associated data of a sealed secret.
fn secret_of(instance: InstanceId) -> String {
    format!("instance/{instance}/hook")
}
