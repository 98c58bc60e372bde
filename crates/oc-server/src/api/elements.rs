//! The catalogue: connectors, what they are configured with, and how users authorize them.

mod configuration;
mod element;
mod metadata;
mod oauth;
mod preview;
mod trace;

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderName, HeaderValue, Method};
use axum::response::{IntoResponse, Response};
use oc_config::Connector;

use super::caller::Caller;
use super::calls::{Call, Calls, Wants};
use super::error::ApiError;
use crate::app::App;
pub(super) use configuration::{ConfigurationEntry, entries};
pub(super) use element::Element;
pub(super) use oauth::{OAuthUrl, url_for};
pub(super) use trace::TraceRecord;

pub(super) fn calls() -> Calls {
    let list = Call::new("elements", "The connectors there are, by key", Wants::Platform)
        .answers::<Vec<Element>>()
        .answers_header("Elements-Returned-Count", "how many connectors these are")
        .answers_header("Elements-Total-Count", "how many connectors there are");
    let one =
        Call::new("elements", "A connector", Wants::Platform).answers::<Element>().fails(&[404]);
    Calls::new()
        .on(&Method::GET, "/elements", all, list)
        .on(&Method::GET, "/elements/{keyOrId}", element, one)
        .merge(configuration::calls())
        .merge(metadata::calls())
        .merge(trace::calls())
        .merge(oauth::calls())
        .merge(preview::calls())
}

async fn all(State(app): State<App>, caller: Caller) -> Result<Response, ApiError> {
    caller.platform()?;
    let all: Vec<Element> = app.catalogue.iter().map(|one| Element::new(one)).collect();
    let count = HeaderValue::from(all.len());
    let mut response = Json(all).into_response();
    for name in ["elements-returned-count", "elements-total-count"] {
        response.headers_mut().insert(HeaderName::from_static(name), count.clone());
    }
    Ok(response)
}

async fn element(
    State(app): State<App>,
    caller: Caller,
    Path(key): Path<String>,
) -> Result<Json<Element>, ApiError> {
    caller.platform()?;
    let found = connector(&app, &key)?;
    Ok(Json(Element::new(&found)))
}

/// A connector by its key or number.
pub(super) fn connector(app: &App, key_or_id: &str) -> Result<Arc<Connector>, ApiError> {
    let missing = || ApiError::not_found(format!("there is no connector `{key_or_id}`"));
    app.catalogue.find(key_or_id).cloned().ok_or_else(missing)
}
