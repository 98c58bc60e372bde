//! Connector instances: create, read, change, delete (instances.md).

mod answer;
mod authentication;
mod authorization;
mod change;
mod configuration;
mod create;
mod effective;
mod elsewhere;
mod enabled;
mod listing;
mod polling;
mod prepared;
mod queued;
mod recording;
mod tasks;
mod webhooks;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderName, HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use oc_config::InstanceId;
use oc_oauth::{Grant, TokenEndpoint, Vault as _};
use oc_store::Instance;
use tracing::Instrument as _;

use super::caller::Aimed;
use super::calls::{Call, Calls, Wants};
use super::error::{ApiError, TRACE_ID};
use super::hubs::target;
use crate::app::App;
use answer::InstanceAnswer;

pub(super) fn calls() -> Calls {
    let one = Call::new("instances", "An instance", Wants::Instance)
        .answers::<InstanceAnswer>()
        .fails(&[403, 404]);
    Calls::new()
        .merge(listing::calls())
        .merge(create::calls())
        .on(&Method::GET, "/instances/{id}", read, one)
        .merge(change::calls())
        .aimed(&Method::DELETE, "", delete, || {
            Call::new("instances", "Delete an instance", Wants::Instance)
                .answers_header("Elements-Dropped-Deliveries", "notifications never sent")
        })
        .merge(enabled::calls())
        .merge(authorization::calls())
        .merge(configuration::calls())
        .merge(polling::calls())
        .merge(tasks::calls())
}

/// Goes on when the client goes away: a code that is exchanged can never be exchanged again.
pub(super) async fn to_its_end<T: Send + 'static>(
    app: &App,
    work: impl Future<Output = Result<T, ApiError>> + Send + 'static,
) -> Result<T, ApiError> {
    app.unfinished.spawn(work.in_current_span()).await.unwrap_or_else(|error| {
        tracing::error!(%error, "A request ended in a fault of the program");
        let message = "the request could not be carried out; the operator's log says why";
        Err(ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, message))
    })
}

async fn read(
    State(app): State<App>,
    Aimed { instance, .. }: Aimed,
) -> Result<Json<InstanceAnswer>, ApiError> {
    Ok(Json(answer::of(&app, &instance).await?))
}

async fn delete(State(app): State<App>, aimed: Aimed) -> Result<Response, ApiError> {
    to_its_end(&app.clone(), delete_whole(app, aimed)).await
}

/// First the provider is told, as long as there are credentials for it.
async fn delete_whole(app: App, Aimed { instance, caller }: Aimed) -> Result<Response, ApiError> {
    app.subscriber().end(instance.id).await;
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

/// Asks the provider whose rate limit the instance shares. Where it does not tell, instances of
/// the same client share one.
async fn share_account(app: &App, id: InstanceId) -> Result<Instance, ApiError> {
    let instance = stored(app, id).await?;
    // An instance that is switched off makes no requests.
    let Ok(target) = target(app, &instance) else { return Ok(instance) };
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

async fn stored(app: &App, id: InstanceId) -> Result<Instance, ApiError> {
    let found = app.store.instance(id).await?;
    found.ok_or_else(|| ApiError::not_found(format!("there is no instance {id}")))
}

/// An instance, and the number of the recorded authentication when there is one.
fn with_trace(answer: InstanceAnswer, trace: Option<uuid::Uuid>) -> Response {
    let mut response = Json(answer).into_response();
    if let Some(id) = trace.and_then(|id| HeaderValue::try_from(id.to_string()).ok()) {
        response.headers_mut().insert(TRACE_ID, id);
    }
    response
}
