//! Organizations and users as the operator adds, lists, rotates and removes them.

use std::time::Duration;

use oc_config::{InstanceId, Timestamp};
use secrecy::SecretString;
use serde_json::json;

use super::secrets::{Owner, give, hash, rotate, take_all};
use super::{Organization, OrganizationId, User};
use crate::audit::{By, note};
use crate::sql::{Row, Sql, params};
use crate::{Store, StoreError, instances};

/// A user to add.
#[derive(Clone, Debug)]
pub struct NewUser {
    /// The name of the organization; it is made when there is none.
    pub organization: String,
    /// How to reach them.
    pub email: String,
    /// First name.
    pub first_name: String,
    /// Last name.
    pub last_name: String,
    /// What the user will prove themselves with: at least 256 random bits.
    pub secret: SecretString,
    /// The same for the organization, used only when it is made.
    pub organization_secret: SecretString,
}

/// A user that was added.
#[derive(Clone, Debug)]
pub struct AddedUser {
    /// The user.
    pub user: User,
    /// Their organization.
    pub organization: Organization,
    /// Whether it was made, so that its secret is the new one.
    pub organization_is_new: bool,
}

/// A user in the list.
#[derive(Clone, Debug)]
pub struct Listed {
    /// The user.
    pub user: User,
    /// Their organization.
    pub organization: Organization,
    /// The instances they have made.
    pub instances: u64,
    /// Until when a secret is good that was replaced.
    pub former_secret_ends: Option<Timestamp>,
}

/// What came of removing a user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Removal {
    /// The user's secrets are good no more.
    Done {
        /// The last user of an organization takes it along.
        organization_too: bool,
        /// Instances that were deleted with it.
        instances: u64,
    },
    /// There is no such user.
    Missing,
    /// Nothing was done: nobody could reach the organization's instances any more.
    LastUser {
        /// How many there are.
        instances: u64,
    },
}

impl Store {
    /// Adds a user, and the organization when there is none of that name.
    ///
    /// # Errors
    /// When the storage fails.
    pub async fn add_user(
        &self,
        new: NewUser,
        by: By,
        now: Timestamp,
    ) -> Result<AddedUser, StoreError> {
        self.database.write(move |sql| add(sql, &new, &by, now)).await
    }

    /// The users that were not removed, by organization.
    ///
    /// # Errors
    /// When the storage fails.
    pub async fn users(&self, now: Timestamp) -> Result<Vec<Listed>, StoreError> {
        self.database.read(move |sql| list(sql, now)).await
    }

    /// Gives a user another secret; the ones before are good for `overlap` more. False when there
    /// is no such user.
    ///
    /// # Errors
    /// When the storage fails.
    pub async fn rotate_user(
        &self,
        id: i64,
        secret: &SecretString,
        overlap: Duration,
        by: By,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let hash = hash(secret);
        self.database
            .write(move |sql| {
                let Some(organization) = organization_of(sql, id)? else { return Ok(false) };
                rotate(sql, Owner::User(id), &hash, overlap, now)?;
                let what = ("user.rotated", format!("user {id}"));
                let details = json!({"overlapSeconds": overlap.as_secs()});
                note(sql, now, &by, Some(organization), (what.0, &what.1), &details)?;
                Ok(true)
            })
            .await
    }

    /// The same for an organization.
    ///
    /// # Errors
    /// When the storage fails.
    pub async fn rotate_organization(
        &self,
        id: OrganizationId,
        secret: &SecretString,
        overlap: Duration,
        by: By,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let hash = hash(secret);
        self.database
            .write(move |sql| {
                let there = "SELECT 1 FROM organization WHERE id = ?1 AND removed IS NULL";
                if sql.find(there, [id.0], |_| Ok(()))?.is_none() {
                    return Ok(false);
                }
                rotate(sql, Owner::Organization(id.0), &hash, overlap, now)?;
                let what = ("organization.rotated", format!("organization {}", id.0));
                let details = json!({"overlapSeconds": overlap.as_secs()});
                note(sql, now, &by, Some(id.0), (what.0, &what.1), &details)?;
                Ok(true)
            })
            .await
    }

    /// Removes a user: their secrets are refused from now on. The last user of an organization
    /// takes it along, and with `force` its instances and all that waits to be delivered.
    ///
    /// # Errors
    /// When the storage fails.
    pub async fn remove_user(
        &self,
        id: i64,
        force: bool,
        by: By,
        now: Timestamp,
    ) -> Result<Removal, StoreError> {
        self.database.write(move |sql| remove(sql, id, force, &by, now)).await
    }
}

fn add(sql: &Sql, new: &NewUser, by: &By, now: Timestamp) -> Result<AddedUser, StoreError> {
    let found = sql.find(
        "SELECT id FROM organization WHERE name = ?1 AND removed IS NULL",
        [&new.organization],
        |row| row.get(0),
    )?;
    let organization = match found {
        Some(id) => id,
        None => {
            let id = next(sql, "organization")?;
            sql.execute(
                "INSERT INTO organization (id, name) VALUES (?1, ?2)",
                params![id, new.organization],
            )?;
            give(sql, Owner::Organization(id), &hash(&new.organization_secret))?;
            let what = ("organization.added", format!("organization {id}"));
            note(sql, now, by, Some(id), (what.0, &what.1), &json!({}))?;
            id
        }
    };
    let id = next(sql, "user")?;
    sql.execute(
        "INSERT INTO \"user\" (id, organization_id, email, first_name, last_name)
         VALUES (?1, ?2, ?3, ?4, ?5)",
        params![id, organization, new.email, new.first_name, new.last_name],
    )?;
    give(sql, Owner::User(id), &hash(&new.secret))?;
    note(sql, now, by, Some(organization), ("user.added", &format!("user {id}")), &json!({}))?;
    let user = User {
        id,
        organization: OrganizationId(organization),
        email: new.email.clone(),
        first_name: new.first_name.clone(),
        last_name: new.last_name.clone(),
    };
    let organization =
        Organization { id: OrganizationId(organization), name: new.organization.clone() };
    Ok(AddedUser { user, organization, organization_is_new: found.is_none() })
}

/// Numbers are never used again, and 1 is the first user's and organization's.
fn next(sql: &Sql, table: &str) -> Result<i64, StoreError> {
    if sql.is_postgres() {
        let next = "SELECT nextval(pg_get_serial_sequence('\"' || ?1 || '\"', 'id'))";
        return sql.one(next, [table], |row| row.get(0));
    }
    let query = "SELECT max(1, coalesce(max(seq), 0)) + 1 FROM sqlite_sequence WHERE name = ?1";
    sql.one(query, [table], |row| row.get(0))
}

fn list(sql: &Sql, now: Timestamp) -> Result<Vec<Listed>, StoreError> {
    let read = |row: &Row<'_>| {
        let user = User::read(row)?;
        let organization = Organization { id: user.organization, name: row.get(5)? };
        let former_secret_ends = row.get::<Option<i64>>(7)?.map(Timestamp);
        Ok(Listed { user, organization, instances: row.get(6)?, former_secret_ends })
    };
    sql.all(
        "SELECT u.id, u.organization_id, u.email, u.first_name, u.last_name, o.name,
           (SELECT count(*) FROM instance i WHERE i.organization_id = o.id AND i.user_id = u.id),
           (SELECT max(ends) FROM secret s
            WHERE s.kind = 'user' AND s.owner = u.id AND s.ends > ?1)
         FROM \"user\" u JOIN organization o ON o.id = u.organization_id
         WHERE u.removed IS NULL ORDER BY o.id, u.id",
        [now.0],
        read,
    )
}

/// The organization of a user who was not removed.
fn organization_of(sql: &Sql, user: i64) -> Result<Option<i64>, StoreError> {
    let query = "SELECT organization_id FROM \"user\" WHERE id = ?1 AND removed IS NULL";
    sql.find(query, [user], |row| row.get(0))
}

fn remove(sql: &Sql, id: i64, force: bool, by: &By, now: Timestamp) -> Result<Removal, StoreError> {
    let Some(organization) = organization_of(sql, id)? else { return Ok(Removal::Missing) };
    let others: u64 = sql.one(
        "SELECT count(*) FROM \"user\" WHERE organization_id = ?1 AND removed IS NULL AND id <> ?2",
        [organization, id],
        |row| row.get(0),
    )?;
    let instances = if others == 0 { instances_of(sql, organization)? } else { Vec::new() };
    let count = u64::try_from(instances.len()).unwrap_or(u64::MAX);
    if count > 0 && !force {
        return Ok(Removal::LastUser { instances: count });
    }
    for instance in instances {
        instances::delete(sql, instance, by, now)?;
    }
    sql.execute("UPDATE \"user\" SET removed = ?2 WHERE id = ?1", [id, now.0])?;
    take_all(sql, Owner::User(id))?;
    note(sql, now, by, Some(organization), ("user.removed", &format!("user {id}")), &json!({}))?;
    if others == 0 {
        sql.execute("UPDATE organization SET removed = ?2 WHERE id = ?1", [organization, now.0])?;
        take_all(sql, Owner::Organization(organization))?;
        let what = ("organization.removed", format!("organization {organization}"));
        let details = json!({"instances": count});
        note(sql, now, by, Some(organization), (what.0, &what.1), &details)?;
    }
    Ok(Removal::Done { organization_too: others == 0, instances: count })
}

fn instances_of(sql: &Sql, organization: i64) -> Result<Vec<InstanceId>, StoreError> {
    sql.all("SELECT id FROM instance WHERE organization_id = ?1", [organization], |row| {
        row.get(0).map(InstanceId)
    })
}
