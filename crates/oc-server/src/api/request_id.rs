//! `Elements-Request-Id`: one for every request, in the answer, the error body and the log.

use axum::Json;
use axum::extract::Request;
use axum::http::{HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use uuid::Uuid;

use super::error::{ApiError, ErrorBody};

const NAME: HeaderName = HeaderName::from_static("elements-request-id");

pub(super) async fn identify(request: Request, next: Next) -> Response {
    let id = Uuid::now_v7().to_string();
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let mut response = next.run(request).await;
    let status = response.status();
    if let Some(error) = response.extensions_mut().remove::<ApiError>() {
        let kept = std::mem::take(response.headers_mut());
        let (status, message) = (error.status, error.message.clone());
        response = (status, Json(body(&id, error))).into_response();
        response.headers_mut().extend(kept.into_iter().filter_map(|(name, value)| {
            name.filter(|name| name != "content-length").map(|name| (name, value))
        }));
        tracing::debug!(request = id, %method, path, status = status.as_u16(), error = message, "Refused");
    } else {
        tracing::debug!(request = id, %method, path, status = status.as_u16(), "Answered");
    }
    if let Ok(value) = HeaderValue::try_from(id) {
        response.headers_mut().insert(NAME, value);
    }
    response
}

fn body(id: &str, error: ApiError) -> ErrorBody {
    ErrorBody {
        request_id: id.to_owned(),
        message: error.message,
        provider_message: error.provider_message,
    }
}
