//! `Elements-Request-Id`: one for every request, in the answer, the error body and the log.

use axum::Json;
use axum::extract::Request;
use axum::http::{HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde_json::{Value as Json_, json};
use uuid::Uuid;

use super::error::ApiError;

const NAME: HeaderName = HeaderName::from_static("elements-request-id");

pub(super) async fn identify(request: Request, next: Next) -> Response {
    let id = Uuid::now_v7().to_string();
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let mut response = next.run(request).await;
    let status = response.status();
    if let Some(error) = response.extensions_mut().remove::<ApiError>() {
        let kept = std::mem::take(response.headers_mut());
        response = (error.status, Json(body(&id, &error))).into_response();
        response.headers_mut().extend(kept.into_iter().filter_map(|(name, value)| {
            name.filter(|name| name != "content-length").map(|name| (name, value))
        }));
        tracing::debug!(request = id, %method, path, status = status.as_u16(), error = error.message, "Refused");
    } else {
        tracing::debug!(request = id, %method, path, status = status.as_u16(), "Answered");
    }
    if let Ok(value) = HeaderValue::try_from(id) {
        response.headers_mut().insert(NAME, value);
    }
    response
}

fn body(id: &str, error: &ApiError) -> Json_ {
    let mut body = json!({"requestId": id, "message": error.message});
    if let Some(words) = &error.provider_message {
        body["providerMessage"] = Json_::from(words.as_str());
    }
    body
}
