//! Subscriptions, and the deliveries that they lead to: signed, and repeated when they fail.

use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{Request, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use hmac::{Hmac, KeyInit as _, Mac as _};
use http_body_util::Full;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::{Value, json};
use sha1::Sha1;
use tokio::sync::mpsc;

use super::query::page_of;
use super::{Provider, Shared, error, lock};

/// How often a delivery is sent at most: once, and three times more.
const TRIES: u32 = 4;
/// Subscriptions a page.
const PER_PAGE: usize = 100;

/// A subscription.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscription {
    /// Its number.
    pub id: u64,
    /// The event it is for.
    pub event: String,
    /// Where deliveries go.
    pub url: String,
    /// What they are signed with.
    pub token: String,
}

/// A delivery that was tried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tried {
    /// Its event.
    pub event: String,
    /// What was answered; 0 for nothing.
    pub status: u16,
}

/// The provider's webhooks.
#[derive(Debug)]
pub struct Webhooks {
    /// What is subscribed to.
    pub subscriptions: Vec<Subscription>,
    /// Every try, as it ended.
    pub tried: Vec<Tried>,
    /// Between two tries of a delivery; the real one waits 15 s.
    pub pause: Duration,
    /// Nothing is delivered.
    pub silent: bool,
    /// The next deliveries are signed with something else.
    pub forged: u32,
    next_id: u64,
}

impl Default for Webhooks {
    fn default() -> Self {
        let (subscriptions, tried) = (Vec::new(), Vec::new());
        let pause = Duration::from_millis(50);
        Self { subscriptions, tried, pause, silent: false, forged: 0, next_id: 0 }
    }
}

/// Something that has happened to a record.
pub(super) struct Happened {
    pub(super) list: String,
    /// `created`, `updated` or `deleted`.
    pub(super) what: &'static str,
    /// The record.
    pub(super) shown: String,
}

impl Happened {
    /// The event's name, where there is one.
    fn event(&self) -> String {
        let thing = match self.list.as_str() {
            "people" => "person",
            "activities/calls" => "call",
            "activities/emails" => "email",
            "successes" => "success",
            other => other.strip_suffix('s').unwrap_or(other),
        };
        format!("{thing}_{}", self.what)
    }
}

pub(super) async fn create(State(provider): State<Shared>, Json(asked): Json<Value>) -> Response {
    let text = |name: &str| asked[name].as_str().unwrap_or_default().to_owned();
    let (event, url, token) = (text("event_type"), text("callback_url"), text("callback_token"));
    if event.is_empty() || token.is_empty() || !url.starts_with("http") {
        let body = json!({"errors": {"callback_url": ["is invalid"]}});
        return (StatusCode::UNPROCESSABLE_ENTITY, Json(body)).into_response();
    }
    let mut provider = lock(&provider);
    let webhooks = &mut provider.webhooks;
    webhooks.next_id += 1;
    let made = Subscription { id: webhooks.next_id, event, url, token };
    let answer = json!({"data": shown(&made)});
    webhooks.subscriptions.push(made);
    Json(answer).into_response()
}

pub(super) async fn list(State(provider): State<Shared>, uri: Uri) -> Response {
    let page = page_of(uri.query().unwrap_or_default()).max(1);
    let provider = lock(&provider);
    let skipped = (usize::try_from(page).unwrap_or(1) - 1) * PER_PAGE;
    let mut all = provider.webhooks.subscriptions.iter().skip(skipped);
    let data: Vec<Value> = all.by_ref().take(PER_PAGE).map(shown).collect();
    let next = all.next().map(|_| page + 1);
    let paging = json!({"per_page": PER_PAGE, "current_page": page, "next_page": next});
    Json(json!({"metadata": {"paging": paging}, "data": data})).into_response()
}

pub(super) async fn delete(State(provider): State<Shared>, Path(id): Path<u64>) -> Response {
    let mut provider = lock(&provider);
    let subscriptions = &mut provider.webhooks.subscriptions;
    let before = subscriptions.len();
    subscriptions.retain(|one| one.id != id);
    if subscriptions.len() < before {
        StatusCode::NO_CONTENT.into_response()
    } else {
        error(StatusCode::NOT_FOUND, "Resource not found")
    }
}

fn shown(one: &Subscription) -> Value {
    json!({"id": one.id, "event_type": one.event, "callback_url": one.url,
        "callback_token": one.token, "enabled": true})
}

/// Delivers what happens, in its order; what fails is repeated beside the rest.
pub(super) async fn deliver(
    provider: Weak<Mutex<Provider>>,
    mut happened: mpsc::UnboundedReceiver<Happened>,
) {
    let client: Client<HttpConnector, Full<Bytes>> =
        Client::builder(TokioExecutor::new()).build_http();
    while let Some(happened) = happened.recv().await {
        let Some(provider) = provider.upgrade() else { return };
        let event = happened.event();
        let receivers: Vec<Subscription> = {
            let webhooks = &lock(&provider).webhooks;
            let all = webhooks.subscriptions.iter().filter(|_| !webhooks.silent);
            all.filter(|one| one.event == event).cloned().collect()
        };
        for to in receivers {
            let body = Bytes::from(happened.shown.clone());
            let sender = (client.clone(), Arc::clone(&provider));
            if !send(&sender, &to, &body).await {
                tokio::spawn(repeat(sender, to, body));
            }
        }
    }
}

type Sender = (Client<HttpConnector, Full<Bytes>>, Shared);

async fn repeat(sender: Sender, to: Subscription, body: Bytes) {
    for _ in 1..TRIES {
        let pause = lock(&sender.1).webhooks.pause;
        tokio::time::sleep(pause).await;
        if send(&sender, &to, &body).await {
            return;
        }
    }
}

/// Sends a delivery once; whether it was taken.
async fn send((client, provider): &Sender, to: &Subscription, body: &Bytes) -> bool {
    let forged = {
        let left = &mut lock(provider).webhooks.forged;
        let forged = *left > 0;
        *left -= u32::from(forged);
        forged
    };
    let token = if forged { "forged" } else { to.token.as_str() };
    let request = Request::post(&to.url)
        .header("content-type", "application/json")
        .header("x-salesloft-event", &to.event)
        .header("x-salesloft-signature", signature(token, body))
        .body(Full::from(body.clone()));
    let Ok(request) = request else { return false };
    let answer = client.request(request).await;
    let status = answer.map_or(0, |answer| answer.status().as_u16());
    lock(provider).webhooks.tried.push(Tried { event: to.event.clone(), status });
    (200..300).contains(&status)
}

/// `x-salesloft-signature`.
fn signature(token: &str, body: &[u8]) -> String {
    let Ok(mut mac) = Hmac::<Sha1>::new_from_slice(token.as_bytes()) else { return String::new() };
    mac.update(body);
    mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect()
}
