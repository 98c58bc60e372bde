//! The HTTP API: the Instances, Elements and Hub routes, health and metrics.

mod analytics;
mod body;
mod caller;
mod calls;
mod connections;
mod cors;
mod deliveries;
mod destinations;
mod elements;
mod error;
mod events;
mod health;
mod hubs;
mod inside;
mod instances;
mod paging;
mod query;
mod rates;
mod reference;
mod remote;
mod request_id;
mod token_fault;
mod traffic;
mod webhooks;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::app::App;
use crate::telemetry::Telemetry;
use crate::ui;
use calls::Calls;
use error::ApiError;
pub(crate) use inside::{Answered, Inside, InsideCaller, Refused};
use rates::Rates;

/// Where old clients expect the API.
const PREFIX: &str = "/elements/api-v2";
/// The longest a request may take; creating an instance waits for the provider.
const LONGEST: Duration = Duration::from_secs(120);

/// Serves the API, and the web page over it, until `stop`; requests under way are finished.
pub(crate) async fn serve(
    listener: TcpListener,
    app: App,
    telemetry: Telemetry,
    stop: CancellationToken,
) {
    let access = app.settings.access.clone();
    let api = router(app.clone(), telemetry);
    let page = ui::routes(&app, Inside::new(api.clone()), stop.clone()).layer(from_fn(within_time));
    connections::serve(listener, page.fallback_service(api), &access, stop).await;
}

/// Serves health and metrics alone, for a server without the API.
pub(crate) async fn serve_health(
    listener: TcpListener,
    app: App,
    telemetry: Telemetry,
    stop: CancellationToken,
) {
    let access = app.settings.access.clone();
    let routes = health::routes(telemetry).fallback(no_api);
    connections::serve(listener, guarded(routes, app), &access, stop).await;
}

/// Every call of the API, in the order of its description.
fn calls() -> Calls {
    Calls::new()
        .merge(instances::calls())
        .merge(events::calls())
        .merge(analytics::calls())
        .merge(deliveries::calls())
        .merge(destinations::calls())
        .merge(elements::calls())
        .merge(webhooks::calls())
        .merge(hubs::calls())
}

fn router(app: App, telemetry: Telemetry) -> Router {
    let (api, described) = calls().into_parts(PREFIX);
    // Some clients use a base url that already ends in the prefix.
    let routes = Router::new()
        .nest(PREFIX, api.clone())
        .merge(api)
        .merge(reference::routes(&described))
        .merge(health::routes(telemetry))
        .fallback(unknown);
    guarded(routes, app)
}

/// Within the limits of time and rates; counted, and each request with its id.
fn guarded(routes: Router<App>, app: App) -> Router {
    let rates = Rates::new(app.settings.access.rate, app.settings.access.failure_rate);
    let cors = cors::layer(&app.settings.access.origins);
    let router = routes
        .method_not_allowed_fallback(other_method)
        .layer(from_fn(within_time))
        .layer(from_fn_with_state(Arc::new(rates), rates::limit));
    let router = match cors {
        Some(cors) => router.layer(cors),
        None => router,
    };
    router.layer(from_fn(request_id::identify)).layer(from_fn(traffic::count)).with_state(app)
}

async fn within_time(request: Request, next: Next) -> Response {
    tokio::time::timeout(LONGEST, next.run(request)).await.unwrap_or_else(|_| {
        let message = format!("there was no answer within {} s; try again", LONGEST.as_secs());
        ApiError::new(StatusCode::GATEWAY_TIMEOUT, message).into_response()
    })
}

async fn unknown(uri: axum::http::Uri) -> ApiError {
    ApiError::not_found(format!(
        "there is nothing at {}; the API is under /elements/api-v2",
        uri.path()
    ))
}

async fn no_api() -> ApiError {
    ApiError::not_found("this server has no API: it was started without the role `api`")
}

async fn other_method(method: axum::http::Method, uri: axum::http::Uri) -> ApiError {
    let message = format!("{} does not take {method}", uri.path());
    ApiError::new(StatusCode::METHOD_NOT_ALLOWED, message)
}
