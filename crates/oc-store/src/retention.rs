//! What is swept away when nobody needs it any more.

use std::time::Duration;

use oc_config::Timestamp;
use oc_poll::ResourceId;

use crate::postgres::{Touches, receipt};
use crate::sql::{Row, Sql, params};
use crate::{Store, StoreError, audit, metrics, notice, people, purse, sessions};

/// Rows of one transaction, so that nobody waits long for the writer.
const CHUNK: usize = 2_000;

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
    /// cannot be needed again, what deleted instances have left, what is kept for a day, notices to
    /// the operator among it, secrets and sessions that have ended, and old entries of the audit log.
    ///
    /// # Errors
    /// When the storage fails; what was taken away before stays so.
    pub async fn sweep(&self, now: Timestamp, kept: Duration) -> Result<Swept, StoreError> {
        let mut swept = Swept::default();
        let done = self.sweep_all(now, kept, &mut swept).await;
        metrics::swept(&swept, done.is_ok());
        done.map(|()| swept)
    }

    async fn sweep_all(
        &self,
        now: Timestamp,
        kept: Duration,
        swept: &mut Swept,
    ) -> Result<(), StoreError> {
        let before = now.minus(kept);
        let mut after = Some(0);
        while let Some(from) = after {
            let (deleted, next) =
                self.database.write(move |sql| sweep_notifications(sql, from, before)).await?;
            swept.notifications += deleted;
            after = next;
        }
        for (resource, before) in self.database.read(resources_with_old_fingerprints).await? {
            let mut after = Some(String::new());
            while let Some(from) = after {
                let touches = Touches::Resources(vec![ResourceId(resource)]);
                let forget = move |sql: &Sql| forget(sql, resource, before, &from);
                let (deleted, next) = self.database.write_to(touches, forget).await?;
                swept.fingerprints += deleted;
                after = next;
            }
        }
        while self.database.write_to(Touches::Nothing, sweep_gone).await? {}
        let yesterday = now.minus(DAY);
        let day_old = move |sql: &Sql| sweep_day_old(sql, yesterday);
        while self.database.write_to(Touches::Nothing, day_old).await? {}
        while self.database.write_to(Touches::Nothing, move |sql| audit::sweep(sql, now)).await? {}
        self.database.write_to(Touches::Nothing, move |sql| receipt::sweep(sql, now)).await?;
        self.database.write(move |sql| people::sweep(sql, now)).await?;
        self.database.write(move |sql| sessions::sweep(sql, now)).await
    }
}

/// One chunk from a number on; notifications are numbered in the order of their creation.
fn sweep_notifications(
    sql: &Sql,
    from: i64,
    before: Timestamp,
) -> Result<(u64, Option<i64>), StoreError> {
    let rows = sql.all(
        "SELECT n.seq, (SELECT count(*) FROM attempt a WHERE a.notification = n.seq), n.created,
           n.seq <= coalesce(r.delivered_through, n.seq) AND NOT EXISTS
             (SELECT 1 FROM replay p WHERE p.resource_id = r.id AND p.notification = n.seq)
         FROM notification n LEFT JOIN resource r ON r.id = n.resource_id
         WHERE n.seq > ?1 ORDER BY n.seq LIMIT ?2",
        params![from, CHUNK],
        |row| Ok((Counted::read(row)?, row.get::<i64>(2)?, row.get::<bool>(3)?)),
    )?;
    let young = rows.iter().any(|(_, created, _)| *created >= before.0);
    let next = rows.last().filter(|_| rows.len() == CHUNK && !young).map(|(one, ..)| one.seq);
    let done = rows.into_iter().filter(|(_, created, done)| *created < before.0 && *done);
    let done: Vec<Counted> = done.map(|(one, ..)| one).collect();
    let deleted = delete(sql, &done)?;
    let left = done.get(deleted).map(|one| one.seq - 1);
    Ok((deleted as u64, left.or(next)))
}

/// A notification and how many attempts it has.
struct Counted {
    seq: i64,
    attempts: usize,
}

impl Counted {
    fn read(row: &Row<'_>) -> Result<Self, StoreError> {
        Ok(Self { seq: row.get(0)?, attempts: row.get(1)? })
    }
}

/// Deletes notifications and their attempts until these are about a chunk of rows; tells of how many.
fn delete(sql: &Sql, notifications: &[Counted]) -> Result<usize, StoreError> {
    let mut rows = 0;
    let fits = |one: &&Counted| {
        let fits = rows < CHUNK;
        rows += 1 + one.attempts;
        fits
    };
    let chunk: Vec<[i64; 1]> = notifications.iter().take_while(fits).map(|one| [one.seq]).collect();
    sql.execute_each("DELETE FROM attempt WHERE notification = ?1", chunk.iter().copied())?;
    sql.execute_each("DELETE FROM notification WHERE seq = ?1", chunk.iter().copied())?;
    Ok(chunk.len())
}

fn resources_with_old_fingerprints(sql: &Sql) -> Result<Vec<(i64, i64)>, StoreError> {
    let old = "SELECT id, forget_before FROM resource
       WHERE forget_before IS NOT NULL AND staging = 0";
    sql.all(old, (), |row| Ok((row.get(0)?, row.get(1)?)))
}

/// Looks at one chunk of a resource's fingerprints behind an object, and forgets those dated before
/// an instant; tells how many, and behind which object it goes on. Versions from 0 on are dates.
///
/// What is forgotten can never be told from news again, so that the floor rises over it first: a
/// longer overlap, configured later, must not report it once more. It ends when the fingerprints
/// have come to be needed meanwhile.
fn forget(
    sql: &Sql,
    resource: i64,
    before: i64,
    after: &str,
) -> Result<(u64, Option<String>), StoreError> {
    let raised = sql.execute(
        "UPDATE resource SET floor = CASE WHEN floor < ?2 THEN ?2 - 1 ELSE floor END
         WHERE id = ?1 AND staging = 0 AND forget_before >= ?2",
        params![resource, before],
    )?;
    if raised == 0 {
        return Ok((0, None));
    }
    let last: Option<String> = sql.find(
        "SELECT object_id FROM fingerprint WHERE resource_id = ?1 AND object_id > ?2
         ORDER BY object_id LIMIT 1 OFFSET ?3",
        params![resource, after, CHUNK - 1],
        |row| row.get(0),
    )?;
    let deleted = sql.execute(
        "DELETE FROM fingerprint WHERE resource_id = ?1 AND version >= 0 AND version < ?4
           AND object_id IN (SELECT object_id FROM fingerprint
             WHERE resource_id = ?1 AND object_id > ?2 ORDER BY object_id LIMIT ?3)",
        params![resource, after, CHUNK, before],
    )?;
    if last.is_none() {
        // A poll may have raised it meanwhile.
        sql.execute(
            "UPDATE resource SET forget_before = NULL WHERE id = ?1 AND forget_before = ?2",
            params![resource, before],
        )?;
    }
    Ok((deleted as u64, last))
}

/// One chunk of what a deleted instance has left; true when there is more.
fn sweep_gone(sql: &Sql) -> Result<bool, StoreError> {
    let gone = sql.one("SELECT min(resource_id) FROM gone", (), |row| row.get::<Option<i64>>(0))?;
    let Some(resource) = gone else { return Ok(false) };
    let chunk = params![resource, CHUNK];
    let found = sql.all(
        "SELECT seq, (SELECT count(*) FROM attempt a WHERE a.notification = n.seq)
         FROM notification n WHERE resource_id = ?1 LIMIT ?2",
        chunk,
        Counted::read,
    )?;
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
    let replays = sql.execute(
        "DELETE FROM replay WHERE resource_id = ?1 AND notification IN
           (SELECT notification FROM replay WHERE resource_id = ?1 LIMIT ?2)",
        chunk,
    )?;
    if found.is_empty() && forgotten + contents + replays == 0 {
        sql.execute("DELETE FROM gone WHERE resource_id = ?1", [resource])?;
    }
    Ok(true)
}

/// One chunk of what is kept for a day; true when there is more.
fn sweep_day_old(sql: &Sql, before: Timestamp) -> Result<bool, StoreError> {
    let keys = sql.execute(
        "DELETE FROM creation_key WHERE (organization_id, key) IN
           (SELECT organization_id, key FROM creation_key WHERE created < ?1 LIMIT ?2)",
        params![before.0, CHUNK],
    )?;
    let traces = sql.execute(
        "DELETE FROM trace WHERE id IN (SELECT id FROM trace WHERE created < ?1 LIMIT ?2)",
        params![before.0, CHUNK],
    )?;
    // There are few: their number is bounded.
    notice::sweep(sql, before)?;
    purse::sweep(sql, before)?;
    Ok(keys.max(traces) == CHUNK)
}

#[cfg(test)]
mod tests;
