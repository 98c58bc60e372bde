//! One provider request, carried through: budget, credential, retry, and what its answer means.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderValue, RETRY_AFTER};
use http::{Method, StatusCode};
use oc_config::Timestamp;
use oc_egress::{
    Clock, Egress, EgressError, Limits, Overflow, Redirects, Request, Response, Stale,
};
use tracing::Instrument as _;
use tracing::field::Empty;
use url::Url;

use crate::authorizer::{AuthorizeError, Authorizer};
use crate::budget::{Budgets, Share, Told};
use crate::metrics;
use crate::provider_clock::{ClockReading, date_header, http_date};
use crate::waiting::Waiting;
use crate::{HubError, Purse, Target};

const LONGEST_TEXT: usize = 4 * 1024;
/// How often in a row a request may meet the rate limit before it counts as failed.
const MOST_LIMITED: u32 = 5;

/// How a request that met a failure is repeated.
#[derive(Clone, Copy, Debug)]
pub struct Retry {
    /// How often it is sent at most.
    pub tries: u32,
    /// The first pause; each further one is twice as long, a fifth to and fro.
    pub pause: Duration,
}

impl Default for Retry {
    fn default() -> Self {
        Self { tries: 4, pause: Duration::from_secs(1) }
    }
}

/// How much is done for one request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Effort {
    pub(crate) retry: Retry,
    /// How long it waits for room in the rate limit before it counts as failed.
    pub(crate) budget_wait: Duration,
    pub(crate) share: Share,
    /// Nobody waits for the answer, so that the request is one of [`Client::waiting`] meanwhile.
    pub(crate) in_background: bool,
}

impl Effort {
    /// For a poll, which has time.
    pub(crate) fn patient(retry: Retry) -> Self {
        Self {
            retry,
            budget_wait: Duration::from_secs(600),
            share: Share::Whole,
            in_background: true,
        }
    }

    /// For somebody who waits for the answer.
    pub(crate) fn prompt(retry: Retry) -> Self {
        let retry = Retry { tries: retry.tries.min(2), ..retry };
        Self {
            retry,
            budget_wait: Duration::from_secs(2),
            share: Share::Whole,
            in_background: false,
        }
    }

    /// For what comes after everything else: it uses what others leave, and stands in nobody's way.
    pub(crate) fn spare(retry: Retry) -> Self {
        Self { retry, budget_wait: Duration::ZERO, share: Share::Spare, in_background: false }
    }
}

/// What is asked of a provider.
pub(crate) struct Asked<'u> {
    pub(crate) method: Method,
    pub(crate) url: &'u Url,
    pub(crate) body: Option<Bytes>,
    /// What it costs of the rate limit.
    pub(crate) cost: u32,
}

impl<'u> Asked<'u> {
    pub(crate) fn get(url: &'u Url, cost: u32) -> Self {
        Self { method: Method::GET, url, body: None, cost }
    }

    /// Whether it does no harm when the provider sees it twice (RFC 9110, 9.2.2).
    fn is_repeatable(&self) -> bool {
        matches!(self.method, Method::GET | Method::PUT | Method::DELETE)
    }

    fn request(&self) -> Request {
        let mut request = Request::get(self.url.clone());
        request.headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        if self.method != Method::GET {
            request.method = self.method.clone();
            request.redirects = Redirects::Never;
            request.stale = Stale::Avoid;
        }
        if let Some(body) = &self.body {
            request.body = body.clone();
            let json = HeaderValue::from_static("application/json");
            request.headers.insert(CONTENT_TYPE, json);
        }
        request
    }
}

/// What all requests share.
pub(crate) struct Client {
    pub(crate) egress: Egress,
    pub(crate) clock: Clock,
    pub(crate) authorizer: Arc<dyn Authorizer>,
    pub(crate) budgets: Budgets,
    pub(crate) waiting: Waiting,
    pub(crate) limits: Limits,
    pub(crate) retry: Retry,
}

/// An answer that could be read, and how the provider's clock stood.
pub(crate) struct Answer<T> {
    pub(crate) read: T,
    pub(crate) clock: Option<ClockReading>,
}

impl Client {
    pub(crate) fn new(
        egress: Egress,
        clock: Clock,
        authorizer: Arc<dyn Authorizer>,
        retry: Retry,
        purse: Option<Arc<dyn Purse>>,
    ) -> Self {
        let limits =
            Limits { total: Duration::from_secs(60), body: 64 << 20, overflow: Overflow::Fail };
        let (budgets, waiting) = (Budgets::new(purse), Waiting::default());
        Self { egress, clock, authorizer, budgets, waiting, limits, retry }
    }

    /// Sends what is asked and reads the answer; an answer that cannot be read is a failure like a
    /// 500. What may be seen only once is sent again only when it was certainly not carried out:
    /// nothing has arrived, or the answer was 401 or 429.
    pub(crate) async fn send<T>(
        &self,
        target: &Target,
        asked: &Asked<'_>,
        effort: Effort,
        read: impl Fn(Response) -> Result<T, String>,
    ) -> Result<Answer<T>, HubError> {
        let (mut refreshed, mut limited, mut uncertain) = (false, 0, false);
        // The words of a 429 before.
        let mut said: Option<String> = None;
        let Retry { mut tries, mut pause } = effort.retry;
        loop {
            let attempted = self.attempt(target, asked, effort).await;
            let (failed, may_have_arrived) =
                match attempted.map_err(|error| error.or_said(said.clone()))? {
                    Attempt::Answered(response, clock) => match read(response) {
                        Ok(read) => return Ok(Answer { read, clock }),
                        Err(reason) => (HubError::Faulty { reason, text: None }, true),
                    },
                    // The budget is closed now; the next attempt waits for it.
                    Attempt::Limited(_, text) if limited < MOST_LIMITED => {
                        (limited, said) = (limited + 1, text);
                        continue;
                    }
                    Attempt::Limited(retry_after, text) => {
                        return Err(HubError::RateLimited { retry_after, text });
                    }
                    Attempt::Refused(provider) if refreshed => {
                        let reason =
                            "the provider refuses the access token it has just given".to_owned();
                        return Err(HubError::NeedsAuthentication { reason, provider });
                    }
                    Attempt::Refused(_) => {
                        refreshed = true;
                        continue;
                    }
                    // The try before has removed it, and its answer was lost.
                    Attempt::Denied(response) if uncertain && is_gone(asked, &response) => {
                        let reason = |reason| HubError::Faulty { reason, text: None };
                        return Ok(Answer { read: read(response).map_err(reason)?, clock: None });
                    }
                    Attempt::Denied(response) => {
                        let (status, text) = (response.status, words(&response));
                        return Err(HubError::Provider { status, text });
                    }
                    Attempt::Failed { error, may_have_arrived } => (error, may_have_arrived),
                };
            tries -= 1;
            if tries == 0 || (may_have_arrived && !asked.is_repeatable()) {
                return Err(failed);
            }
            uncertain |= may_have_arrived;
            tokio::time::sleep(pause.mul_f64(0.8 + 0.4 * rand::random::<f64>())).await;
            pause *= 2;
        }
    }

    async fn attempt(
        &self,
        target: &Target,
        asked: &Asked<'_>,
        effort: Effort,
    ) -> Result<Attempt, HubError> {
        let limits = target.connector.limits.as_ref();
        let (connector, account) = (&target.connector.key, &target.account);
        let budget =
            limits.map(|limits| self.budgets.of(connector, account, limits, self.clock.now()));
        if let Some(budget) = &budget {
            let _counted = effort.in_background.then(|| self.waiting.enter());
            let taken =
                budget.take(asked.cost, &self.clock, effort.budget_wait, effort.share).await;
            taken.map_err(|wait| HubError::RateLimited { retry_after: wait.0, text: None })?;
        }
        let mut request = asked.request();
        let sent = self.clock.now();
        let authorized =
            self.authorizer.authorize(target.instance, &mut request.headers, sent).await;
        let credential = authorized.map_err(|error| authorize_fault(error, None))?;
        let exchanged = self.exchange(target, asked, request, sent).await;
        let received = self.clock.now();
        let response = match exchanged {
            Ok(response) => response,
            Err(error) => {
                let may_have_arrived = error.may_have_arrived();
                let error = egress_fault(target, &error);
                return Ok(Attempt::Failed { error, may_have_arrived });
            }
        };
        let provider = date_header(&response.headers);
        if let Some(budget) = &budget {
            let told = |name: Option<&String>| number(&response.headers, name?);
            let charged = told(limits.and_then(|limits| limits.cost.as_ref()));
            let remaining = told(limits.and_then(|limits| limits.remaining.as_ref()));
            let extra_cost = charged.map_or(0, |charged| charged.saturating_sub(asked.cost));
            budget.note(Told { provider, remaining, extra_cost }, received);
        }
        match response.status {
            status if status.is_success() => {
                let clock = provider.map(|provider| ClockReading { sent, received, provider });
                Ok(Attempt::Answered(response, clock))
            }
            StatusCode::UNAUTHORIZED => {
                let refused = self.authorizer.refused(target.instance, credential, received).await;
                let text = words(&response);
                refused.map_err(|error| authorize_fault(error, text.clone()))?;
                Ok(Attempt::Refused(text))
            }
            StatusCode::TOO_MANY_REQUESTS => {
                let retry_after = retry_after(&response.headers, received);
                let (told, text) = (retry_after.unwrap_or_default(), words(&response));
                let Some(budget) = &budget else {
                    return Err(HubError::RateLimited { retry_after: told, text });
                };
                budget.close(retry_after, received).await;
                Ok(Attempt::Limited(told, text))
            }
            status if status.is_server_error() || status == StatusCode::REQUEST_TIMEOUT => {
                let reason = format!("it answered {status}");
                let error = HubError::Faulty { reason, text: words(&response) };
                Ok(Attempt::Failed { error, may_have_arrived: true })
            }
            _ => Ok(Attempt::Denied(response)),
        }
    }

    /// One request on the wire, counted and a span of its own.
    async fn exchange(
        &self,
        target: &Target,
        asked: &Asked<'_>,
        request: Request,
        sent: Timestamp,
    ) -> Result<Response, EgressError> {
        let connector = &target.connector.key;
        let span = tracing::info_span!(
            "provider request",
            otel.kind = "client",
            connector,
            method = %asked.method,
            status = Empty
        );
        let exchanged = self.egress.exchange(request, self.limits).instrument(span.clone()).await;
        let status = exchanged.as_ref().ok().map(|response| response.status);
        metrics::requested(connector, status, self.clock.now().since(sent));
        if let Some(status) = status {
            span.record("status", status.as_u16());
        }
        exchanged
    }
}

enum Attempt {
    Answered(Response, Option<ClockReading>),
    /// 429, in its words; asked to wait so long.
    Limited(Duration, Option<String>),
    /// 401, in its words; there is another credential now.
    Refused(Option<String>),
    /// Another status that repeating does not change.
    Denied(Response),
    Failed {
        error: HubError,
        may_have_arrived: bool,
    },
}

fn is_gone(asked: &Asked<'_>, response: &Response) -> bool {
    let is_missing = matches!(response.status, StatusCode::NOT_FOUND | StatusCode::GONE);
    asked.method == Method::DELETE && is_missing
}

fn authorize_fault(error: AuthorizeError, provider: Option<String>) -> HubError {
    match error {
        AuthorizeError::NeedsAuthentication(reason) => {
            HubError::NeedsAuthentication { reason, provider }
        }
        AuthorizeError::Unavailable(reason) => HubError::NoAnswer(reason),
    }
}

fn egress_fault(target: &Target, error: &EgressError) -> HubError {
    tracing::info!(instance = %target.instance, error = error.detail(), "Provider request failed");
    match error {
        EgressError::TooLarge(_) | EgressError::Malformed | EgressError::LargeHead => {
            HubError::Faulty { reason: error.to_string(), text: None }
        }
        _ => HubError::NoAnswer(error.to_string()),
    }
}

/// `Retry-After` as seconds or as a date (RFC 9110, 10.2.3), at most an hour.
fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let wait = match text.parse() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => http_date(text)?.since(now),
    };
    Some(wait.min(Duration::from_secs(3_600)))
}

fn number(headers: &HeaderMap, name: &str) -> Option<u32> {
    headers.get(name)?.to_str().ok()?.trim().parse().ok()
}

/// The answer's text, at most 4 KB of it (instances.md, "Errors and headers").
fn words(response: &Response) -> Option<String> {
    let kept = &response.body[..response.body.len().min(LONGEST_TEXT)];
    let mut text = String::from_utf8_lossy(kept).into_owned();
    let is_cut = response.body.len() > kept.len();
    if is_cut && text.ends_with(char::REPLACEMENT_CHARACTER) {
        // Half a character.
        text.pop();
    }
    (!text.is_empty()).then_some(text)
}
