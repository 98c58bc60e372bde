//! An instance's configuration, read: what polling, delivery and authorization each need of it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use oc_config::{
    Catalogue, Configuration, Connector, Diagnostic, InstanceId, InstanceSettings, ResourceConfig,
};
use oc_dispatch::{Callback, Destination, Origin, SinkAddress};
use oc_hub::Target;
use quick_cache::sync::Cache;
use secrecy::ExposeSecret;

use crate::sql::{Row, Sql};
use crate::{SecretKey, StoreError};

/// How many profiles are kept ready.
const KEPT: usize = 2_048;

/// What an instance's row says, understood.
#[derive(Debug)]
pub(crate) struct Profile {
    /// The revision of the row.
    pub(crate) revision: i64,
    pub(crate) connector: Arc<Connector>,
    pub(crate) configuration: Arc<Configuration>,
    pub(crate) settings: InstanceSettings,
    pub(crate) resources: BTreeMap<String, Arc<ResourceConfig>>,
    pub(crate) account: String,
    pub(crate) origin: Origin,
    pub(crate) destination: Option<Arc<Destination>>,
}

impl Profile {
    /// The instance as the hub needs to know it.
    pub(crate) fn target(&self, instance: InstanceId) -> Target {
        Target {
            instance,
            connector: Arc::clone(&self.connector),
            base: self.settings.base.clone(),
            account: self.account.clone(),
            drop_nulls: self.settings.drop_nulls,
        }
    }

    /// Whether the provider is to tell of what is deleted: only what is known then has an end.
    pub(crate) fn waits_for_deletions(&self, config: &ResourceConfig) -> bool {
        let tells = self.connector.webhooks.as_ref();
        self.settings.pushed.contains(&config.name)
            && tells.is_some_and(|webhooks| webhooks.tells_of_deletions(&config.resource))
    }

    /// The resources of which the provider is to tell by itself: name, and the connector's resource.
    pub(crate) fn pushed(&self) -> impl Iterator<Item = (&str, &str)> {
        let settings = &self.settings;
        let pushed = settings
            .resources
            .iter()
            .filter(|one| settings.events_enabled && settings.pushed.contains(&one.name));
        pushed.map(|one| (one.name.as_str(), one.resource.as_str()))
    }
}

/// Reads profiles, and keeps those that were needed lately.
#[derive(Clone)]
pub(crate) struct Profiles {
    key: SecretKey,
    catalogue: Arc<Catalogue>,
    shortest_interval: Duration,
    ready: Arc<Cache<(InstanceId, i64), Arc<Profile>>>,
}

impl Profiles {
    pub(crate) fn new(
        key: SecretKey,
        catalogue: Arc<Catalogue>,
        shortest_interval: Duration,
    ) -> Self {
        Self { key, catalogue, shortest_interval, ready: Arc::new(Cache::new(KEPT)) }
    }

    /// The profile of an instance as it is now; `None` when there is no such instance.
    pub(crate) fn of(
        &self,
        sql: &Sql,
        instance: InstanceId,
    ) -> Result<Option<Arc<Profile>>, StoreError> {
        let revision =
            sql.find("SELECT revision FROM instance WHERE id = ?1", [instance.0], |row| {
                row.get(0)
            })?;
        revision.map(|revision| self.at(sql, instance, revision)).transpose()
    }

    /// The profile of an instance whose row has this revision now.
    pub(crate) fn at(
        &self,
        sql: &Sql,
        instance: InstanceId,
        revision: i64,
    ) -> Result<Arc<Profile>, StoreError> {
        if let Some(profile) = self.kept(instance, revision) {
            return Ok(profile);
        }
        let profile = Arc::new(self.read(sql, instance)?);
        self.ready.insert((instance, profile.revision), Arc::clone(&profile));
        Ok(profile)
    }

    /// The same, where it was needed lately.
    pub(crate) fn kept(&self, instance: InstanceId, revision: i64) -> Option<Arc<Profile>> {
        self.ready.get(&(instance, revision))
    }

    /// The same, read anew.
    pub(crate) fn read(&self, sql: &Sql, instance: InstanceId) -> Result<Profile, StoreError> {
        let row = sql.one("SELECT connector, name, tags, configuration, secrets, account, organization_id, user_id,
               revision
             FROM instance WHERE id = ?1", [instance.0], InstanceRow::read)?;
        let connector = self.connector(&row.connector)?;
        let configuration =
            open_configuration(&self.key, instance, &row.configuration, row.secrets.as_deref())?;
        let read = InstanceSettings::read(&configuration, &connector, self.shortest_interval);
        let (settings, _) =
            read.map_err(|faults| StoreError::stored("configuration", list(&faults)))?;
        let resources = settings
            .resources
            .iter()
            .map(|one| (one.name.clone(), Arc::new(one.clone())))
            .collect();
        let origin = Origin {
            element_key: connector.key.clone(),
            hub_key: connector.hub.clone(),
            account_id: row.organization,
            company_id: row.organization,
            user_id: row.user,
            instance,
            instance_name: row.name,
            instance_tags: serde_json::from_str(&row.tags)
                .map_err(|error| StoreError::stored("tags", error))?,
            raw_full: settings.raw_full,
            format: settings.format,
        };
        let destination = destination(&settings, row.organization, instance).map(Arc::new);
        let (configuration, account) = (Arc::new(configuration), row.account);
        Ok(Profile {
            revision: row.revision,
            connector,
            configuration,
            settings,
            resources,
            account,
            origin,
            destination,
        })
    }

    fn connector(&self, key: &str) -> Result<Arc<Connector>, StoreError> {
        let unknown =
            || StoreError::stored("connector", format!("`{key}` is not in the catalogue"));
        self.catalogue.find(key).cloned().ok_or_else(unknown)
    }
}

struct InstanceRow {
    connector: String,
    name: String,
    tags: String,
    configuration: String,
    secrets: Option<Vec<u8>>,
    account: String,
    organization: i64,
    user: i64,
    revision: i64,
}

impl InstanceRow {
    fn read(row: &Row<'_>) -> Result<Self, StoreError> {
        Ok(Self {
            connector: row.get(0)?,
            name: row.get(1)?,
            tags: row.get(2)?,
            configuration: row.get(3)?,
            secrets: row.get(4)?,
            account: row.get(5)?,
            organization: row.get(6)?,
            user: row.get(7)?,
            revision: row.get(8)?,
        })
    }
}

fn destination(
    settings: &InstanceSettings,
    organization: i64,
    instance: InstanceId,
) -> Option<Destination> {
    let Some(name) = settings.sink.clone() else {
        return Callback::of(settings).map(Destination::Callback);
    };
    let keys = settings.signature_keys.clone();
    Some(Destination::Sink(SinkAddress { name, organization, instance, keys }))
}

fn list(faults: &[Diagnostic]) -> String {
    faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

/// A stored configuration: its plain part, and its secrets opened.
pub(crate) fn open_configuration(
    key: &SecretKey,
    instance: InstanceId,
    plain: &str,
    secrets: Option<&[u8]>,
) -> Result<Configuration, StoreError> {
    let fault = |error| StoreError::stored("configuration", error);
    let plain = serde_json::from_str(plain).map_err(fault)?;
    let secrets: BTreeMap<String, String> = match secrets {
        None => BTreeMap::new(),
        Some(sealed) => {
            let opened = key.open(&secrets_of(instance), sealed)?;
            serde_json::from_slice(&opened).map_err(fault)?
        }
    };
    let secrets = secrets.into_iter().map(|(key, secret)| (key, secret.into())).collect();
    Ok(Configuration::from_parts(plain, secrets))
}

/// The two columns of a configuration.
pub(crate) fn seal_configuration(
    key: &SecretKey,
    instance: InstanceId,
    configuration: &Configuration,
) -> Result<(String, Vec<u8>), StoreError> {
    let fault = |error| StoreError::stored("configuration", error);
    let plain = serde_json::to_string(configuration.plain()).map_err(fault)?;
    let secrets: BTreeMap<&str, &str> = configuration
        .secrets()
        .iter()
        .map(|(key, secret)| (key.as_str(), secret.expose_secret()))
        .collect();
    let secrets = zeroize::Zeroizing::new(serde_json::to_vec(&secrets).map_err(fault)?);
    Ok((plain, key.seal(&secrets_of(instance), &secrets)?))
}

fn secrets_of(instance: InstanceId) -> String {
    format!("instance/{instance}/secrets")
}
