//! What subscribing needs: which instances the provider is to tell of changes, and what it does.

mod state;
mod wanted;

use std::collections::HashSet;
use std::ops::ControlFlow;
use std::time::Duration;

use async_trait::async_trait;
use oc_config::{InstanceId, Timestamp};
use oc_hub::Subscribed;
use oc_poll::{ClaimedHooks, Fence, Hook, HookClaim, HookOutcome, Hooks, LedgerError};
use secrecy::SecretString;

use crate::claims::Kind;
use crate::postgres::{Touches, claims};
use crate::profile::Profiles;
use crate::sql::{Row, Sql, params};
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
        let held = self.held(Kind::Hook, now);
        let (key, profiles) = (self.key.clone(), self.profiles.clone());
        let find = move |sql: &Sql| {
            let of_all = sql.is_postgres().then(|| claims::held(sql, Kind::Hook)).transpose()?;
            due(sql, &key, &profiles, now, limit, of_all.as_ref().unwrap_or(&held))
        };
        let mut claimed = self.database.read(find).await?;
        let found = claimed.hooks.iter().map(|hook| hook.target.instance.0).collect();
        let taken = self.take(Kind::Hook, found, (now, lease)).await?;
        let of_claim = |hook: Hook| {
            let fence = *taken.get(&hook.target.instance.0)?;
            Some(Hook { fence, ..hook })
        };
        claimed.hooks = claimed.hooks.into_iter().filter_map(of_claim).collect();
        if self.node().is_some() {
            claimed.hooks = self.hooks_again(claimed.hooks).await?;
        }
        Ok(claimed)
    }

    async fn claim_hook(
        &self,
        instance: InstanceId,
        now: Timestamp,
        lease: Duration,
    ) -> Result<HookClaim, LedgerError> {
        let taken = self.take(Kind::Hook, vec![instance.0], (now, lease)).await?;
        let Some(&fence) = taken.get(&instance.0) else { return Ok(HookClaim::Held) };
        match self.hook(instance).await? {
            Some(hook) => Ok(HookClaim::Claimed(Box::new(Hook { fence, ..hook }))),
            None => {
                self.let_go(Kind::Hook, instance.0, fence).await;
                Ok(HookClaim::Missing)
            }
        }
    }

    async fn note(&self, hook: &Hook, subscribed: &[Subscribed]) -> Result<(), LedgerError> {
        let (instance, subscribed) = (hook.target.instance, subscribed.to_vec());
        let claim = self.claimed((Kind::Hook, instance.0), hook.fence, false);
        let note = move |sql: &Sql| claim.guard(sql, || note(sql, instance, &subscribed));
        Ok(self.database.write_to(Touches::Instance(instance), note).await?)
    }

    async fn settle(&self, hook: &Hook, outcome: HookOutcome) -> Result<(), LedgerError> {
        let (instance, revision) = (hook.target.instance, hook.revision);
        let claim = self.claimed((Kind::Hook, instance.0), hook.fence, true);
        let settle =
            move |sql: &Sql| claim.guard(sql, || settle(sql, instance, revision, &outcome));
        let settled = self.database.write_to(Touches::Instance(instance), settle).await;
        self.given_back(claim, settled.is_err()).await;
        Ok(settled?)
    }
}

impl Store {
    async fn hook(&self, instance: InstanceId) -> Result<Option<Hook>, StoreError> {
        let (key, profiles) = (self.key.clone(), self.profiles.clone());
        self.database.read(move |sql| hook(sql, &key, &profiles, instance)).await
    }

    /// Hooks as their last owners have left them, read after they were claimed.
    async fn hooks_again(&self, hooks: Vec<Hook>) -> Result<Vec<Hook>, StoreError> {
        let mut found = Vec::with_capacity(hooks.len());
        for one in hooks {
            let instance = one.target.instance;
            match self.hook(instance).await? {
                Some(hook) => found.push(Hook { fence: one.fence, ..hook }),
                None => self.let_go(Kind::Hook, instance.0, one.fence).await,
            }
        }
        Ok(found)
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
    held: &HashSet<i64>,
) -> Result<ClaimedHooks, StoreError> {
    let mut hooks = Vec::new();
    let due = "SELECT instance_id FROM hook WHERE due <= ?1 ORDER BY due";
    sql.each(due, [now.0], |row| {
        if hooks.len() == limit {
            return Ok(ControlFlow::Break(()));
        }
        let instance = InstanceId(row.get(0)?);
        if !held.contains(&instance.0) {
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
        fence: Fence::default(),
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
