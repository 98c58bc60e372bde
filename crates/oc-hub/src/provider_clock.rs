//! What an answer's `Date` header tells about the provider's clock.

use http::HeaderMap;
use oc_config::Timestamp;

/// One request's instants: ours, and the provider's, which has whole seconds (RFC 9110, 6.6.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClockReading {
    /// When the request was sent, by our clock.
    pub sent: Timestamp,
    /// When its answer was there, by our clock.
    pub received: Timestamp,
    /// The answer's `Date`.
    pub provider: Timestamp,
}

/// The instant in a `Date` header; `None` when it is missing or no HTTP date.
pub(crate) fn date_header(headers: &HeaderMap) -> Option<Timestamp> {
    http_date(headers.get(http::header::DATE)?.to_str().ok()?)
}

/// An HTTP date (RFC 9110, 5.6.7).
pub(crate) fn http_date(text: &str) -> Option<Timestamp> {
    let at = httpdate::parse_http_date(text).ok()?;
    Some(Timestamp::from(time::OffsetDateTime::from(at)))
}
