//! Claiming what is to be polled.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use oc_config::{InstanceId, Timestamp};
use oc_poll::{DueInstance, Fence, ResourceId};

use super::due::{self, Found};
use crate::claims::Kind;
use crate::sql::Sql;
use crate::store::locked;
use crate::{Store, StoreError};

/// For how long somebody who polls by hand keeps nodes from doing so.
const BY_HAND: Duration = Duration::from_secs(600);

impl Store {
    /// Up to `limit` instances with due resources, which are this process's from now on.
    pub(super) async fn take_due(
        &self,
        now: Timestamp,
        limit: usize,
        lease: Duration,
    ) -> Result<Found, StoreError> {
        let found = match self.node() {
            None => self.take_found(now, limit, lease).await?,
            Some(_) => self.find_taken(now, limit, lease).await?,
        };
        for one in &found.instances {
            self.set_parts(Kind::Instance, one.instance.0, one.resources.len());
        }
        Ok(found)
    }

    /// One process: what is found is free, unless it was claimed meanwhile.
    async fn take_found(
        &self,
        now: Timestamp,
        limit: usize,
        lease: Duration,
    ) -> Result<Found, StoreError> {
        // What was not held before the snapshot had been finished before it.
        let mut held = self.held(Kind::Instance, now);
        held.extend(self.held(Kind::Reserved, now));
        let (profiles, shared) = (self.profiles.clone(), Arc::clone(&self.shared));
        let find = move |sql: &Sql| {
            let last = &mut locked(&shared.last_polled);
            let due = due::instances(sql, now, limit, &held, last)?;
            due::find(sql, &profiles, now, &due)
        };
        let mut found = self.database.read(find).await?;
        let reserved = self.held(Kind::Reserved, now);
        let instances = found.instances.iter().map(|one| one.instance.0);
        let free = instances.filter(|instance| !reserved.contains(instance)).collect();
        let taken = self.take(Kind::Instance, free, (now, lease)).await?;
        found.instances = fenced(found.instances, &taken);
        let kept = found.instances.iter().flat_map(|one| &one.resources);
        let kept: HashSet<ResourceId> = kept.map(|due| due.resource).collect();
        found.staged.retain(|resource| kept.contains(resource));
        Ok(found)
    }

    /// Many processes: only what is read after it was claimed is as its last owner has left it.
    async fn find_taken(
        &self,
        now: Timestamp,
        limit: usize,
        lease: Duration,
    ) -> Result<Found, StoreError> {
        let held = self.held(Kind::Instance, now);
        let shared = Arc::clone(&self.shared);
        let choose = move |sql: &Sql| {
            due::instances(sql, now, limit, &held, &mut locked(&shared.last_polled))
        };
        let due = self.database.read(choose).await?;
        let keys = due.iter().map(|instance| instance.0).collect();
        let taken = self.take(Kind::Instance, keys, (now, lease)).await?;
        let instances: Vec<InstanceId> =
            due.into_iter().filter(|instance| taken.contains_key(&instance.0)).collect();
        let profiles = self.profiles.clone();
        let find = move |sql: &Sql| due::find(sql, &profiles, now, &instances);
        let mut found = self.database.read(find).await;
        let kept = found.as_ref().map(|found| &*found.instances).unwrap_or_default();
        for (key, fence) in &taken {
            if !kept.iter().any(|one| one.instance.0 == *key) {
                self.let_go(Kind::Instance, *key, *fence).await;
            }
        }
        if let Ok(found) = &mut found {
            found.instances = fenced(std::mem::take(&mut found.instances), &taken);
        }
        found
    }

    /// Keeps nodes from polling an instance that somebody polls by hand.
    pub(super) async fn take_by_hand(&self, instance: InstanceId) -> Result<Fence, StoreError> {
        if self.node().is_none() {
            return Ok(Fence::default());
        }
        let lease = (self.clock().now(), BY_HAND);
        let taken = self.take(Kind::Instance, vec![instance.0], lease).await?;
        let fence = taken.get(&instance.0).ok_or(StoreError::Claimed)?;
        // It is held until the process ends, whatever becomes of it.
        self.set_parts(Kind::Instance, instance.0, usize::MAX);
        Ok(*fence)
    }
}

/// Of what was found that which was claimed, with the number of its claim.
fn fenced(found: Vec<DueInstance>, taken: &HashMap<i64, Fence>) -> Vec<DueInstance> {
    let of_claim = |mut one: DueInstance| {
        let fence = taken.get(&one.instance.0)?;
        one.resources.iter_mut().for_each(|due| due.fence = *fence);
        Some(one)
    };
    found.into_iter().filter_map(of_claim).collect()
}
