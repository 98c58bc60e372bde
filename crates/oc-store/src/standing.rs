//! How much waits, for whoever operates the service.

use oc_config::Timestamp;

use crate::sql::{Row, Sql};
use crate::{Store, StoreError};

/// What waits at an instant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// Notifications that have not been delivered.
    pub outbox: u64,
    /// Since when the oldest of them waits.
    pub oldest: Option<Timestamp>,
    /// Resources whose poll is due.
    pub due: u64,
    /// Since when the one is due that waits longest.
    pub due_since: Option<Timestamp>,
    /// Instances whose deliveries are queued.
    pub queued_instances: u64,
    /// Their destinations.
    pub queued_destinations: u64,
    /// Instances whose polling has stopped.
    pub stopped_instances: u64,
    /// Pushed records that are not worked off.
    pub inbox: u64,
}

impl Store {
    /// What waits at `now`.
    ///
    /// # Errors
    /// When the storage fails.
    pub async fn standing(&self, now: Timestamp) -> Result<Standing, StoreError> {
        self.database.read(move |sql| standing(sql, now)).await
    }
}

fn standing(sql: &Sql, now: Timestamp) -> Result<Standing, StoreError> {
    let counted = |row: &Row<'_>| Ok((row.get(0)?, row.get::<Option<i64>>(1)?.map(Timestamp)));
    let outbox = "SELECT count(*), min(n.created) FROM resource r JOIN notification n
          ON n.resource_id = r.id AND n.seq > r.delivered_through AND n.seq <= r.visible_through
        WHERE r.delivered_through < r.visible_through";
    let (outbox, oldest) = sql.one(outbox, (), counted)?;
    let due = "SELECT count(*), min(next_due) FROM resource WHERE next_due <= ?1";
    let (due, due_since) = sql.one(due, [now.0], counted)?;
    let count = |query| sql.one(query, (), |row| row.get(0));
    let destinations = "SELECT count(DISTINCT r.destination) FROM instance i
        JOIN resource r ON r.instance_id = i.id WHERE i.queued_at IS NOT NULL";
    Ok(Standing {
        outbox,
        oldest,
        due,
        due_since,
        queued_instances: count("SELECT count(*) FROM instance WHERE queued_at IS NOT NULL")?,
        queued_destinations: count(destinations)?,
        stopped_instances: count("SELECT count(*) FROM instance WHERE stopped IS NOT NULL")?,
        inbox: count("SELECT count(*) FROM inbox")?,
    })
}
