//! How often a caller may call, and how often an address may be wrong about a secret.

mod guesses;

use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use axum::extract::{Request, State};
use axum::http::header::AUTHORIZATION;
use axum::http::{Extensions, HeaderMap, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use governor::clock::{Clock as _, DefaultClock};
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use quick_cache::sync::Cache;
use secrecy::ExposeSecret;

use super::caller::Secrets;
use super::error::ApiError;
use super::remote::Remote;
use super::webhooks::is_delivery;
use guesses::Guesses;

/// Callers and addresses that are remembered; those not seen for the longest time are forgotten.
const REMEMBERED: usize = 10_000;

/// What is known of callers. Nothing here is a secret: of those there are keyed hashes.
pub(super) struct Rates {
    quota: Option<Quota>,
    callers: Cache<CallerKey, Arc<DefaultDirectRateLimiter>>,
    /// What was found right lately, as `Authorization` has it: whoever guesses from the same address
    /// does not keep these out.
    recognized: Cache<u64, ()>,
    guesses: Option<Guesses>,
    hasher: RandomState,
    clock: DefaultClock,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum CallerKey {
    Secret(u64),
    Address(IpAddr),
}

/// Set when a request's secrets were found right.
#[derive(Clone, Debug, Default)]
pub(super) struct Recognition(Arc<AtomicBool>);

impl Recognition {
    /// The secrets of the request with these extensions are right.
    pub(super) fn note(extensions: &Extensions) {
        if let Some(recognition) = extensions.get::<Self>() {
            recognition.0.store(true, Ordering::Relaxed);
        }
    }
}

impl Rates {
    /// Requests a minute of a caller, and wrong ones of an address; 0 is no limit.
    pub(super) fn new(requests: u32, failures: u32) -> Self {
        Self {
            quota: NonZeroU32::new(requests).map(Quota::per_minute),
            callers: Cache::new(REMEMBERED),
            recognized: Cache::new(REMEMBERED),
            guesses: NonZeroU32::new(failures).map(|rate| Guesses::new(rate, REMEMBERED)),
            hasher: RandomState::new(),
            clock: DefaultClock::default(),
        }
    }

    /// How long the caller has to wait, when there were too many requests.
    fn over_quota(&self, key: CallerKey) -> Option<Duration> {
        let quota = self.quota?;
        let limiter = self.callers.get_or_insert_with(&key, || {
            Ok::<_, std::convert::Infallible>(Arc::new(RateLimiter::direct(quota)))
        });
        let Ok(limiter) = limiter;
        limiter.check().err().map(|until| until.wait_time_from(self.clock.now()))
    }

    /// How long an address has to wait that was wrong too often, unless the caller is known.
    fn over_guessed(&self, from: IpAddr, presented: Option<u64>) -> Option<Duration> {
        let guesses = self.guesses.as_ref()?;
        let is_known = presented.is_some_and(|hash| self.recognized.get(&hash).is_some());
        if is_known { None } else { guesses.wait(from, Instant::now()) }
    }

    fn caller(&self, headers: &HeaderMap, from: IpAddr) -> CallerKey {
        let user = Secrets::read(headers).ok().and_then(|secrets| secrets.user);
        user.map_or(CallerKey::Address(from), |secret| {
            CallerKey::Secret(self.hasher.hash_one(secret.expose_secret()))
        })
    }
}

/// Lets a request through, or answers 429. Health and metrics are for whoever watches the service
/// and are let through always, as are providers: all of one's deliveries come from the same few
/// addresses.
pub(super) async fn limit(
    State(rates): State<Arc<Rates>>,
    mut request: Request,
    next: Next,
) -> Response {
    let path = request.uri().path();
    if path == "/metrics" || path.starts_with("/health/") || is_delivery(path) {
        return next.run(request).await;
    }
    let from = request.extensions().get::<Remote>().map(|remote| network(remote.0));
    let Some(from) = from else { return next.run(request).await };
    let authorization = request.headers().get(AUTHORIZATION);
    let presented = authorization.map(|value| rates.hasher.hash_one(value.as_bytes()));
    if let Some(wait) = presented.and(rates.over_guessed(from, presented)) {
        let message = "too many requests with wrong secrets came from this address; check them";
        return refusal(message, wait);
    }
    if let Some(wait) = rates.over_quota(rates.caller(request.headers(), from)) {
        return refusal("too many requests; try again after the time in Retry-After", wait);
    }
    let recognition = Recognition::default();
    request.extensions_mut().insert(recognition.clone());
    let response = next.run(request).await;
    if let Some(hash) = presented {
        if recognition.0.load(Ordering::Relaxed) {
            rates.recognized.insert(hash, ());
        } else if is_wrong(&response)
            && let Some(guesses) = &rates.guesses
        {
            guesses.note(from, Instant::now());
        }
    }
    response
}

fn is_wrong(response: &Response) -> bool {
    response.status() == StatusCode::UNAUTHORIZED
}

fn refusal(message: &str, wait: Duration) -> Response {
    ApiError::new(StatusCode::TOO_MANY_REQUESTS, message).retry_after(wait).into_response()
}

/// Who has one address of version 6 has all of its network.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            IpAddr::from((u128::from(address) & !u128::from(u64::MAX)).to_be_bytes())
        }
        address @ IpAddr::V4(_) => address,
    }
}

#[cfg(test)]
mod tests;
