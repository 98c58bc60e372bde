//! How many events there were, by time and instance.

use std::time::Duration;

use oc_config::{InstanceId, Timestamp};

use crate::events::EventScope;
use crate::sql::{Row, Sql};
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

/// The attempts to deliver what was found in one piece of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AttemptCount {
    /// Which piece, from 0.
    pub bucket: u32,
    /// All of them.
    pub count: u64,
    /// Those that failed.
    pub failures: u64,
    /// How long they took on the average, in microseconds.
    pub mean_took: u64,
}

impl Store {
    /// Counts events by piece, in order; what is 0 is left out.
    ///
    /// # Errors
    /// When the storage fails.
    pub async fn event_totals(
        &self,
        scope: EventScope,
        buckets: Buckets,
    ) -> Result<Vec<(u32, u64)>, StoreError> {
        self.database.read(move |sql| totals(sql, scope, buckets)).await
    }

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
        self.database.read(move |sql| counts(sql, scope, buckets, most)).await
    }

    /// Counts attempts by the piece in which their notifications were found, in order; pieces without
    /// any are left out.
    ///
    /// # Errors
    /// When the storage fails.
    pub async fn attempt_counts(
        &self,
        scope: EventScope,
        buckets: Buckets,
    ) -> Result<Vec<AttemptCount>, StoreError> {
        self.database.read(move |sql| attempts(sql, scope, buckets)).await
    }
}

/// Notifications with their instances.
const NOTIFICATIONS: &str = "FROM instance i JOIN resource r ON r.instance_id = i.id
    JOIN notification n ON n.resource_id = r.id";

/// Those of a scope and a time: read from the index `notification_time` alone.
const ASKED_FOR: &str = "WHERE i.organization_id = ?1 AND i.id BETWEEN ?2 AND ?3
    AND n.created >= ?4 AND n.created < ?5 AND n.seq <= r.visible_through";

fn totals(sql: &Sql, scope: EventScope, buckets: Buckets) -> Result<Vec<(u32, u64)>, StoreError> {
    let values = values(scope, buckets);
    sql.all(
        &format!(
            "SELECT (n.created - ?4) / ?6 AS bucket, CAST(sum(n.events) AS BIGINT)
         {NOTIFICATIONS} {ASKED_FOR}
         GROUP BY bucket ORDER BY bucket",
        ),
        values,
        |row| Ok((row.get(0)?, row.get(1)?)),
    )
}

/// Looks up the attempts of each, too, but no body.
fn counts(
    sql: &Sql,
    scope: EventScope,
    buckets: Buckets,
    most: usize,
) -> Result<Option<Vec<EventCount>>, StoreError> {
    let read = |row: &Row<'_>| {
        Ok(EventCount {
            bucket: row.get(0)?,
            instance: InstanceId(row.get(1)?),
            count: row.get(2)?,
            success: row.get(3)?,
            failed: row.get(4)?,
        })
    };
    let counts = sql.all(
        &format!(
            "SELECT bucket, instance_id, CAST(sum(events) AS BIGINT),
           CAST(sum(CASE WHEN arrived THEN events ELSE 0 END) AS BIGINT),
           CAST(sum(CASE WHEN tried AND NOT arrived THEN events ELSE 0 END) AS BIGINT)
         FROM (SELECT r.instance_id, n.events, (n.created - ?4) / ?6 AS bucket,
             EXISTS (SELECT 1 FROM attempt a WHERE a.notification = n.seq) AS tried,
             EXISTS (SELECT 1 FROM attempt a WHERE a.notification = n.seq AND a.delivered = 1)
               AS arrived
           {NOTIFICATIONS} {ASKED_FOR}) AS counted
         GROUP BY bucket, instance_id ORDER BY bucket, instance_id LIMIT {}",
            most.saturating_add(1)
        ),
        values(scope, buckets),
        read,
    )?;
    Ok((counts.len() <= most).then_some(counts))
}

fn attempts(
    sql: &Sql,
    scope: EventScope,
    buckets: Buckets,
) -> Result<Vec<AttemptCount>, StoreError> {
    sql.all(
        &format!(
            "SELECT (n.created - ?4) / ?6 AS bucket, count(*),
           sum(CASE WHEN a.delivered = 0 THEN 1 ELSE 0 END), CAST(sum(a.took) / count(*) AS BIGINT)
         {NOTIFICATIONS} JOIN attempt a ON a.notification = n.seq {ASKED_FOR}
         GROUP BY bucket ORDER BY bucket"
        ),
        values(scope, buckets),
        |row| {
            let (bucket, count) = (row.get(0)?, row.get(1)?);
            Ok(AttemptCount { bucket, count, failures: row.get(2)?, mean_took: row.get(3)? })
        },
    )
}

/// Organization, first and last instance, begin, end, width.
fn values(scope: EventScope, buckets: Buckets) -> [i64; 6] {
    let (first, last) = scope.instances();
    let end = buckets.first.plus(buckets.width * buckets.count);
    let width = i64::try_from(buckets.width.as_micros()).unwrap_or(i64::MAX).max(1);
    [scope.organization.0, first, last, buckets.first.0, end.0, width]
}
