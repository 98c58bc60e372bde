//! Secrets of users and organizations: kept as hashes, replaced with an overlap.

use std::time::Duration;

use oc_config::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};

use crate::StoreError;
use crate::sql::{Sql, params};

/// Whose secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Owner {
    User(i64),
    Organization(i64),
}

impl Owner {
    fn parts(self) -> (&'static str, i64) {
        match self {
            Self::User(id) => ("user", id),
            Self::Organization(id) => ("organization", id),
        }
    }
}

/// Secrets have 256 random bits, so that a plain hash is enough to keep them.
pub(crate) fn hash(secret: &SecretString) -> Vec<u8> {
    Sha256::digest(secret.expose_secret()).to_vec()
}

/// Gives a secret, besides those that are there.
pub(super) fn give(sql: &Sql, owner: Owner, hash: &[u8]) -> Result<(), StoreError> {
    let (kind, id) = owner.parts();
    let taken = sql.find(
        "SELECT 1 FROM secret WHERE kind = ?1 AND hash = ?2",
        params![kind, hash],
        |_| Ok(()),
    )?;
    if taken.is_some() {
        return Err(StoreError::SecretTaken(kind));
    }
    sql.execute(
        "INSERT INTO secret (kind, hash, owner) VALUES (?1, ?2, ?3)",
        params![kind, hash, id],
    )?;
    Ok(())
}

/// The only secret from now on is this one. Nothing changes when it is so already.
pub(super) fn replace(sql: &Sql, owner: Owner, hash: &[u8]) -> Result<(), StoreError> {
    let (kind, id) = owner.parts();
    let present: Option<Vec<u8>> = sql.find(
        "SELECT hash FROM secret WHERE kind = ?1 AND owner = ?2 AND ends IS NULL",
        params![kind, id],
        |row| row.get(0),
    )?;
    if present.as_deref() == Some(hash) {
        return Ok(());
    }
    take_all(sql, owner)?;
    give(sql, owner, hash)
}

/// A new secret; those before it are good for `overlap` more, and not longer than they were.
pub(super) fn rotate(
    sql: &Sql,
    owner: Owner,
    hash: &[u8],
    overlap: Duration,
    now: Timestamp,
) -> Result<(), StoreError> {
    let (kind, id) = owner.parts();
    if overlap.is_zero() {
        take_all(sql, owner)?;
    } else {
        sql.execute(
            "UPDATE secret SET ends = CASE WHEN ends < ?3 THEN ends ELSE ?3 END
             WHERE kind = ?1 AND owner = ?2",
            params![kind, id, now.plus(overlap).0],
        )?;
    }
    give(sql, owner, hash)
}

/// No secret is good any more.
pub(super) fn take_all(sql: &Sql, owner: Owner) -> Result<(), StoreError> {
    let (kind, id) = owner.parts();
    sql.execute("DELETE FROM secret WHERE kind = ?1 AND owner = ?2", params![kind, id])?;
    Ok(())
}

/// Forgets secrets that have ended.
pub(crate) fn sweep(sql: &Sql, now: Timestamp) -> Result<(), StoreError> {
    sql.execute("DELETE FROM secret WHERE ends <= ?1", [now.0])?;
    Ok(())
}
