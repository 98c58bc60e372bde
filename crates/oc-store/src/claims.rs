//! What this process has claimed, and that an outcome counts only while the claim holds.
//!
//! Each claim has a number of its own, the fence, which goes with what was claimed and comes back with
//! the outcome. With SQLite there is one process, and memory says whether it is still the last one.
//! Nodes that share PostgreSQL claim by rows, and the transaction that records an outcome checks that
//! the row still has the number. So a node that was thought to be dead cannot write over its successor.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use oc_config::{InstanceId, Timestamp};
use oc_dispatch::Turn;
use oc_poll::{Due, Fence};

use crate::postgres::{Touches, claims as rows};
use crate::sql::Sql;
use crate::store::locked;
use crate::{Store, StoreError};

/// What can be claimed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    /// Whoever polls an instance, carries on its tasks or works off its inbox.
    Instance = 1,
    /// Whoever sends what is new in a lane.
    Lane = 2,
    /// Whoever sends the replays of a lane.
    Replay = 3,
    /// Whoever looks after an instance's subscriptions.
    Hook = 4,
    /// Whoever has waited for an instance gets it next.
    Reserved = 5,
    /// Whoever refreshes an instance's tokens.
    Refresh = 6,
}

impl Kind {
    /// What has to be claimed to send of a lane; a probe is sent instead of what is new.
    pub(crate) fn of(turn: Turn) -> Self {
        match turn {
            Turn::New | Turn::Probe => Self::Lane,
            Turn::Replay => Self::Replay,
        }
    }
}

/// A claim, as the transaction of an outcome needs it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Claim {
    pub(crate) kind: Kind,
    pub(crate) key: i64,
    fence: Fence,
    /// Nobody else in this process has claimed the same since.
    is_last: bool,
    /// Nothing of it is left after this outcome.
    ends: bool,
}

impl Claim {
    /// Of each whether it still holds; nobody else gets those before the transaction ends. The last
    /// outcome gives a claim back.
    pub(crate) fn counts_each(sql: &Sql, claims: &[Self]) -> Result<Vec<bool>, StoreError> {
        if !sql.is_postgres() {
            return Ok(claims.iter().map(|one| one.is_last).collect());
        }
        let row = |one: &&Self| (one.kind, one.key, one.fence);
        let (ending, staying): (Vec<_>, Vec<_>) = claims.iter().partition(|one| one.ends);
        let mut ending = rows::give_back_each(sql, ending.iter().map(row))?.into_iter();
        let mut staying = rows::hold_each(sql, staying.iter().map(row))?.into_iter();
        let next = |one: &Self| if one.ends { ending.next() } else { staying.next() };
        Ok(claims.iter().map(next).map(Option::unwrap_or_default).collect())
    }

    /// Does what is only its owner's to do. It is asked about together with the first statement of
    /// `job`, all of which is undone where it does not hold.
    ///
    /// # Errors
    /// [`StoreError::Conflict`]: it does not hold.
    pub(crate) fn guard<T>(
        &self,
        sql: &Sql,
        job: impl FnOnce() -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        if !sql.is_postgres() {
            return if self.is_last { job() } else { Err(StoreError::Conflict) };
        }
        let holds = rows::hold_later(sql, self.kind, self.key, self.fence, self.ends)?;
        let done = job()?;
        holds.heard(sql)?.ok_or(StoreError::Conflict)?;
        Ok(done)
    }
}

impl Store {
    /// The claim that an outcome is for; `ends`: when no parts are left the outcome gives it back.
    pub(crate) fn claimed(&self, (kind, key): (Kind, i64), fence: Fence, ends: bool) -> Claim {
        let leases = locked(&self.shared.leases);
        let last = leases.of(&(kind, key));
        let is_last = last.is_none_or(|(of, _)| of == fence);
        let ends = ends && last.is_none_or(|(of, parts)| of != fence || parts <= 1);
        Claim { kind, key, fence, is_last, ends }
    }

    /// The same for an instance.
    pub(crate) fn claimed_instance(&self, due: &Due, ends: bool) -> Claim {
        self.claimed((Kind::Instance, due.target.instance.0), due.fence, ends)
    }

    /// Gives a claim back in memory, after an outcome that has done so in the database or is void.
    pub(crate) async fn given_back(&self, claim: Claim, is_void: bool) {
        let Claim { kind, key, fence, .. } = claim;
        let ended = locked(&self.shared.leases).give_back(&(kind, key), fence);
        // What stays behind when this fails ends with its lease.
        if ended && is_void && self.database.is_shared() {
            let free = move |sql: &Sql| rows::give_back(sql, kind, key, fence);
            let freed = self.database.write_to(Touches::Nothing, free).await;
            if let Err(error) = freed {
                tracing::warn!(%error, "A claim is held until its lease ends");
            }
        }
    }

    /// What this process has claimed.
    pub(crate) fn held(&self, kind: Kind, now: Timestamp) -> HashSet<i64> {
        locked(&self.shared.leases)
            .held(now)
            .filter(|(of, _)| *of == kind)
            .map(|(_, key)| *key)
            .collect()
    }

    /// Of the keys, those that this process may have from now on, as nobody had claimed them; each
    /// with the number of its claim.
    pub(crate) async fn take(
        &self,
        kind: Kind,
        keys: Vec<i64>,
        (now, lease): (Timestamp, Duration),
    ) -> Result<HashMap<i64, Fence>, StoreError> {
        let Some(node) = self.node() else {
            let mut leases = locked(&self.shared.leases);
            let mut taken = HashMap::new();
            for key in keys {
                if !leases.is_held(&(kind, key), now) {
                    taken.insert(key, leases.number_and_take((kind, key), now, lease));
                    leases.forget(&(Kind::Reserved, key));
                }
            }
            return Ok(taken);
        };
        if keys.is_empty() {
            return Ok(HashMap::new());
        }
        // What is claimed by a node that others may take for dead is of no use.
        self.database.revive().await?;
        let node = node.id();
        let take = move |sql: &Sql| rows::take(sql, node, kind, &keys, lease);
        let taken = self.database.write_to(Touches::Nothing, take).await?;
        let mut leases = locked(&self.shared.leases);
        for (key, fence) in &taken {
            leases.take((kind, *key), *fence, now, lease);
        }
        Ok(taken)
    }

    /// Says of how many parts a claim consists.
    pub(crate) fn set_parts(&self, kind: Kind, key: i64, parts: usize) {
        locked(&self.shared.leases).set_parts(&(kind, key), parts);
    }

    /// Gives back what was claimed and turned out not to be wanted.
    pub(crate) async fn let_go(&self, kind: Kind, key: i64, fence: Fence) {
        let claim = self.claimed((kind, key), fence, true);
        self.given_back(claim, true).await;
    }

    /// Holds a claim for longer; one that is not held any more is not taken again.
    pub(crate) async fn hold_longer(
        &self,
        kind: Kind,
        key: i64,
        (now, lease): (Timestamp, Duration),
    ) -> Result<(), StoreError> {
        let fence = locked(&self.shared.leases).renew(&(kind, key), now, lease);
        let Some(fence) = fence.filter(|_| self.database.is_shared()) else { return Ok(()) };
        let renew = move |sql: &Sql| rows::renew(sql, kind, key, fence, lease);
        self.database.write_to(Touches::Nothing, renew).await
    }

    /// Keeps instances for who calls this: polls find them claimed until they are taken, or `within`
    /// is over.
    pub(crate) async fn reserve(
        &self,
        instances: Vec<InstanceId>,
        (now, within): (Timestamp, Duration),
    ) -> Result<(), StoreError> {
        let Some(node) = self.node() else {
            let mut leases = locked(&self.shared.leases);
            leases.forget_ended(now, |(kind, _)| *kind == Kind::Reserved);
            for instance in instances {
                leases.number_and_take((Kind::Reserved, instance.0), now, within);
            }
            return Ok(());
        };
        if instances.is_empty() {
            return Ok(());
        }
        let node = node.id();
        let reserve = move |sql: &Sql| {
            let keys: Vec<i64> = instances.iter().map(|instance| instance.0).collect();
            rows::take(sql, node, Kind::Reserved, &keys, within).map(drop)
        };
        self.database.write_to(Touches::Nothing, reserve).await
    }
}
