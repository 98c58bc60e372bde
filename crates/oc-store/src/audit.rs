//! The audit log: who changed what, kept beside the change itself.

use std::time::Duration;

use oc_config::{Configuration, Timestamp};
use secrecy::ExposeSecret;
use serde_json::Value as Json;

use crate::sql::{Row, Sql, params};
use crate::{Store, StoreError};

/// For how long entries are kept.
const KEPT: Duration = Duration::from_secs(90 * 86_400);
/// Entries that are swept away in one transaction.
const CHUNK: i64 = 2_000;

/// Who changes something.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct By {
    /// The user; `None` is the operator, on the command line.
    pub user: Option<i64>,
    /// The request that asked for it.
    pub request_id: Option<String>,
}

impl By {
    /// The operator, on the command line.
    pub fn operator() -> Self {
        Self::default()
    }
}

/// One change.
#[derive(Clone, Debug, PartialEq)]
pub struct AuditEntry {
    /// Counts up.
    pub number: i64,
    /// When.
    pub at: Timestamp,
    /// Whose data; `None` is the whole database.
    pub organization: Option<i64>,
    /// Who did it.
    pub by: By,
    /// What was done, as `instance.created`.
    pub action: String,
    /// What it was done to, as `instance 7`.
    pub subject: String,
    /// More: names of what has changed, never values.
    pub details: Json,
}

impl Store {
    /// The changes since an instant with a number above `after`, at most `limit`, oldest first.
    ///
    /// # Errors
    /// When the storage fails.
    pub async fn audit(
        &self,
        since: Timestamp,
        after: i64,
        limit: usize,
    ) -> Result<Vec<AuditEntry>, StoreError> {
        self.database
            .read(move |sql| {
                sql.all(
                    "SELECT seq, at, organization_id, user_id, request_id, action, subject, details
                     FROM audit WHERE at >= ?1 AND seq > ?2 ORDER BY seq LIMIT ?3",
                    params![since.0, after, limit],
                    AuditEntry::read,
                )
            })
            .await
    }
}

impl AuditEntry {
    fn read(row: &Row<'_>) -> Result<Self, StoreError> {
        let details: String = row.get(7)?;
        Ok(Self {
            number: row.get(0)?,
            at: Timestamp(row.get(1)?),
            organization: row.get(2)?,
            by: By { user: row.get(3)?, request_id: row.get(4)? },
            action: row.get(5)?,
            subject: row.get(6)?,
            details: serde_json::from_str(&details).unwrap_or_default(),
        })
    }
}

/// Notes a change, in the transaction that makes it.
pub(crate) fn note(
    sql: &Sql,
    at: Timestamp,
    by: &By,
    organization: Option<i64>,
    (action, subject): (&str, &str),
    details: &Json,
) -> Result<(), StoreError> {
    sql.execute(
        "INSERT INTO audit (at, organization_id, user_id, request_id, action, subject, details)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        params![at.0, organization, by.user, by.request_id, action, subject, details.to_string()],
    )?;
    Ok(())
}

/// The keys whose values differ, in order.
pub(crate) fn changed_keys(before: &Configuration, after: &Configuration) -> Vec<String> {
    let differs = |key: &&String| {
        let secret = |of: &Configuration| {
            of.secrets().get(*key).map(|secret| secret.expose_secret().to_owned())
        };
        before.plain().get(*key) != after.plain().get(*key) || secret(before) != secret(after)
    };
    let all = [before, after];
    let keys = all.iter().flat_map(|one| one.plain().keys().chain(one.secrets().keys()));
    let keys: std::collections::BTreeSet<&String> = keys.filter(differs).collect();
    keys.into_iter().cloned().collect()
}

/// One chunk of what is too old; true when there is more.
pub(crate) fn sweep(sql: &Sql, now: Timestamp) -> Result<bool, StoreError> {
    let deleted = sql.execute(
        "DELETE FROM audit WHERE seq IN (SELECT seq FROM audit WHERE at < ?1 LIMIT ?2)",
        params![now.minus(KEPT).0, CHUNK],
    )?;
    Ok(i64::try_from(deleted).is_ok_and(|deleted| deleted == CHUNK))
}
