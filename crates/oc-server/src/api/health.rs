//! Health and metrics, for whoever operates the service.

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use super::error::ApiError;
use crate::app::App;
use crate::telemetry::Telemetry;

pub(super) fn routes(telemetry: Telemetry) -> Router<App> {
    let metrics = move |State(app): State<App>| async move { metrics(&app, &telemetry).await };
    Router::new()
        .route("/health/live", get(|| async { "live\n" }))
        .route("/health/ready", get(ready))
        .route("/metrics", get(metrics))
}

async fn ready(State(app): State<App>) -> Result<&'static str, ApiError> {
    if !app.store.is_ready().await {
        return Err(ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "the storage does not answer"));
    }
    // Without the queue everything is done all the same.
    match &app.queue {
        Some(queue) if !queue.is_connected() => Ok("ready, without the queue\n"),
        _ => Ok("ready\n"),
    }
}

async fn metrics(app: &App, telemetry: &Telemetry) -> Response {
    let text = telemetry.render(app).await;
    ([(CONTENT_TYPE, "text/plain; version=0.0.4")], text).into_response()
}
