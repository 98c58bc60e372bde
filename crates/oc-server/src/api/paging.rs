//! Pages of lists: by number, or by the token of the page before (instances.md, "Errors and
//! headers").

use axum::http::{HeaderName, HeaderValue};
use axum::response::Response;

use super::error::ApiError;

/// Rows of one answer, unless the caller says otherwise.
const PAGE: usize = 200;
const LARGEST: usize = 2_000;

/// How many rows are wanted, after which number, and how many of those are passed over.
pub(super) fn page(
    size: Option<usize>,
    token: Option<&str>,
    number: Option<usize>,
) -> Result<(usize, i64, usize), ApiError> {
    let size = size.unwrap_or(PAGE).clamp(1, LARGEST);
    if let Some(token) = token.filter(|token| !token.is_empty()) {
        let after = token.parse().map_err(|_| {
            let message = format!("nextPage: `{token}` is not the token of a page");
            ApiError::bad_request(message)
        })?;
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
    if let Some(next) = next {
        put("elements-next-page-token", HeaderValue::from(next));
    }
    response
}
