//! The first organization and user, whose secrets the settings may give.

use secrecy::SecretString;

use super::secrets::{Owner, give, hash, replace};
use crate::sql::Sql;
use crate::{Store, StoreError};

impl Store {
    /// Makes the first organization and user; with those there, replaces the secrets that are
    /// given, at once. Returns whether they were made. Once removed they never come back.
    ///
    /// # Errors
    /// [`StoreError::SecretTaken`] when another has a secret that is given, and when the storage
    /// fails.
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
                let Some(user_stays) = stays(sql, "user")? else {
                    return make(sql, &made).map(|()| true);
                };
                if let Some(hash) = given.0.as_ref().filter(|_| user_stays) {
                    replace(sql, Owner::User(1), hash)?;
                }
                let organization_stays = stays(sql, "organization")? == Some(true);
                if let Some(hash) = given.1.as_ref().filter(|_| organization_stays) {
                    replace(sql, Owner::Organization(1), hash)?;
                }
                Ok(false)
            })
            .await
    }
}

/// Whether the first one is there and was not removed; `None` before it was made.
fn stays(sql: &Sql, table: &str) -> Result<Option<bool>, StoreError> {
    let query = format!("SELECT removed IS NULL FROM \"{table}\" WHERE id = 1");
    sql.find(&query, (), |row| row.get(0))
}

fn make(sql: &Sql, (user, organization): &(Vec<u8>, Vec<u8>)) -> Result<(), StoreError> {
    sql.execute("INSERT INTO organization (id, name) VALUES (1, 'First organization')", ())?;
    sql.execute(
        "INSERT INTO \"user\" (id, organization_id, email, first_name, last_name)
         VALUES (1, 1, 'admin@localhost', 'First', 'User')",
        (),
    )?;
    give(sql, Owner::User(1), user)?;
    give(sql, Owner::Organization(1), organization)
}
