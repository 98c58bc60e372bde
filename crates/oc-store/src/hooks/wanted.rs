//! What an instance is to be subscribed to, kept with each change of the instance.

use oc_config::{InstanceId, Timestamp};
use secrecy::{ExposeSecret, SecretString};

use super::secret_of;
use crate::profile::{Profile, Profiles};
use crate::sql::{Sql, params};
use crate::{SecretKey, StoreError};

/// Notes what an instance wants as it is configured now, within the transaction that changed it; its
/// subscriptions are looked at right away.
pub(crate) fn fit(
    sql: &Sql,
    key: &SecretKey,
    profiles: &Profiles,
    instance: InstanceId,
    now: Timestamp,
) -> Result<(), StoreError> {
    let wanted = wanted(sql, profiles, instance)?;
    let text = serde_json::to_string(&wanted).map_err(|error| StoreError::stored("hook", error))?;
    let has_hook = sql.execute(
        "UPDATE hook SET wanted = ?2, due = ?3, revision = revision + 1, failures = 0, error = NULL
         WHERE instance_id = ?1",
        params![instance.0, text, now.0],
    )?;
    if has_hook == 0 && !wanted.is_empty() {
        let (suffix, secret) = (random(), SecretString::from(random() + &random()));
        let sealed = key.seal(&secret_of(instance), secret.expose_secret().as_bytes())?;
        sql.execute(
            "INSERT INTO hook (instance_id, suffix, secret, wanted, due) VALUES (?1, ?2, ?3, ?4, ?5)",
            params![instance.0, suffix, sealed, text, now.0],
        )?;
    }
    Ok(())
}

/// Nothing is received for an instance any more, and what waits in its inbox goes.
pub(crate) fn forget(sql: &Sql, instance: InstanceId) -> Result<(), StoreError> {
    sql.execute("DELETE FROM hook WHERE instance_id = ?1", [instance.0])?;
    sql.execute("DELETE FROM subscription WHERE instance_id = ?1", [instance.0])?;
    sql.execute("DELETE FROM inbox WHERE instance_id = ?1", [instance.0])?;
    Ok(())
}

/// The events as they are stored.
pub(super) fn read(text: &str) -> Result<Vec<String>, StoreError> {
    serde_json::from_str(text).map_err(|error| StoreError::stored("hook", error))
}

/// The events that tell of what is polled. An instance that is switched off, or cannot be read any
/// more, wants none.
fn wanted(sql: &Sql, profiles: &Profiles, instance: InstanceId) -> Result<Vec<String>, StoreError> {
    let disabled = "SELECT disabled FROM instance WHERE id = ?1";
    if sql.one(disabled, [instance.0], |row| row.get(0))? {
        return Ok(Vec::new());
    }
    // Not through the cache, as this change may be taken back.
    match profiles.read(sql, instance) {
        Ok(profile) => Ok(events(&profile)),
        Err(error) if error.is_of_database() => Err(error),
        Err(_) => Ok(Vec::new()),
    }
}

fn events(profile: &Profile) -> Vec<String> {
    let Some(webhooks) = &profile.connector.webhooks else { return Vec::new() };
    let mut events = Vec::new();
    for (_, resource) in profile.pushed() {
        for event in webhooks.events_of(resource) {
            if !events.iter().any(|one| one == event) {
                events.push(event.to_owned());
            }
        }
    }
    events
}

/// 128 random bits, in letters that a url can carry.
fn random() -> String {
    format!("{:032x}", rand::random::<u128>())
}
