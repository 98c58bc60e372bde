//! What an instance's configuration means, once read: where events go, how often is polled.

mod callback;
mod failure_policy;
mod headers;
mod pushed;
mod tls;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;
use serde_json::Value as Json;
use url::Url;

use crate::{
    CallbackTls, Configuration, Connector, Deletes, Diagnostic, OAuth2, PollerConfiguration,
    ResourceConfig, SignatureKey, convert_legacy_urls,
};

pub use callback::NotificationFormat;
pub use failure_policy::FailurePolicy;

/// An instance's effective settings.
#[derive(Clone, Debug)]
pub struct InstanceSettings {
    /// Whether events are polled for and delivered at all.
    pub events_enabled: bool,
    /// Where notifications go; without it they are only kept for the audit.
    pub callback: Option<Url>,
    /// The sink that they go to instead, by the operator's name for it.
    pub sink: Option<String>,
    /// The form of a notification's body.
    pub format: NotificationFormat,
    /// What signs notifications: one key, or two during a rotation, the newest first.
    pub signature_keys: Vec<SignatureKey>,
    /// Headers that the callback request carries besides ours.
    pub headers: Vec<(String, SecretString)>,
    /// User name and password of HTTP Basic towards the callback.
    pub basic: Option<(String, SecretString)>,
    /// TLS towards the callback, where it is not the usual one.
    pub tls: Option<Arc<CallbackTls>>,
    /// What a failed delivery means; `None` leaves it to the operator.
    pub failure_policy: Option<FailurePolicy>,
    /// Whether deliveries that have queued are tried again by themselves.
    pub probes: bool,
    /// From one poll to the next.
    pub interval: Duration,
    /// Whether the interval grows while polls find nothing.
    pub adaptive: bool,
    /// The resources to poll.
    pub resources: Vec<ResourceConfig>,
    /// Those of them whose changes the provider is to tell of by itself too
    /// (`event.vendor.type: webhook`).
    pub pushed: BTreeSet<String>,
    /// Whether null members are dropped from records.
    pub drop_nulls: bool,
    /// Whether each notification repeats the records of its whole batch.
    pub raw_full: bool,
    /// The provider's base url.
    pub base: Url,
    /// The provider's OAuth 2 endpoints as they are for this instance.
    pub oauth2: Option<OAuth2>,
}

impl InstanceSettings {
    /// Reads the settings; `floor` is the shortest interval the operator allows.
    ///
    /// # Errors
    /// Every fault at once, each with the path of its configuration value.
    pub fn read(
        configuration: &Configuration,
        connector: &Connector,
        floor: Duration,
    ) -> Result<(Self, Vec<Diagnostic>), Vec<Diagnostic>> {
        let mut reader = Reader { configuration, connector, remarks: Vec::new() };
        let settings = reader.settings(floor);
        let (errors, warnings): (Vec<_>, Vec<_>) =
            reader.remarks.into_iter().partition(Diagnostic::is_error);
        match settings {
            Some(settings) if errors.is_empty() => Ok((settings, warnings)),
            _ => Err(errors),
        }
    }

    /// Where notifications go, as far as they share its room with those of others: the callback's
    /// origin, or the sink; `None` when they are only kept.
    pub fn destination(&self) -> Option<String> {
        let callback = self.callback.as_ref().map(|url| url.origin().ascii_serialization());
        callback.or_else(|| self.sink.as_ref().map(|name| format!("sink:{name}")))
    }
}

struct Reader<'a> {
    configuration: &'a Configuration,
    connector: &'a Connector,
    remarks: Vec<Diagnostic>,
}

impl Reader<'_> {
    fn settings(&mut self, floor: Duration) -> Option<InstanceSettings> {
        self.required();
        let events_enabled = self.flag("event.notification.enabled", false);
        let callback = self.url("event.notification.callback.url");
        let sink = self.sink(callback.is_some());
        let format = self.format();
        let signature_keys = self.signature_keys();
        let basic = self.basic();
        let headers = self.headers(basic.is_some());
        let tls = self.tls(callback.as_ref());
        let resources = self.resources();
        let pushed = self.pushed(&resources);
        Some(InstanceSettings {
            events_enabled,
            callback,
            sink,
            format,
            signature_keys,
            headers,
            basic,
            tls,
            failure_policy: self.failure_policy(),
            probes: self.flag("event.notification.probe", true),
            interval: self.interval(floor),
            adaptive: self.flag("event.poller.adaptive", false),
            resources,
            pushed,
            drop_nulls: self.flag("filter.response.nulls", true),
            raw_full: self.flag("event.raw.full", false),
            oauth2: self.oauth2(),
            base: self.url("base.url").or_else(|| Url::parse(&self.connector.base).ok())?,
        })
    }

    fn required(&mut self) {
        let missing: Vec<&str> = self
            .connector
            .configuration
            .iter()
            .filter(|entry| entry.required && entry.default.is_none())
            .map(|entry| entry.key.as_str())
            .filter(|key| {
                self.configuration.get(key).is_none() && self.configuration.secret(key).is_none()
            })
            .collect();
        for key in missing {
            self.fault(key, "this value is required");
        }
    }

    fn interval(&mut self, floor: Duration) -> Duration {
        let key = "event.poller.refresh_interval";
        let interval =
            self.configuration.minutes(key, self.connector.interval).unwrap_or_else(|fault| {
                self.remarks.push(fault);
                self.connector.interval
            });
        if interval < floor {
            let message =
                format!("raised to the shortest interval allowed here, {} s", floor.as_secs_f64());
            self.remarks.push(Diagnostic::warning(format!("configuration.{key}"), message));
        }
        interval.max(floor)
    }

    /// The resources of the configuration, of the legacy form, or of the connector's default.
    fn resources(&mut self) -> Vec<ResourceConfig> {
        let default: Json =
            serde_json::from_str(&self.connector.poller_configuration).unwrap_or_default();
        let (key, value) = if let Some(text) = self.configuration.get("event.poller.configuration")
        {
            ("event.poller.configuration", Json::String(text.to_owned()))
        } else if let Some(text) = self.configuration.get("event.poller.urls") {
            match convert_legacy_urls(text, &default) {
                Ok(value) => ("event.poller.urls", value),
                Err(faults) => {
                    self.remarks.extend(
                        faults.into_iter().map(|at| at.under("configuration.event.poller.urls")),
                    );
                    return Vec::new();
                }
            }
        } else {
            ("event.poller.configuration", default)
        };
        let configuration = self.configuration;
        let found =
            PollerConfiguration::read(&value, &|name| configuration.get(name).map(str::to_owned));
        let path = format!("configuration.{key}");
        self.remarks.extend(found.diagnostics.into_iter().map(|remark| remark.under(&path)));
        let selected = self.selected(found.resources);
        for one in &selected {
            self.detects_deletes(one, &path);
        }
        selected
    }

    /// Where the provider gives no way, deletions must not be waited for.
    fn detects_deletes(&mut self, one: &ResourceConfig, path: &str) {
        let Some(resource) = self.connector.resources.get(&one.resource) else { return };
        let has_way = resource.deletes != Deletes::None || resource.deleted.is_some();
        if one.detect_deletes.is_some() && !has_way {
            let message = format!(
                "the connector has no way to find out what is gone from `{}`; remove the key",
                one.resource
            );
            let path = format!("{path}.{}.detectDeletes", one.name);
            self.remarks.push(Diagnostic::error(path, message));
        }
    }

    /// `event.objects` selects resources by name.
    fn selected(&mut self, resources: Vec<ResourceConfig>) -> Vec<ResourceConfig> {
        let Some(names) = self.configuration.get("event.objects") else { return resources };
        let names: Vec<&str> =
            names.split(',').map(str::trim).filter(|name| !name.is_empty()).collect();
        let known = |name: &str| resources.iter().any(|one| one.name == name);
        let unknown: Vec<&str> = names.iter().copied().filter(|name| !known(name)).collect();
        for name in unknown {
            self.fault(
                "event.objects",
                &format!("`{name}` is no resource of the poller configuration"),
            );
        }
        resources.into_iter().filter(|one| names.contains(&one.name.as_str())).collect()
    }

    fn oauth2(&mut self) -> Option<OAuth2> {
        let mut oauth2 = self.connector.oauth2.clone()?;
        if let Some(url) = self.url("oauth.authorization.url") {
            oauth2.authorize = url.into();
        }
        if let Some(url) = self.url("oauth.token.url") {
            oauth2.token = url.into();
        }
        if let Some(text) = self.configuration.get("oauth.user.refresh_interval") {
            match text.trim().parse() {
                Ok(seconds) if seconds > 0 => {
                    oauth2.refresh_interval = Some(Duration::from_secs(seconds));
                }
                _ => self.fault(
                    "oauth.user.refresh_interval",
                    "a number of seconds above 0 was expected",
                ),
            }
        }
        Some(oauth2)
    }

    fn flag(&mut self, key: &str, default: bool) -> bool {
        self.configuration.flag(key, default).unwrap_or_else(|fault| {
            self.remarks.push(fault);
            default
        })
    }

    fn url(&mut self, key: &str) -> Option<Url> {
        let text = self.configuration.get(key)?;
        match Url::parse(text.trim()) {
            Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => {
                if url.username().is_empty() && url.password().is_none() {
                    return Some(url);
                }
                self.fault(key, "the url must not hold credentials");
            }
            _ => self.fault(key, "an absolute http or https url was expected"),
        }
        None
    }

    fn fault(&mut self, key: &str, message: &str) {
        self.remarks.push(Diagnostic::error(format!("configuration.{key}"), message));
    }
}

#[cfg(test)]
mod tests;
