//! How the steps of loads and sweeps are recorded.

use oc_config::{InstanceId, Timestamp};
use oc_dispatch::Notification;
use oc_poll::{Next, ResourceId, Step, Sweep, Task, Trouble};
use serde_json::json;

use super::GONE;
use super::text::{swept_text, task_text};
use crate::ledger::{Told, publish, remember, replace_contents, tell};
use crate::sql::{Sql, params};
use crate::{StoreError, notice};

/// Records a step; returns whether there is something to send.
pub(super) fn record(
    sql: &Sql,
    resource: ResourceId,
    revision: i64,
    now: Timestamp,
    step: &Step,
    notifications: &[Notification],
) -> Result<Told, StoreError> {
    let due = match step.next {
        Next::Now => Some(now),
        Next::At(at) => Some(at),
        Next::Asked => None,
    };
    let number = match &step.task {
        Some(Task::Sweep(sweep)) if sweep.started.is_some() => Some(sweep.number),
        _ => None,
    };
    let row = sql.find(
        "UPDATE resource SET task = ?3, task_due = ?4, task_failures = 0, task_error = NULL,
               sweep = coalesce(?5, sweep), last_sweep = coalesce(?6, last_sweep)
             WHERE id = ?1 AND revision = ?2
             RETURNING polls, sweep, visible_through, destination",
        params![
            resource.0,
            revision,
            step.task.as_ref().map(task_text),
            due.filter(|_| step.task.is_some()).map(|at| at.0),
            number,
            step.swept.as_ref().map(swept_text),
        ],
        |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)),
    )?;
    let (polls, sweep, visible, destination): (i64, i64, i64, Option<String>) =
        row.ok_or(StoreError::Conflict)?;
    mark(sql, resource, -sweep, &step.missing)?;
    mark(sql, resource, sweep, &step.seen)?;
    remember(sql, resource, polls, sweep, &step.part.fingerprints)?;
    replace_contents(sql, resource, polls, &step.part.contents)?;
    tell(sql, resource, now, notifications)?;
    if let Some(Task::Sweep(sweep)) = step.task.as_ref().filter(|_| step.next == Next::Asked) {
        tell_of_question(sql, resource, sweep)?;
    }
    publish(sql, resource, visible, destination.is_some(), now)
}

/// A sweep that has found too much gone waits for somebody.
fn tell_of_question(sql: &Sql, resource: ResourceId, sweep: &Sweep) -> Result<(), StoreError> {
    let (instance, name) =
        sql.one("SELECT instance_id, name FROM resource WHERE id = ?1", [resource.0], |row| {
            Ok((InstanceId(row.get(0)?), row.get::<String>(1)?))
        })?;
    let details = json!({"resource": name, "missing": sweep.missing, "of": sweep.tracked});
    notice::tell(sql, instance, "deletions.asked", &details)
}

fn mark(sql: &Sql, resource: ResourceId, as_of: i64, objects: &[String]) -> Result<(), StoreError> {
    sql.execute_each(
        &format!(
            "UPDATE fingerprint SET sweep = ?3
             WHERE resource_id = ?1 AND object_id = ?2 AND sweep <> ?3 AND version <> {GONE}"
        ),
        objects.iter().map(|object| params![resource.0, *object, as_of]),
    )?;
    Ok(())
}

/// Puts a task off that could not go on.
pub(super) fn put_off(
    sql: &Sql,
    resource: ResourceId,
    revision: i64,
    at: Timestamp,
    trouble: Option<&Trouble>,
) -> Result<(), StoreError> {
    let changed = sql.execute(
        "UPDATE resource SET task_due = ?3, task_failures = coalesce(?4, task_failures),
               task_error = coalesce(?5, task_error)
             WHERE id = ?1 AND revision = ?2 AND task_due IS NOT NULL",
        params![
            resource.0,
            revision,
            at.0,
            trouble.map(|trouble| trouble.failures),
            trouble.map(|trouble| &trouble.message),
        ],
    )?;
    if changed == 0 { Err(StoreError::Conflict) } else { Ok(()) }
}
