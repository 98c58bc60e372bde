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

/// Each also tells of the schema where it is and the oldest program that works with it.
const NOTHING: &str = "SELECT step, works_with FROM schema_version";
const ALONE: &str = "SELECT step, works_with, pg_advisory_xact_lock(CAST(?1 AS integer), 0)
  FROM schema_version";
/// Beside others that are about single instances. Other instances may have the same number modulo
/// 2^31, which costs a wait and no more. 0 is the lock above.
const INSTANCE: &str =
    "SELECT step, works_with, pg_advisory_xact_lock_shared(CAST(?1 AS integer), 0),
  pg_advisory_xact_lock(CAST(?1 AS integer), CAST(1 + ?2 % 2147483646 AS integer))
  FROM schema_version";

impl Touches {
    /// What is in a scope.
    pub(crate) fn of(scope: EventScope) -> Self {
        scope.instance.map_or(Self::All, Self::Instance)
    }

    /// What is sent from now on waits until nobody else decides about it; until the transaction ends
    /// nobody else will.
    ///
    /// # Errors
    /// [`StoreError::Newer`]: a newer program has taken a step that this one does not work with.
    pub(super) fn lock(&self, sql: &Sql) -> Result<Later<()>, StoreError> {
        match self {
            Self::Nothing => sql.find_later(NOTHING, (), works),
            Self::All => sql.find_later(ALONE, [LOCKS], works),
            Self::Instance(instance) => sql.find_later(INSTANCE, [LOCKS, instance.0], works),
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
fn beside(sql: &Sql, mut instances: Vec<i64>) -> Result<Later<()>, StoreError> {
    instances.sort_unstable_by_key(|instance| instance % 2_147_483_646);
    instances.dedup();
    let locks = instances.iter().map(|instance| [LOCKS, *instance]);
    let locked = sql.find_each(INSTANCE, locks, works)?;
    match locked.into_iter().flatten().next() {
        Some(()) => Ok(Later::Here(Some(()))),
        // None of the resources is there any more.
        None => sql.find_later(NOTHING, (), works),
    }
}

/// Whether this program still works with the schema.
fn works(row: &Row<'_>) -> Result<(), StoreError> {
    migrations::check(row.get(0)?, row.get(1)?)
}
