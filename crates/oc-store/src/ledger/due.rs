//! Which resources are due.

use std::collections::HashSet;
use std::ops::ControlFlow;
use std::sync::Arc;

use oc_config::{InstanceId, Timestamp};
use oc_poll::{Checkpoint, Due, DueInstance, ResourceId};

use crate::StoreError;
use crate::profile::{Profile, Profiles};
use crate::sql::{Row, Sql, params};
use crate::tasks::{is_load, is_load_of_all};
use crate::turns::{LOOK, Turns};

/// The resources whose time has come...
const DUE: &str = "next_due <= ?2";
/// ...or all of them...
const ANY: &str = "?2 IS NOT NULL";
/// ...or one by its number.
const ONE: &str = "id = ?2";

/// What was found.
pub(super) struct Found {
    pub(super) instances: Vec<DueInstance>,
    /// Of their resources, those with staged parts that nobody will finish.
    pub(super) staged: Vec<ResourceId>,
    /// Instances whose configuration cannot be read any more.
    pub(super) unreadable: Vec<(InstanceId, String)>,
    pub(super) next: Option<Timestamp>,
}

/// Up to `limit` instances with due resources, tenants by turns; none of `held`.
pub(super) fn find(
    sql: &Sql,
    profiles: &Profiles,
    now: Timestamp,
    limit: usize,
    held: &HashSet<InstanceId>,
) -> Result<Found, StoreError> {
    let mut found =
        Found { instances: Vec::new(), staged: Vec::new(), unreadable: Vec::new(), next: None };
    for instance in due_instances(sql, now, limit, held)? {
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

/// Tenants take turns; of each, the longest due first.
fn due_instances(
    sql: &Sql,
    now: Timestamp,
    limit: usize,
    held: &HashSet<InstanceId>,
) -> Result<Vec<InstanceId>, StoreError> {
    let (mut turns, mut seen) = (Turns::default(), HashSet::new());
    for (instance, tenant) in due_resources(sql, now, limit)? {
        if !seen.insert(instance) {
            continue;
        }
        if held.contains(&instance) {
            turns.under_way(tenant);
        } else {
            turns.wait(tenant, (tenant, instance));
        }
    }
    let mut order = Vec::new();
    while order.len() < limit
        && let Some((tenant, instance)) = turns.next()
    {
        turns.under_way(tenant);
        order.push(instance);
    }
    Ok(order)
}

/// The instances of resources that are due, and their tenants, the longest due first: of all of
/// them; or, where one tenant's may stand in front of all others, of the first of each tenant.
fn due_resources(
    sql: &Sql,
    now: Timestamp,
    limit: usize,
) -> Result<Vec<(InstanceId, i64)>, StoreError> {
    let read = |row: &Row<'_>| Ok((InstanceId(row.get(0)?), row.get(1)?));
    let due = "SELECT instance_id, organization_id FROM resource WHERE next_due <= ?1
       ORDER BY next_due LIMIT ?2";
    let found = sql.all(due, params![now.0, LOOK], read)?;
    if found.len() < LOOK {
        return Ok(found);
    }
    let next_tenant = "SELECT organization_id FROM resource
       WHERE next_due IS NOT NULL AND organization_id > ?1 ORDER BY organization_id LIMIT 1";
    let due_there = "SELECT instance_id, organization_id FROM resource
       WHERE organization_id = ?1 AND next_due <= ?2 ORDER BY next_due LIMIT ?3";
    let (mut found, mut after) = (Vec::new(), i64::MIN);
    while let Some(tenant) = sql.find(next_tenant, [after], |row| row.get(0))? {
        // An instance has several resources, and those that are claimed stand among them.
        found.extend(sql.all(due_there, params![tenant, now.0, 8 * limit], read)?);
        after = tenant;
    }
    Ok(found)
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
