//! What the operator is told: written with the change itself, and kept until it has arrived.

use async_trait::async_trait;
use oc_config::{InstanceId, Timestamp};
use oc_dispatch::{Notice, Notices, OutboxError};
use serde_json::{Value as Json, json};
use uuid::Uuid;

use crate::postgres::Touches;
use crate::sql::{Row, Sql, params};
use crate::{Store, StoreError};

/// The most that wait; further ones are only logged. The instances show the same.
const MOST: i64 = 1_000;

#[async_trait]
impl Notices for Store {
    async fn take(&self, now: Timestamp, until: Timestamp) -> Result<Option<Notice>, OutboxError> {
        let due = move |sql: &Sql| is_due(sql, now);
        // A look costs no commit while there is nothing.
        if !self.database.read(due).await? {
            return Ok(None);
        }
        let take = move |sql: &Sql| take(sql, now, until);
        Ok(self.database.write_to(Touches::Nothing, take).await?)
    }

    async fn arrived(&self, id: Uuid) -> Result<(), OutboxError> {
        let remove = move |sql: &Sql| {
            sql.execute("DELETE FROM notice WHERE id = ?1", [id])?;
            Ok(())
        };
        Ok(self.database.write_to(Touches::Nothing, remove).await?)
    }

    async fn put_off(&self, id: Uuid, until: Timestamp) -> Result<(), OutboxError> {
        let put_off = move |sql: &Sql| {
            let values = params![id, until.0];
            sql.execute("UPDATE notice SET due = ?2 WHERE id = ?1", values)?;
            Ok(())
        };
        Ok(self.database.write_to(Touches::Nothing, put_off).await?)
    }
}

/// Whether the earliest one is due: those behind it wait with it.
fn is_due(sql: &Sql, now: Timestamp) -> Result<bool, StoreError> {
    let earliest = "SELECT due FROM notice ORDER BY seq LIMIT 1";
    let due = sql.find(earliest, (), |row| row.get::<i64>(0))?;
    Ok(due.is_some_and(|due| due <= now.0))
}

fn take(sql: &Sql, now: Timestamp, until: Timestamp) -> Result<Option<Notice>, StoreError> {
    let read = |row: &Row<'_>| {
        let (id, body) = (row.get(0)?, row.get::<String>(1)?.into());
        Ok(Notice { id, body, attempt: row.get(2)? })
    };
    sql.find(
        "UPDATE notice SET due = ?2, attempts = attempts + 1
         WHERE seq = (SELECT min(seq) FROM notice) AND due <= ?1 RETURNING id, body, attempts",
        params![now.0, until.0],
        read,
    )
}

/// Has the operator told about an instance, in the transaction of what is told. Nobody is told of
/// one that is not there.
pub(crate) fn tell(
    sql: &Sql,
    instance: InstanceId,
    kind: &str,
    details: &Json,
) -> Result<(), StoreError> {
    let about = "SELECT organization_id, name, connector FROM instance WHERE id = ?1";
    let found = sql.find(about, [instance.0], |row| {
        Ok((row.get::<i64>(0)?, row.get::<String>(1)?, row.get::<String>(2)?))
    })?;
    let Some((organization, name, connector)) = found else { return Ok(()) };
    let id = Uuid::now_v7();
    let created = moment(id);
    let body = json!({
        "type": kind,
        "timestamp": created.to_seconds_text(),
        "data": {
            "id": id.to_string(),
            "organizationId": organization,
            "instanceId": instance.0,
            "instanceName": name,
            "elementKey": connector,
            "details": details,
        },
    });
    let told = sql.execute(
        "INSERT INTO notice (id, created, body)
         SELECT ?1, ?2, ?3 WHERE (SELECT count(*) FROM notice) < ?4",
        params![id, created.0, body.to_string(), MOST],
    )?;
    if told == 0 {
        tracing::warn!(%instance, kind, "The operator is not told: {MOST} notices wait already");
    }
    Ok(())
}

/// When an id was made, to the millisecond.
fn moment(id: Uuid) -> Timestamp {
    let (seconds, nanos) = id.get_timestamp().map_or((0, 0), |at| at.to_unix());
    Timestamp(i64::try_from(seconds).unwrap_or(0) * 1_000_000 + i64::from(nanos / 1_000))
}

/// What is too old is news no more.
pub(crate) fn sweep(sql: &Sql, before: Timestamp) -> Result<(), StoreError> {
    let dropped =
        sql.execute("DELETE FROM notice WHERE created < ?1 AND attempts > 0", [before.0])?;
    if dropped > 0 {
        tracing::warn!(dropped, "Notices to the operator were given up after a day");
    }
    sql.execute("DELETE FROM notice WHERE created < ?1", [before.0])?;
    Ok(())
}
