//! The configuration that an instance really has: what was set, over defaults and runtime keys.

use std::collections::BTreeMap;

use oc_config::{Connector, InstanceSettings, MASK};
use oc_store::Instance;
use serde_json::{Map, Value as Json};

/// Values by key, as text or null; secrets are masked.
type Shown = BTreeMap<String, Option<String>>;

/// Keys whose values are the service's own; what a client sends for them is not kept.
pub(super) const OWN: [&str; 3] =
    ["oauth.user.token", "oauth.user.refresh_token", "oauth.user.refresh_time"];

pub(super) fn configuration(
    connector: Option<&Connector>,
    instance: &Instance,
    settings: Option<&InstanceSettings>,
) -> Shown {
    let Some(connector) = connector else { return set(instance) };
    let mut shown: Shown = connector
        .configuration
        .iter()
        .map(|entry| (entry.key.clone(), entry.default.clone()))
        .collect();
    shown.extend(connector.standard_keys().map(|one| (one.key.to_owned(), one.default)));
    if let Some(oauth2) = settings.and_then(|settings| settings.oauth2.as_ref()) {
        let seconds = oauth2.refresh_interval.unwrap_or(oauth2.lifetime).as_secs().to_string();
        shown.insert("oauth.user.refresh_interval".to_owned(), Some(seconds));
        let obtained = instance.token_obtained.map(|at| at.millis().to_string());
        shown.insert("oauth.user.refresh_time".to_owned(), obtained);
        if instance.token_obtained.is_some() {
            for key in ["oauth.user.token", "oauth.user.refresh_token"] {
                shown.insert(key.to_owned(), Some(MASK.to_owned()));
            }
        }
    }
    shown.extend(set(instance));
    // The legacy form is converted on the way in, and shown in the other on the way out.
    let legacy = instance.configuration.get("event.poller.urls").is_some()
        && instance.configuration.get("event.poller.configuration").is_none();
    if legacy && let Some(settings) = settings {
        let resources: Map<String, Json> =
            settings.resources.iter().map(|one| (one.name.clone(), one.to_json())).collect();
        let text = Json::Object(resources).to_string();
        shown.insert("event.poller.configuration".to_owned(), Some(text));
    }
    shown
}

/// What was set.
fn set(instance: &Instance) -> Shown {
    let text = |value: Json| match value {
        Json::String(text) => Some(text),
        _ => None,
    };
    instance.configuration.masked().into_iter().map(|(key, value)| (key, text(value))).collect()
}
