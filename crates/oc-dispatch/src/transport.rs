//! The port to whoever is told, and what one attempt came to.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use oc_config::{CallbackTls, InstanceId, InstanceSettings, SignatureKey, Timestamp};
use oc_telemetry::TraceContext;
use secrecy::SecretString;
use url::Url;
use uuid::Uuid;

use crate::SentHeaders;

/// Where an instance's notifications go.
#[derive(Clone, Debug)]
pub enum Destination {
    /// A url of the tenant's.
    Callback(Callback),
    /// A place that the operator has named.
    Sink(SinkAddress),
}

/// A callback, and what proves that notifications are ours.
#[derive(Clone)]
pub struct Callback {
    /// The callback url.
    pub url: Url,
    /// One key, or two during a rotation, the newest first; none signs nothing.
    pub keys: Vec<SignatureKey>,
    /// The user's own headers.
    pub headers: Vec<(String, SecretString)>,
    /// HTTP Basic.
    pub basic: Option<(String, SecretString)>,
    /// TLS, where it is not the usual one.
    pub tls: Option<Arc<CallbackTls>>,
}

impl Destination {
    /// Where that is, as an attempt shows it.
    pub(crate) fn place(&self) -> String {
        match self {
            Self::Callback(callback) => callback.place(),
            Self::Sink(address) => address.place(),
        }
    }
}

impl Callback {
    /// That of an instance; `None` when it has none.
    pub fn of(settings: &InstanceSettings) -> Option<Self> {
        Some(Self {
            url: settings.callback.clone()?,
            keys: settings.signature_keys.clone(),
            headers: settings.headers.clone(),
            basic: settings.basic.clone(),
            tls: settings.tls.clone(),
        })
    }

    /// Origin and path: the query may hold a secret.
    pub(crate) fn place(&self) -> String {
        self.url[..url::Position::AfterPath].to_owned()
    }
}

/// Shows where, and nothing that the user may have hidden in a header or the url's query.
impl fmt::Debug for Callback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Callback({})", self.url.origin().ascii_serialization())
    }
}

/// A sink as an instance uses it.
#[derive(Clone, Debug)]
pub struct SinkAddress {
    /// The operator's name for it.
    pub name: String,
    /// Whose notifications these are.
    pub organization: i64,
    /// The instance that they are of.
    pub instance: InstanceId,
    /// As those of a callback.
    pub keys: Vec<SignatureKey>,
}

impl SinkAddress {
    /// The sink, as an attempt shows it.
    pub fn place(&self) -> String {
        format!("sink:{}", self.name)
    }
}

/// One notification on its way.
#[derive(Clone, Debug)]
pub struct Outgoing {
    /// `message.eventId`.
    pub id: Uuid,
    /// The resource that its events are of.
    pub resource: Arc<str>,
    /// The exact body.
    pub body: Bytes,
    /// The attempt's number, from 1.
    pub attempt: u32,
    /// Somebody has asked for it once more.
    pub replay: bool,
    /// The span of this attempt, when it is traced.
    pub trace: Option<TraceContext>,
}

/// What one attempt came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// Where it went: the callback url without its query, which may hold a secret, or the sink.
    pub url: String,
    /// The headers that were sent; values that may be secrets are masked.
    pub request: SentHeaders,
    /// When it began.
    pub at: Timestamp,
    /// How long it took.
    pub took: Duration,
    /// The answer's status, when there was one.
    pub status: Option<u16>,
    /// Why there was none, or where a redirect pointed.
    pub error: Option<String>,
    /// The first 4 KB of the answer.
    pub answer: String,
    /// What it means for the notification.
    pub verdict: AttemptVerdict,
}

impl Attempt {
    /// When it was over.
    pub fn ended(&self) -> Timestamp {
        self.at.plus(self.took)
    }
}

/// What an attempt means for its notification.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AttemptVerdict {
    /// It has arrived.
    Delivered,
    /// It is to be sent again, not before so long as the receiver asked for.
    Failed {
        /// `Retry-After` of a 429 or 503, which holds for the whole destination.
        retry_after: Option<Duration>,
        /// The receiver is short of breath: fewer at a time.
        overloaded: bool,
    },
    /// The receiver is gone for good (410): sending again is pointless.
    Gone,
}

/// A way to tell a tenant.
#[cfg_attr(any(test, feature = "mock"), mockall::automock)]
#[async_trait]
pub trait Transport: Send + Sync {
    /// Makes one attempt; it ends within the transport's deadline, whatever the receiver does.
    async fn send(&self, to: &Destination, notification: Outgoing) -> Attempt;
}
