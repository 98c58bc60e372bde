//! One request, one answer, within limits.

mod answer;
mod interim;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{
    ACCEPT, ACCEPT_LANGUAGE, HOST, HeaderMap, HeaderName, HeaderValue, LOCATION, USER_AGENT,
};
use http::{Method, StatusCode, Uri};
use http_body_util::Full;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::capture_connection;
use oc_config::CallbackTls;
use tokio::time::timeout;
use url::Url;

use crate::clients::{AllClients, CONNECT_WITHIN, Clients};
use crate::connect::{Connector, Metered, Traffic};
use crate::{EgressError, Names, Policy};
use answer::{check_head, fault_of, read};
use interim::Interim;

const MOST_REDIRECTS: usize = 3;
/// What goes along to another origin. Any other header may be a credential: an API key has the name
/// that its provider chose.
const HARMLESS: [HeaderName; 2] = [ACCEPT, ACCEPT_LANGUAGE];

/// A request to be sent.
#[derive(Clone, Debug)]
pub struct Request {
    /// Its method.
    pub method: Method,
    /// Where it goes.
    pub url: Url,
    /// Its headers; `User-Agent` and `Host` are added.
    pub headers: HeaderMap,
    /// Its body.
    pub body: Bytes,
    /// What becomes of a redirect.
    pub redirects: Redirects,
    /// Whether it may be sent a second time.
    pub stale: Stale,
    /// TLS of the sender's own.
    pub tls: Option<Arc<CallbackTls>>,
}

/// What is done about a reused connection that may have been closed meanwhile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stale {
    /// It is used; when it closes before any byte of the answer, the request is repeated once on a
    /// new one. The other side may then have seen it twice.
    Repeat,
    /// A new connection is used, and nothing repeated: the other side sees the request once at most.
    Avoid,
}

/// What becomes of a redirect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Redirects {
    /// It is the answer.
    Never,
    /// A GET or HEAD follows it at most three times, with the same policy at each step; credentials
    /// do not go to another origin. For other methods it is the answer.
    Follow,
}

/// The bounds of an exchange.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// From name resolution to the last byte of the answer.
    pub total: Duration,
    /// The most bytes of the answer's body that are read.
    pub body: usize,
    /// What happens to a longer one.
    pub overflow: Overflow,
}

/// What happens to an answer that is too long; the connection is closed either way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Overflow {
    /// Its beginning is the answer.
    Truncate,
    /// The exchange fails.
    Fail,
}

/// An answer.
#[derive(Clone, Debug)]
pub struct Response {
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body, as far as the limits allow.
    pub body: Bytes,
    /// Whether there was more.
    pub truncated: bool,
}

/// The way out: a pool of connections behind the network policy. Clones share it.
#[derive(Clone)]
pub struct Egress(Arc<Inner>);

struct Inner {
    connector: Connector,
    clients: AllClients,
    user_agent: HeaderValue,
}

impl Request {
    /// A GET that follows redirects.
    pub fn get(url: Url) -> Self {
        let (headers, body) = (HeaderMap::new(), Bytes::new());
        let (redirects, stale) = (Redirects::Follow, Stale::Repeat);
        Self { method: Method::GET, url, headers, body, redirects, stale, tls: None }
    }

    /// A POST that does not.
    pub fn post(url: Url, body: Bytes) -> Self {
        let headers = HeaderMap::new();
        let (redirects, stale) = (Redirects::Never, Stale::Repeat);
        Self { method: Method::POST, url, headers, body, redirects, stale, tls: None }
    }
}

impl Egress {
    /// A way out under a policy; names are resolved by the machine.
    ///
    /// # Errors
    /// A user agent that is no header value, or TLS that cannot be set up.
    pub fn new(policy: Policy, user_agent: &str) -> Result<Self, EgressError> {
        Self::with_names(policy, user_agent, Names::system())
    }

    /// The same, with names resolved in another way.
    ///
    /// # Errors
    /// As [`Egress::new`].
    pub fn with_names(policy: Policy, user_agent: &str, names: Names) -> Result<Self, EgressError> {
        let connector = Connector { policy: Arc::new(policy), names };
        let clients = AllClients::new(connector.clone())?;
        let user_agent = HeaderValue::from_str(user_agent)
            .map_err(|_| EgressError::Invalid("the user agent is no header value".to_owned()))?;
        Ok(Self(Arc::new(Inner { connector, clients, user_agent })))
    }

    /// Whether a url may be used at all, its name resolved now.
    ///
    /// # Errors
    /// The refusal, or a name that has no address.
    pub async fn check(&self, url: &Url) -> Result<(), EgressError> {
        self.0.connector.policy.check_url(url).map_err(EgressError::Refused)?;
        let host = url.host_str().unwrap_or_default();
        let port = url.port_or_known_default().unwrap_or(443);
        let resolving = timeout(CONNECT_WITHIN, self.0.connector.addresses(host, port));
        resolving.await.map_err(|_| EgressError::TimedOut("resolve"))?.map(drop)
    }

    /// Sends a request and reads its answer within the limits.
    ///
    /// A request on a reused connection that closed before any byte of the answer is repeated once
    /// on a new one, unless it says otherwise ([`Stale`]).
    ///
    /// # Errors
    /// What ended the exchange.
    pub async fn exchange(
        &self,
        request: Request,
        limits: Limits,
    ) -> Result<Response, EgressError> {
        let whole = timeout(limits.total, self.follow(request, limits));
        whole.await.unwrap_or(Err(EgressError::TimedOut("answer")))
    }

    async fn follow(&self, mut request: Request, limits: Limits) -> Result<Response, EgressError> {
        let follows = request.redirects == Redirects::Follow
            && matches!(request.method, Method::GET | Method::HEAD);
        for _ in 0..MOST_REDIRECTS {
            let response = self.once(&request, limits).await?;
            let target = location(&request.url, &response).filter(|_| follows);
            let Some(target) = target else { return Ok(response) };
            if target.origin() != request.url.origin() {
                let headers = std::mem::take(&mut request.headers);
                let kept = HARMLESS.iter().filter_map(|name| {
                    headers.get(name).map(|value| (name.clone(), value.clone()))
                });
                request.headers = kept.collect();
            }
            request.url = target;
        }
        self.once(&request, limits).await
    }

    async fn once(&self, request: &Request, limits: Limits) -> Result<Response, EgressError> {
        self.0.connector.policy.check_url(&request.url).map_err(EgressError::Refused)?;
        let Clients { pooled, fresh } = self.0.clients.of(request.tls.as_ref())?;
        if request.stale == Stale::Avoid {
            return self.send(&fresh, request, limits, &mut None).await;
        }
        let mut traffic = None;
        match self.send(&pooled, request, limits, &mut traffic).await {
            Err(EgressError::Closed) if traffic.is_some_and(|traffic| traffic.is_stale()) => {
                self.send(&fresh, request, limits, &mut None).await
            }
            result => result,
        }
    }

    async fn send(
        &self,
        client: &Client<Metered, Full<Bytes>>,
        request: &Request,
        limits: Limits,
        used: &mut Option<Traffic>,
    ) -> Result<Response, EgressError> {
        let mut outgoing = self.outgoing(request)?;
        let captured = capture_connection(&mut outgoing);
        let interim = Interim::count(&mut outgoing);
        let answered = tokio::select! {
            answered = client.request(outgoing) => answered,
            () = interim.too_many() => return Err(EgressError::Malformed),
        };
        let mut extras = http::Extensions::new();
        if let Some(connected) = captured.connection_metadata().as_ref() {
            connected.get_extras(&mut extras);
        }
        *used = extras.remove::<Traffic>();
        let (head, body) = answered.map_err(|error| fault_of(&error))?.into_parts();
        check_head(&head.headers)?;
        let (body, truncated) = read(body, limits).await?;
        if let Some(traffic) = used.as_ref().filter(|_| !truncated) {
            traffic.answered();
        }
        Ok(Response { status: head.status, headers: head.headers, body, truncated })
    }

    fn outgoing(&self, request: &Request) -> Result<http::Request<Full<Bytes>>, EgressError> {
        let uri: Uri = request.url[..url::Position::AfterQuery]
            .parse()
            .map_err(|_| EgressError::Invalid("the url is no request target".to_owned()))?;
        let mut outgoing = http::Request::new(Full::new(request.body.clone()));
        *outgoing.method_mut() = request.method.clone();
        *outgoing.uri_mut() = uri;
        *outgoing.headers_mut() = request.headers.clone();
        outgoing.headers_mut().remove(HOST);
        outgoing.headers_mut().insert(USER_AGENT, self.0.user_agent.clone());
        Ok(outgoing)
    }
}

fn location(from: &Url, response: &Response) -> Option<Url> {
    let redirects = matches!(response.status.as_u16(), 301 | 302 | 303 | 307 | 308);
    let target = response.headers.get(LOCATION).filter(|_| redirects)?;
    from.join(target.to_str().ok()?).ok()
}

#[cfg(test)]
mod tests;
