//! Request bodies: JSON of at most 8 MB.

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{FromRequest, Request};
use axum::http::{StatusCode, header::CONTENT_TYPE};

use super::error::ApiError;

/// runtime.md, "Limits".
const LARGEST: usize = 8 << 20;

/// The bytes of a body that says it is JSON.
pub(super) struct JsonBody(pub(super) Bytes);

impl<S: Sync> FromRequest<S> for JsonBody {
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &S) -> Result<Self, ApiError> {
        let kind = request.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
        let kind = kind.unwrap_or_default().split(';').next().unwrap_or_default().trim();
        let is_json = kind.eq_ignore_ascii_case("application/json")
            || kind.to_ascii_lowercase().ends_with("+json");
        if !is_json {
            let message = format!("the content type is `{kind}`; application/json was expected");
            return Err(ApiError::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, message));
        }
        read(request.into_body(), LARGEST).await.map(Self)
    }
}

/// A body of at most so many bytes.
pub(super) async fn read(body: Body, largest: usize) -> Result<Bytes, ApiError> {
    to_bytes(body, largest).await.map_err(|error| {
        let is_too_long = std::error::Error::source(&error)
            .is_some_and(|source| source.to_string().contains("length limit"));
        if is_too_long {
            let message = format!("the body is longer than {} MB", largest >> 20);
            ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, message)
        } else {
            ApiError::bad_request("the body was cut short")
        }
    })
}
