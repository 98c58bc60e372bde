//! Token pairs, as refreshing needs them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use oc_config::{InstanceId, Timestamp};
use oc_oauth::{ClientCredentials, Grant, Intent, Replaced, TokenSet, Vault, VaultError};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::json;
use zeroize::Zeroizing;

use crate::claims::Kind;
use crate::postgres::Touches;
use crate::profile::Profile;
use crate::sql::{Sql, params};
use crate::store::locked;
use crate::{SecretKey, Store, StoreError, notice};

/// For how long a refresh keeps other nodes from theirs, if it never ends: longer than all its tries
/// and the storing of what came of them.
const REFRESH: Duration = Duration::from_secs(600);

impl From<StoreError> for VaultError {
    fn from(error: StoreError) -> Self {
        Self(Box::new(error))
    }
}

#[async_trait]
impl Vault for Store {
    async fn load(&self, instance: InstanceId) -> Result<Option<Grant>, VaultError> {
        let (profiles, key) = (self.profiles.clone(), self.key.clone());
        let load = move |sql: &Sql| match profiles.of(sql, instance)? {
            Some(profile) => load(sql, &key, instance, &profile),
            None => Ok(None),
        };
        Ok(self.database.read(load).await?)
    }

    async fn intend(
        &self,
        instance: InstanceId,
        version: i64,
        now: Timestamp,
    ) -> Result<Intent, VaultError> {
        // One process takes care itself that it refreshes once at a time.
        let lease = (now, REFRESH);
        if self.node().is_some()
            && self.take(Kind::Refresh, vec![instance.0], lease).await?.is_empty()
        {
            return Ok(Intent::Elsewhere);
        }
        let note = move |sql: &Sql| {
            sql.execute(
                "UPDATE token_pair SET intent = ?3 WHERE instance_id = ?1 AND version = ?2",
                params![instance.0, version, now.0],
            )
        };
        let noted = self.database.write_to(Touches::Instance(instance), note).await;
        if !matches!(noted, Ok(1)) {
            self.end_refresh(instance).await;
        }
        Ok(if noted? == 1 { Intent::Noted } else { Intent::Elsewhere })
    }

    async fn replace(
        &self,
        instance: InstanceId,
        version: i64,
        tokens: TokenSet,
    ) -> Result<Replaced, VaultError> {
        let key = self.key.clone();
        let replace = move |sql: &Sql| {
            let changed = sql.execute(
                "UPDATE token_pair SET version = version + 1, tokens = ?3, obtained_at = ?4,
                       expires_at = ?5, intent = NULL, dead = NULL
                     WHERE instance_id = ?1 AND version = ?2",
                params![
                    instance.0,
                    version,
                    seal(&key, instance, &tokens)?,
                    tokens.obtained_at.0,
                    tokens.expires_at.0
                ],
            )?;
            Ok(if changed == 1 { Replaced::Stored(version + 1) } else { Replaced::Conflict })
        };
        let replaced = self.database.write_to(Touches::Instance(instance), replace).await?;
        self.end_refresh(instance).await;
        Ok(replaced)
    }

    async fn mark_dead(
        &self,
        instance: InstanceId,
        version: i64,
        reason: String,
    ) -> Result<(), VaultError> {
        let mark = move |sql: &Sql| {
            let was_alive = sql.execute(
                "UPDATE token_pair SET dead = ?3, intent = NULL
                 WHERE instance_id = ?1 AND version = ?2 AND dead IS NULL",
                params![instance.0, version, reason],
            )?;
            if was_alive == 0 {
                return Ok(());
            }
            notice::tell(sql, instance, "instance.unauthorized", &json!({"reason": reason}))
        };
        self.database.write_to(Touches::Instance(instance), mark).await?;
        self.end_refresh(instance).await;
        Ok(())
    }

    async fn give_up(&self, instance: InstanceId) -> Result<(), VaultError> {
        self.end_refresh(instance).await;
        Ok(())
    }
}

impl Store {
    /// Lets others refresh: this process has one refresh of an instance under way at most.
    async fn end_refresh(&self, instance: InstanceId) {
        let key = (Kind::Refresh, instance.0);
        let held = locked(&self.shared.leases).of(&key);
        if let Some((fence, _)) = held {
            self.let_go(Kind::Refresh, instance.0, fence).await;
        }
    }
}

/// What is sealed of a pair.
#[derive(Serialize, Deserialize)]
struct Secrets {
    access: Zeroizing<String>,
    refresh: Option<Zeroizing<String>>,
    others: BTreeMap<String, String>,
}

fn load(
    sql: &Sql,
    key: &SecretKey,
    instance: InstanceId,
    profile: &Profile,
) -> Result<Option<Grant>, StoreError> {
    let Some(provider) = profile.settings.oauth2.clone() else { return Ok(None) };
    let row = sql.find(
        "SELECT version, tokens, obtained_at, expires_at, intent, dead FROM token_pair
             WHERE instance_id = ?1",
        [instance.0],
        |row| {
            Ok((
                row.get::<i64>(0)?,
                row.get::<Vec<u8>>(1)?,
                (Timestamp(row.get(2)?), Timestamp(row.get(3)?)),
                row.get::<Option<i64>>(4)?.map(Timestamp),
                row.get::<Option<String>>(5)?,
            ))
        },
    )?;
    let Some((version, sealed, (obtained_at, expires_at), intent, dead)) = row else {
        return Ok(None);
    };
    let opened = key.open(&identity(instance), &sealed)?;
    let secrets: Secrets =
        serde_json::from_slice(&opened).map_err(|error| StoreError::stored("tokens", error))?;
    let secret = |text: &Zeroizing<String>| SecretString::from(text.as_str());
    let tokens = TokenSet {
        access: secret(&secrets.access),
        refresh: secrets.refresh.as_ref().map(secret),
        obtained_at,
        expires_at,
        others: secrets.others,
    };
    let configuration = &profile.configuration;
    let client = ClientCredentials {
        id: configuration
            .secret("oauth.api.key")
            .map_or_else(String::new, |id| id.expose_secret().to_owned()),
        secret: configuration.secret("oauth.api.secret").cloned(),
    };
    Ok(Some(Grant { version, tokens, client, provider: Arc::new(provider), intent, dead }))
}

/// Stores the first pair of an instance, or that of an authorization anew.
pub(crate) fn store(
    sql: &Sql,
    key: &SecretKey,
    instance: InstanceId,
    tokens: &TokenSet,
) -> Result<(), StoreError> {
    sql.execute(
        "INSERT INTO token_pair (instance_id, version, tokens, obtained_at, expires_at)
         VALUES (?1, 1, ?2, ?3, ?4)
         ON CONFLICT (instance_id) DO UPDATE SET version = token_pair.version + 1, tokens = excluded.tokens,
           obtained_at = excluded.obtained_at, expires_at = excluded.expires_at, intent = NULL, dead = NULL",
        params![
            instance.0,
            seal(key, instance, tokens)?,
            tokens.obtained_at.0,
            tokens.expires_at.0
        ],
    )?;
    Ok(())
}

fn seal(key: &SecretKey, instance: InstanceId, tokens: &TokenSet) -> Result<Vec<u8>, StoreError> {
    let text = |secret: &SecretString| Zeroizing::new(secret.expose_secret().to_owned());
    let secrets = Secrets {
        access: text(&tokens.access),
        refresh: tokens.refresh.as_ref().map(text),
        others: tokens.others.clone(),
    };
    let json = serde_json::to_vec(&secrets).map_err(|error| StoreError::stored("tokens", error))?;
    key.seal(&identity(instance), &Zeroizing::new(json))
}

fn identity(instance: InstanceId) -> String {
    format!("instance/{instance}/tokens")
}
