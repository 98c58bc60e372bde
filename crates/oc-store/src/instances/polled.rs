//! The resources of an instance that are polled, and where each stands.

use std::collections::HashSet;

use oc_config::{Connector, InstanceId, ResourceConfig, Timestamp};
use oc_poll::{ResourceId, Swept, Task};
use serde_json::Value as Json;

use crate::ledger::{forget_contents, keep_only_contents, void_staged};
use crate::sql::{Params, Row, Sql, params};
use crate::tasks::{Plan, planned, read_swept, read_task, replanned};
use crate::{OrganizationId, Store, StoreError};

/// A resource that is to be polled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolledResource {
    /// Its name.
    pub name: String,
    /// Its url and id field: with another one it starts anew (polling.md, "A poll", 5).
    pub identity: String,
    /// When it starts if it is new: nothing dated at or before this is sent, unless asked for.
    pub start: Timestamp,
    /// When it is polled first when it is new, or was not polled.
    pub first_due: Timestamp,
    /// What is to be done besides polling.
    plan: Plan,
    /// Its updates tell what differs; otherwise contents are not kept.
    pub changes: bool,
}

impl PolledResource {
    /// A resource as it is configured.
    pub fn new(
        config: &ResourceConfig,
        connector: &Connector,
        start: Timestamp,
        first_due: Timestamp,
    ) -> Self {
        let identity = format!("{}\n{}", config.url.text(), config.id_field);
        let (name, changes) = (config.name.clone(), config.changes);
        let plan = Plan::of(config, connector);
        Self { name, identity, start, first_due, plan, changes }
    }
}

/// Where the polling of a resource stands.
#[derive(Clone, Debug, PartialEq)]
pub struct ResourceState {
    /// Its number.
    pub id: i64,
    /// The instance.
    pub instance: InstanceId,
    /// Its name.
    pub name: String,
    /// The last poll time, L.
    pub cursor: Timestamp,
    /// Polls completed.
    pub polls: u64,
    /// When the last one began.
    pub last_poll: Option<Timestamp>,
    /// What came of it, as JSON.
    pub last_result: Option<Json>,
    /// When it is polled next; `None` when it is not.
    pub next_due: Option<Timestamp>,
    /// Notifications that wait to be sent.
    pub waiting: u64,
    /// Notifications that are to be sent once more.
    pub replays_waiting: u64,
    /// What is done besides polling.
    pub task: Option<Task>,
    /// When that goes on.
    pub task_due: Option<Timestamp>,
    /// What has kept it from going on.
    pub task_error: Option<String>,
    /// What came of the last sweep.
    pub last_sweep: Option<Swept>,
}

impl Store {
    /// How the polling of each resource stands that an instance has.
    ///
    /// # Errors
    /// When the storage fails.
    pub async fn resource_states(&self, id: InstanceId) -> Result<Vec<ResourceState>, StoreError> {
        self.database.read(move |sql| states(sql, "r.instance_id = ?1 ORDER BY r.id", [id.0])).await
    }

    /// The same for all instances of an organization: at most `limit` after a resource's number.
    ///
    /// # Errors
    /// When the storage fails.
    pub async fn resource_states_of(
        &self,
        of: OrganizationId,
        after: i64,
        limit: usize,
    ) -> Result<Vec<ResourceState>, StoreError> {
        let filter = "r.instance_id IN (SELECT id FROM instance WHERE organization_id = ?1)
           AND r.id > ?2 ORDER BY r.id LIMIT ?3";
        self.database.read(move |sql| states(sql, filter, params![of.0, after, limit])).await
    }
}

fn states(sql: &Sql, filter: &str, values: impl Params) -> Result<Vec<ResourceState>, StoreError> {
    let read = |row: &Row<'_>| {
        let (result, task): (Option<String>, Option<String>) = (row.get(4)?, row.get(9)?);
        let swept: Option<String> = row.get(12)?;
        Ok(ResourceState {
            id: row.get(7)?,
            instance: InstanceId(row.get(8)?),
            name: row.get(0)?,
            cursor: Timestamp(row.get(1)?),
            polls: row.get(2)?,
            last_poll: row.get::<Option<i64>>(3)?.map(Timestamp),
            last_result: result.and_then(|text| serde_json::from_str(&text).ok()),
            next_due: row.get::<Option<i64>>(5)?.map(Timestamp),
            waiting: row.get(6)?,
            replays_waiting: row.get(13)?,
            task: task.and_then(|text| read_task(&text).ok()),
            task_due: row.get::<Option<i64>>(10)?.map(Timestamp),
            task_error: row.get(11)?,
            last_sweep: swept.and_then(|text| read_swept(&text)),
        })
    };
    sql.all(
        &format!(
            "SELECT name, cursor, polls, last_poll, last_result, next_due,
           (SELECT count(*) FROM notification n WHERE n.resource_id = r.id
              AND n.seq > r.delivered_through AND n.seq <= r.visible_through), id, instance_id,
           task, task_due, task_error, last_sweep,
           (SELECT count(*) FROM replay p WHERE p.resource_id = r.id)
         FROM resource r WHERE {filter}",
        ),
        values,
        read,
    )
}

/// Makes the rows fit what is polled. Those that are not polled any more stay: what they have
/// found is still to be delivered, and their cursors count when they come back.
pub(super) fn put(
    sql: &Sql,
    id: InstanceId,
    polled: Option<&[PolledResource]>,
    destination: Option<&str>,
    now: Timestamp,
) -> Result<(), StoreError> {
    // An outcome of a poll that runs now is for the old configuration.
    sql.execute("UPDATE resource SET revision = revision + 1 WHERE instance_id = ?1", [id.0])?;
    let polled = polled.unwrap_or_default();
    for one in polled {
        put_one(sql, id, one)?;
    }
    keep_only_contents(sql, id, polled)?;
    let names: HashSet<&str> = polled.iter().map(|one| one.name.as_str()).collect();
    let rows = sql.all("SELECT id, name FROM resource WHERE instance_id = ?1", [id.0], |row| {
        Ok((row.get::<i64>(0)?, row.get::<String>(1)?))
    })?;
    for row in rows {
        if !names.contains(row.1.as_str()) {
            sql.execute("UPDATE resource SET next_due = NULL WHERE id = ?1", [row.0])?;
        }
    }
    sql.execute(
        "UPDATE resource SET next_due = NULL
         WHERE instance_id = ?1 AND (SELECT disabled FROM instance WHERE id = ?1) = 1",
        [id.0],
    )?;
    sql.execute(
        "UPDATE resource SET destination = ?2, lane_due =
           CASE WHEN ?2 IS NOT NULL AND delivered_through < visible_through
             AND (SELECT queued_at FROM instance WHERE id = ?1) IS NULL THEN coalesce(lane_due, ?3) END
         WHERE instance_id = ?1",
        params![id.0, destination, now.0],
    )?;
    Ok(())
}

/// Nobody looks for their return any more.
fn forget_the_gone(sql: &Sql, resource: ResourceId) -> Result<(), StoreError> {
    sql.execute(
        "DELETE FROM fingerprint WHERE resource_id = ?1 AND version = ?2",
        params![resource.0, oc_poll::Version::GONE.0],
    )?;
    Ok(())
}

fn put_one(sql: &Sql, id: InstanceId, one: &PolledResource) -> Result<(), StoreError> {
    let found = sql.find(
        "SELECT id, identity FROM resource WHERE instance_id = ?1 AND name = ?2",
        params![id.0, one.name],
        |row| Ok((ResourceId(row.get(0)?), row.get::<String>(1)?)),
    )?;
    match found {
        Some((resource, identity)) if identity == one.identity => go_on(sql, resource, one),
        Some((resource, _)) => {
            void_staged(sql, resource)?;
            sql.execute("DELETE FROM fingerprint WHERE resource_id = ?1", [resource.0])?;
            forget_contents(sql, resource)?;
            begin(sql, resource, one)
        }
        None => {
            let resource = sql.one(
                "INSERT INTO resource
                   (instance_id, organization_id, name, identity, revision, cursor, floor)
                 VALUES (?1, (SELECT organization_id FROM instance WHERE id = ?1), ?2, '', 1, 0, 0)
                 RETURNING id",
                params![id.0, one.name],
                |row| row.get(0).map(ResourceId),
            )?;
            begin(sql, resource, one)
        }
    }
}

/// A resource that is new, or asks for something else than before.
fn begin(sql: &Sql, resource: ResourceId, one: &PolledResource) -> Result<(), StoreError> {
    let task = planned(&one.plan, one.start);
    let (task, due) = task.map_or((None, None), |(text, due)| (Some(text), Some(due.0)));
    sql.execute(
        "UPDATE resource SET identity = ?2, cursor = ?3, floor = ?4, polls = 0, quiet_polls = 0,
           next_due = ?5,
           last_poll = NULL, last_result = NULL, forget_before = NULL, tracking = ?6, sweep = 0,
           last_sweep = NULL, task = ?7, task_due = ?8, task_failures = 0, task_error = NULL
         WHERE id = ?1",
        params![
            resource.0,
            one.identity,
            one.start.0,
            one.plan.floor(one.start).0,
            one.first_due.0,
            one.plan.every.is_some(),
            task,
            due
        ],
    )?;
    Ok(())
}

/// A resource that asks for the same as before, with or without sweeps.
fn go_on(sql: &Sql, resource: ResourceId, one: &PolledResource) -> Result<(), StoreError> {
    let (tracked, before): (bool, Option<String>) =
        sql.one("SELECT tracking, task FROM resource WHERE id = ?1", [resource.0], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })?;
    match (tracked, one.plan.every.is_some()) {
        (false, true) => track(sql, resource, one, before.as_deref())?,
        (true, false) => track_no_more(sql, resource, before.as_deref())?,
        _ => {}
    }
    sql.execute(
        // Whoever changes the instance does not wait for the end of a long quiet.
        "UPDATE resource SET quiet_polls = 0, next_due = CASE WHEN quiet_polls > 0
           AND next_due > ?2 THEN ?2 ELSE coalesce(next_due, ?2) END
         WHERE id = ?1",
        params![resource.0, one.first_due.0],
    )?;
    Ok(())
}

fn track(
    sql: &Sql,
    resource: ResourceId,
    one: &PolledResource,
    before: Option<&str>,
) -> Result<(), StoreError> {
    sql.execute(
        "UPDATE resource SET tracking = 1, forget_before = NULL WHERE id = ?1",
        [resource.0],
    )?;
    if let Some((task, due)) = replanned(&one.plan, before, one.start) {
        sql.execute(
            "UPDATE resource SET task = ?2, task_due = ?3, task_failures = 0, task_error = NULL
             WHERE id = ?1",
            params![resource.0, task, due.0],
        )?;
    }
    Ok(())
}

fn track_no_more(sql: &Sql, resource: ResourceId, before: Option<&str>) -> Result<(), StoreError> {
    sql.execute("UPDATE resource SET tracking = 0 WHERE id = ?1", [resource.0])?;
    forget_the_gone(sql, resource)?;
    if matches!(before.map(read_task), Some(Ok(Task::Sweep(_)))) {
        sql.execute(
            "UPDATE resource SET task = NULL, task_due = NULL, task_failures = 0, task_error = NULL
             WHERE id = ?1",
            [resource.0],
        )?;
    }
    Ok(())
}
