//! What was last told of each object, so that its next update can tell what differs.
//!
//! Of an object there is one row, and another one while a poll has put a newer content aside.

use bytes::Bytes;
use oc_config::InstanceId;
use oc_poll::{Content, ResourceId};
use rusqlite::{Connection, OptionalExtension, params};

use crate::{PolledResource, StoreError};

/// The newest contents of some objects, those put aside by the running poll included.
pub(super) fn find(
    sql: &Connection,
    resource: ResourceId,
    objects: &[String],
) -> Result<Vec<Option<Bytes>>, StoreError> {
    let mut statement = sql.prepare_cached(
        "SELECT record FROM content WHERE resource_id = ?1 AND object_id = ?2
         ORDER BY poll DESC LIMIT 1",
    )?;
    let mut found = Vec::with_capacity(objects.len());
    for object in objects {
        let record = statement.query_row(params![resource.0, object], |row| row.get(0));
        found.push(record.optional()?.flatten().map(|record: Vec<u8>| Bytes::from(record)));
    }
    Ok(found)
}

/// Puts contents aside with a part of the running poll.
pub(super) fn stage(
    sql: &Connection,
    resource: ResourceId,
    contents: &[Content],
) -> Result<(), StoreError> {
    if contents.is_empty() {
        return Ok(());
    }
    put(sql, resource, polls(sql, resource)? + 1, contents)
}

/// Records the last contents of the poll that was just completed. What it put aside counts from now
/// on, and what that replaces goes.
pub(crate) fn complete(
    sql: &Connection,
    resource: ResourceId,
    contents: &[Content],
) -> Result<(), StoreError> {
    let poll = polls(sql, resource)?;
    put(sql, resource, poll, contents)?;
    let completed = params![resource.0, poll];
    sql.prepare_cached(
        "DELETE FROM content WHERE resource_id = ?1 AND poll < ?2 AND object_id IN
           (SELECT object_id FROM content WHERE resource_id = ?1 AND poll = ?2)",
    )?
    .execute(completed)?;
    sql.prepare_cached(
        "DELETE FROM content WHERE resource_id = ?1 AND poll = ?2 AND record IS NULL",
    )?
    .execute(completed)?;
    Ok(())
}

/// Takes back what was put aside after the last completed poll.
pub(super) fn void(sql: &Connection, resource: ResourceId, polls: i64) -> Result<(), StoreError> {
    sql.prepare_cached("DELETE FROM content WHERE resource_id = ?1 AND poll > ?2")?
        .execute(params![resource.0, polls])?;
    Ok(())
}

/// Nothing is known of a resource's objects any more.
pub(crate) fn forget(sql: &Connection, resource: ResourceId) -> Result<(), StoreError> {
    sql.prepare_cached("DELETE FROM content WHERE resource_id = ?1")?.execute([resource.0])?;
    Ok(())
}

/// Forgets the contents of the instance's resources that are not polled with `changes` any more:
/// what changes meanwhile is not noted, so that they could not be compared with later.
pub(crate) fn keep_only(
    sql: &Connection,
    instance: InstanceId,
    polled: &[PolledResource],
) -> Result<(), StoreError> {
    let mut statement =
        sql.prepare_cached("SELECT id, name FROM resource WHERE instance_id = ?1")?;
    let rows = statement.query_map([instance.0], |row| Ok((row.get(0)?, row.get(1)?)))?;
    for row in rows.collect::<Result<Vec<(i64, String)>, _>>()? {
        if !polled.iter().any(|one| one.changes && one.name == row.1) {
            forget(sql, ResourceId(row.0))?;
        }
    }
    Ok(())
}

/// How many polls of a resource are completed.
fn polls(sql: &Connection, resource: ResourceId) -> Result<i64, StoreError> {
    let mut statement = sql.prepare_cached("SELECT polls FROM resource WHERE id = ?1")?;
    Ok(statement.query_row([resource.0], |row| row.get(0))?)
}

fn put(
    sql: &Connection,
    resource: ResourceId,
    poll: i64,
    contents: &[Content],
) -> Result<(), StoreError> {
    let mut statement = sql.prepare_cached(
        "INSERT INTO content (resource_id, object_id, poll, record) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (resource_id, object_id, poll) DO UPDATE SET record = excluded.record",
    )?;
    for one in contents {
        statement.execute(params![resource.0, one.object_id, poll, one.record.as_deref()])?;
    }
    Ok(())
}
