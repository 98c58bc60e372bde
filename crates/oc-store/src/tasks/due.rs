//! Which loads and sweeps are due.

use std::collections::HashSet;

use oc_config::{InstanceId, Timestamp};
use oc_poll::{DueTask, ResourceId};
use rusqlite::{Connection, OptionalExtension, params};

use super::read_task;
use crate::StoreError;
use crate::ledger::due_resource;
use crate::profile::Profiles;

/// What was found.
pub(super) struct Found {
    pub(super) tasks: Vec<DueTask>,
    /// Of their resources, those with staged parts that nobody will finish.
    pub(super) staged: Vec<ResourceId>,
    /// Instances whose tasks wait for a poll to end.
    pub(super) waiting: Vec<InstanceId>,
    pub(super) next: Option<Timestamp>,
}

/// Up to `limit` tasks, the longest due first: none of an instance that is `held`, and one for each
/// account that is not `busy`.
pub(super) fn find(
    sql: &Connection,
    profiles: &Profiles,
    now: Timestamp,
    limit: usize,
    held: &HashSet<InstanceId>,
    mut busy: HashSet<String>,
) -> Result<Found, StoreError> {
    let mut statement = sql.prepare_cached(
        "SELECT r.id, r.instance_id, i.account FROM resource r JOIN instance i ON i.id = r.instance_id
         WHERE r.task_due <= ?1 AND r.next_due IS NOT NULL ORDER BY r.task_due, r.id",
    )?;
    let mut rows = statement.query([now.0])?;
    let (mut tasks, mut staged, mut waiting) = (Vec::new(), Vec::new(), Vec::new());
    while tasks.len() < limit
        && let Some(row) = rows.next()?
    {
        let (resource, instance) = (ResourceId(row.get(0)?), InstanceId(row.get(1)?));
        let account: String = row.get(2)?;
        if busy.contains(&account) {
            continue;
        }
        if held.contains(&instance) {
            waiting.push(instance);
            continue;
        }
        if let Some(task) = readable(task_of(sql, profiles, instance, resource, &mut staged))? {
            busy.insert(account);
            tasks.push(task);
        }
    }
    let next = sql
        .prepare_cached(
            "SELECT min(task_due) FROM resource WHERE task_due > ?1 AND next_due IS NOT NULL",
        )?
        .query_row([now.0], |row| row.get::<_, Option<i64>>(0))?
        .map(Timestamp);
    Ok(Found { tasks, staged, waiting, next })
}

/// The task of one resource, due or not.
pub(super) fn of_resource(
    sql: &Connection,
    profiles: &Profiles,
    instance: InstanceId,
    resource: ResourceId,
) -> Result<Option<DueTask>, StoreError> {
    task_of(sql, profiles, instance, resource, &mut Vec::new())
}

/// An instance whose configuration cannot be read any more has none: its next poll says why.
fn readable(found: Result<Option<DueTask>, StoreError>) -> Result<Option<DueTask>, StoreError> {
    match found {
        Err(StoreError::Sqlite(error)) => Err(error.into()),
        Err(_) => Ok(None),
        found => found,
    }
}

fn task_of(
    sql: &Connection,
    profiles: &Profiles,
    instance: InstanceId,
    resource: ResourceId,
    staged: &mut Vec<ResourceId>,
) -> Result<Option<DueTask>, StoreError> {
    let row = sql
        .prepare_cached("SELECT task, task_failures FROM resource WHERE id = ?1")?
        .query_row(params![resource.0], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let Some((Some(text), failures)): Option<(Option<String>, u32)> = row else { return Ok(None) };
    let task = read_task(&text)?;
    let Some(profile) = profiles.of(sql, instance)? else { return Ok(None) };
    let due = due_resource(sql, instance, &profile, resource, staged)?;
    Ok(due.map(|due| DueTask { due, task, failures }))
}
