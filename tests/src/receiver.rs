//! A receiver of notifications: checks signatures, and can answer anything, slowly or not at all.

use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::Value;
use sha2::Sha256;
use tokio::sync::Notify;

use crate::web::Web;

/// What is answered to a notification.
#[derive(Clone, Debug)]
pub enum Answer {
    /// A status.
    Status(u16),
    /// A status and a header.
    Header(u16, &'static str, String),
    /// A status and a text.
    Text(u16, String),
    /// 200, after a while.
    Slow(Duration),
    /// The connection is cut before any answer.
    Cut,
    /// Nothing, ever.
    Hang,
    /// A body without end.
    Endless,
}

/// One notification as it came.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// The path below the receiver's url.
    pub path: String,
    /// `message.eventId`.
    pub id: String,
    /// The body.
    pub body: Value,
    /// The events in it, read when it came: whoever waits for them looks often.
    pub told: Vec<Told>,
    /// Its exact bytes.
    pub bytes: Bytes,
    /// The headers.
    pub headers: HeaderMap,
    /// The status that was answered; 0 for none.
    pub answered: u16,
}

/// One event of a notification.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// `objectId`.
    pub object: String,
    /// `eventType`.
    pub kind: String,
    /// The record's `updated_at`, as text.
    pub updated: String,
}

#[derive(Default)]
struct Inner {
    key: Mutex<Option<String>>,
    answers: Mutex<VecDeque<Answer>>,
    usual: Mutex<Option<Answer>>,
    deliveries: Mutex<Vec<Delivery>>,
    /// Where among them each notification came first.
    firsts: Mutex<HashMap<String, usize>>,
    faults: Mutex<Vec<String>>,
    changed: Notify,
}

/// The receiver. Clones share it.
#[derive(Clone)]
pub struct Receiver {
    inner: Arc<Inner>,
    web: Arc<Web>,
}

impl Receiver {
    /// Starts on a free loopback port.
    ///
    /// # Errors
    /// No port.
    pub async fn start() -> anyhow::Result<Self> {
        Self::start_at(SocketAddr::from(([127, 0, 0, 1], 0))).await
    }

    /// Starts on an address.
    ///
    /// # Errors
    /// The address is taken.
    pub async fn start_at(address: SocketAddr) -> anyhow::Result<Self> {
        let inner = Arc::new(Inner::default());
        let router = Router::new()
            .route("/{*path}", post(receive))
            .layer(axum::extract::DefaultBodyLimit::max(64 << 20))
            .with_state(Arc::clone(&inner));
        let web = Arc::new(Web::start(address, router).await?);
        Ok(Self { inner, web })
    }

    /// A callback url with a path of its own.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}/{path}", self.web.address)
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.web.address
    }

    /// Checks signatures with this key from now on; a wrong one is a fault and answered 401.
    pub fn expect_key(&self, key: &str) {
        *lock(&self.inner.key) = Some(key.to_owned());
    }

    /// What is answered next, before the usual answer counts again.
    pub fn answer_next(&self, answers: impl IntoIterator<Item = Answer>) {
        lock(&self.inner.answers).extend(answers);
    }

    /// What is answered from now on; `None` is 200.
    pub fn answer_always(&self, answer: Option<Answer>) {
        *lock(&self.inner.usual) = answer;
    }

    /// Everything that came.
    pub fn deliveries(&self) -> Vec<Delivery> {
        lock(&self.inner.deliveries).clone()
    }

    /// How many came.
    pub fn count(&self) -> usize {
        lock(&self.inner.deliveries).len()
    }

    /// What came after the first `from`.
    pub fn since(&self, from: usize) -> Vec<Delivery> {
        lock(&self.inner.deliveries)[from..].to_vec()
    }

    /// Ends when something comes, or soon.
    pub async fn news(&self) {
        let _ =
            tokio::time::timeout(Duration::from_millis(20), self.inner.changed.notified()).await;
    }

    /// Forgets what came.
    pub fn clear(&self) {
        lock(&self.inner.firsts).clear();
        lock(&self.inner.deliveries).clear();
    }

    /// What was wrong with what came: bad signatures, the same id with another body.
    pub fn faults(&self) -> Vec<String> {
        lock(&self.inner.faults).clone()
    }

    /// The events of what was accepted, each notification once, in the order of arrival.
    pub fn told(&self) -> Vec<Told> {
        let deliveries = lock(&self.inner.deliveries);
        let mut seen = std::collections::HashSet::new();
        let accepted = deliveries.iter().filter(|one| (200..300).contains(&one.answered));
        accepted
            .filter(|one| seen.insert(one.id.clone()))
            .flat_map(|one| one.told.clone())
            .collect()
    }

    /// Waits until `enough` says so; tells what there was when it took longer than a minute.
    ///
    /// # Errors
    /// The time is over.
    pub async fn until(&self, what: &str, enough: impl Fn(&Self) -> bool) -> anyhow::Result<()> {
        let waiting = async {
            loop {
                let changed = self.inner.changed.notified();
                if enough(self) {
                    return;
                }
                let _ = tokio::time::timeout(Duration::from_millis(5), changed).await;
            }
        };
        let waited = tokio::time::timeout(Duration::from_secs(60), waiting).await;
        waited.map_err(|_| {
            let (deliveries, told) = (self.deliveries().len(), self.told().len());
            anyhow::anyhow!(
                "waited in vain for {what}; {deliveries} deliveries, {told} events came"
            )
        })
    }
}

/// The events of a notification's body, in order.
pub fn events_in(body: &Value) -> Vec<Told> {
    let message = message(body);
    let list = message["events"].as_array().map(Vec::as_slice).unwrap_or_default();
    let told = list.iter().enumerate().map(|(at, event)| {
        let kind = event["objectType"].as_str().unwrap_or_default();
        let record = &message["raw"][kind][at];
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        Told {
            object: text(&event["objectId"]),
            kind: text(&event["eventType"]),
            updated: text(&record["updated_at"]),
        }
    });
    told.collect()
}

/// What a body says, whatever its form.
fn message(body: &Value) -> &Value {
    if body["specversion"].is_string() { &body["data"] } else { &body["message"] }
}

async fn receive(
    State(inner): State<Arc<Inner>>,
    Path(path): Path<String>,
    headers: HeaderMap,
    bytes: Bytes,
) -> Response {
    let body: Value = serde_json::from_slice(&bytes).unwrap_or_default();
    let id = message(&body)["eventId"].as_str().unwrap_or_default().to_owned();
    let fault =
        lock(&inner.key).as_ref().and_then(|key| signature_fault(key, &headers, &bytes, &id));
    let answer = match &fault {
        Some(_) => Answer::Status(401),
        None => {
            let next = lock(&inner.answers).pop_front();
            next.or_else(|| lock(&inner.usual).clone()).unwrap_or(Answer::Status(200))
        }
    };
    let answered = match &answer {
        Answer::Status(status) | Answer::Header(status, ..) | Answer::Text(status, _) => *status,
        Answer::Slow(_) => 200,
        Answer::Cut | Answer::Hang | Answer::Endless => 0,
    };
    let response = respond(answer).await;
    let told = events_in(&body);
    note(&inner, Delivery { path, id, body, told, bytes, headers, answered }, fault);
    match response {
        Some(response) => response,
        None => std::future::pending().await,
    }
}

fn note(inner: &Inner, delivery: Delivery, fault: Option<String>) {
    let mut faults = lock(&inner.faults);
    faults.extend(fault);
    let (mut firsts, mut deliveries) = (lock(&inner.firsts), lock(&inner.deliveries));
    let first = *firsts.entry(delivery.id.clone()).or_insert(deliveries.len());
    if deliveries.get(first).is_some_and(|first| first.bytes != delivery.bytes) {
        faults.push(format!("{} came with another body", delivery.id));
    }
    deliveries.push(delivery);
    inner.changed.notify_waiters();
}

async fn respond(answer: Answer) -> Option<Response> {
    let status = |status| StatusCode::from_u16(status).unwrap_or(StatusCode::OK);
    match answer {
        Answer::Status(code) => Some(status(code).into_response()),
        Answer::Header(code, name, value) => Some((status(code), [(name, value)]).into_response()),
        Answer::Text(code, text) => Some((status(code), text).into_response()),
        Answer::Slow(pause) => {
            tokio::time::sleep(pause).await;
            Some(StatusCode::OK.into_response())
        }
        Answer::Hang => None,
        Answer::Cut => Some(cut()),
        Answer::Endless => {
            let piece = Bytes::from_static(&[b'x'; 1024]);
            let endless =
                futures_util::stream::repeat_with(move || Ok::<_, std::io::Error>(piece.clone()));
            Some(Body::from_stream(endless).into_response())
        }
    }
}

/// An answer that breaks off at once, and its connection with it.
pub(crate) fn cut() -> Response {
    let broken = futures_util::stream::iter([Err::<Bytes, _>(std::io::Error::other("cut"))]);
    let mut response = Body::from_stream(broken).into_response();
    response.headers_mut().insert("content-length", axum::http::HeaderValue::from_static("100"));
    response
}

/// Both signatures, as a careful receiver checks them.
fn signature_fault(key: &str, headers: &HeaderMap, body: &[u8], id: &str) -> Option<String> {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or("");
    let elements = format!("sha256={}", hmac(key, &[body]));
    if header("elements-webhook-signature") != elements {
        return Some(format!("{id}: wrong Elements-Webhook-Signature"));
    }
    if header("elements-webhook-id") != id || header("webhook-id") != id {
        return Some(format!("{id}: the headers name another id"));
    }
    let signed = format!("{id}.{}.", header("webhook-timestamp"));
    let standard = format!("v1,{}", hmac(key, &[signed.as_bytes(), body]));
    let matches = header("webhook-signature").split(' ').any(|one| one == standard);
    (!matches).then(|| format!("{id}: wrong webhook-signature"))
}

fn hmac(key: &str, parts: &[&[u8]]) -> String {
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key.as_bytes()) else { return String::new() };
    parts.iter().for_each(|part| mac.update(part));
    STANDARD.encode(mac.finalize().into_bytes())
}

/// Whether the Standard Webhooks signature of what came is that of a key.
pub fn is_signed(delivery: &Delivery, key: &str) -> bool {
    let header = |name: &str| delivery.headers.get(name).and_then(|value| value.to_str().ok());
    let text = |name| header(name).unwrap_or_default();
    let signed = format!("{}.{}.", text("webhook-id"), text("webhook-timestamp"));
    let expected = format!("v1,{}", hmac(key, &[signed.as_bytes(), &delivery.bytes]));
    header("webhook-signature") == Some(&expected)
}

/// Notifications by id, and how often each came.
pub fn repeats(deliveries: &[Delivery]) -> HashMap<String, usize> {
    let mut counts = HashMap::new();
    for delivery in deliveries {
        *counts.entry(delivery.id.clone()).or_insert(0) += 1;
    }
    counts
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
