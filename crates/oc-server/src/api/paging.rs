//! Lists page by page: by number, or by the opaque token of the page before (instances.md, "Errors
//! and headers").

use axum::Json;
use axum::http::{HeaderName, HeaderValue};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use oc_config::{DateReader, Timestamp, Zone};
use serde::Serialize;

use super::error::ApiError;

/// Rows of a page, unless the caller says otherwise, and the most there are.
const ROWS: (usize, usize) = (200, 2_000);
/// The same for entries that carry records.
const ENTRIES: (usize, usize) = (100, 500);

/// A page of entries that carry records.
pub(super) struct Page<T> {
    pub(super) entries: Vec<T>,
    /// Where the next one begins.
    pub(super) next: Option<i64>,
}

impl<T: Serialize> IntoResponse for Page<T> {
    fn into_response(self) -> Response {
        let count = self.entries.len();
        paged(Json(self.entries).into_response(), count, None, self.next)
    }
}

/// How many entries a page has.
pub(super) fn size(asked: Option<usize>) -> usize {
    asked.unwrap_or(ENTRIES.0).clamp(1, ENTRIES.1)
}

/// How many rows are wanted, after which number, and how many of those are passed over.
pub(super) fn page(
    size: Option<usize>,
    token: Option<&str>,
    number: Option<usize>,
) -> Result<(usize, i64, usize), ApiError> {
    let size = size.unwrap_or(ROWS.0).clamp(1, ROWS.1);
    if let Some(after) = begin(token.filter(|token| !token.is_empty()))? {
        return Ok((size, after, 0));
    }
    let before = number.unwrap_or(1).saturating_sub(1);
    // SQLite counts in 63 bits; nothing has so many rows.
    let skip = before.saturating_mul(size).min(usize::MAX >> 1);
    Ok((size, 0, skip))
}

/// An answer with the headers of a page.
pub(super) fn paged(
    mut response: Response,
    returned: usize,
    total: Option<u64>,
    next: Option<i64>,
) -> Response {
    let headers = response.headers_mut();
    let mut put = |name, value| headers.insert(HeaderName::from_static(name), value);
    put("elements-returned-count", HeaderValue::from(returned));
    if let Some(total) = total {
        put("elements-total-count", HeaderValue::from(total));
    }
    if let Some(Ok(next)) = next.map(|next| HeaderValue::try_from(token(next))) {
        put("elements-next-page-token", next);
    }
    response
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
