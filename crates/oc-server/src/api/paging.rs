//! Lists page by page, with an opaque cursor (instances.md, "Errors and headers").

use axum::Json;
use axum::http::{HeaderName, HeaderValue};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use oc_config::{DateReader, Timestamp, Zone};
use serde::Serialize;

use super::error::ApiError;

/// Entries of a page, unless the caller says otherwise.
const PAGE: usize = 100;
const LARGEST_PAGE: usize = 500;

/// A page of a list.
pub(super) struct Page<T> {
    pub(super) entries: Vec<T>,
    /// Where the next one begins.
    pub(super) next: Option<i64>,
}

impl<T: Serialize> IntoResponse for Page<T> {
    fn into_response(self) -> Response {
        let count = HeaderValue::from(self.entries.len());
        let mut response = Json(self.entries).into_response();
        response.headers_mut().insert(HeaderName::from_static("elements-returned-count"), count);
        let next = self.next.map(|next| HeaderValue::try_from(token(next)));
        if let Some(Ok(next)) = next {
            let name = HeaderName::from_static("elements-next-page-token");
            response.headers_mut().insert(name, next);
        }
        response
    }
}

/// How many entries a page has.
pub(super) fn size(asked: Option<usize>) -> usize {
    asked.unwrap_or(PAGE).clamp(1, LARGEST_PAGE)
}

fn token(next: i64) -> String {
    URL_SAFE_NO_PAD.encode(next.to_be_bytes())
}

/// Where a page begins.
pub(super) fn begin(token: Option<&str>) -> Result<Option<i64>, ApiError> {
    let Some(token) = token else { return Ok(None) };
    let bytes = URL_SAFE_NO_PAD.decode(token).ok().and_then(|bytes| bytes.try_into().ok());
    let message = "nextPage: the value of an Elements-Next-Page-Token was expected";
    bytes.map(|bytes| Some(i64::from_be_bytes(bytes))).ok_or_else(|| ApiError::bad_request(message))
}

/// An instant in a query.
pub(super) fn instant(name: &str, text: Option<&str>) -> Result<Option<Timestamp>, ApiError> {
    let Some(text) = text else { return Ok(None) };
    let read = DateReader::any(Zone::gmt()).read_text(text.trim());
    read.map(Some).ok_or_else(|| {
        ApiError::bad_request(format!("{name}: an instant as 2026-11-24T12:00:00Z was expected"))
    })
}

/// The end of a time in a query. It is inclusive, and a whole second is meant as all of it: that is
/// how instants are shown.
pub(super) fn end(name: &str, text: Option<&str>) -> Result<Option<Timestamp>, ApiError> {
    let end = instant(name, text)?;
    Ok(end.map(|end| if end == end.floor_second() { Timestamp(end.0 + 999_999) } else { end }))
}
