//! What a configuration would do, before there is an instance: its polls, and a test of its callback.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::Method;
use bytes::Bytes;
use oc_config::{
    Configuration, Connector, Diagnostic, InstanceId, InstanceRequest, InstanceSettings, Timestamp,
};
use oc_dispatch::{Callback, Outgoing, Webhooks};
use oc_hub::Target;
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;
use uuid::Uuid;

use super::connector;
use crate::api::body::JsonBody;
use crate::api::caller::Caller;
use crate::api::calls::{Call, Calls, Wants};
use crate::api::error::ApiError;
use crate::app::App;
use crate::preview::preview;

pub(super) fn calls() -> Calls {
    let call =
        |summary| Call::new("elements", summary, Wants::Platform).takes::<Value>().fails(&[404]);
    let polls = "What an instance with the `configuration` of the body would ask at its next poll, and what is wrong with it; nothing is stored or sent";
    let test = "Send a signed notification without events to the callback url in the `configuration` of the body";
    Calls::new()
        .on(
            &Method::POST,
            "/elements/{keyOrId}/preview",
            polled,
            call(polls).answers::<Previewed>(),
        )
        .on(
            &Method::POST,
            "/elements/{keyOrId}/callback-test",
            tested,
            call(test).answers::<Tested>(),
        )
}

/// What a configuration would do.
#[derive(Serialize, ToSchema)]
#[schema(as = Preview)]
struct Previewed {
    /// With a fault among them an instance would be refused.
    remarks: Vec<Remark>,
    /// The polls, in the order of the configuration; none when there is a fault.
    polls: Vec<Poll>,
}

/// Something that is to be said of a place of the configuration.
#[derive(Serialize, ToSchema)]
#[schema(as = PreviewRemark)]
struct Remark {
    /// Whether it is a fault, and not a warning.
    fault: bool,
    /// Dotted path into the body.
    path: String,
    /// Column in the value's text, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    column: Option<usize>,
    message: String,
    /// The nearest valid form.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    help: Option<String>,
}

/// A poll that would begin now.
#[derive(Serialize, ToSchema)]
#[schema(as = PreviewPoll)]
struct Poll {
    resource: String,
    /// The url with its templates filled in.
    url: String,
    /// The first request to the provider.
    request: String,
}

/// What came of a test.
#[derive(Serialize, ToSchema)]
#[schema(as = CallbackTest)]
struct Tested {
    /// The answer's status; null when there was none.
    status: Option<u16>,
    /// How long it took, in milliseconds.
    took: u64,
    /// Why there was no answer.
    error: Option<String>,
    /// The first 4 KB of the answer.
    answer: String,
    /// Whether it was signed.
    signed: bool,
}

async fn polled(
    State(app): State<App>,
    caller: Caller,
    Path(key): Path<String>,
    body: JsonBody,
) -> Result<Json<Previewed>, ApiError> {
    caller.platform()?;
    let connector = connector(&app, &key)?;
    let configuration = match configuration(&body, &connector)? {
        Ok(configuration) => configuration,
        Err(faults) => return Ok(Json(Previewed::new(faults, Vec::new()))),
    };
    let floor = app.settings.min_refresh_interval;
    let (settings, mut remarks) = match InstanceSettings::read(&configuration, &connector, floor) {
        Ok(read) => read,
        Err(faults) => return Ok(Json(Previewed::new(faults, Vec::new()))),
    };
    let target = target(&connector, &settings);
    let now = app.clock.now();
    let mut polls = Vec::new();
    for one in &settings.resources {
        match preview(&target, one, &configuration, now, now) {
            Ok(found) => polls.push(Poll {
                resource: one.name.clone(),
                url: found.url,
                request: found.request.into(),
            }),
            Err(fault) => remarks.push(fault),
        }
    }
    if remarks.iter().any(Diagnostic::is_error) {
        polls.clear();
    }
    Ok(Json(Previewed::new(remarks, polls)))
}

async fn tested(
    State(app): State<App>,
    caller: Caller,
    Path(key): Path<String>,
    body: JsonBody,
) -> Result<Json<Tested>, ApiError> {
    let user = caller.platform()?;
    let connector = connector(&app, &key)?;
    let read = configuration(&body, &connector)?;
    let configuration = read.map_err(|faults| ApiError::faults(&faults))?;
    let floor = app.settings.min_refresh_interval;
    let (settings, _) = InstanceSettings::read(&configuration, &connector, floor)
        .map_err(|faults| ApiError::faults(&faults))?;
    let callback = Callback::of(&settings).ok_or_else(|| {
        let key = "event.notification.callback.url";
        ApiError::bad_request(format!("configuration.{key}: the url to test was expected"))
    })?;
    let now = app.clock.now();
    let id = Uuid::now_v7();
    let body = sample(id, now, &connector.key, user.id);
    let sent =
        Outgoing { id, body, attempt: 1, resource: Arc::default(), replay: false, trace: None };
    let within = app.settings.callback_timeout;
    let webhooks = Webhooks::new(app.egress.clone(), app.clock.clone(), within);
    let attempt = webhooks.send(&callback, sent).await;
    Ok(Json(Tested {
        status: attempt.status,
        took: u64::try_from(attempt.took.as_millis()).unwrap_or(u64::MAX),
        error: attempt.error,
        answer: attempt.answer,
        signed: !callback.keys.is_empty(),
    }))
}

/// A notification that tells of nothing: a receiver that walks its events does nothing.
fn sample(id: Uuid, now: Timestamp, connector: &str, user: i64) -> Bytes {
    let (id, at) = (id.to_string(), now.to_seconds_text());
    let body = json!({
        "id": id, "topic": "elements", "severity": "low", "action": "test", "createdDate": at,
        "user": "system",
        "message": {"elementKey": connector, "userId": user, "eventId": id, "events": []},
    });
    Bytes::from(body.to_string())
}

/// The configuration in the body with the connector's defaults, or its faults.
fn configuration(
    JsonBody(body): &JsonBody,
    connector: &Connector,
) -> Result<Result<Configuration, Vec<Diagnostic>>, ApiError> {
    let request = InstanceRequest::parse(body).map_err(|faults| ApiError::faults(&faults))?;
    let members = request.configuration.unwrap_or_default();
    let (given, faults) = Configuration::from_json(&members, connector);
    Ok(if faults.is_empty() { Ok(given.with_defaults(connector)) } else { Err(faults) })
}

fn target(connector: &Arc<Connector>, settings: &InstanceSettings) -> Target {
    Target {
        instance: InstanceId(0),
        connector: Arc::clone(connector),
        base: settings.base.clone(),
        account: String::new(),
        drop_nulls: settings.drop_nulls,
    }
}

impl Previewed {
    fn new(remarks: Vec<Diagnostic>, polls: Vec<Poll>) -> Self {
        Self { remarks: remarks.into_iter().map(Remark::from).collect(), polls }
    }
}

impl From<Diagnostic> for Remark {
    fn from(found: Diagnostic) -> Self {
        Self {
            fault: found.is_error(),
            path: found.path,
            column: found.column,
            message: found.message,
            help: found.help,
        }
    }
}
