//! `Elements-Request-Id`: one for every request, in the answer, the error body and the log.

use axum::Json;
use axum::extract::Request;
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use axum::http::{Extensions, HeaderMap, HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use oc_telemetry::{TRACEPARENT, TraceContext, named};
use tracing::field::Empty;
use tracing::{Instrument as _, Span};
use uuid::Uuid;

use super::error::{ApiError, ErrorBody};
use super::webhooks::is_delivery;

const NAME: HeaderName = HeaderName::from_static("elements-request-id");
/// The longest id that is taken from a client.
const LONGEST: usize = 64;
/// The most of a path that is logged.
const LONGEST_PATH: usize = 256;

/// A request's id.
#[derive(Clone, Debug)]
pub(super) struct RequestId(String);

impl RequestId {
    /// The id of the request with these extensions.
    pub(super) fn of(extensions: &Extensions) -> String {
        extensions.get::<Self>().map(|id| id.0.clone()).unwrap_or_default()
    }

    /// The client's own when it is fit for a log, else a new one.
    fn new(headers: &HeaderMap) -> Self {
        let given = headers.get(NAME).and_then(|value| value.to_str().ok());
        let given = given.filter(|id| {
            (1..=LONGEST).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_graphic())
        });
        Self(given.map_or_else(|| Uuid::now_v7().to_string(), str::to_owned))
    }
}

/// Everything that is logged for a request stands in a span with its id.
pub(super) async fn identify(mut request: Request, next: Next) -> Response {
    let id = RequestId::new(request.headers());
    request.extensions_mut().insert(id.clone());
    let span = span(&id.0, &request);
    async move {
        let response = next.run(request).await;
        let response = finish(&id.0, response);
        Span::current().record("status", response.status().as_u16());
        response
    }
    .instrument(span)
    .await
}

/// A part of the caller's trace, when it has one.
fn span(id: &str, request: &Request) -> Span {
    let (method, path) = (request.method(), shown(request.uri().path()));
    let span = tracing::info_span!(
        "request",
        otel.kind = "server",
        id,
        trace = Empty,
        %method,
        path,
        status = Empty
    );
    let trace = request.headers().get(TRACEPARENT).and_then(|value| value.to_str().ok());
    if let Some(trace) = trace.and_then(TraceContext::read) {
        trace.follow(&span);
    }
    named(span)
}

/// A path for the log: where providers deliver to is known to nobody else, and a path may be long.
fn shown(path: &str) -> &str {
    if is_delivery(path) {
        return "/events";
    }
    let end = (0..=path.len().min(LONGEST_PATH)).rev().find(|at| path.is_char_boundary(*at));
    &path[..end.unwrap_or(0)]
}

fn finish(id: &str, mut response: Response) -> Response {
    let status = response.status();
    let own = response.extensions_mut().remove::<ApiError>();
    if let Some(error) = own.or_else(|| bare(&response)) {
        let kept = std::mem::take(response.headers_mut());
        let (status, message) = (error.status, error.message.clone());
        response = (status, Json(body(id, error))).into_response();
        response.headers_mut().extend(kept.into_iter().filter_map(|(name, value)| {
            let of_body = [CONTENT_LENGTH, CONTENT_TYPE];
            name.filter(|name| !of_body.contains(name)).map(|name| (name, value))
        }));
        tracing::debug!(status = status.as_u16(), error = message, "Refused");
    } else {
        tracing::debug!(status = status.as_u16(), "Answered");
    }
    if let Ok(value) = HeaderValue::try_from(id) {
        response.headers_mut().insert(NAME, value);
    }
    response
}

/// A failure that the framework has answered in its own way, as for a path that is not UTF-8.
fn bare(response: &Response) -> Option<ApiError> {
    let status = response.status();
    let is_ours = !status.is_client_error() && !status.is_server_error();
    let is_json =
        response.headers().get(CONTENT_TYPE).is_some_and(|kind| kind == "application/json");
    if is_ours || is_json {
        return None;
    }
    let reason = status.canonical_reason().unwrap_or("failed").to_ascii_lowercase();
    Some(ApiError::new(status, format!("the request cannot be read: {reason}")))
}

fn body(id: &str, error: ApiError) -> ErrorBody {
    ErrorBody {
        request_id: id.to_owned(),
        message: error.message,
        provider_message: error.provider_message,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_log_has_neither_long_paths_nor_those_of_providers() {
        assert_eq!(shown("/elements/api-v2/instances/7"), "/elements/api-v2/instances/7");
        assert_eq!(shown("/elements/api-v2/events/salesloft/s3cret"), "/events");
        assert_eq!(shown(&format!("/{}", "ü".repeat(1_000))).len(), 255);
    }

    #[test]
    fn a_clients_id_is_kept_when_it_is_fit_for_a_log() {
        let of = |text: &str| {
            let headers = [(NAME, HeaderValue::from_bytes(text.as_bytes()).unwrap())];
            RequestId::new(&headers.into_iter().collect()).0
        };
        assert_eq!(of("order-7/1"), "order-7/1");
        assert_eq!(of(&"x".repeat(64)), "x".repeat(64));
        for bad in ["", "two words", &"x".repeat(65), "naïve"] {
            assert!(Uuid::parse_str(&of(bad)).is_ok(), "{bad}");
        }
    }
}
