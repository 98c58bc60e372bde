//! Connector instances, as the API keeps them.

mod listing;
mod polled;
mod row;
mod switch;

use oc_config::{Configuration, Diagnostic, InstanceId, Timestamp};
use oc_oauth::TokenSet;
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;

use crate::audit::{By, changed_keys, note};
use crate::people::hash;
use crate::postgres::Touches;
use crate::profile::seal_configuration;
use crate::sql::{Sql, params};
use crate::wakes::Wake;
use crate::{
    CreationKey, OrganizationId, SecretKey, Store, StoreError, creation_key, hooks, outbox, vault,
};

pub use listing::{InstanceFilter, InstancePage};
pub use polled::{PolledResource, ResourceState};

/// A remark that is kept with an instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    /// Dotted path into the request.
    pub path: String,
    /// What was read in another way than it was written.
    pub message: String,
}

impl From<&Diagnostic> for Warning {
    fn from(remark: &Diagnostic) -> Self {
        let place = Diagnostic { path: String::new(), ..remark.clone() };
        Self { path: remark.path.clone(), message: place.to_string() }
    }
}

/// A connector instance.
#[derive(Clone, Debug)]
pub struct Instance {
    /// Its number.
    pub id: InstanceId,
    /// Whose it is.
    pub organization: OrganizationId,
    /// Who made it.
    pub user: i64,
    /// Its connector's key.
    pub connector: String,
    /// Its name.
    pub name: String,
    /// Its tags.
    pub tags: Vec<String>,
    /// Its configuration.
    pub configuration: Configuration,
    /// What its callers prove themselves with.
    pub token: SecretString,
    /// Names the provider account whose rate limit it shares.
    pub account: String,
    /// What its request was read differently in.
    pub warnings: Vec<Warning>,
    /// When it was made.
    pub created: Timestamp,
    /// Counts its changes.
    pub revision: i64,
    /// Whether its owner has switched it off.
    pub disabled: bool,
    /// Polls that have failed in a row since it was last changed.
    pub failed_polls: u32,
    /// Why polling stopped, when it has.
    pub stopped: Option<String>,
    /// Since when its notifications queue, when they do.
    pub queued_at: Option<Timestamp>,
    /// When its access token was got, when it has one.
    pub token_obtained: Option<Timestamp>,
    /// Why it must be authorized again, when it must.
    pub dead: Option<String>,
}

/// What of an instance a client decides.
#[derive(Clone, Debug)]
pub struct InstanceFields {
    /// Its name.
    pub name: String,
    /// Its tags.
    pub tags: Vec<String>,
    /// Its configuration, whole.
    pub configuration: Configuration,
    /// Its rate limit's account.
    pub account: String,
    /// Remarks on the request.
    pub warnings: Vec<Warning>,
    /// A new pair of tokens, after an authorization.
    pub tokens: Option<TokenSet>,
    /// What is polled; `None` while events are not enabled.
    pub polled: Option<Vec<PolledResource>>,
    /// The origin of the callback url, or the sink.
    pub destination: Option<String>,
}

/// A new instance.
#[derive(Clone, Debug)]
pub struct NewInstance {
    /// Whose it is.
    pub organization: OrganizationId,
    /// Who makes it.
    pub user: i64,
    /// Its connector's key.
    pub connector: String,
    /// What its callers will prove themselves with: at least 256 random bits.
    pub token: SecretString,
    /// When it is made.
    pub created: Timestamp,
    /// What a repetition of the request is known by.
    pub repeated_by: Option<CreationKey>,
    /// The rest.
    pub fields: InstanceFields,
}

impl Store {
    /// Stores a new instance with its tokens and what is polled, in one transaction.
    ///
    /// # Errors
    /// When the storage fails.
    pub async fn create_instance(
        &self,
        new: NewInstance,
        request_id: Option<String>,
    ) -> Result<InstanceId, StoreError> {
        let (key, profiles) = (self.key.clone(), self.profiles.clone());
        let by = By { user: Some(new.user), request_id };
        let create = move |sql: &Sql| {
            let id = insert(sql, &key, &new, &by)?;
            hooks::fit(sql, &key, &profiles, id, new.created).map(|()| id)
        };
        self.database.write(create).await
    }

    /// Changes an instance that has not changed since `revision` was read. Polling that had stopped
    /// goes on, and so does delivery when `reactivate`.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when it has changed or gone.
    pub async fn update_instance(
        &self,
        id: InstanceId,
        revision: i64,
        fields: InstanceFields,
        reactivate: bool,
        by: By,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let (key, profiles) = (self.key.clone(), self.profiles.clone());
        self.database
            .write_to(Touches::Instance(id), move |sql| {
                let before = row::one(sql, &key, "i.id = ?1", [id.0])?;
                let before = before.filter(|before| before.revision == revision);
                let before = before.ok_or(StoreError::Conflict)?;
                let (tags, warnings) = (text(&fields.tags)?, row::warnings_json(&fields.warnings)?);
                sql.execute(
                    "UPDATE instance SET revision = revision + 1, name = ?2, tags = ?3, account = ?4,
                       warnings = ?5, name_folded = ?6, failures = 0, stopped = NULL, refused = NULL
                     WHERE id = ?1",
                    params![
                        id.0,
                        fields.name,
                        tags,
                        fields.account,
                        warnings,
                        fields.name.to_lowercase()
                    ],
                )?;
                note_change(sql, &before, &fields, &by, now)?;
                put(sql, &key, id, &fields, now)?;
                hooks::fit(sql, &key, &profiles, id, now)?;
                if reactivate {
                    outbox::activate(sql, id, now)?;
                }
                Ok(())
            })
            .await?;
        self.shared.wakes.wake(Wake::Outbox);
        Ok(())
    }

    /// An instance.
    ///
    /// # Errors
    /// When the storage fails.
    pub async fn instance(&self, id: InstanceId) -> Result<Option<Instance>, StoreError> {
        let key = self.key.clone();
        self.database.read(move |sql| row::one(sql, &key, "i.id = ?1", [id.0])).await
    }

    /// The instance that a token belongs to.
    ///
    /// # Errors
    /// When the storage fails.
    pub async fn instance_with(
        &self,
        token: &SecretString,
    ) -> Result<Option<Instance>, StoreError> {
        let (key, hash) = (self.key.clone(), hash(token));
        self.database.read(move |sql| row::one(sql, &key, "i.token_hash = ?1", [&hash])).await
    }

    /// Deletes an instance with all that belongs to it; returns how many notifications had not
    /// been delivered, or `None` when there is no such instance. Its history is swept away later.
    ///
    /// # Errors
    /// When the storage fails.
    pub async fn delete_instance(
        &self,
        id: InstanceId,
        by: By,
        now: Timestamp,
    ) -> Result<Option<u64>, StoreError> {
        let touches = Touches::Instance(id);
        self.database.write_to(touches, move |sql| delete(sql, id, &by, now)).await
    }

    /// Notes whose rate limit an instance shares, once the provider has told.
    ///
    /// # Errors
    /// When the storage fails.
    pub async fn set_account(&self, id: InstanceId, account: String) -> Result<(), StoreError> {
        self.database
            .write_to(Touches::Instance(id), move |sql| {
                sql.execute(
                    "UPDATE instance SET account = ?2, revision = revision + 1 WHERE id = ?1",
                    params![id.0, account],
                )?;
                Ok(())
            })
            .await
    }
}

fn insert(
    sql: &Sql,
    key: &SecretKey,
    new: &NewInstance,
    by: &By,
) -> Result<InstanceId, StoreError> {
    let fields = &new.fields;
    let id = sql.one(
        "INSERT INTO instance (organization_id, user_id, connector, name, tags, configuration,
           token_hash, account, warnings, created, name_folded)
         VALUES (?1, ?2, ?3, ?4, ?5, '{}', ?6, ?7, ?8, ?9, ?10)
         RETURNING id",
        params![
            new.organization.0,
            new.user,
            new.connector,
            fields.name,
            text(&fields.tags)?,
            hash(&new.token),
            fields.account,
            row::warnings_json(&fields.warnings)?,
            new.created.0,
            fields.name.to_lowercase()
        ],
        |row| row.get(0).map(InstanceId),
    )?;
    let token = key.seal(&row::token_of(id), new.token.expose_secret().as_bytes())?;
    sql.execute("UPDATE instance SET token = ?2 WHERE id = ?1", params![id.0, token])?;
    put(sql, key, id, fields, new.created)?;
    if let Some(repeated_by) = &new.repeated_by {
        creation_key::store(sql, key, new.organization, repeated_by, id, new.created)?;
    }
    let details = json!({
        "connector": new.connector,
        "configuration": changed_keys(&Configuration::default(), &fields.configuration),
        "authorized": fields.tokens.is_some(),
    });
    let what = ("instance.created", subject(id));
    note(sql, new.created, by, Some(new.organization.0), (what.0, &what.1), &details)?;
    Ok(id)
}

fn note_change(
    sql: &Sql,
    before: &Instance,
    fields: &InstanceFields,
    by: &By,
    now: Timestamp,
) -> Result<(), StoreError> {
    let details = json!({
        "name": before.name != fields.name,
        "tags": before.tags != fields.tags,
        "configuration": changed_keys(&before.configuration, &fields.configuration),
        "authorized": fields.tokens.is_some(),
    });
    let what = ("instance.changed", subject(before.id));
    note(sql, now, by, Some(before.organization.0), (what.0, &what.1), &details)
}

/// Deletes an instance; tells how many notifications had not been delivered.
pub(crate) fn delete(
    sql: &Sql,
    id: InstanceId,
    by: &By,
    now: Timestamp,
) -> Result<Option<u64>, StoreError> {
    let waiting: u64 = sql.one(
        "SELECT count(*) FROM resource r JOIN notification n ON n.resource_id = r.id
           AND n.seq > r.delivered_through AND n.seq <= r.visible_through
         WHERE r.instance_id = ?1",
        [id.0],
        |row| row.get(0),
    )?;
    let organization =
        sql.find("DELETE FROM instance WHERE id = ?1 RETURNING organization_id", [id.0], |row| {
            row.get(0)
        })?;
    let Some(organization) = organization else { return Ok(None) };
    sql.execute("DELETE FROM token_pair WHERE instance_id = ?1", [id.0])?;
    hooks::forget(sql, id)?;
    sql.execute("INSERT INTO gone SELECT id FROM resource WHERE instance_id = ?1", [id.0])?;
    sql.execute("DELETE FROM resource WHERE instance_id = ?1", [id.0])?;
    let what = ("instance.deleted", subject(id));
    let details = json!({"droppedDeliveries": waiting});
    note(sql, now, by, Some(organization), (what.0, &what.1), &details)?;
    Ok(Some(waiting))
}

pub(crate) fn subject(id: InstanceId) -> String {
    format!("instance {id}")
}

/// What creating and changing have in common.
fn put(
    sql: &Sql,
    key: &SecretKey,
    id: InstanceId,
    fields: &InstanceFields,
    now: Timestamp,
) -> Result<(), StoreError> {
    let (plain, secrets) = seal_configuration(key, id, &fields.configuration)?;
    sql.execute(
        "UPDATE instance SET configuration = ?2, secrets = ?3 WHERE id = ?1",
        params![id.0, plain, secrets],
    )?;
    if let Some(tokens) = &fields.tokens {
        vault::store(sql, key, id, tokens)?;
    }
    polled::put(sql, id, fields.polled.as_deref(), fields.destination.as_deref(), now)
}

fn text<T: serde::Serialize>(value: &T) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|error| StoreError::stored("instance", error))
}
