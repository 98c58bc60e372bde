//! What was last told of each object, so that its next update can tell what differs.
//!
//! Of an object there is one row, and another one while a poll has put a newer content aside.

use bytes::Bytes;
use oc_config::InstanceId;
use oc_poll::{Content, ResourceId};

use crate::sql::{Sql, params};
use crate::{PolledResource, StoreError};

/// The newest contents of some objects, those put aside by the running poll included.
pub(super) fn find(
    sql: &Sql,
    resource: ResourceId,
    objects: &[String],
) -> Result<Vec<Option<Bytes>>, StoreError> {
    let found = sql.find_each(
        "SELECT record FROM content WHERE resource_id = ?1 AND object_id = ?2
         ORDER BY poll DESC LIMIT 1",
        objects.iter().map(|object| params![resource.0, *object]),
        |row| row.get::<Option<Bytes>>(0),
    )?;
    Ok(found.into_iter().map(Option::flatten).collect())
}

/// Puts contents aside with a part of the running poll.
pub(super) fn stage(
    sql: &Sql,
    resource: ResourceId,
    contents: &[Content],
) -> Result<(), StoreError> {
    if contents.is_empty() {
        return Ok(());
    }
    put(sql, resource, polls(sql, resource)? + 1, contents)
}

/// Records the last contents of a poll that was just completed, and has this number. What it put
/// aside counts from now on, and what that replaces goes.
pub(super) fn complete(
    sql: &Sql,
    resource: ResourceId,
    poll: i64,
    contents: &[Content],
) -> Result<(), StoreError> {
    put(sql, resource, poll, contents)?;
    let completed = params![resource.0, poll];
    sql.execute_each(
        "DELETE FROM content WHERE resource_id = ?1 AND poll < ?2 AND object_id IN
           (SELECT object_id FROM content WHERE resource_id = ?1 AND poll = ?2)",
        [completed],
    )?;
    sql.execute_each(
        "DELETE FROM content WHERE resource_id = ?1 AND poll = ?2 AND record IS NULL",
        [completed],
    )
}

/// Records contents of which nothing was put aside; `poll` is the last completed one.
pub(crate) fn replace(
    sql: &Sql,
    resource: ResourceId,
    poll: i64,
    contents: &[Content],
) -> Result<(), StoreError> {
    if contents.is_empty() { Ok(()) } else { complete(sql, resource, poll, contents) }
}

/// Takes back what was put aside after the last completed poll.
pub(super) fn void(sql: &Sql, resource: ResourceId, polls: i64) -> Result<(), StoreError> {
    sql.execute(
        "DELETE FROM content WHERE resource_id = ?1 AND poll > ?2",
        params![resource.0, polls],
    )?;
    Ok(())
}

/// Nothing is known of a resource's objects any more.
pub(crate) fn forget(sql: &Sql, resource: ResourceId) -> Result<(), StoreError> {
    sql.execute("DELETE FROM content WHERE resource_id = ?1", [resource.0])?;
    Ok(())
}

/// Forgets the contents of the instance's resources that are not polled with `changes` any more:
/// what changes meanwhile is not noted, so that they could not be compared with later.
pub(crate) fn keep_only(
    sql: &Sql,
    instance: InstanceId,
    polled: &[PolledResource],
) -> Result<(), StoreError> {
    let rows =
        sql.all("SELECT id, name FROM resource WHERE instance_id = ?1", [instance.0], |row| {
            Ok((row.get::<i64>(0)?, row.get::<String>(1)?))
        })?;
    for row in rows {
        if !polled.iter().any(|one| one.changes && one.name == row.1) {
            forget(sql, ResourceId(row.0))?;
        }
    }
    Ok(())
}

/// How many polls of a resource are completed.
fn polls(sql: &Sql, resource: ResourceId) -> Result<i64, StoreError> {
    sql.one("SELECT polls FROM resource WHERE id = ?1", [resource.0], |row| row.get(0))
}

fn put(sql: &Sql, resource: ResourceId, poll: i64, contents: &[Content]) -> Result<(), StoreError> {
    sql.execute_each(
        "INSERT INTO content (resource_id, object_id, poll, record) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (resource_id, object_id, poll) DO UPDATE SET record = excluded.record",
        contents.iter().map(|one| params![resource.0, one.object_id, poll, one.record]),
    )?;
    Ok(())
}
