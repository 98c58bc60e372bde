//! What is swept away when nobody needs it any more.

use std::time::Duration;

use oc_config::Timestamp;
use oc_poll::ResourceId;

use crate::postgres::Touches;
use crate::sql::{Sql, params};
use crate::{Store, StoreError, audit, people, sessions};

/// Rows of one transaction, so that nobody waits long for the writer.
const CHUNK: i64 = 2_000;

/// For how long idempotency keys and traces are kept (instances.md).
pub(crate) const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// What a sweep took away.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// Notifications whose time is over.
    pub notifications: u64,
    /// Fingerprints that no poll can look up any more.
    pub fingerprints: u64,
}

impl Store {
    /// Takes away notifications that were settled and made before `now - kept`, fingerprints that
    /// cannot be needed again, what deleted instances have left, what is kept for a day, secrets and
    /// sessions that have ended, and old entries of the audit log.
    ///
    /// # Errors
    /// When the storage fails; what was taken away before stays so.
    pub async fn sweep(&self, now: Timestamp, kept: Duration) -> Result<Swept, StoreError> {
        let before = now.minus(kept);
        let mut swept = Swept::default();
        let mut after = Some(0);
        while let Some(from) = after {
            let (deleted, next) =
                self.database.write(move |sql| sweep_notifications(sql, from, before)).await?;
            swept.notifications += deleted;
            after = next;
        }
        for resource in self.database.read(resources_with_old_fingerprints).await? {
            let touches = Touches::Resources(vec![resource]);
            let forget = move |sql: &Sql| forget(sql, resource.0);
            swept.fingerprints += self.database.write_to(touches, forget).await?;
        }
        while self.database.write_to(Touches::Nothing, sweep_gone).await? {}
        let yesterday = now.minus(DAY);
        self.database.write_to(Touches::Nothing, move |sql| sweep_day_old(sql, yesterday)).await?;
        while self.database.write_to(Touches::Nothing, move |sql| audit::sweep(sql, now)).await? {}
        self.database.write(move |sql| people::sweep(sql, now)).await?;
        self.database.write(move |sql| sessions::sweep(sql, now)).await?;
        Ok(swept)
    }
}

/// One chunk from a number on; notifications are numbered in the order of their creation.
fn sweep_notifications(
    sql: &Sql,
    from: i64,
    before: Timestamp,
) -> Result<(u64, Option<i64>), StoreError> {
    let rows = sql.all(
        "SELECT n.seq, n.created, n.seq <= coalesce(r.delivered_through, n.seq) AND NOT EXISTS
           (SELECT 1 FROM replay p WHERE p.resource_id = r.id AND p.notification = n.seq)
         FROM notification n LEFT JOIN resource r ON r.id = n.resource_id
         WHERE n.seq > ?1 ORDER BY n.seq LIMIT ?2",
        params![from, CHUNK],
        |row| Ok((row.get::<i64>(0)?, row.get::<i64>(1)?, row.get::<bool>(2)?)),
    )?;
    let full = i64::try_from(rows.len()).is_ok_and(|rows| rows == CHUNK);
    let young = rows.iter().any(|(_, created, _)| *created >= before.0);
    let next = rows.last().filter(|_| full && !young).map(|(seq, _, _)| *seq);
    let done = rows.into_iter().filter(|(_, created, done)| *created < before.0 && *done);
    let done: Vec<i64> = done.map(|(seq, _, _)| seq).collect();
    delete(sql, &done)?;
    Ok((u64::try_from(done.len()).unwrap_or(u64::MAX), next))
}

fn delete(sql: &Sql, notifications: &[i64]) -> Result<(), StoreError> {
    let each = || notifications.iter().map(|seq| [seq]);
    sql.execute_each("DELETE FROM attempt WHERE notification = ?1", each())?;
    sql.execute_each("DELETE FROM notification WHERE seq = ?1", each())?;
    Ok(())
}

fn resources_with_old_fingerprints(sql: &Sql) -> Result<Vec<ResourceId>, StoreError> {
    sql.all("SELECT id FROM resource WHERE forget_before IS NOT NULL AND staging = 0", (), |row| {
        row.get(0).map(ResourceId)
    })
}

/// Versions from 0 on are dates. What is forgotten can never be told from news again, so that the
/// floor rises over it: a longer overlap, configured later, must not report it once more.
fn forget(sql: &Sql, resource: i64) -> Result<u64, StoreError> {
    let deleted = sql.execute(
        "DELETE FROM fingerprint WHERE resource_id = ?1 AND version >= 0
           AND version < (SELECT forget_before FROM resource WHERE id = ?1 AND staging = 0)",
        [resource],
    )?;
    sql.execute(
        "UPDATE resource SET floor = CASE WHEN floor < forget_before THEN forget_before - 1 ELSE floor END,
           forget_before = NULL
         WHERE id = ?1 AND staging = 0 AND forget_before IS NOT NULL",
        [resource],
    )?;
    Ok(u64::try_from(deleted).unwrap_or(u64::MAX))
}

/// One chunk of what a deleted instance has left; true when there is more.
fn sweep_gone(sql: &Sql) -> Result<bool, StoreError> {
    let gone = sql.one("SELECT min(resource_id) FROM gone", (), |row| row.get::<Option<i64>>(0))?;
    let Some(resource) = gone else { return Ok(false) };
    let chunk = params![resource, CHUNK];
    let found =
        sql.all("SELECT seq FROM notification WHERE resource_id = ?1 LIMIT ?2", chunk, |row| {
            row.get(0)
        })?;
    delete(sql, &found)?;
    let forgotten = sql.execute(
        "DELETE FROM fingerprint WHERE resource_id = ?1 AND object_id IN
           (SELECT object_id FROM fingerprint WHERE resource_id = ?1 LIMIT ?2)",
        chunk,
    )?;
    let contents = sql.execute(
        "DELETE FROM content WHERE resource_id = ?1 AND (object_id, poll) IN
           (SELECT object_id, poll FROM content WHERE resource_id = ?1 LIMIT ?2)",
        chunk,
    )?;
    if found.is_empty() && forgotten == 0 && contents == 0 {
        sql.execute("DELETE FROM replay WHERE resource_id = ?1", [resource])?;
        sql.execute("DELETE FROM gone WHERE resource_id = ?1", [resource])?;
    }
    Ok(true)
}

/// What the API keeps for a day.
fn sweep_day_old(sql: &Sql, before: Timestamp) -> Result<(), StoreError> {
    sql.execute("DELETE FROM creation_key WHERE created < ?1", [before.0])?;
    sql.execute("DELETE FROM trace WHERE created < ?1", [before.0])?;
    Ok(())
}
