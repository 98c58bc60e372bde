//! What a job that writes decides about.
//!
//! SQLite has one writer, so that each job is as if alone. Here jobs of many nodes run at the same
//! time; each first locks what it decides about, and sees from then on what those before it have
//! committed. So the jobs about one instance come one after the other, as if there were one writer an
//! instance, and those about all instances wait for all others.

use oc_config::InstanceId;
use oc_poll::ResourceId;

use crate::StoreError;
use crate::events::EventScope;
use crate::sql::{Later, Row, Sql};

use super::migrations;

/// Our part of the numbers that advisory locks have.
pub(super) const LOCKS: i64 = 0x6f63;

/// What a job decides about. When in doubt, [`Touches::All`]: it is always right, and slow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Touches {
    /// Anything: no other job runs.
    All,
    /// One instance with all that belongs to it.
    Instance(InstanceId),
    /// Some instances, each with all that belongs to it.
    Instances(Vec<InstanceId>),
    /// The instances of some resources.
    Resources(Vec<ResourceId>),
    /// Rows that no other job decides about.
    Nothing,
}

/// Each also tells the transaction's number, and of the schema where it is and the oldest program that
/// works with it.
const NOTHING: &str = "SELECT CAST(CAST(pg_current_xact_id() AS text) AS bigint), step, works_with
  FROM schema_version";
const ALONE: &str = "SELECT CAST(CAST(pg_current_xact_id() AS text) AS bigint), step, works_with,
  pg_advisory_xact_lock(CAST(?1 AS integer), 0) FROM schema_version";
/// Beside others that are about single instances. Other instances may have the same number modulo
/// 2^31, which costs a wait and no more. 0 is the lock above.
const INSTANCE: &str =
    "SELECT CAST(CAST(pg_current_xact_id() AS text) AS bigint), step, works_with,
  pg_advisory_xact_lock_shared(CAST(?1 AS integer), 0),
  pg_advisory_xact_lock(CAST(?1 AS integer), CAST(1 + ?2 % 2147483646 AS integer))
  FROM schema_version";

impl Touches {
    /// What is in a scope.
    pub(crate) fn of(scope: EventScope) -> Self {
        scope.instance.map_or(Self::All, Self::Instance)
    }

    /// What is sent from now on waits until nobody else decides about it; until the transaction ends
    /// nobody else will. Tells the number of the transaction.
    ///
    /// # Errors
    /// [`StoreError::Newer`]: a newer program has taken a step that this one does not work with.
    pub(super) fn lock(&self, sql: &Sql) -> Result<Later<i64>, StoreError> {
        match self {
            Self::Nothing => sql.find_later(NOTHING, (), begun),
            Self::All => sql.find_later(ALONE, [LOCKS], begun),
            Self::Instance(instance) => sql.find_later(INSTANCE, [LOCKS, instance.0], begun),
            Self::Instances(instances) => {
                beside(sql, instances.iter().map(|instance| instance.0).collect())
            }
            Self::Resources(resources) => {
                let found = sql.find_each(
                    "SELECT instance_id FROM resource WHERE id = ?1",
                    resources.iter().map(|resource| [resource.0]),
                    |row| row.get(0),
                )?;
                beside(sql, found.into_iter().flatten().collect())
            }
        }
    }
}

/// In the order of their locks, so that no two jobs wait for each other.
fn beside(sql: &Sql, mut instances: Vec<i64>) -> Result<Later<i64>, StoreError> {
    instances.sort_unstable_by_key(|instance| instance % 2_147_483_646);
    instances.dedup();
    let locks = instances.iter().map(|instance| [LOCKS, *instance]);
    let numbers = sql.find_each(INSTANCE, locks, begun)?;
    match numbers.into_iter().flatten().next() {
        Some(number) => Ok(Later::Here(Some(number))),
        // None of the resources is there any more.
        None => sql.find_later(NOTHING, (), begun),
    }
}

/// The transaction's number, where this program still works with the schema.
fn begun(row: &Row<'_>) -> Result<i64, StoreError> {
    migrations::check(row.get(1)?, row.get(2)?)?;
    row.get(0)
}
