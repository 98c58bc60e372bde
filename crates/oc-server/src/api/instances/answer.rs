//! An instance as an answer shows it (instances.md, "Answer").

use oc_config::{Connector, InstanceSettings, Timestamp};
use oc_store::Instance;
use serde_json::{Map, Value as Json, json};

use crate::api::error::ApiError;
use crate::app::App;

/// The whole instance; secrets are masked, except for its own token, which clients re-read.
pub(super) async fn of(app: &App, instance: &Instance) -> Result<Json, ApiError> {
    use secrecy::ExposeSecret as _;
    let connector = app.catalogue.find(&instance.connector).map(AsRef::as_ref);
    let user = app.store.user(instance.user).await?;
    let user = user.map(|user| {
        json!({"id": user.id, "emailAddress": user.email, "firstName": user.first_name,
            "lastName": user.last_name})
    });
    let floor = app.settings.min_refresh_interval;
    let settings = connector
        .and_then(|of| InstanceSettings::read(&instance.configuration, of, floor).ok())
        .map(|(settings, _)| settings);
    let warnings: Vec<Json> = instance
        .warnings
        .iter()
        .map(|one| json!({"path": one.path, "message": one.message}))
        .collect();
    let mut answer = json!({
        "id": instance.id.0,
        "name": instance.name,
        "createdDate": instance.created.to_seconds_text(),
        "token": instance.token.expose_secret(),
        "element": connector.map_or_else(|| vanished(&instance.connector), element),
        "elementId": connector.map(|one| one.id),
        "tags": instance.tags,
        "provisionInteractions": [],
        "valid": instance.dead.is_none() && connector.is_some(),
        "disabled": false,
        "maxCacheSize": 0,
        "cacheTimeToLive": 0,
        "configuration": configuration(connector, instance, settings.as_ref()),
        "eventsEnabled": settings.as_ref().is_some_and(|settings| settings.events_enabled),
        "traceLoggingEnabled": false,
        "cachingEnabled": false,
        "externalAuthentication": "none",
        "user": user,
        "warnings": warnings,
    });
    let members = [
        ("authenticationError", instance.dead.clone()),
        ("pollingStopped", instance.stopped.clone()),
        ("deliveryQueuedSince", instance.queued_at.map(Timestamp::to_seconds_text)),
    ];
    for (name, value) in members {
        if let Some(value) = value {
            answer[name] = Json::String(value);
        }
    }
    Ok(answer)
}

/// The connector, in the form that old clients know.
fn element(connector: &Connector) -> Json {
    let kind = if connector.oauth2.is_some() { "oauth2" } else { "apiKey" };
    json!({
        "id": connector.id, "name": connector.name, "key": connector.key,
        "hookName": capitalized(&connector.key), "description": connector.description,
        "image": null, "active": true, "deleted": false, "typeOauth": false, "trialAccount": false,
        "resources": [], "defaultTransformations": [], "objectMetadata": [],
        "transformationsEnabled": true, "bulkDownloadEnabled": false, "bulkUploadEnabled": false,
        "cloneable": false, "extendable": false, "beta": false, "authentication": {"type": kind},
        "extended": false, "hub": connector.hub, "protocolType": "http", "parameters": [],
        "private": false,
    })
}

/// A connector whose definition is not there any more.
fn vanished(key: &str) -> Json {
    json!({"key": key, "name": key, "active": false, "deleted": true})
}

fn capitalized(key: &str) -> String {
    let mut letters = key.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// The effective configuration: what was set, over the connector's defaults and runtime keys.
fn configuration(
    connector: Option<&Connector>,
    instance: &Instance,
    settings: Option<&InstanceSettings>,
) -> Map<String, Json> {
    let Some(connector) = connector else { return instance.configuration.masked() };
    let mut shown = Map::new();
    for entry in &connector.configuration {
        shown.insert(entry.key.clone(), entry.default.clone().map_or(Json::Null, Json::String));
    }
    let minutes = connector.interval.as_secs_f64() / 60.0;
    let defaults = [
        ("base.url", Json::from(connector.base.as_str())),
        ("event.notification.enabled", Json::from("false")),
        ("event.vendor.type", Json::from("polling")),
        ("event.notification.type", Json::from("webhook")),
        ("event.notification.callback.url", Json::Null),
        ("event.notification.signature.key", Json::Null),
        ("event.poller.refresh_interval", Json::from(minutes.to_string())),
        ("event.poller.configuration", Json::from(connector.poller_configuration.as_str())),
        ("event.poller.urls", Json::Null),
        ("filter.response.nulls", Json::from("true")),
    ];
    shown.extend(defaults.map(|(key, value)| (key.to_owned(), value)));
    if let Some(oauth2) = settings.and_then(|settings| settings.oauth2.as_ref()) {
        let seconds = oauth2.refresh_interval.unwrap_or(oauth2.lifetime).as_secs().to_string();
        shown.insert("oauth.user.refresh_interval".to_owned(), Json::from(seconds));
        let obtained = instance.token_obtained.map(|at| at.millis().to_string());
        shown.insert("oauth.user.refresh_time".to_owned(), Json::from(obtained));
        if instance.token_obtained.is_some() {
            for key in ["oauth.user.token", "oauth.user.refresh_token"] {
                shown.insert(key.to_owned(), Json::from(oc_config::MASK));
            }
        }
    }
    shown.extend(instance.configuration.masked());
    // The legacy form is converted on the way in, and shown in the other on the way out.
    let legacy = instance.configuration.get("event.poller.urls").is_some()
        && instance.configuration.get("event.poller.configuration").is_none();
    if legacy && let Some(settings) = settings {
        let resources: Map<String, Json> =
            settings.resources.iter().map(|one| (one.name.clone(), one.to_json())).collect();
        let text = Json::Object(resources).to_string();
        shown.insert("event.poller.configuration".to_owned(), Json::from(text));
    }
    let mut sorted: Vec<(String, Json)> = shown.into_iter().collect();
    sorted.sort_by(|a, b| a.0.cmp(&b.0));
    sorted.into_iter().collect()
}
