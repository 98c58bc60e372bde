//! How the outcome of a poll is recorded.

use std::collections::HashMap;

use oc_config::{InstanceId, Timestamp};
use oc_dispatch::Notification;
use oc_poll::{Content, Due, Failure, Finding, Fingerprint, ResourceId};
use serde_json::json;

use super::content;
use crate::sql::{Later, Row, Sql, Value, params, storable};
use crate::{StoreError, notice};

/// The bytes of notifications that are soon stored...
const SMALL: usize = 64 << 10;
/// ...and how many fingerprints are.
const SMALL_COUNT: usize = 100;

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

/// A completed poll, as it is recorded.
pub(super) struct Done {
    resource: ResourceId,
    revision: i64,
    before: Timestamp,
    cursor: Timestamp,
    next_due: Timestamp,
    started: Timestamp,
    result: String,
    forget_before: Option<i64>,
    quiet: u32,
    fingerprints: Vec<Fingerprint>,
    notifications: Vec<Notification>,
    /// Where contents are kept.
    contents: Option<Vec<Content>>,
}

impl Done {
    pub(super) fn of(due: &Due, finding: Finding, notifications: Vec<Notification>) -> Self {
        let summary = &finding.summary;
        let result = json!({"result": "done", "records": summary.records, "events": summary.events,
            "withoutId": summary.without_id, "unreadableDates": summary.unreadable_dates});
        Self {
            resource: due.resource,
            revision: due.revision,
            before: due.checkpoint.cursor,
            cursor: finding.cursor,
            next_due: finding.next_due,
            started: finding.started,
            result: result.to_string(),
            forget_before: finding.forget_before.map(|at| at.0),
            quiet: finding.quiet,
            fingerprints: finding.part.fingerprints,
            notifications,
            contents: due.config.changes.then_some(finding.part.contents),
        }
    }

    /// Whether it is soon recorded.
    pub(super) fn is_small(&self) -> bool {
        let bytes: usize = self.notifications.iter().map(|one| one.body.len()).sum();
        bytes <= SMALL && self.fingerprints.len() <= SMALL_COUNT && self.contents.is_none()
    }

    /// The values of [`COMPLETE`].
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

/// A resource after its poll was completed.
struct Completed {
    poll: i64,
    instance: i64,
    visible: i64,
    sends: bool,
    sweep: i64,
}

impl Completed {
    fn read(row: &Row<'_>) -> Result<Self, StoreError> {
        Ok(Self {
            poll: row.get(0)?,
            instance: row.get(1)?,
            visible: row.get(2)?,
            sends: row.get::<Option<String>>(3)?.is_some(),
            sweep: row.get(4)?,
        })
    }
}

/// Records completed polls of different resources. Tells of each whether there is something to send;
/// nothing of one whose resource is not as it was when it was read, which leaves no trace.
pub(super) fn done(sql: &Sql, polls: &[&Done]) -> Result<Vec<Option<Told>>, StoreError> {
    let rows = polls.iter().map(|poll| poll.values());
    let completed = sql.find_each(COMPLETE, rows, Completed::read)?;
    let count =
        || polls.iter().zip(&completed).filter_map(|(poll, now)| Some((poll, now.as_ref()?)));
    sql.execute_each(SUCCEEDED, count().map(|(_, now)| [now.instance]))?;
    let fingerprints = count().flat_map(|(poll, now)| {
        poll.fingerprints.iter().map(|one| (poll.resource, now.poll, now.sweep, one))
    });
    remember_each(sql, fingerprints)?;
    let notifications = count().flat_map(|(poll, _)| {
        poll.notifications.iter().map(|one| (poll.resource, poll.started, one))
    });
    tell_each(sql, notifications)?;
    for (poll, now) in count() {
        if let Some(contents) = &poll.contents {
            content::complete(sql, poll.resource, now.poll, contents)?;
        }
    }
    // What was put aside before has to be shown even where nothing has come since.
    let told = polls.iter().zip(&completed).map(|(poll, now)| {
        let publish =
            |now: &Completed| publish(sql, poll.resource, now.visible, now.sends, poll.started);
        now.as_ref().map(publish).transpose()
    });
    told.collect()
}

/// Whether there is something to send; known after the transaction.
pub(crate) struct Told(Later<bool>);

impl Told {
    /// Where the connection was cut it is not known, and whoever sends looks in vain at worst.
    pub(crate) fn has_news(self) -> bool {
        self.0.found().map_or(true, |told| told == Some(true))
    }
}

/// Makes visible what was written behind `visible`.
pub(crate) fn publish(
    sql: &Sql,
    resource: ResourceId,
    visible: i64,
    send: bool,
    now: Timestamp,
) -> Result<Told, StoreError> {
    let values = [resource.0, visible, now.0];
    let told = if send {
        sql.find_later(SEND, values, |_| Ok(true))
    } else {
        sql.find_later(KEEP, values, |_| Ok(false))
    };
    told.map(Told)
}

/// Makes the notifications of a resource up to the last one visible...
const SEND: &str = "UPDATE resource SET visible_through = news.last, lane_due = CASE
  WHEN (SELECT queued_at FROM instance WHERE id = instance_id) IS NULL THEN coalesce(lane_due, ?3)
  END
  FROM (SELECT max(seq) AS last FROM notification WHERE resource_id = ?1) AS news
  WHERE id = ?1 AND news.last > ?2 RETURNING 1";
/// ...which without a callback are only kept; those that still wait for one keep waiting, and what
/// comes behind them waits with them.
const KEEP: &str = "UPDATE resource SET visible_through = news.last, lane_due = NULL,
  delivered_through = CASE WHEN delivered_through >= visible_through THEN news.last
    ELSE delivered_through END
  FROM (SELECT max(seq) AS last FROM notification WHERE resource_id = ?1) AS news
  WHERE id = ?1 AND news.last > ?2 AND ?3 IS NOT NULL RETURNING 1";

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
    remember_each(sql, fingerprints.iter().map(|one| (resource, poll, sweep, one)))
}

const REMEMBER: &str = "INSERT INTO fingerprint (resource_id, object_id, version, poll, sweep)";
const NEWER: &str = "ON CONFLICT (resource_id, object_id) DO UPDATE SET
  previous = CASE WHEN fingerprint.poll = excluded.poll
    THEN fingerprint.previous ELSE fingerprint.version END,
  version = excluded.version, poll = excluded.poll, sweep = excluded.sweep";

/// The same of several resources.
fn remember_each<'f>(
    sql: &Sql,
    fingerprints: impl Iterator<Item = (ResourceId, i64, i64, &'f Fingerprint)>,
) -> Result<(), StoreError> {
    let rows: Vec<_> = fingerprints.collect();
    if sql.is_postgres() {
        return remember_at_once(sql, &rows);
    }
    sql.execute_each(
        &format!("{REMEMBER} VALUES (?1, ?2, ?3, ?4, ?5) {NEWER}"),
        rows.iter().map(|(resource, poll, sweep, one)| {
            params![resource.0, one.object_id, one.version.0, *poll, *sweep]
        }),
    )?;
    Ok(())
}

/// The same in one statement, which takes a row once: of several versions of an object the last counts.
fn remember_at_once(
    sql: &Sql,
    rows: &[(ResourceId, i64, i64, &Fingerprint)],
) -> Result<(), StoreError> {
    let last: HashMap<_, _> = rows
        .iter()
        .map(|(resource, poll, sweep, one)| {
            let object = (resource.0, storable(&one.object_id).into_owned());
            (object, (one.version.0, *poll, *sweep))
        })
        .collect();
    if last.is_empty() {
        return Ok(());
    }
    let (objects, numbers): (Vec<_>, Vec<_>) = last.into_iter().unzip();
    let (resources, objects): (Vec<i64>, Vec<String>) = objects.into_iter().unzip();
    let of = |which: fn(&(i64, i64, i64)) -> i64| numbers.iter().map(which).collect::<Vec<_>>();
    let (versions, polls, sweeps) = (of(|row| row.0), of(|row| row.1), of(|row| row.2));
    sql.execute_each(
        &format!("{REMEMBER} SELECT * FROM unnest(?1, ?2, ?3, ?4, ?5) {NEWER}"),
        [params![resources[..], objects[..], versions[..], polls[..], sweeps[..]]],
    )?;
    Ok(())
}

pub(crate) fn tell(
    sql: &Sql,
    resource: ResourceId,
    created: Timestamp,
    notifications: &[Notification],
) -> Result<(), StoreError> {
    tell_each(sql, notifications.iter().map(|one| (resource, created, one)))
}

/// The same of several resources.
fn tell_each<'n>(
    sql: &Sql,
    notifications: impl Iterator<Item = (ResourceId, Timestamp, &'n Notification)>,
) -> Result<(), StoreError> {
    let rows: Vec<_> = notifications
        .map(|(resource, created, one)| {
            let trace = one.trace.as_ref().map(ToString::to_string);
            (resource, created, one, one.changed.map(|at| at.0), trace, one.kinds.number())
        })
        .collect();
    sql.insert_each(
        "INSERT INTO notification (id, resource_id, created, events, body, changed, trace, kinds)",
        rows.iter().map(|(resource, created, one, changed, trace, kinds)| {
            let body = &one.body[..];
            params![one.id, resource.0, created.0, one.events, *body, *changed, *trace, *kinds]
        }),
    )
}
