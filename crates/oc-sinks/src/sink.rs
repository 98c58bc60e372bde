//! What a sink is: it takes a notification, and says so only when that is durable.

use async_trait::async_trait;
use bytes::Bytes;
use oc_config::InstanceId;
use uuid::Uuid;

/// A notification for a sink.
pub(crate) struct Parcel {
    pub(crate) organization: i64,
    pub(crate) instance: InstanceId,
    pub(crate) resource: String,
    /// `message.eventId`.
    pub(crate) id: Uuid,
    /// Somebody wants it once more, though it may be there already.
    pub(crate) replay: bool,
    /// Those of a webhook, signatures included.
    pub(crate) headers: Vec<(&'static str, String)>,
    /// The exact body.
    pub(crate) body: Bytes,
}

/// Why a notification was not taken. What is shown goes to the tenant; what is in it is the
/// operator's to know, and goes to the log.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SinkError {
    #[error("cannot be reached")]
    Unreachable(String),
    #[error("does not answer in time")]
    TimedOut,
    #[error("refuses the notification")]
    Refused(String),
    #[error("is not one that this organization may use")]
    Closed,
}

impl SinkError {
    /// For the log.
    pub(crate) fn detail(&self) -> &str {
        match self {
            Self::Unreachable(detail) | Self::Refused(detail) => detail,
            Self::TimedOut | Self::Closed => "",
        }
    }
}

/// A place for notifications.
#[async_trait]
pub(crate) trait Sink: Send + Sync {
    /// Puts a notification there; it is durable when this returns. Whoever gets an error puts it
    /// again, though it may have arrived. It may be dropped at any moment.
    async fn put(&self, parcel: &Parcel) -> Result<(), SinkError>;
}
