//! The stream of tickets in JetStream, and its consumers.

use std::error::Error as _;
use std::time::Duration;

use async_nats::Client;
use async_nats::connection::State;
use async_nats::jetstream::consumer::pull::Config as PullConfig;
use async_nats::jetstream::consumer::{AckPolicy, PullConsumer};
use async_nats::jetstream::context::{Context, ContextBuilder, PublishError};
use async_nats::jetstream::message::PublishMessage;
use async_nats::jetstream::stream::{Config, DiscardPolicy, RetentionPolicy};
use async_nats::jetstream::{self, ErrorCode};
use futures_util::TryStreamExt as _;
use futures_util::future::join_all;
use oc_dispatch::{DueLane, Ticket};

use crate::{QueueError, QueueSettings, metrics, ticket};

/// The longest that an answer of JetStream is waited for.
pub(crate) const ANSWER: Duration = Duration::from_secs(2);
/// A ticket that nobody has spoken of for so long is handed out again.
pub(crate) const LANE_WAIT: Duration = Duration::from_secs(15);
/// The same for being the one who looks what is due.
pub(crate) const RELAY_WAIT: Duration = Duration::from_secs(5);
/// Within this time JetStream takes what it has had for a repeat, though it is there no more. So it is
/// the longest that a ticket which was lost stays lost.
const WINDOW: Duration = Duration::from_secs(30);

/// How the subjects and consumers of an outbox are called.
#[derive(Clone, Debug)]
pub(crate) struct Names {
    pub(crate) stream: String,
    /// What the subject of each ticket begins with.
    pub(crate) lanes: String,
    /// The subject of the one message that makes its holder look what is due.
    relay: String,
    /// The subject by which the holder is woken. It is not in the stream.
    pub(crate) wake: String,
}

impl Names {
    pub(crate) fn of(outbox: &str) -> Self {
        let below = |name: &str| format!("open-connectors.{outbox}.{name}");
        Self {
            stream: format!("open-connectors-{outbox}"),
            lanes: below("lane."),
            relay: below("relay"),
            wake: below("wake"),
        }
    }
}

/// The stream, once it is known to be there.
pub(crate) struct Stream {
    context: Context,
    names: Names,
    stream: jetstream::stream::Stream,
    /// Who gets tickets.
    pub(crate) lanes: PullConsumer,
    /// Who looks what is due.
    pub(crate) relay: PullConsumer,
}

/// How it stands with the tickets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Standing {
    pub(crate) waiting: u64,
    pub(crate) under_way: usize,
}

impl Stream {
    /// Makes what is missing, and changes what the settings have otherwise.
    pub(crate) async fn open(
        client: &Client,
        settings: &QueueSettings,
        names: &Names,
    ) -> Result<Self, QueueError> {
        if client.connection_state() != State::Connected {
            return Err(QueueError::away("there is no connection"));
        }
        let context = ContextBuilder::new().timeout(ANSWER).build(client.clone());
        let config = stream_config(settings, names);
        context
            .create_or_update_stream(config)
            .await
            .map_err(|error| QueueError::stream(&error, settings.replicas))?;
        let stream = context.get_stream(&names.stream).await.map_err(QueueError::away)?;
        let consumer = async |name: &str, filter: String, wait, most| {
            let config = consumer_config(name, filter, wait, most);
            stream.create_consumer(config).await.map_err(QueueError::away)
        };
        let most = i64::try_from(settings.max_ack_pending).unwrap_or(i64::MAX);
        let lanes = consumer("lanes", format!("{}>", names.lanes), LANE_WAIT, most).await?;
        let relay = consumer("relay", names.relay.clone(), RELAY_WAIT, 1).await?;
        Ok(Self { context, names: names.clone(), stream, lanes, relay })
    }

    /// How it stands; that it is told at all says that the queue works.
    pub(crate) async fn standing(&self) -> Result<Standing, QueueError> {
        let info = self.lanes.get_info().await.map_err(QueueError::away)?;
        Ok(Standing { waiting: info.num_pending, under_way: info.num_ack_pending })
    }

    /// All tickets that are there: those that wait and those that are under way.
    pub(crate) async fn tickets(&self) -> Result<Vec<Ticket>, QueueError> {
        let filter = format!("{}>", self.names.lanes);
        let look = async {
            let found = self.stream.info_with_subjects(filter).await?;
            found.try_collect::<Vec<_>>().await
        };
        let found = look.await.map_err(QueueError::away)?;
        let end = |subject: &str| ticket::read(subject.strip_prefix(&*self.names.lanes)?);
        Ok(found.iter().filter_map(|(subject, _)| end(subject)).collect())
    }

    /// Puts tickets into the stream. One that is there already, or was a moment ago, is left out.
    pub(crate) async fn put(&self, lanes: &[DueLane]) -> Result<(), QueueError> {
        let put = lanes.iter().map(|lane| {
            let subject = format!("{}{}", self.names.lanes, ticket::subject(lane.ticket));
            let message = PublishMessage::build()
                .payload(lane.destination_id.0.clone().into())
                .message_id(ticket::message_id(lane));
            self.publish(subject, message)
        });
        join_all(put).await.into_iter().try_for_each(|put| put.map(metrics::put))
    }

    /// Sees to it that somebody can be the one who looks what is due.
    pub(crate) async fn found_relay(&self) -> Result<(), QueueError> {
        self.publish(self.names.relay.clone(), PublishMessage::build()).await.map(drop)
    }

    /// False when the stream has it already.
    async fn publish(&self, subject: String, message: PublishMessage) -> Result<bool, QueueError> {
        let published = async { self.context.send_publish(subject, message).await?.await };
        match published.await {
            Ok(ack) => Ok(!ack.duplicate),
            Err(error) if is_there(&error) => Ok(false),
            Err(error) => Err(QueueError::away(error)),
        }
    }
}

/// A subject has one message.
fn is_there(error: &PublishError) -> bool {
    let told = error.source().and_then(|source| source.downcast_ref::<jetstream::Error>());
    told.is_some_and(|told| told.error_code() == ErrorCode::STREAM_STORE_FAILED)
}

fn stream_config(settings: &QueueSettings, names: &Names) -> Config {
    Config {
        name: names.stream.clone(),
        description: Some("Lanes of Open Connectors that have something to be sent".to_owned()),
        subjects: vec![format!("{}>", names.lanes), names.relay.clone()],
        retention: RetentionPolicy::WorkQueue,
        num_replicas: settings.replicas,
        max_messages_per_subject: 1,
        discard: DiscardPolicy::New,
        discard_new_per_subject: true,
        // Room for what two may put at the same time, when one does not know yet of the other.
        max_messages: i64::try_from(2 * settings.depth() + 1).unwrap_or(i64::MAX),
        duplicate_window: WINDOW,
        ..Config::default()
    }
}

fn consumer_config(name: &str, filter: String, wait: Duration, most: i64) -> PullConfig {
    PullConfig {
        durable_name: Some(name.to_owned()),
        filter_subject: filter,
        ack_policy: AckPolicy::Explicit,
        ack_wait: wait,
        max_ack_pending: most,
        ..PullConfig::default()
    }
}
