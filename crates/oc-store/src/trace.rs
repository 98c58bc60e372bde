//! Recorded authentications, kept for a day.

use oc_config::Timestamp;
use uuid::Uuid;

use crate::postgres::Touches;
use crate::retention::DAY;
use crate::sql::params;
use crate::{OrganizationId, Store, StoreError};

/// How many of an organization are kept; the oldest go first.
const KEPT: usize = 100;

/// A recorded authentication.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trace {
    /// Its number.
    pub id: Uuid,
    /// Whose it is.
    pub organization: OrganizationId,
    /// The connector's key.
    pub connector: String,
    /// When it was made.
    pub created: Timestamp,
    /// What was recorded, as JSON; it holds no secret.
    pub record: String,
}

impl Store {
    /// Keeps a trace.
    ///
    /// # Errors
    /// When the storage fails.
    pub async fn keep_trace(&self, trace: Trace) -> Result<(), StoreError> {
        self.database
            .write_to(Touches::Nothing, move |sql| {
                let (id, of) = (trace.id, trace.organization.0);
                sql.execute(
                    "INSERT INTO trace (id, organization_id, connector, created, record)
                     VALUES (?1, ?2, ?3, ?4, ?5)",
                    params![id, of, trace.connector, trace.created.0, trace.record],
                )?;
                sql.execute(
                    "DELETE FROM trace WHERE organization_id = ?1 AND id NOT IN
                       (SELECT id FROM trace WHERE organization_id = ?1
                        ORDER BY created DESC, id DESC LIMIT ?2)",
                    params![of, KEPT],
                )?;
                Ok(())
            })
            .await
    }

    /// An organization's trace.
    ///
    /// # Errors
    /// When the storage fails.
    pub async fn trace(
        &self,
        of: OrganizationId,
        id: Uuid,
        now: Timestamp,
    ) -> Result<Option<Trace>, StoreError> {
        self.database
            .read(move |sql| {
                sql.find(
                    "SELECT connector, created, record FROM trace
                         WHERE id = ?1 AND organization_id = ?2 AND created > ?3",
                    params![id, of.0, now.minus(DAY).0],
                    |row| {
                        Ok(Trace {
                            id,
                            organization: of,
                            connector: row.get(0)?,
                            created: Timestamp(row.get(1)?),
                            record: row.get(2)?,
                        })
                    },
                )
            })
            .await
    }
}
