//! A simulated Salesloft, good enough to be wrong against.

mod fault;
mod limit;
mod lists;
mod oauth;
mod query;
mod records;
mod webhooks;
mod world;

use std::net::SocketAddr;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde_json::json;
use tokio::sync::Semaphore;

use crate::web::Web;

pub use fault::Fault;
pub use limit::Limit;
pub use oauth::Accounts;
pub use webhooks::{Subscription, Webhooks};
pub use world::{Change, World, eastern as shown_time};

/// What happens while somebody asks.
pub type Meanwhile = Box<dyn FnMut(&mut World) + Send>;

/// Everything the provider knows.
pub struct Provider {
    /// The records.
    pub world: World,
    /// Clients, codes and tokens.
    pub accounts: Accounts,
    /// The rate limit.
    pub limit: Limit,
    /// What goes wrong next with list requests, in order.
    pub faults: std::collections::VecDeque<Fault>,
    /// What goes wrong next with requests that write, after they have had their effect.
    pub write_faults: std::collections::VecDeque<Fault>,
    /// Methods and paths of requests that write, as they came.
    pub wrote: Vec<String>,
    /// What goes wrong next with token requests.
    pub token_faults: std::collections::VecDeque<Fault>,
    /// How long a token request takes.
    pub token_pause: std::time::Duration,
    /// Token requests that came.
    pub token_requests: u32,
    /// Whom it tells of changes.
    pub webhooks: Webhooks,
    /// Everything is cut off.
    pub down: bool,
    /// The team of who asks.
    pub team: i64,
    /// Whether each time that `/me` is asked it is somebody of another team, with a rate limit of its
    /// own.
    pub strangers: bool,
    /// Each answer but that of `/me` takes a permit of this, and waits for it.
    pub gate: Option<Arc<Semaphore>>,
    /// Paths and queries of list requests.
    pub asked: Vec<String>,
    /// Runs before each list request is answered: changes that happen while somebody pages.
    pub meanwhile: Option<Meanwhile>,
    /// How far its clock is from ours, in microseconds.
    pub clock_offset: i64,
    /// Our clock, in microseconds since the epoch; the machine's unless it is given.
    pub time: Option<Arc<AtomicI64>>,
}

impl Provider {
    /// Its time, in microseconds since the epoch.
    pub fn now(&self) -> i64 {
        let ours = self.time.as_ref().map_or_else(now_micros, |time| time.load(Ordering::Relaxed));
        ours + self.clock_offset
    }
}

/// The running simulator. Clones share it.
#[derive(Clone)]
pub struct Salesloft {
    provider: Arc<Mutex<Provider>>,
    web: Arc<Web>,
}

type Shared = Arc<Mutex<Provider>>;

impl Salesloft {
    /// Starts on a free loopback port, without any record.
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
        let provider = Arc::new(Mutex::new(Provider {
            world: World::default(),
            accounts: Accounts::default(),
            limit: Limit::default(),
            faults: [].into(),
            write_faults: [].into(),
            wrote: Vec::new(),
            token_faults: [].into(),
            token_pause: std::time::Duration::ZERO,
            token_requests: 0,
            webhooks: Webhooks::default(),
            down: false,
            team: 4711,
            strangers: false,
            gate: None,
            asked: Vec::new(),
            meanwhile: None,
            clock_offset: 0,
            time: None,
        }));
        let web = Arc::new(Web::start(address, router(Arc::clone(&provider))).await?);
        let (happened, happening) = tokio::sync::mpsc::unbounded_channel();
        lock(&provider).world.happened = Some(happened);
        // It ends with the world, which has the other end of the channel.
        tokio::spawn(webhooks::deliver(Arc::downgrade(&provider), happening));
        Ok(Self { provider, web })
    }

    /// The base url of the API.
    pub fn api(&self) -> String {
        format!("http://{}/v2", self.web.address)
    }

    /// The authorization endpoint.
    pub fn authorize_url(&self) -> String {
        format!("http://{}/oauth/authorize", self.web.address)
    }

    /// The token endpoint.
    pub fn token_url(&self) -> String {
        format!("http://{}/oauth/token", self.web.address)
    }

    /// A code as a user's consent gives one.
    pub fn code(&self) -> String {
        self.with(|provider| provider.accounts.code("api-key"))
    }

    /// Looks at, or changes, what the provider knows.
    pub fn with<T>(&self, look: impl FnOnce(&mut Provider) -> T) -> T {
        look(&mut lock(&self.provider))
    }

    /// Changes records at the provider's present time.
    pub fn change<T>(&self, change: impl FnOnce(&mut World, i64) -> T) -> T {
        self.with(|provider| {
            let now = provider.now();
            provider.world.now = now;
            change(&mut provider.world, now)
        })
    }
}

fn router(provider: Shared) -> Router {
    let one = || get(records::one);
    let changed = || one().put(records::update).delete(records::delete);
    let mut api = Router::new()
        .route("/me", get(me))
        .route("/webhook_subscriptions", get(webhooks::list).post(webhooks::create))
        .route("/webhook_subscriptions/{id}", axum::routing::delete(webhooks::delete))
        .fallback(get(lists::list));
    for list in lists::LISTS {
        let (all, single) = (format!("/{list}"), format!("/{list}/{{id}}"));
        let is_written = records::WRITTEN.contains(&list);
        api = if is_written {
            api.route(&all, get(lists::list).post(records::create)).route(&single, changed())
        } else {
            api.route(&single, one())
        };
    }
    let api = api.layer(from_fn_with_state(Arc::clone(&provider), guard));
    Router::new()
        .nest("/v2", api)
        .route("/oauth/authorize", get(oauth::authorize))
        .route("/oauth/token", post(oauth::token))
        .layer(from_fn_with_state(Arc::clone(&provider), wire))
        .with_state(provider)
}

/// Who asks.
async fn me(State(provider): State<Shared>) -> axum::Json<serde_json::Value> {
    let mut provider = lock(&provider);
    provider.team += i64::from(provider.strangers);
    axum::Json(json!({"data": {"id": 1, "name": "Sim", "team": {"id": provider.team}}}))
}

/// What every answer of the host has: its `Date`; and being down.
async fn wire(State(provider): State<Shared>, request: Request, next: Next) -> Response {
    if lock(&provider).down {
        return crate::receiver::cut();
    }
    let mut response = next.run(request).await;
    let seconds = u64::try_from(lock(&provider).now() / 1_000_000).unwrap_or(0);
    let date = std::time::UNIX_EPOCH + std::time::Duration::from_secs(seconds);
    if let Ok(value) = HeaderValue::try_from(httpdate::fmt_http_date(date)) {
        response.headers_mut().insert(header::DATE, value);
    }
    response
}

/// Tokens, the rate limit and what is to go wrong, before the API itself.
async fn guard(State(provider): State<Shared>, request: Request, next: Next) -> Response {
    let (refusal, fault, headers) = lock(&provider).admit(&request);
    if let Some(refusal) = refusal {
        return refusal;
    }
    let gate = lock(&provider).gate.clone().filter(|_| request.uri().path() != "/me");
    let response = next.run(request).await;
    if let Some(gate) = gate
        && let Ok(permit) = gate.acquire().await
    {
        permit.forget();
    }
    let mut response = match fault {
        Some(fault) => fault.apply(response).await,
        None => response,
    };
    response.headers_mut().extend(headers);
    response
}

impl Provider {
    fn admit(
        &mut self,
        request: &Request<Body>,
    ) -> (Option<Response>, Option<Fault>, axum::http::HeaderMap) {
        let none = axum::http::HeaderMap::new();
        let now = self.now();
        let token =
            request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let token = token.and_then(|text| text.strip_prefix("Bearer ")).unwrap_or_default();
        if !self.accounts.is_valid(token, now) {
            return (Some(error(StatusCode::UNAUTHORIZED, "Invalid Bearer token")), None, none);
        }
        let page = query::page_of(request.uri().query().unwrap_or_default());
        let (allowed, headers) = self.limit.take(page, now);
        if !allowed {
            let mut refusal = error(StatusCode::TOO_MANY_REQUESTS, "API rate limit exceeded");
            refusal.headers_mut().extend(headers);
            return (Some(refusal), None, none);
        }
        let is_list = request.method() == "GET" && !request.uri().path().ends_with("/me");
        // Ignoring filters is the list's own affair.
        let is_next = is_list && self.faults.front() != Some(&Fault::IgnoresFilters);
        let mut fault = if is_next { self.faults.pop_front() } else { None };
        if request.method() != "GET" {
            self.wrote.push(format!("{} {}", request.method(), request.uri().path()));
            fault = self.write_faults.pop_front();
        }
        (None, fault, headers)
    }
}

/// An error as this API words it.
fn error(status: StatusCode, message: &str) -> Response {
    (status, axum::Json(json!({"error": message}))).into_response()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[expect(clippy::disallowed_methods, reason = "the simulator has the machine's clock")]
fn now_micros() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map_or(0, |since| i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
}
