//! Organizations and users, who call the API.

mod first;
mod secrets;
mod tenants;

use oc_config::Timestamp;
use secrecy::SecretString;

use crate::sql::{Row, params};
use crate::{Store, StoreError};

pub(crate) use secrets::{hash, sweep};
pub use tenants::{AddedUser, Listed, NewUser, Removal};

/// An organization's number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct OrganizationId(pub i64);

/// An organization: a tenant, apart from all others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Organization {
    /// Its number.
    pub id: OrganizationId,
    /// Its name.
    pub name: String,
}

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
    /// The user with a secret that is good at `now`. It costs the same whether there is one or not,
    /// and is never remembered: a secret that is taken away is refused from then on.
    ///
    /// # Errors
    /// When the storage fails.
    pub async fn user_with(
        &self,
        secret: &SecretString,
        now: Timestamp,
    ) -> Result<Option<User>, StoreError> {
        let hash = hash(secret);
        self.database
            .read(move |sql| {
                sql.find(
                    "SELECT u.id, u.organization_id, u.email, u.first_name, u.last_name
                     FROM secret s JOIN \"user\" u ON u.id = s.owner
                     WHERE s.kind = 'user' AND s.hash = ?1 AND (s.ends IS NULL OR s.ends > ?2)",
                    params![hash, now.0],
                    User::read,
                )
            })
            .await
    }

    /// The organization with a secret that is good at `now`.
    ///
    /// # Errors
    /// When the storage fails.
    pub async fn organization_with(
        &self,
        secret: &SecretString,
        now: Timestamp,
    ) -> Result<Option<OrganizationId>, StoreError> {
        let hash = hash(secret);
        self.database
            .read(move |sql| {
                let owner = |row: &Row<'_>| row.get(0).map(OrganizationId);
                sql.find(
                    "SELECT owner FROM secret
                     WHERE kind = 'organization' AND hash = ?1 AND (ends IS NULL OR ends > ?2)",
                    params![hash, now.0],
                    owner,
                )
            })
            .await
    }

    /// A user by number; those who were removed are found as well, as instances name them.
    ///
    /// # Errors
    /// When the storage fails.
    pub async fn user(&self, id: i64) -> Result<Option<User>, StoreError> {
        self.database
            .read(move |sql| {
                sql.find("SELECT id, organization_id, email, first_name, last_name FROM \"user\" WHERE id = ?1", [id], User::read)
            })
            .await
    }
}

impl User {
    fn read(row: &Row<'_>) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.get(0)?,
            organization: OrganizationId(row.get(1)?),
            email: row.get(2)?,
            first_name: row.get(3)?,
            last_name: row.get(4)?,
        })
    }
}
