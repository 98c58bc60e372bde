//! Why the queue cannot be used.

use async_nats::jetstream::ErrorCode;
use async_nats::jetstream::context::{CreateStreamError, CreateStreamErrorKind};

/// What went wrong with the queue. Nothing is lost by it: the outbox is the truth.
#[derive(Debug, thiserror::Error)]
pub enum QueueError {
    /// TLS cannot be set up.
    #[error("TLS cannot be set up: {0}")]
    Tls(#[from] oc_egress::EgressError),
    /// The servers cannot be reached, or do not answer in time.
    #[error("NATS JetStream does not answer: {0}")]
    Away(String),
    /// The servers have answered, and will not have it as it is set.
    #[error(
        "NATS JetStream cannot keep {replicas} replicas: {reason}; OC_NATS_REPLICAS says how many, 1 for a server alone"
    )]
    Replicas {
        /// How many were asked for.
        replicas: usize,
        /// In the server's words.
        reason: String,
    },
    /// The servers keep different tickets, so that the queue has to be made anew.
    #[error("the nodes of NATS JetStream disagree about what is in the queue, which is made anew")]
    Disagrees,
    /// The outbox does not answer.
    #[error(transparent)]
    Outbox(#[from] oc_dispatch::OutboxError),
}

impl QueueError {
    pub(crate) fn away(error: impl std::fmt::Display) -> Self {
        Self::Away(error.to_string())
    }

    /// Why a stream is not there.
    pub(crate) fn stream(error: &CreateStreamError, replicas: usize) -> Self {
        match error.kind() {
            CreateStreamErrorKind::JetStream(told)
                if told.error_code() == ErrorCode::STREAM_REPLICAS_NOT_SUPPORTED =>
            {
                Self::Replicas { replicas, reason: told.to_string() }
            }
            _ => Self::away(error),
        }
    }

    /// Whether another setting is needed.
    pub fn is_of_settings(&self) -> bool {
        matches!(self, Self::Replicas { .. } | Self::Tls(_))
    }
}
