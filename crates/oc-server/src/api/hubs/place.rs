//! What a hub path names: a resource, and perhaps one of its records.

use axum::extract::{FromRequestParts, RawPathParams};
use axum::http::request::Parts;

use crate::api::error::ApiError;

/// The resource and the record that a path names.
pub(super) struct Place {
    pub(super) resource: String,
    /// The record's id; empty for a list.
    pub(super) object: String,
}

impl<S: Send + Sync> FromRequestParts<S> for Place {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let path = RawPathParams::from_request_parts(parts, state).await;
        let path = path.map_err(|_| ApiError::bad_request("the path is not valid UTF-8"))?;
        let part = |wanted: &str| {
            let found = path.iter().find(|(name, _)| *name == wanted);
            found.map_or_else(String::new, |(_, part)| part.to_owned())
        };
        Ok(Self { resource: part("resource"), object: part("objectId") })
    }
}
