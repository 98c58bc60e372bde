//! Which resources are due.

use std::collections::HashSet;
use std::ops::ControlFlow;
use std::sync::Arc;

use oc_config::{InstanceId, Timestamp};
use oc_poll::{Checkpoint, Due, DueInstance, Fence, ResourceId};

use crate::StoreError;
use crate::claims::Kind;
use crate::postgres::claims;
use crate::profile::{Profile, Profiles};
use crate::sql::{Sql, params};
use crate::tasks::{is_load, is_load_of_all};

/// The resources whose time has come...
const DUE: &str = "next_due <= ?2";
/// ...or all of them...
const ANY: &str = "?2 IS NOT NULL";
/// ...or one by its number.
const ONE: &str = "id = ?2";

/// Due resources that are looked at for each instance that is wanted.
const RESOURCES: usize = 16;

/// What was found.
pub(super) struct Found {
    pub(super) instances: Vec<DueInstance>,
    /// Of their resources, those with staged parts that nobody will finish.
    pub(super) staged: Vec<ResourceId>,
    /// Instances whose configuration cannot be read any more.
    pub(super) unreadable: Vec<(InstanceId, String)>,
    pub(super) next: Option<Timestamp>,
}

/// The due resources of these instances.
pub(super) fn find(
    sql: &Sql,
    profiles: &Profiles,
    now: Timestamp,
    instances: &[InstanceId],
) -> Result<Found, StoreError> {
    let mut found =
        Found { instances: Vec::new(), staged: Vec::new(), unreadable: Vec::new(), next: None };
    for &instance in instances {
        match profiles.of(sql, instance) {
            Ok(Some(profile)) => {
                let due = due_of(sql, instance, &profile, DUE, now, &mut found.staged)?;
                found.instances.extend((!due.resources.is_empty()).then_some(due));
            }
            Ok(None) => {}
            Err(error) if error.is_of_database() => return Err(error),
            Err(error) => found.unreadable.push((instance, error.to_string())),
        }
    }
    found.next = sql
        .one("SELECT min(next_due) FROM resource WHERE next_due > ?1", [now.0], |row| {
            row.get::<Option<i64>>(0)
        })?
        .map(Timestamp);
    Ok(found)
}

/// All resources of an instance, whether due or not.
pub(super) fn all_of(
    sql: &Sql,
    profiles: &Profiles,
    instance: InstanceId,
    staged: &mut Vec<ResourceId>,
) -> Result<Option<DueInstance>, StoreError> {
    let Some(profile) = profiles.of(sql, instance)? else { return Ok(None) };
    due_of(sql, instance, &profile, ANY, Timestamp::EPOCH, staged).map(Some)
}

/// One resource of an instance, whether due or not.
pub(crate) fn due_resource(
    sql: &Sql,
    instance: InstanceId,
    profile: &Profile,
    resource: ResourceId,
    staged: &mut Vec<ResourceId>,
) -> Result<Option<Due>, StoreError> {
    let found = due_of(sql, instance, profile, ONE, Timestamp(resource.0), staged)?;
    Ok(found.resources.into_iter().next())
}

/// Up to `limit` instances with due resources, the longest due first; none of `held`.
pub(super) fn instances(
    sql: &Sql,
    now: Timestamp,
    limit: usize,
    held: &HashSet<i64>,
) -> Result<Vec<InstanceId>, StoreError> {
    let (mut order, mut seen) = (Vec::new(), HashSet::new());
    let due = "SELECT instance_id FROM resource WHERE next_due <= ?1 ORDER BY next_due";
    sql.each(due, [now.0], |row| {
        if order.len() == limit {
            return Ok(ControlFlow::Break(()));
        }
        let instance = InstanceId(row.get(0)?);
        if !held.contains(&instance.0) && seen.insert(instance) {
            order.push(instance);
        }
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(order)
}

/// The same in a database that is shared: none that any node has claimed.
pub(super) fn free_instances(
    sql: &Sql,
    now: Timestamp,
    limit: usize,
) -> Result<Vec<InstanceId>, StoreError> {
    let is_free = claims::is_free(&[Kind::Instance, Kind::Reserved], "resource.instance_id");
    let due = format!(
        "SELECT instance_id FROM resource WHERE next_due <= ?1 AND {is_free}
         ORDER BY next_due LIMIT ?2"
    );
    let rows = limit.saturating_mul(RESOURCES);
    let rows = sql.all(&due, params![now.0, rows], |row| row.get(0).map(InstanceId))?;
    let mut seen = HashSet::new();
    let order = rows.into_iter().filter(|instance| seen.insert(*instance));
    Ok(order.take(limit).collect())
}

fn due_of(
    sql: &Sql,
    instance: InstanceId,
    profile: &Profile,
    which: &str,
    now: Timestamp,
    staged: &mut Vec<ResourceId>,
) -> Result<DueInstance, StoreError> {
    let failures = sql
        .find("SELECT failures FROM instance WHERE id = ?1", [instance.0], |row| row.get(0))?
        .unwrap_or(0);
    let query = format!(
        "SELECT id, name, revision, cursor, floor, polls, staging, tracking, task, quiet_polls
         FROM resource
         WHERE instance_id = ?1 AND {which} ORDER BY next_due, id",
    );
    let target = profile.target(instance);
    let mut resources = Vec::new();
    sql.each(&query, [instance.0, now.0], |row| {
        let name: String = row.get(1)?;
        let Some(config) = profile.resources.get(&name) else {
            return Ok(ControlFlow::Continue(()));
        };
        let resource = ResourceId(row.get(0)?);
        if row.get(6)? {
            staged.push(resource);
        }
        let (cursor, floor) = (Timestamp(row.get(3)?), Timestamp(row.get(4)?));
        let task: Option<String> = row.get(8)?;
        resources.push(Due {
            resource,
            revision: row.get(2)?,
            fence: Fence::default(),
            target: target.clone(),
            config: Arc::clone(config),
            configuration: Arc::clone(&profile.configuration),
            interval: profile.settings.interval,
            adaptive: profile.settings.adaptive,
            checkpoint: Checkpoint {
                cursor,
                floor,
                polled: row.get::<i64>(5)? > 0,
                quiet: row.get(9)?,
                remembers: row.get(7)?
                    || is_load(task.as_deref())
                    || profile.waits_for_deletions(config),
                loads_all: is_load_of_all(task.as_deref()),
            },
        });
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(DueInstance { instance, failures, resources })
}
