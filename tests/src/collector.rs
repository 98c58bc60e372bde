//! A collector of traces: takes OTLP over HTTP, or refuses it, or never answers.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context as _;
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message as _;
use tokio::sync::Notify;

use crate::web::Web;

/// The collector. Clones share it.
#[derive(Clone)]
pub struct Collector {
    inner: Arc<Inner>,
    web: Arc<Web>,
}

#[derive(Default)]
struct Inner {
    spans: Mutex<Vec<Span>>,
    headers: Mutex<HeaderMap>,
    requests: AtomicUsize,
    changed: Notify,
    hangs: bool,
}

impl Collector {
    /// Starts on a free loopback port.
    ///
    /// # Errors
    /// No port.
    pub async fn start() -> anyhow::Result<Self> {
        Self::of(Inner::default()).await
    }

    /// One that takes requests and never answers.
    ///
    /// # Errors
    /// No port.
    pub async fn hanging() -> anyhow::Result<Self> {
        Self::of(Inner { hangs: true, ..Inner::default() }).await
    }

    async fn of(inner: Inner) -> anyhow::Result<Self> {
        let inner = Arc::new(inner);
        let router = Router::new().route("/v1/traces", post(take)).with_state(Arc::clone(&inner));
        let web = Arc::new(Web::start(SocketAddr::from(([127, 0, 0, 1], 0)), router).await?);
        Ok(Self { inner, web })
    }

    /// Where it is.
    pub fn url(&self) -> String {
        format!("http://{}", self.web.address)
    }

    /// Every span that came.
    pub fn spans(&self) -> Vec<Span> {
        self.inner.spans.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits until something is found in it.
    ///
    /// # Errors
    /// A minute is over.
    pub async fn until<T>(
        &self,
        what: &str,
        find: impl Fn(&Self) -> Option<T>,
    ) -> anyhow::Result<T> {
        let waiting = async {
            loop {
                if let Some(found) = find(self) {
                    return found;
                }
                let changed = self.inner.changed.notified();
                let _ = tokio::time::timeout(Duration::from_millis(20), changed).await;
            }
        };
        let waited = tokio::time::timeout(Duration::from_secs(60), waiting).await;
        waited.with_context(|| format!("waited in vain for {what}"))
    }

    /// The headers of the last request.
    pub fn headers(&self) -> HeaderMap {
        self.inner.headers.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How many requests came.
    pub fn requests(&self) -> usize {
        self.inner.requests.load(Ordering::Relaxed)
    }
}

async fn take(State(inner): State<Arc<Inner>>, headers: HeaderMap, body: Bytes) -> StatusCode {
    inner.requests.fetch_add(1, Ordering::Relaxed);
    if inner.hangs {
        std::future::pending::<()>().await;
    }
    let Ok(request) = ExportTraceServiceRequest::decode(body) else {
        return StatusCode::BAD_REQUEST;
    };
    *inner.headers.lock().unwrap_or_else(PoisonError::into_inner) = headers;
    let scopes = request.resource_spans.into_iter().flat_map(|resource| resource.scope_spans);
    let spans = scopes.flat_map(|scope| scope.spans);
    inner.spans.lock().unwrap_or_else(PoisonError::into_inner).extend(spans);
    inner.changed.notify_waiters();
    StatusCode::OK
}
