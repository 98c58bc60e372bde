//! Which resources are due.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use oc_config::{InstanceId, Timestamp};
use oc_poll::{Checkpoint, Due, DueInstance, Fence, ResourceId};

use crate::StoreError;
use crate::claims::Kind;
use crate::postgres::claims;
use crate::profile::{Profile, Profiles};
use crate::sql::{Row, Sql, params};
use crate::tasks::{is_load, is_load_of_all};
use crate::turns::{LOOK, LastTurns, Turns};

/// The resources whose time has come...
const DUE: &str = "next_due <= ?2";
/// ...or all of them...
const ANY: &str = "?2 IS NOT NULL";
/// ...or one by its number.
const ONE: &str = "id = ?2";

/// Due resources of a tenant that are looked at for each instance that is wanted.
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
    let as_it_is = "SELECT revision, failures FROM instance WHERE id = ?1";
    let ids = instances.iter().map(|instance| [instance.0]);
    let rows = sql.find_each(as_it_is, ids, |row| Ok((row.get(0)?, row.get::<u32>(1)?)))?;
    let mut owners = Vec::with_capacity(instances.len());
    for (&instance, row) in instances.iter().zip(rows) {
        let Some((revision, failures)) = row else { continue };
        match profiles.at(sql, instance, revision) {
            Ok(profile) => owners.push((instance, failures, profile)),
            Err(error) if error.is_of_database() => return Err(error),
            Err(error) => found.unreadable.push((instance, error.to_string())),
        }
    }
    let profiles = owners.iter().map(|(instance, _, profile)| (*instance, &**profile)).collect();
    let mut due = due_of(sql, &profiles, DUE, now, &mut found.staged)?;
    for (instance, failures, _) in owners {
        let resources = due.remove(&instance);
        let due = resources.map(|resources| DueInstance { instance, failures, resources });
        found.instances.extend(due);
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
    let failures = "SELECT failures FROM instance WHERE id = ?1";
    let failures = sql.one(failures, [instance.0], |row| row.get(0))?;
    let profiles = [(instance, &*profile)].into();
    let mut all = due_of(sql, &profiles, ANY, Timestamp::EPOCH, staged)?;
    let resources = all.remove(&instance).unwrap_or_default();
    Ok(Some(DueInstance { instance, failures, resources }))
}

/// One resource of an instance, whether due or not.
pub(crate) fn due_resource(
    sql: &Sql,
    instance: InstanceId,
    profile: &Profile,
    resource: ResourceId,
    staged: &mut Vec<ResourceId>,
) -> Result<Option<Due>, StoreError> {
    let profiles = [(instance, profile)].into();
    let mut found = due_of(sql, &profiles, ONE, Timestamp(resource.0), staged)?;
    Ok(found.remove(&instance).and_then(|mut resources| resources.pop()))
}

/// Up to `limit` instances with due resources, tenants by turns, and of each the longest due first;
/// none of `held`, which this process has, and none that another node has.
pub(super) fn instances(
    sql: &Sql,
    now: Timestamp,
    limit: usize,
    held: &HashSet<i64>,
    last: &mut LastTurns,
) -> Result<Vec<InstanceId>, StoreError> {
    let (mut turns, mut seen) = (Turns::new(last), HashSet::new());
    let tenant = "SELECT organization_id FROM instance WHERE id = ?1";
    let busy = sql.find_each(tenant, held.iter().map(|instance| [instance]), |row| row.get(0))?;
    busy.into_iter().flatten().for_each(|tenant| turns.under_way(tenant));
    for (instance, tenant) in due_resources(sql, now, limit)? {
        if !held.contains(&instance.0) && seen.insert(instance) {
            turns.wait(tenant, instance);
        }
    }
    let mut order = Vec::new();
    while order.len() < limit
        && let Some((tenant, instance)) = turns.next()
    {
        turns.took(tenant);
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
    let is_free = if sql.is_postgres() {
        let kinds = [Kind::Instance, Kind::Reserved];
        format!(" AND {}", claims::is_free(&kinds, "resource.instance_id"))
    } else {
        String::new()
    };
    let due = format!(
        "SELECT instance_id, organization_id, next_due FROM resource WHERE next_due <= ?1{is_free}"
    );
    let read =
        |row: &Row<'_>| Ok((row.get::<i64>(2)?, (InstanceId(row.get(0)?), row.get::<i64>(1)?)));
    let first = format!("{due} ORDER BY next_due LIMIT ?2");
    let mut found = sql.all(&first, params![now.0, LOOK], read)?;
    if found.len() == LOOK {
        let tenants = "SELECT DISTINCT organization_id FROM resource WHERE next_due IS NOT NULL";
        let tenants: Vec<i64> = sql.all(tenants, (), |row| row.get(0))?;
        let there = format!("{due} AND organization_id = ?2 ORDER BY next_due LIMIT ?3");
        let rows = limit.saturating_mul(RESOURCES);
        let values = tenants.iter().map(|tenant| params![now.0, *tenant, rows]);
        found = sql.all_each(&there, values, read)?;
        found.sort_by_key(|(due, _)| *due);
    }
    Ok(found.into_iter().map(|(_, one)| one).collect())
}

/// Resources of these instances, the longest due first; nothing for an instance without any.
fn due_of(
    sql: &Sql,
    profiles: &HashMap<InstanceId, &Profile>,
    which: &str,
    now: Timestamp,
    staged: &mut Vec<ResourceId>,
) -> Result<HashMap<InstanceId, Vec<Due>>, StoreError> {
    let query = format!(
        "SELECT id, name, revision, cursor, floor, polls, staging, tracking, task, quiet_polls,
           instance_id
         FROM resource
         WHERE instance_id = ?1 AND {which} ORDER BY next_due, id",
    );
    let values = profiles.keys().map(|instance| [instance.0, now.0]);
    let found = sql.all_each(&query, values, |row| {
        let (instance, name) = (InstanceId(row.get(10)?), row.get::<String>(1)?);
        let Some(&profile) = profiles.get(&instance) else { return Ok(None) };
        let Some(config) = profile.resources.get(&name) else { return Ok(None) };
        let resource = ResourceId(row.get(0)?);
        if row.get(6)? {
            staged.push(resource);
        }
        let (cursor, floor) = (Timestamp(row.get(3)?), Timestamp(row.get(4)?));
        let task: Option<String> = row.get(8)?;
        let due = Due {
            resource,
            revision: row.get(2)?,
            fence: Fence::default(),
            target: profile.target(instance),
            config: Arc::clone(config),
            configuration: Arc::clone(&profile.configuration),
            configured: profile.revision,
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
        };
        Ok(Some((instance, due)))
    })?;
    let mut due: HashMap<InstanceId, Vec<Due>> = HashMap::new();
    for (instance, resource) in found.into_iter().flatten() {
        due.entry(instance).or_default().push(resource);
    }
    Ok(due)
}
