//! How many events there were, by time and instance.

use std::time::Duration;

use oc_config::{InstanceId, Timestamp};
use rusqlite::{Connection, params};

use crate::events::EventScope;
use crate::{Store, StoreError};

/// A stretch of time in pieces of equal length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Buckets {
    /// Where the first piece begins.
    pub first: Timestamp,
    /// How long each is.
    pub width: Duration,
    /// How many there are.
    pub count: u32,
}

/// The events of an instance in one piece of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventCount {
    /// Which piece, from 0.
    pub bucket: u32,
    /// The instance.
    pub instance: InstanceId,
    /// All of them.
    pub count: u64,
    /// Those that have arrived.
    pub success: u64,
    /// Those that were tried and have not arrived.
    pub failed: u64,
}

impl Store {
    /// Counts events by piece and instance, in this order; what is 0 is left out. `None` when there
    /// would be more than `most` rows.
    ///
    /// # Errors
    /// When the storage fails.
    pub async fn event_counts(
        &self,
        scope: EventScope,
        buckets: Buckets,
        most: usize,
    ) -> Result<Option<Vec<EventCount>>, StoreError> {
        self.database.read(move |sql| count(sql, scope, buckets, most)).await
    }
}

/// Reads only the index `notification_time` and the keys of attempts, never a body.
fn count(
    sql: &Connection,
    scope: EventScope,
    buckets: Buckets,
    most: usize,
) -> Result<Option<Vec<EventCount>>, StoreError> {
    let mut statement = sql.prepare_cached(
        "SELECT bucket, instance_id, sum(events), sum(iif(arrived, events, 0)),
           sum(iif(tried AND NOT arrived, events, 0))
         FROM (SELECT r.instance_id, n.events, (n.created - ?4) / ?6 AS bucket,
             EXISTS (SELECT 1 FROM attempt a WHERE a.notification = n.seq) AS tried,
             EXISTS (SELECT 1 FROM attempt a WHERE a.notification = n.seq AND a.delivered) AS arrived
           FROM instance i JOIN resource r ON r.instance_id = i.id
             JOIN notification n ON n.resource_id = r.id
           WHERE i.organization_id = ?1 AND i.id BETWEEN ?2 AND ?3
             AND n.created >= ?4 AND n.created < ?5 AND n.seq <= r.visible_through)
         GROUP BY bucket, instance_id ORDER BY bucket, instance_id LIMIT ?7",
    )?;
    let (first, last) = scope.instances();
    let end = buckets.first.plus(buckets.width * buckets.count);
    let width = i64::try_from(buckets.width.as_micros()).unwrap_or(i64::MAX).max(1);
    let limit = i64::try_from(most).unwrap_or(i64::MAX).saturating_add(1);
    let values = params![scope.organization.0, first, last, buckets.first.0, end.0, width, limit];
    let read = |row: &rusqlite::Row<'_>| {
        Ok(EventCount {
            bucket: row.get(0)?,
            instance: InstanceId(row.get(1)?),
            count: row.get(2)?,
            success: row.get(3)?,
            failed: row.get(4)?,
        })
    };
    let counts = statement.query_map(values, read)?.collect::<Result<Vec<_>, _>>()?;
    Ok((counts.len() <= most).then_some(counts))
}
