//! An instance's configuration value by value.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::Method;
use oc_config::{InstanceRequest, InstanceSettings};
use oc_store::Instance;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::change::change;
use super::{effective, to_its_end};
use crate::api::body::JsonBody;
use crate::api::caller::Aimed;
use crate::api::calls::{Call, Calls, Wants};
use crate::api::elements::{ConfigurationEntry, entries};
use crate::api::error::ApiError;
use crate::app::App;

pub(super) fn calls() -> Calls {
    let call = |summary| Call::new("instances", summary, Wants::Instance);
    Calls::new()
        .aimed(&Method::GET, "/configuration", list, || {
            call("The effective configuration, by key").answers::<Vec<ConfigurationValue>>()
        })
        .aimed(&Method::GET, "/configuration/{configId}", one, || {
            call("A configuration value").answers::<ConfigurationValue>()
        })
        .aimed(&Method::PATCH, "/configuration/{configId}", patch, || {
            call("Change a configuration value")
                .takes::<NewValue>()
                .answers::<ConfigurationValue>()
                .fails(&[409, 502])
        })
}

/// A configuration value of an instance.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct ConfigurationValue {
    #[serde(flatten)]
    entry: ConfigurationEntry,
    /// As text; secrets are masked.
    property_value: Option<String>,
}

/// Another value.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = NewConfigurationValue)]
struct NewValue {
    /// Text, boolean, number or null; a secret's mask keeps it.
    property_value: Value,
}

/// Which value is meant: by its id, or by its key.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Which {
    config_id: String,
}

async fn list(
    State(app): State<App>,
    Aimed { instance, .. }: Aimed,
) -> Result<Json<Vec<ConfigurationValue>>, ApiError> {
    Ok(Json(values(&app, &instance)))
}

async fn one(
    State(app): State<App>,
    Aimed { instance, .. }: Aimed,
    Path(which): Path<Which>,
) -> Result<Json<ConfigurationValue>, ApiError> {
    value(&app, &instance, &which.config_id).map(Json)
}

async fn patch(
    State(app): State<App>,
    aimed: Aimed,
    Path(which): Path<Which>,
    JsonBody(body): JsonBody,
) -> Result<Json<ConfigurationValue>, ApiError> {
    let key = value(&app, &aimed.instance, &which.config_id)?.entry.key;
    if effective::OWN.contains(&&*key) {
        let message = format!("{key}: this is the service's own; authorize the instance again");
        return Err(ApiError::bad_request(message));
    }
    let new: NewValue = serde_json::from_slice(&body)
        .map_err(|error| ApiError::bad_request(format!("the body is not as expected: {error}")))?;
    let configuration = Map::from_iter([(key, new.property_value)]);
    let request =
        InstanceRequest { configuration: Some(configuration), ..InstanceRequest::default() };
    let carried_out = {
        let app = app.clone();
        async move { change(&app, aimed, request, false).await }
    };
    let (changed, _) = to_its_end(&app, carried_out).await?;
    value(&app, &changed, &which.config_id).map(Json)
}

fn value(app: &App, instance: &Instance, which: &str) -> Result<ConfigurationValue, ApiError> {
    let id: Option<u32> = which.parse().ok();
    let mut values = values(app, instance).into_iter();
    let found = values.find(|one| Some(one.entry.id) == id || one.entry.key == which);
    found.ok_or_else(|| ApiError::not_found(format!("there is no configuration value `{which}`")))
}

/// The effective values in the order of the connector's entries; what it does not describe follows.
fn values(app: &App, instance: &Instance) -> Vec<ConfigurationValue> {
    let connector = app.catalogue.find(&instance.connector).map(AsRef::as_ref);
    let floor = app.settings.min_refresh_interval;
    let settings = connector
        .and_then(|of| InstanceSettings::read(&instance.configuration, of, floor).ok())
        .map(|(settings, _)| settings);
    let mut shown = effective::configuration(connector, instance, settings.as_ref());
    let described = connector.map(entries).unwrap_or_default();
    let mut values: Vec<ConfigurationValue> = described
        .into_iter()
        .map(|entry| ConfigurationValue {
            property_value: shown.remove(&entry.key).flatten(),
            entry,
        })
        .collect();
    let rest = shown.into_iter().map(|(key, property_value)| {
        let mut entry = ConfigurationEntry::unknown(&key);
        if connector.is_some_and(|connector| connector.masks(&key)) {
            entry.kind = oc_config::EntryKind::Password.as_str();
        }
        entry.hide_from_console = effective::OWN.contains(&&*key);
        ConfigurationValue { entry, property_value }
    });
    values.extend(rest);
    for (at, value) in values.iter_mut().enumerate() {
        value.entry.display_order = at + 1;
    }
    values
}
