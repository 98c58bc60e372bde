//! What this process has claimed, and that an outcome counts only while the claim holds.
//!
//! With SQLite there is one process, and memory says all. Nodes that share PostgreSQL claim by rows:
//! each claim has a number of its own, the fence, and the transaction that records an outcome checks
//! that the row still has it. So a node that was thought to be dead cannot write over its successor.

use std::collections::HashSet;
use std::time::Duration;

use oc_config::{InstanceId, Timestamp};

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
}

impl Kind {
    pub(crate) fn lane(replay: bool) -> Self {
        if replay { Self::Replay } else { Self::Lane }
    }
}

/// A claim, as the transaction of an outcome needs it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Claim {
    pub(crate) kind: Kind,
    pub(crate) key: i64,
    /// `None`: nothing is claimed.
    fence: Option<i64>,
    /// Nothing of it is left after this outcome.
    ends: bool,
}

impl Claim {
    /// Whether it still holds; nobody else gets it before the transaction ends. The last outcome
    /// gives it back.
    pub(crate) fn counts(&self, sql: &Sql) -> Result<bool, StoreError> {
        match (sql.is_postgres(), self.fence) {
            (false, _) => Ok(true),
            (true, None) => Ok(false),
            (true, Some(fence)) if self.ends => rows::give_back(sql, self.kind, self.key, fence),
            (true, Some(fence)) => rows::hold(sql, self.kind, self.key, fence),
        }
    }

    /// The same, where an outcome that does not count is a conflict.
    pub(crate) fn check(&self, sql: &Sql) -> Result<(), StoreError> {
        if self.counts(sql)? { Ok(()) } else { Err(StoreError::Conflict) }
    }
}

impl Store {
    /// The claim that an outcome is for; `ends`: when no parts are left the outcome gives it back.
    pub(crate) fn claimed(&self, kind: Kind, key: i64, ends: bool) -> Claim {
        let leases = locked(&self.shared.leases);
        let (fence, parts) = leases.of(&(kind, key)).unzip();
        Claim { kind, key, fence, ends: ends && parts.is_none_or(|parts| parts <= 1) }
    }

    /// Gives a claim back in memory, after an outcome that has done so in the database or is void.
    pub(crate) async fn given_back(&self, claim: Claim, is_void: bool) {
        let ended = locked(&self.shared.leases).give_back(&(claim.kind, claim.key));
        let Some(fence) = claim.fence.filter(|_| ended && is_void) else { return };
        // What stays behind when this fails ends with its lease.
        if self.database.is_shared() {
            let free = move |sql: &Sql| rows::give_back(sql, claim.kind, claim.key, fence);
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

    /// Of the keys, those that this process may have from now on: nobody has claimed them.
    pub(crate) async fn take(
        &self,
        kind: Kind,
        keys: Vec<i64>,
        (now, lease): (Timestamp, Duration),
    ) -> Result<Vec<i64>, StoreError> {
        let Some(node) = self.node() else {
            let mut leases = locked(&self.shared.leases);
            let free: Vec<i64> =
                keys.into_iter().filter(|key| !leases.is_held(&(kind, *key), now)).collect();
            for key in &free {
                leases.take((kind, *key), 0, now, lease);
                leases.forget(&(Kind::Reserved, *key));
            }
            return Ok(free);
        };
        if keys.is_empty() {
            return Ok(keys);
        }
        let (node, wanted) = (node.id(), keys.clone());
        let take = move |sql: &Sql| rows::take(sql, node, kind, &wanted, lease);
        let fences = self.database.write_to(Touches::Nothing, take).await?;
        let mut leases = locked(&self.shared.leases);
        let taken = keys.into_iter().filter_map(|key| {
            let fence = fences.get(&key)?;
            leases.take((kind, key), *fence, now, lease);
            Some(key)
        });
        Ok(taken.collect())
    }

    /// Says of how many parts a claim consists; none gives it back.
    pub(crate) async fn parts(&self, kind: Kind, key: i64, parts: usize) {
        if parts == 0 {
            let claim = self.claimed(kind, key, true);
            self.given_back(claim, true).await;
        } else {
            locked(&self.shared.leases).set_parts(&(kind, key), parts);
        }
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
                leases.take((Kind::Reserved, instance.0), 0, now, within);
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
