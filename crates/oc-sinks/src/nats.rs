//! Subjects of NATS JetStream: a stream has stored the notification when this says so.

mod servers;
mod subject;

use std::time::Duration;

use async_nats::connection::State;
use async_nats::jetstream::context::{Context, ContextBuilder, PublishErrorKind};
use async_nats::jetstream::message::PublishMessage;
use async_trait::async_trait;
use oc_egress::EgressError;
use tokio::sync::OnceCell;

use crate::settings::NatsSettings;
use crate::sink::{Parcel, Sink, SinkError};
pub use servers::NatsServers;
pub(crate) use subject::Subject;

/// Publishes notifications and waits for the stream's acknowledgement.
pub(crate) struct NatsSink {
    settings: NatsSettings,
    tls: rustls::ClientConfig,
    within: Duration,
    /// Made by the first notification; it connects again by itself.
    context: OnceCell<Context>,
}

impl NatsSink {
    pub(crate) fn new(settings: NatsSettings, within: Duration) -> Result<Self, EgressError> {
        let tls = oc_egress::usual_tls()?;
        Ok(Self { settings, tls, within, context: OnceCell::new() })
    }

    /// A connection that stands. What is published while there is none would wait in memory, and
    /// still be sent after it has been told as failed.
    async fn context(&self) -> Result<&Context, SinkError> {
        let context = self.context.get_or_try_init(|| self.connect()).await?;
        match context.client().connection_state() {
            State::Connected => Ok(context),
            _ => Err(SinkError::Unreachable("the connection is lost".to_owned())),
        }
    }

    async fn connect(&self) -> Result<Context, SinkError> {
        let servers = NatsServers::read(&self.settings.url)
            .ok_or_else(|| SinkError::Unreachable("its url cannot be read".to_owned()))?;
        let (options, addresses) = servers.dial(self.tls.clone());
        let connected = options.connect(addresses).await;
        let client = connected.map_err(|error| SinkError::Unreachable(error.to_string()))?;
        Ok(ContextBuilder::new().timeout(self.within).build(client))
    }
}

#[async_trait]
impl Sink for NatsSink {
    async fn put(&self, parcel: &Parcel) -> Result<(), SinkError> {
        let context = self.context().await?;
        let mut message = PublishMessage::build().payload(parcel.body.clone());
        for (name, value) in &parcel.headers {
            message = message.header(*name, value.as_str());
        }
        // A stream leaves out what it has by this id; a replay is wanted once more.
        if !parcel.replay {
            message = message.message_id(parcel.id.hyphenated().to_string());
        }
        let subject = self.settings.subject.of(parcel);
        let published = async { context.send_publish(subject.clone(), message).await?.await };
        let refused = |error| format!("{subject}: {error}");
        match published.await {
            Ok(_) => Ok(()),
            Err(error) => Err(match error.kind() {
                PublishErrorKind::TimedOut => SinkError::TimedOut,
                PublishErrorKind::BrokenPipe => SinkError::Unreachable(error.to_string()),
                _ => SinkError::Refused(refused(error)),
            }),
        }
    }
}
