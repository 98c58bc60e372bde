//! Organizations and users, who call the API. Their secrets are kept only as hashes.

use rusqlite::{OptionalExtension, params};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};

use crate::{Store, StoreError};

/// An organization's number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct OrganizationId(pub i64);

/// A user of an organization.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// Their number.
    pub id: i64,
    /// Their organization.
    pub organization: OrganizationId,
    /// How to reach them.
    pub email: String,
    /// First name.
    pub first_name: String,
    /// Last name.
    pub last_name: String,
}

impl Store {
    /// Makes the first organization and user; with those there, replaces the secrets that are
    /// given. Returns whether they were made.
    ///
    /// # Errors
    /// When the storage fails.
    pub async fn ensure_first_user(
        &self,
        user: Option<&SecretString>,
        organization: Option<&SecretString>,
        generated: (&SecretString, &SecretString),
    ) -> Result<bool, StoreError> {
        let made = (hash(user.unwrap_or(generated.0)), hash(organization.unwrap_or(generated.1)));
        let given = (user.map(hash), organization.map(hash));
        self.database
            .write(move |sql| {
                let there = sql
                    .query_row("SELECT 1 FROM user WHERE id = 1", [], |_| Ok(()))
                    .optional()?
                    .is_some();
                if there {
                    sql.execute(
                        "UPDATE user SET secret_hash = coalesce(?1, secret_hash) WHERE id = 1",
                        [given.0],
                    )?;
                    sql.execute(
                        "UPDATE organization SET secret_hash = coalesce(?1, secret_hash) WHERE id = 1",
                        [given.1],
                    )?;
                    return Ok(false);
                }
                sql.execute(
                    "INSERT INTO organization (id, name, secret_hash) VALUES (1, 'First organization', ?1)",
                    [made.1],
                )?;
                sql.execute(
                    "INSERT INTO user (id, organization_id, email, first_name, last_name, secret_hash)
                     VALUES (1, 1, 'admin@localhost', 'First', 'User', ?1)",
                    [made.0],
                )?;
                Ok(true)
            })
            .await
    }

    /// The user with a secret.
    ///
    /// # Errors
    /// When the storage fails.
    pub async fn user_with(&self, secret: &SecretString) -> Result<Option<User>, StoreError> {
        let hash = hash(secret);
        self.database
            .read(move |sql| {
                let mut statement = sql.prepare_cached(
                    "SELECT id, organization_id, email, first_name, last_name FROM user WHERE secret_hash = ?1",
                )?;
                Ok(statement.query_row(params![hash], User::read).optional()?)
            })
            .await
    }

    /// The organization with a secret.
    ///
    /// # Errors
    /// When the storage fails.
    pub async fn organization_with(
        &self,
        secret: &SecretString,
    ) -> Result<Option<OrganizationId>, StoreError> {
        let hash = hash(secret);
        self.database
            .read(move |sql| {
                let mut statement =
                    sql.prepare_cached("SELECT id FROM organization WHERE secret_hash = ?1")?;
                Ok(statement
                    .query_row(params![hash], |row| row.get(0).map(OrganizationId))
                    .optional()?)
            })
            .await
    }

    /// A user by number.
    ///
    /// # Errors
    /// When the storage fails.
    pub async fn user(&self, id: i64) -> Result<Option<User>, StoreError> {
        self.database
            .read(move |sql| {
                let mut statement = sql.prepare_cached(
                    "SELECT id, organization_id, email, first_name, last_name FROM user WHERE id = ?1",
                )?;
                Ok(statement.query_row([id], User::read).optional()?)
            })
            .await
    }
}

impl User {
    fn read(row: &rusqlite::Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            id: row.get(0)?,
            organization: OrganizationId(row.get(1)?),
            email: row.get(2)?,
            first_name: row.get(3)?,
            last_name: row.get(4)?,
        })
    }
}

/// Secrets have 256 random bits, so that a plain hash is enough to keep them.
pub(crate) fn hash(secret: &SecretString) -> Vec<u8> {
    Sha256::digest(secret.expose_secret()).to_vec()
}
