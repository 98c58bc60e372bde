//! Notifications as webhooks: one signed POST each (notifications.md, "Headers" and "Delivery").

use std::borrow::Cow;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue, LOCATION, RETRY_AFTER};
use oc_config::{MASK, Timestamp};
use oc_egress::{Clock, Egress, EgressError, Limits, Overflow, Request, Response};
use secrecy::ExposeSecret;

use crate::transport::{Attempt, AttemptVerdict, Callback, Outgoing};
use crate::{SentHeaders, heading};

const MOST_READ: usize = 64 * 1024;
const MOST_KEPT: usize = 4 * 1024;
const LONGEST_PAUSE: Duration = Duration::from_secs(24 * 3_600);

/// Sends notifications to callback urls.
#[derive(Clone)]
pub struct Webhooks {
    egress: Egress,
    clock: Clock,
    limits: Limits,
}

impl Webhooks {
    /// Webhooks that leave through `egress`; `within` is the deadline of a whole attempt, from name
    /// resolution to the last byte of the answer.
    pub fn new(egress: Egress, clock: Clock, within: Duration) -> Self {
        let limits = Limits { total: within, body: MOST_READ, overflow: Overflow::Truncate };
        Self { egress, clock, limits }
    }

    /// Makes one attempt; it ends within the deadline, whatever the receiver does.
    pub async fn send(&self, to: &Callback, notification: Outgoing) -> Attempt {
        let at = self.clock.now();
        let mut request = Request::post(to.url.clone(), notification.body.clone());
        request.headers = headers(to, &notification, at);
        request.tls = to.tls.clone();
        let sent = shown(&request.headers);
        let result = self.egress.exchange(request, self.limits).await;
        let ended = self.clock.now();
        let came_to = match result {
            Ok(response) => answered(&response, ended),
            Err(error) => failed(to, &error),
        };
        Attempt {
            url: to.place(),
            request: sent,
            at,
            took: ended.since(at),
            status: came_to.status,
            error: came_to.error,
            answer: came_to.answer,
            verdict: came_to.verdict,
        }
    }
}

/// Our headers after the user's own, so that ours cannot be replaced.
fn headers(to: &Callback, notification: &Outgoing, at: Timestamp) -> HeaderMap {
    let mut headers = HeaderMap::with_capacity(12 + to.headers.len());
    for (name, value) in &to.headers {
        if let (Ok(name), Ok(mut value)) =
            (HeaderName::try_from(name.as_str()), HeaderValue::try_from(value.expose_secret()))
        {
            value.set_sensitive(true);
            headers.append(name, value);
        }
    }
    if let Some((user, password)) = &to.basic {
        let credentials = STANDARD.encode(format!("{user}:{}", password.expose_secret()));
        if let Ok(mut value) = HeaderValue::try_from(format!("Basic {credentials}")) {
            value.set_sensitive(true);
            headers.insert(AUTHORIZATION, value);
        }
    }
    for (name, value) in heading(notification, &to.keys, at) {
        if let Ok(value) = HeaderValue::try_from(value) {
            headers.insert(HeaderName::from_static(name.lower), value);
        }
    }
    headers
}

/// Headers as the owner of an instance may see them: the user's own may hold any secret.
fn shown(headers: &HeaderMap) -> SentHeaders {
    let shown = headers.iter().map(|(name, value)| {
        (name.as_str(), if value.is_sensitive() { MASK.into() } else { lossy(value) })
    });
    shown.collect()
}

fn lossy(value: &HeaderValue) -> Cow<'_, str> {
    String::from_utf8_lossy(value.as_bytes())
}

/// What an exchange came to.
struct CameTo {
    status: Option<u16>,
    error: Option<String>,
    answer: String,
    verdict: AttemptVerdict,
}

fn answered(response: &Response, now: Timestamp) -> CameTo {
    let status = response.status.as_u16();
    let kept = &response.body[..response.body.len().min(MOST_KEPT)];
    let verdict = match status {
        200..=299 => AttemptVerdict::Delivered,
        410 => AttemptVerdict::Gone,
        _ => AttemptVerdict::Failed {
            retry_after: matches!(status, 429 | 503)
                .then(|| retry_after(&response.headers, now))
                .flatten(),
            overloaded: matches!(status, 429 | 502..=504),
        },
    };
    let location = response.headers.get(LOCATION).filter(|_| response.status.is_redirection());
    let error =
        location.map(|to| format!("redirects are not followed; it points to {}", lossy(to)));
    // Not every store takes a NUL in a text.
    let answer = String::from_utf8_lossy(kept).replace('\0', "\u{fffd}");
    CameTo { status: Some(status), error, answer, verdict }
}

fn failed(to: &Callback, error: &EgressError) -> CameTo {
    tracing::debug!(destination = ?to, error = error.detail(), "Notification not delivered");
    let verdict = AttemptVerdict::Failed { retry_after: None, overloaded: error.is_timeout() };
    CameTo { status: None, error: Some(error.to_string()), answer: String::new(), verdict }
}

/// `Retry-After` as seconds or as a date (RFC 9110, 10.2.3), at most a day.
fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let wait = match text.parse() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => {
            Timestamp::from(time::OffsetDateTime::from(httpdate::parse_http_date(text).ok()?))
                .since(now)
        }
    };
    Some(wait.min(LONGEST_PAUSE))
}

#[cfg(test)]
mod tests;
