//! How the outcome of a poll is recorded.

use oc_config::{InstanceId, Timestamp};
use oc_dispatch::Notification;
use oc_poll::{Checkpoint, Failure, Finding, Fingerprint, ResourceId};
use serde_json::json;

use super::content;
use crate::sql::{Sql, Value, params};
use crate::{StoreError, notice};

/// Puts a part of a poll aside: its notifications lie behind `visible_through`, its fingerprints
/// carry the number of a poll that is not completed.
pub(super) fn stage(
    sql: &Sql,
    resource: ResourceId,
    revision: i64,
    started: Timestamp,
    fingerprints: &[Fingerprint],
    notifications: &[Notification],
) -> Result<(), StoreError> {
    let poll = sql.find(
        "UPDATE resource SET staging = 1 WHERE id = ?1 AND revision = ?2
             RETURNING polls + 1, sweep",
        params![resource.0, revision],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )?;
    let (poll, sweep) = poll.ok_or(StoreError::Conflict)?;
    remember(sql, resource, poll, sweep, fingerprints)?;
    tell(sql, resource, started, notifications)
}

/// Moves a resource on to after a completed poll, when it is still as that poll has found it.
const COMPLETE: &str = "UPDATE resource
  SET cursor = CASE WHEN cursor < ?4 THEN ?4 ELSE cursor END, polls = polls + 1, staging = 0,
    next_due = CASE WHEN next_due IS NULL THEN NULL ELSE ?5 END,
    last_poll = ?6, last_result = ?7, forget_before = coalesce(?8, forget_before), quiet_polls = ?9
  WHERE id = ?1 AND revision = ?2 AND cursor = ?3
  RETURNING polls, instance_id, visible_through, destination, sweep";

const SUCCEEDED: &str = "UPDATE instance SET failures = 0 WHERE id = ?1 AND failures <> 0";

/// What a completed poll makes of its resource, as [`COMPLETE`] has it.
#[derive(Debug)]
pub(super) struct Completed {
    resource: ResourceId,
    revision: i64,
    before: Timestamp,
    cursor: Timestamp,
    next_due: Timestamp,
    started: Timestamp,
    result: String,
    forget_before: Option<i64>,
    quiet: u32,
}

impl Completed {
    pub(super) fn of(
        resource: ResourceId,
        revision: i64,
        before: &Checkpoint,
        finding: &Finding,
    ) -> Self {
        let summary = &finding.summary;
        let result = json!({"result": "done", "records": summary.records, "events": summary.events,
            "withoutId": summary.without_id, "unreadableDates": summary.unreadable_dates});
        Self {
            resource,
            revision,
            before: before.cursor,
            cursor: finding.cursor,
            next_due: finding.next_due,
            started: finding.started,
            result: result.to_string(),
            forget_before: finding.forget_before.map(|at| at.0),
            quiet: finding.quiet,
        }
    }

    fn values(&self) -> [Value<'_>; 9] {
        params![
            self.resource.0,
            self.revision,
            self.before.0,
            self.cursor.0,
            self.next_due.0,
            self.started.0,
            self.result,
            self.forget_before,
            self.quiet
        ]
    }
}

/// Records completed polls that found nothing; tells of each whether its resource is still as it was.
pub(super) fn done_quietly(sql: &Sql, completed: &[&Completed]) -> Result<Vec<bool>, StoreError> {
    let rows = completed.iter().map(|one| one.values());
    let instances = sql.find_each(COMPLETE, rows, |row| row.get::<i64>(1))?;
    let instance = instances.iter().flatten().map(|id| [*id]);
    sql.execute_each(SUCCEEDED, instance)?;
    Ok(instances.iter().map(Option::is_some).collect())
}

/// Records a completed poll; returns whether there is something to send.
pub(super) fn done(
    sql: &Sql,
    resource: ResourceId,
    revision: i64,
    before: &Checkpoint,
    finding: &Finding,
    notifications: &[Notification],
) -> Result<bool, StoreError> {
    let completed = Completed::of(resource, revision, before, finding);
    let row = sql.find(COMPLETE, completed.values(), |row| {
        let instance = InstanceId(row.get(1)?);
        Ok((row.get(0)?, instance, row.get(2)?, row.get(3)?, row.get(4)?))
    })?;
    let (poll, instance, visible, destination, sweep): (i64, _, i64, Option<String>, i64) =
        row.ok_or(StoreError::Conflict)?;
    remember(sql, resource, poll, sweep, &finding.part.fingerprints)?;
    tell(sql, resource, finding.started, notifications)?;
    sql.execute(SUCCEEDED, [instance.0])?;
    publish(sql, resource, visible, destination.is_some(), finding.started)
}

/// Makes visible what was written behind `visible`; returns whether it is to be sent.
pub(crate) fn publish(
    sql: &Sql,
    resource: ResourceId,
    visible: i64,
    send: bool,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let last: Option<i64> =
        sql.one("SELECT max(seq) FROM notification WHERE resource_id = ?1", [resource.0], |row| {
            row.get(0)
        })?;
    let Some(last) = last.filter(|last| *last > visible) else { return Ok(false) };
    show(sql, resource, last, send, now)?;
    Ok(send)
}

/// Makes the notifications up to `last` visible. Without a callback they are only kept; those that
/// still wait for one keep waiting, and what comes behind them waits with them.
fn show(
    sql: &Sql,
    resource: ResourceId,
    last: i64,
    send: bool,
    now: Timestamp,
) -> Result<(), StoreError> {
    let statement = if send {
        "UPDATE resource SET visible_through = ?2, lane_due = CASE
           WHEN (SELECT queued_at FROM instance WHERE id = instance_id) IS NULL THEN coalesce(lane_due, ?3)
         END WHERE id = ?1"
    } else {
        "UPDATE resource SET visible_through = ?2, lane_due = NULL, delivered_through =
           CASE WHEN delivered_through >= visible_through THEN ?2 ELSE delivered_through END
         WHERE id = ?1 AND ?3 IS NOT NULL"
    };
    sql.execute(statement, params![resource.0, last, now.0])?;
    Ok(())
}

/// Records a failed poll: it has stored nothing.
pub(super) fn failed(
    sql: &Sql,
    resource: ResourceId,
    revision: i64,
    instance: InstanceId,
    failure: &Failure,
) -> Result<(), StoreError> {
    let result = json!({"result": "failed", "error": failure.message});
    let changed = sql.execute(
        "UPDATE resource SET next_due = CASE WHEN next_due IS NULL THEN NULL ELSE ?3 END,
               last_result = ?4 WHERE id = ?1 AND revision = ?2",
        params![resource.0, revision, failure.next_due.0, result.to_string()],
    )?;
    if changed == 0 {
        return Err(StoreError::Conflict);
    }
    void_staged(sql, resource)?;
    sql.execute(
        "UPDATE instance SET failures = ?2 WHERE id = ?1",
        params![instance.0, failure.failures],
    )?;
    if failure.needs_authentication {
        refuse(sql, instance, &failure.message)?;
    }
    if failure.stop { stop(sql, instance, &failure.message) } else { Ok(()) }
}

/// Notes that the provider lets the instance in no more, and has the operator told once.
fn refuse(sql: &Sql, instance: InstanceId, reason: &str) -> Result<(), StoreError> {
    let is_news = sql.find(
        "SELECT i.id FROM instance i LEFT JOIN token_pair t ON t.instance_id = i.id
         WHERE i.id = ?1 AND i.refused IS NULL AND t.dead IS NULL",
        [instance.0],
        |row| row.get::<i64>(0),
    )?;
    sql.execute("UPDATE instance SET refused = ?2 WHERE id = ?1", params![instance.0, reason])?;
    if is_news.is_none() {
        return Ok(());
    }
    notice::tell(sql, instance, "instance.unauthorized", &json!({"reason": reason}))
}

/// Puts off a poll that was not begun.
pub(super) fn deferred(
    sql: &Sql,
    resource: ResourceId,
    revision: i64,
    until: Timestamp,
) -> Result<(), StoreError> {
    sql.execute("UPDATE resource SET next_due = ?3 WHERE id = ?1 AND revision = ?2 AND next_due IS NOT NULL", params![resource.0, revision, until.0])?;
    Ok(())
}

/// Stops the polling of an instance.
pub(super) fn stop(sql: &Sql, instance: InstanceId, reason: &str) -> Result<(), StoreError> {
    sql.execute("UPDATE instance SET stopped = ?2 WHERE id = ?1", params![instance.0, reason])?;
    sql.execute("UPDATE resource SET next_due = NULL WHERE instance_id = ?1", [instance.0])?;
    Ok(())
}

/// Takes back what a poll has put aside, if it has.
pub(crate) fn void_staged(sql: &Sql, resource: ResourceId) -> Result<(), StoreError> {
    let polls = sql.find(
        "UPDATE resource SET staging = 0 WHERE id = ?1 AND staging = 1 RETURNING polls",
        [resource.0],
        |row| row.get::<i64>(0),
    )?;
    let Some(polls) = polls else { return Ok(()) };
    sql.execute(
        "DELETE FROM notification WHERE resource_id = ?1
           AND seq > (SELECT visible_through FROM resource WHERE id = ?1)",
        [resource.0],
    )?;
    let unfinished = params![resource.0, polls];
    sql.execute(
        "DELETE FROM fingerprint WHERE resource_id = ?1 AND poll > ?2 AND previous IS NULL",
        unfinished,
    )?;
    sql.execute(
        "UPDATE fingerprint SET version = previous, previous = NULL, poll = ?2
         WHERE resource_id = ?1 AND poll > ?2",
        unfinished,
    )?;
    content::void(sql, resource, polls)
}

/// Remembers versions as found by a poll, and by the sweep that was the last to begin.
pub(crate) fn remember(
    sql: &Sql,
    resource: ResourceId,
    poll: i64,
    sweep: i64,
    fingerprints: &[Fingerprint],
) -> Result<(), StoreError> {
    sql.execute_each(
        "INSERT INTO fingerprint (resource_id, object_id, version, poll, sweep)
         VALUES (?1, ?2, ?3, ?4, ?5)
         ON CONFLICT (resource_id, object_id) DO UPDATE SET
           previous = CASE WHEN fingerprint.poll = excluded.poll
             THEN fingerprint.previous ELSE fingerprint.version END,
           version = excluded.version, poll = excluded.poll, sweep = excluded.sweep",
        fingerprints
            .iter()
            .map(|one| params![resource.0, one.object_id, one.version.0, poll, sweep]),
    )?;
    Ok(())
}

pub(crate) fn tell(
    sql: &Sql,
    resource: ResourceId,
    created: Timestamp,
    notifications: &[Notification],
) -> Result<(), StoreError> {
    let rows: Vec<_> = notifications
        .iter()
        .map(|one| {
            let trace = one.trace.as_ref().map(ToString::to_string);
            (one, one.changed.map(|at| at.0), trace, one.kinds.number())
        })
        .collect();
    sql.execute_each(
        "INSERT INTO notification (id, resource_id, created, events, body, changed, trace, kinds)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        rows.iter().map(|(one, changed, trace, kinds)| {
            let body = &one.body[..];
            params![one.id, resource.0, created.0, one.events, *body, *changed, *trace, *kinds]
        }),
    )?;
    Ok(())
}
