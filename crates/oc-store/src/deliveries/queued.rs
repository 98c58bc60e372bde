//! Why the deliveries of an instance have queued, and when they are tried again.

use oc_config::{InstanceId, Timestamp};

use super::waiting;
use crate::sql::Row;
use crate::{Store, StoreError};

/// Deliveries that have queued.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Queued {
    /// Since when.
    pub since: Timestamp,
    /// What the last attempt came to; `None` when an older version has deactivated the subscription.
    pub reason: Option<String>,
    /// How many notifications wait.
    pub waiting: u64,
    /// When one of them is tried again by itself, if it is.
    pub next_probe: Option<Timestamp>,
    /// How many such probes have failed.
    pub failed_probes: u32,
}

impl Store {
    /// How an instance's deliveries have queued, if they have.
    ///
    /// # Errors
    /// When the storage fails.
    pub async fn queued(&self, instance: InstanceId) -> Result<Option<Queued>, StoreError> {
        self.database
            .read(move |sql| {
                let found = sql.find(
                    "SELECT queued_at, queued_why, probe_due, probes FROM instance
                     WHERE id = ?1 AND queued_at IS NOT NULL",
                    [instance.0],
                    read,
                )?;
                let Some(queued) = found else { return Ok(None) };
                Ok(Some(Queued { waiting: waiting(sql, instance)?, ..queued }))
            })
            .await
    }
}

fn read(row: &Row<'_>) -> Result<Queued, StoreError> {
    Ok(Queued {
        since: Timestamp(row.get(0)?),
        reason: row.get(1)?,
        waiting: 0,
        next_probe: row.get::<Option<i64>>(2)?.map(Timestamp),
        failed_probes: row.get(3)?,
    })
}
