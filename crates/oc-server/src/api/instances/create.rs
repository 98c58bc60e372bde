//! `POST /instances`: the code is exchanged, and the answer comes when the instance is durable.

use axum::extract::{Path, State};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::Response;
use oc_config::InstanceRequest;
use oc_store::{CreationKey, Instance, NewInstance, User};
use serde_json::Value;

use super::answer::{self, InstanceAnswer};
use super::prepared::{Asked, Prepared};
use super::{share_account, to_its_end, with_trace};
use crate::api::body::JsonBody;
use crate::api::caller::Caller;
use crate::api::calls::{Call, Calls, Wants};
use crate::api::elements::connector;
use crate::api::error::ApiError;
use crate::app::App;
use crate::caller_secret;

/// Names a request, so that its repetition creates nothing more.
const REPEATED_BY: &str = "Idempotency-Key";
/// The longest name of a request, in bytes.
const LONGEST: usize = 255;

pub(super) fn calls() -> Calls {
    let made = || {
        Call::new("instances", "Create an instance", Wants::Platform)
            .header(REPEATED_BY, "the same key within a day answers the same instance")
            .takes::<Value>()
            .answers::<InstanceAnswer>()
            .answers_header("Elements-Trace-Id", "with providerData.debug: the recording")
            .fails(&[404, 409, 502])
    };
    Calls::new().on(&Method::POST, "/instances", create, made()).on(
        &Method::POST,
        "/elements/{keyOrId}/instances",
        create_of,
        made(),
    )
}

async fn create(
    State(app): State<App>,
    caller: Caller,
    headers: HeaderMap,
    body: JsonBody,
) -> Result<Response, ApiError> {
    begin(app, &caller, None, &headers, body).await
}

/// `element` may be left out of the body.
async fn create_of(
    State(app): State<App>,
    caller: Caller,
    Path(key): Path<String>,
    headers: HeaderMap,
    body: JsonBody,
) -> Result<Response, ApiError> {
    begin(app, &caller, Some(key), &headers, body).await
}

async fn begin(
    app: App,
    caller: &Caller,
    key: Option<String>,
    headers: &HeaderMap,
    body: JsonBody,
) -> Result<Response, ApiError> {
    let creator =
        Creator { user: caller.platform()?.clone(), request_id: caller.request_id.clone() };
    let repeated_by = repeated_by(headers, key.as_deref(), &body)?;
    to_its_end(&app.clone(), once(app, creator, key, repeated_by, body)).await
}

/// Who creates, and by which request.
struct Creator {
    user: User,
    request_id: String,
}

/// The request's name, with what it asks for.
fn repeated_by(
    headers: &HeaderMap,
    key: Option<&str>,
    JsonBody(body): &JsonBody,
) -> Result<Option<CreationKey>, ApiError> {
    let Some(name) = headers.get(REPEATED_BY) else { return Ok(None) };
    let text = name.to_str().ok().filter(|text| !text.is_empty() && text.len() <= LONGEST);
    let text = text.ok_or_else(|| {
        ApiError::bad_request(format!("{REPEATED_BY}: 1 to {LONGEST} ASCII letters were expected"))
    })?;
    let asked = [key.unwrap_or_default().as_bytes(), b"\n", body].concat();
    Ok(Some(CreationKey::new(text.to_owned(), &asked)))
}

/// Of two requests with the same name the second waits for what the first makes.
async fn once(
    app: App,
    creator: Creator,
    key: Option<String>,
    repeated_by: Option<CreationKey>,
    JsonBody(body): JsonBody,
) -> Result<Response, ApiError> {
    let request = InstanceRequest::parse(&body).map_err(|faults| ApiError::faults(&faults))?;
    let with_objects = request.with_objects;
    let Some(named) = repeated_by.clone() else {
        let (instance, trace) = make(&app, &creator, key, None, request).await?;
        return answered(&app, &instance, with_objects, trace).await;
    };
    let _alone = app.creations.hold((creator.user.organization.0, named.key.clone())).await;
    let now = app.clock.now();
    let conflict = |message: &str| {
        ApiError::new(StatusCode::CONFLICT, format!("{REPEATED_BY}: {message}; use another key"))
    };
    match app.store.creation(creator.user.organization, named, now).await? {
        Some(creation) if creation.is_same => {
            let found = app.store.instance(creation.instance).await?;
            let gone = || conflict("the instance that was created with this key is deleted");
            answered(&app, &found.ok_or_else(gone)?, with_objects, None).await
        }
        Some(_) => Err(conflict("another request was sent with this key within the last day")),
        None => {
            let (instance, trace) = make(&app, &creator, key, repeated_by, request).await?;
            answered(&app, &instance, with_objects, trace).await
        }
    }
}

async fn make(
    app: &App,
    Creator { user, request_id }: &Creator,
    key: Option<String>,
    repeated_by: Option<CreationKey>,
    request: InstanceRequest,
) -> Result<(Instance, Option<uuid::Uuid>), ApiError> {
    let key = key.or_else(|| request.connector.clone()).ok_or_else(|| {
        ApiError::bad_request(
            "element: the connector's key or id was expected ({\"key\": \"salesloft\"})",
        )
    })?;
    let connector = connector(app, &key)?;
    let asked = Asked {
        connector: &connector,
        organization: user.organization,
        before: None,
        request,
        whole: true,
    };
    let prepared = Prepared::new(app, asked).await?;
    let trace = prepared.trace;
    let new = NewInstance {
        organization: user.organization,
        user: user.id,
        connector: connector.key.clone(),
        token: caller_secret::generate(),
        created: app.clock.now(),
        repeated_by,
        fields: prepared.fields,
    };
    let id = app.store.create_instance(new, Some(request_id.clone())).await?;
    tracing::info!(instance = %id, connector = connector.key, user = user.id, "Instance created");
    Ok((share_account(app, id).await?, trace))
}

async fn answered(
    app: &App,
    instance: &Instance,
    with_objects: bool,
    trace: Option<uuid::Uuid>,
) -> Result<Response, ApiError> {
    let mut answer = answer::of(app, instance).await?;
    if with_objects {
        let connector = connector(app, &instance.connector)?;
        answer.objects = Some(connector.resources.keys().cloned().collect());
    }
    Ok(with_trace(answer, trace))
}
