//! Idempotency keys: a creation that is repeated within a day finds what it made.

use oc_config::{InstanceId, Timestamp};
use sha2::{Digest, Sha256};

use crate::retention::DAY;
use crate::sql::{Sql, params};
use crate::{OrganizationId, SecretKey, Store, StoreError};

/// What a client calls its request, and what the request says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreationKey {
    /// The client's word.
    pub key: String,
    /// What two requests have in common when they are the same.
    digest: Vec<u8>,
}

/// A creation that was done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Creation {
    /// The instance it made; it may have gone.
    pub instance: InstanceId,
    /// Whether it was this very request.
    pub is_same: bool,
}

impl CreationKey {
    /// A request by its text.
    pub fn new(key: String, request: &[u8]) -> Self {
        Self { key, digest: Sha256::digest(request).to_vec() }
    }
}

impl Store {
    /// What was created with a key within the last day.
    ///
    /// # Errors
    /// When the storage fails.
    pub async fn creation(
        &self,
        of: OrganizationId,
        asked: CreationKey,
        now: Timestamp,
    ) -> Result<Option<Creation>, StoreError> {
        let key = self.key.clone();
        self.database
            .read(move |sql| {
                let row = sql.find(
                    "SELECT request, instance_id FROM creation_key
                         WHERE organization_id = ?1 AND key = ?2 AND created > ?3",
                    params![of.0, asked.key, now.minus(DAY).0],
                    |row| Ok((row.get::<Vec<u8>>(0)?, InstanceId(row.get(1)?))),
                )?;
                let Some((sealed, instance)) = row else { return Ok(None) };
                // The request holds secrets, so that its digest is kept like one.
                let digest = key.open(&identity(of, &asked.key), &sealed)?;
                Ok(Some(Creation { instance, is_same: digest[..] == asked.digest[..] }))
            })
            .await
    }
}

pub(crate) fn store(
    sql: &Sql,
    key: &SecretKey,
    of: OrganizationId,
    asked: &CreationKey,
    instance: InstanceId,
    now: Timestamp,
) -> Result<(), StoreError> {
    let sealed = key.seal(&identity(of, &asked.key), &asked.digest)?;
    sql.execute(
        "INSERT INTO creation_key (organization_id, key, request, instance_id, created)
         VALUES (?1, ?2, ?3, ?4, ?5)
         ON CONFLICT (organization_id, key) DO UPDATE SET request = excluded.request,
           instance_id = excluded.instance_id, created = excluded.created",
        params![of.0, asked.key, sealed, instance.0, now.0],
    )?;
    Ok(())
}

fn identity(of: OrganizationId, key: &str) -> String {
    format!("organization/{}/creation/{key}", of.0)
}
