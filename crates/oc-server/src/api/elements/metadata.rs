//! What a connector can do.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::Method;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::connector;
use crate::api::caller::Caller;
use crate::api::calls::{Call, Calls, Wants};
use crate::api::error::ApiError;
use crate::app::App;

pub(super) fn calls() -> Calls {
    let call = Call::new("elements", "What a connector can do", Wants::Platform)
        .answers::<Metadata>()
        .fails(&[404]);
    Calls::new().on(&Method::GET, "/elements/{keyOrId}/metadata", metadata, call)
}

/// What a connector can do.
#[derive(Serialize, ToSchema)]
#[schema(as = ElementMetadata)]
struct Metadata {
    id: u32,
    key: String,
    name: String,
    hub: String,
    events: Events,
}

/// How changes are found.
#[derive(Serialize, ToSchema)]
#[schema(as = ElementEvents)]
struct Events {
    supported: bool,
    methods: Vec<&'static str>,
    polling: Polling,
}

/// What polling can do.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ElementPolling)]
struct Polling {
    supported: bool,
    /// Minutes from one poll to the next, unless an instance says otherwise.
    refresh_interval: f64,
    /// What can be polled.
    resources: Vec<String>,
    /// The default of `event.poller.configuration`, by resource.
    #[schema(value_type = Object)]
    configuration: BTreeMap<String, Value>,
}

async fn metadata(
    State(app): State<App>,
    caller: Caller,
    Path(key): Path<String>,
) -> Result<Json<Metadata>, ApiError> {
    caller.platform()?;
    let connector = connector(&app, &key)?;
    let polling = Polling {
        supported: true,
        refresh_interval: connector.interval.as_secs_f64() / 60.0,
        resources: connector.resources.keys().cloned().collect(),
        configuration: serde_json::from_str(&connector.poller_configuration).unwrap_or_default(),
    };
    let pushed = connector.webhooks.is_some().then_some("webhook");
    let methods = std::iter::once("polling").chain(pushed).collect();
    Ok(Json(Metadata {
        id: connector.id,
        key: connector.key.clone(),
        name: connector.name.clone(),
        hub: connector.hub.clone(),
        events: Events { supported: true, methods, polling },
    }))
}
