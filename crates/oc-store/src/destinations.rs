//! How the destinations of an organization fare: what waits for each, and how attempts went.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use oc_config::Timestamp;

use crate::people::OrganizationId;
use crate::sql::Sql;
use crate::{Store, StoreError};

/// A destination: the origin of callback urls.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DestinationState {
    /// Scheme, host and port.
    pub destination: String,
    /// Notifications that wait for it.
    pub backlog: u64,
    /// When the oldest of them was found.
    pub oldest: Option<Timestamp>,
    /// Instances whose deliveries to it are queued.
    pub queued_instances: u64,
    /// Attempts of notifications that were found lately.
    pub attempts: u64,
    /// Those of them that failed.
    pub failures: u64,
    /// How long they took on the average, in microseconds.
    pub mean_took: u64,
}

/// Which come first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DestinationOrder {
    /// Those for which most waits.
    Backlog,
    /// Those with the most failures.
    Failures,
    /// The slowest.
    Latency,
}

impl Store {
    /// The first `most` destinations of an organization; attempts are counted of notifications that
    /// were found since then.
    ///
    /// # Errors
    /// When the storage fails.
    pub async fn destinations(
        &self,
        organization: OrganizationId,
        since: Timestamp,
        order: DestinationOrder,
        most: usize,
    ) -> Result<Vec<DestinationState>, StoreError> {
        let find = move |sql: &Sql| {
            let mut found = waiting(sql, organization)?;
            tried(sql, organization, since, &mut found)?;
            Ok(found)
        };
        let mut found: Vec<_> = self.database.read(find).await?.into_values().collect();
        found.sort_by_key(|one| {
            std::cmp::Reverse(match order {
                DestinationOrder::Backlog => one.backlog,
                DestinationOrder::Failures => one.failures,
                DestinationOrder::Latency => one.mean_took,
            })
        });
        found.truncate(most);
        Ok(found)
    }
}

type Found = BTreeMap<String, DestinationState>;

fn waiting(sql: &Sql, organization: OrganizationId) -> Result<Found, StoreError> {
    let found = sql.all(
        "SELECT r.destination, count(n.seq), min(n.created),
           count(DISTINCT CASE WHEN i.queued_at IS NOT NULL THEN i.id END)
         FROM instance i JOIN resource r ON r.instance_id = i.id
           LEFT JOIN notification n ON n.resource_id = r.id
             AND n.seq > r.delivered_through AND n.seq <= r.visible_through
         WHERE i.organization_id = ?1 AND r.destination IS NOT NULL
         GROUP BY r.destination",
        [organization.0],
        |row| {
            Ok(DestinationState {
                destination: row.get(0)?,
                backlog: row.get(1)?,
                oldest: row.get::<Option<i64>>(2)?.map(Timestamp),
                queued_instances: row.get(3)?,
                ..DestinationState::default()
            })
        },
    )?;
    Ok(found.into_iter().map(|one| (one.destination.clone(), one)).collect())
}

/// Adds what became of attempts.
fn tried(
    sql: &Sql,
    organization: OrganizationId,
    since: Timestamp,
    found: &mut Found,
) -> Result<(), StoreError> {
    sql.each(
        "SELECT r.destination, count(*), sum(CASE WHEN a.delivered = 0 THEN 1 ELSE 0 END),
           CAST(sum(a.took) / count(*) AS BIGINT)
         FROM instance i JOIN resource r ON r.instance_id = i.id
           JOIN notification n ON n.resource_id = r.id AND n.created >= ?2
           JOIN attempt a ON a.notification = n.seq
         WHERE i.organization_id = ?1 AND r.destination IS NOT NULL
         GROUP BY r.destination",
        [organization.0, since.0],
        |row| {
            if let Some(one) = found.get_mut(&row.get::<String>(0)?) {
                (one.attempts, one.failures, one.mean_took) =
                    (row.get(1)?, row.get(2)?, row.get(3)?);
            }
            Ok(ControlFlow::Continue(()))
        },
    )
}
