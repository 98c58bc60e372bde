//! Connector instances: create, read, change, delete (instances.md).

mod answer;
mod authentication;
mod prepared;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderName, HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use oc_config::{InstanceId, InstanceRequest};
use oc_oauth::{Grant, TokenEndpoint, Vault as _};
use oc_store::{Instance, NewInstance};
use serde::Deserialize;
use serde_json::{Value, json};
use tracing::Instrument as _;
use utoipa::IntoParams;

use super::body::JsonBody;
use super::caller::{Aimed, Caller};
use super::calls::{Call, Calls, Record, Wants};
use super::error::ApiError;
use super::hubs::target;
use super::query::Parameters;
use crate::app::App;
use crate::caller_secret;
use prepared::Prepared;

/// Instances of one answer, unless the caller says otherwise.
const PAGE: usize = 200;
const LARGEST_PAGE: usize = 2_000;

pub(super) fn calls() -> Calls {
    let call = |summary, wants| Call::new("instances", summary, wants);
    let made = || {
        call("Create an instance", Wants::Platform)
            .takes::<Value>()
            .answers::<Value>()
            .fails(&[404, 502])
    };
    let changed = |summary| {
        call(summary, Wants::Instance).takes::<Value>().answers::<Value>().fails(&[404, 409, 502])
    };
    Calls::new()
        .on(
            &Method::GET,
            "/instances",
            list,
            call("List instances, oldest first", Wants::Platform)
                .query::<Paging>()
                .answers::<Vec<Record>>(),
        )
        .on(&Method::POST, "/instances", create, made())
        .on(&Method::POST, "/elements/{keyOrId}/instances", create_of, made())
        .on(
            &Method::GET,
            "/instances/{id}",
            one,
            call("An instance", Wants::Instance).answers::<Value>().fails(&[404]),
        )
        .on(&Method::PUT, "/instances/{id}", put, changed("Replace an instance"))
        .on(&Method::PATCH, "/instances/{id}", patch, changed("Change an instance"))
        .on(
            &Method::DELETE,
            "/instances/{id}",
            delete,
            call("Delete an instance", Wants::Instance)
                .answers_header("Elements-Dropped-Deliveries", "notifications never sent")
                .fails(&[404]),
        )
        .aimed(&Method::GET, "/event-poller-records", poller_records, || {
            call("Where polling stands", Wants::Instance).answers::<Vec<Record>>()
        })
}

async fn create(app: State<App>, caller: Caller, body: JsonBody) -> Result<Json<Value>, ApiError> {
    to_its_end(&app.0.clone(), make(app, caller, None, body)).await
}

/// `element` may be left out of the body.
async fn create_of(
    app: State<App>,
    caller: Caller,
    Path(key): Path<String>,
    body: JsonBody,
) -> Result<Json<Value>, ApiError> {
    to_its_end(&app.0.clone(), make(app, caller, Some(key), body)).await
}

/// Goes on when the client goes away: a code that is exchanged can never be exchanged again.
async fn to_its_end<T: Send + 'static>(
    app: &App,
    work: impl Future<Output = Result<T, ApiError>> + Send + 'static,
) -> Result<T, ApiError> {
    app.unfinished.spawn(work.in_current_span()).await.unwrap_or_else(|error| {
        tracing::error!(%error, "A request ended in a fault of the program");
        let message = "the request could not be carried out; the operator's log says why";
        Err(ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, message))
    })
}

async fn make(
    State(app): State<App>,
    caller: Caller,
    key: Option<String>,
    JsonBody(body): JsonBody,
) -> Result<Json<Value>, ApiError> {
    let user = caller.platform()?.clone();
    let request = InstanceRequest::parse(&body).map_err(|faults| ApiError::faults(&faults))?;
    let key = key.or_else(|| request.connector.clone()).ok_or_else(|| {
        ApiError::bad_request(
            "element: the connector's key or id was expected ({\"key\": \"salesloft\"})",
        )
    })?;
    let connector = app
        .catalogue
        .find(&key)
        .cloned()
        .ok_or_else(|| ApiError::not_found(format!("there is no connector `{key}`")))?;
    let prepared = Prepared::new(&app, &connector, None, request, true).await?;
    let new = NewInstance {
        organization: user.organization,
        user: user.id,
        connector: connector.key.clone(),
        token: caller_secret::generate(),
        created: app.clock.now(),
        fields: prepared.fields,
    };
    let id = app.store.create_instance(new, Some(caller.request_id.clone())).await?;
    tracing::info!(instance = %id, connector = connector.key, user = user.id, "Instance created");
    let instance = share_account(&app, id).await?;
    Ok(Json(answer::of(&app, &instance).await?))
}

/// Asks the provider whose rate limit the instance shares. Where it does not tell, instances of
/// the same client share one.
async fn share_account(app: &App, id: InstanceId) -> Result<Instance, ApiError> {
    let instance = stored(app, id).await?;
    let target = target(app, &instance)?;
    let asked = app.hub.account(&target);
    match tokio::time::timeout(std::time::Duration::from_secs(5), asked).await {
        Ok(Ok(Some(account))) => {
            // What another host calls an account is not the same.
            let origin = target.base.origin().ascii_serialization();
            let account = format!("{} {origin} {account}", instance.connector);
            app.store.set_account(id, account).await?;
            return stored(app, id).await;
        }
        Ok(Err(error)) => {
            tracing::info!(instance = %id, %error, "The provider does not tell the account");
        }
        Ok(Ok(None)) | Err(_) => {}
    }
    Ok(instance)
}

async fn one(
    State(app): State<App>,
    Aimed { instance, .. }: Aimed,
) -> Result<Json<Value>, ApiError> {
    Ok(Json(answer::of(&app, &instance).await?))
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
struct Paging {
    /// Instances a page.
    page_size: Option<usize>,
    /// The value of an `Elements-Next-Page-Token`.
    next_page: Option<String>,
}

/// Oldest first, page by page.
async fn list(
    State(app): State<App>,
    caller: Caller,
    Parameters(paging): Parameters<Paging>,
) -> Result<Response, ApiError> {
    let user = caller.platform()?;
    let size = paging.page_size.unwrap_or(PAGE).clamp(1, LARGEST_PAGE);
    let after = match &paging.next_page {
        Some(token) => number(token)?,
        None => 0,
    };
    let mut found = app.store.instances(user.organization, InstanceId(after), size + 1).await?;
    let more = found.len() > size;
    found.truncate(size);
    let mut shown = Vec::with_capacity(found.len());
    for instance in &found {
        shown.push(answer::of(&app, instance).await?);
    }
    let mut headers = vec![("elements-returned-count", shown.len().to_string())];
    if let Some(last) = found.last().filter(|_| more) {
        headers.push(("elements-next-page-token", last.id.to_string()));
    }
    let mut response = Json(shown).into_response();
    for (name, value) in headers {
        if let Ok(value) = HeaderValue::try_from(value) {
            response.headers_mut().insert(HeaderName::from_static(name), value);
        }
    }
    Ok(response)
}

async fn put(app: State<App>, aimed: Aimed, body: JsonBody) -> Result<Json<Value>, ApiError> {
    to_its_end(&app.0.clone(), change(app, aimed, body, true)).await
}

async fn patch(app: State<App>, aimed: Aimed, body: JsonBody) -> Result<Json<Value>, ApiError> {
    to_its_end(&app.0.clone(), change(app, aimed, body, false)).await
}

async fn change(
    State(app): State<App>,
    Aimed { instance, caller }: Aimed,
    JsonBody(body): JsonBody,
    whole: bool,
) -> Result<Json<Value>, ApiError> {
    let request = InstanceRequest::parse(&body).map_err(|faults| ApiError::faults(&faults))?;
    let connector = app.catalogue.find(&instance.connector).cloned().ok_or_else(|| {
        ApiError::bad_request(format!("connector `{}` is gone", instance.connector))
    })?;
    let (number, revision) = (instance.id, instance.revision);
    let prepared = Prepared::new(&app, &connector, Some(instance), request, whole).await?;
    let (now, authorized) = (app.clock.now(), prepared.fields.tokens.is_some());
    let (fields, by) = (prepared.fields, caller.by());
    app.store.update_instance(number, revision, fields, prepared.reactivate, by, now).await?;
    app.tokens.forget(number);
    tracing::info!(instance = %number, user = caller.user.id, authorized, "Instance changed");
    let changed =
        if authorized { share_account(&app, number).await? } else { stored(&app, number).await? };
    Ok(Json(answer::of(&app, &changed).await?))
}

async fn delete(
    State(app): State<App>,
    Aimed { instance, caller }: Aimed,
) -> Result<Response, ApiError> {
    let grant = app.store.load(instance.id).await.ok().flatten();
    let deleted = app.store.delete_instance(instance.id, caller.by(), app.clock.now()).await?;
    let dropped = deleted.unwrap_or(0);
    app.tokens.forget(instance.id);
    if let Some(grant) = grant.filter(|grant| grant.provider.revoke.is_some()) {
        let revoked = revoke(app.endpoint.clone(), instance.id, grant);
        app.unfinished.spawn(revoked.in_current_span());
    }
    tracing::info!(instance = %instance.id, user = caller.user.id, dropped, "Instance deleted");
    let mut response = StatusCode::OK.into_response();
    response
        .headers_mut()
        .insert(HeaderName::from_static("elements-dropped-deliveries"), HeaderValue::from(dropped));
    Ok(response)
}

/// The instance has gone, whatever the provider says to this.
async fn revoke(endpoint: TokenEndpoint, instance: InstanceId, grant: Grant) {
    match endpoint.revoke(&grant.provider, &grant.client, &grant.tokens).await {
        Ok(()) => tracing::info!(%instance, "Tokens of a deleted instance revoked"),
        Err(error) => {
            tracing::warn!(%instance, %error, "Tokens of a deleted instance not revoked");
        }
    }
}

/// How the polling of each resource stands.
async fn poller_records(
    State(app): State<App>,
    Aimed { instance, .. }: Aimed,
) -> Result<Json<Value>, ApiError> {
    let states = app.store.resource_states(instance.id).await?;
    let rows = states.into_iter().map(|state| {
        json!({
            "instanceId": instance.id.0, "resource": state.name, "cursor": state.cursor.to_string(),
            "polls": state.polls, "lastPoll": state.last_poll.map(|at| at.to_string()),
            "lastResult": state.last_result, "nextDue": state.next_due.map(|at| at.to_string()),
            "waiting": state.waiting,
        })
    });
    Ok(Json(rows.collect()))
}

async fn stored(app: &App, id: InstanceId) -> Result<Instance, ApiError> {
    let found = app.store.instance(id).await?;
    found.ok_or_else(|| ApiError::not_found(format!("there is no instance {id}")))
}

/// An instance's number.
fn number(text: &str) -> Result<i64, ApiError> {
    text.parse().map_err(|_| ApiError::not_found(format!("there is no instance `{text}`")))
}
