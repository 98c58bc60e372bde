//! Which loads and sweeps are due.

use std::collections::HashSet;
use std::ops::ControlFlow;

use oc_config::{InstanceId, Timestamp};
use oc_poll::{DueTask, ResourceId};

use super::read_task;
use crate::StoreError;
use crate::ledger::due_resource;
use crate::profile::Profiles;
use crate::sql::{Sql, params};

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
    sql: &Sql,
    profiles: &Profiles,
    now: Timestamp,
    limit: usize,
    held: &HashSet<i64>,
    busy: &HashSet<String>,
) -> Result<Found, StoreError> {
    let mut busy = busy.clone();
    let (mut tasks, mut staged, mut waiting) = (Vec::new(), Vec::new(), Vec::new());
    sql.each(
        "SELECT r.id, r.instance_id, i.account FROM resource r JOIN instance i ON i.id = r.instance_id
         WHERE r.task_due <= ?1 AND r.next_due IS NOT NULL ORDER BY r.task_due, r.id",
        [now.0],
        |row| {
        if tasks.len() == limit {
            return Ok(ControlFlow::Break(()));
        }
        let (resource, instance) = (ResourceId(row.get(0)?), InstanceId(row.get(1)?));
        let account: String = row.get(2)?;
        if busy.contains(&account) {
            return Ok(ControlFlow::Continue(()));
        }
        if held.contains(&instance.0) {
            waiting.push(instance);
        } else if let Some(task) = readable(task_of(sql, profiles, instance, resource, &mut staged))? {
            busy.insert(account);
            tasks.push(task);
        }
        Ok(ControlFlow::Continue(()))
    })?;
    let next = sql
        .one(
            "SELECT min(task_due) FROM resource WHERE task_due > ?1 AND next_due IS NOT NULL",
            [now.0],
            |row| row.get::<Option<i64>>(0),
        )?
        .map(Timestamp);
    Ok(Found { tasks, staged, waiting, next })
}

/// The task of one resource, due or not.
pub(super) fn of_resource(
    sql: &Sql,
    profiles: &Profiles,
    instance: InstanceId,
    resource: ResourceId,
    staged: &mut Vec<ResourceId>,
) -> Result<Option<DueTask>, StoreError> {
    task_of(sql, profiles, instance, resource, staged)
}

/// An instance whose configuration cannot be read any more has none: its next poll says why.
fn readable(found: Result<Option<DueTask>, StoreError>) -> Result<Option<DueTask>, StoreError> {
    match found {
        Err(error) if error.is_of_database() => Err(error),
        Err(_) => Ok(None),
        found => found,
    }
}

fn task_of(
    sql: &Sql,
    profiles: &Profiles,
    instance: InstanceId,
    resource: ResourceId,
    staged: &mut Vec<ResourceId>,
) -> Result<Option<DueTask>, StoreError> {
    let row = sql.find(
        "SELECT task, task_failures FROM resource WHERE id = ?1",
        params![resource.0],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )?;
    let Some((Some(text), failures)): Option<(Option<String>, u32)> = row else { return Ok(None) };
    let task = read_task(&text)?;
    let Some(profile) = profiles.of(sql, instance)? else { return Ok(None) };
    let due = due_resource(sql, instance, &profile, resource, staged)?;
    Ok(due.map(|due| DueTask { due, task, failures }))
}
