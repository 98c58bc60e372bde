//! The stream of tickets in JetStream, and its consumers.

use std::time::Duration;

use async_nats::Client;
use async_nats::connection::State;
use async_nats::jetstream;
use async_nats::jetstream::consumer::pull::Config as PullConfig;
use async_nats::jetstream::consumer::{AckPolicy, PullConsumer};
use async_nats::jetstream::context::{Context, ContextBuilder};
use async_nats::jetstream::message::PublishMessage;
use async_nats::jetstream::stream::{ClusterInfo, Config, PeerInfo, RetentionPolicy};
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
/// The nodes of JetStream speak to each other every second.
const SILENT: Duration = Duration::from_secs(3);
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
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Standing {
    pub(crate) waiting: usize,
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
        if info.cluster.as_ref().is_some_and(|cluster| !has_majority(cluster)) {
            return Err(QueueError::away("most of its nodes are silent"));
        }
        let waiting = usize::try_from(info.num_pending).unwrap_or(usize::MAX);
        Ok(Standing { waiting, under_way: info.num_ack_pending })
    }

    /// All tickets that are there: those that wait and those that are under way.
    pub(crate) async fn tickets(&self) -> Result<Vec<Ticket>, QueueError> {
        let found = self.subjects(format!("{}>", self.names.lanes)).await?;
        let end = |subject: &String| ticket::read(subject.strip_prefix(&*self.names.lanes)?);
        Ok(found.iter().filter_map(end).collect())
    }

    /// The subjects that have a message.
    async fn subjects(&self, filter: String) -> Result<Vec<String>, QueueError> {
        let look = async {
            let found = self.stream.info_with_subjects(filter).await?;
            found.map_ok(|(subject, _)| subject).try_collect().await
        };
        look.await.map_err(QueueError::away)
    }

    /// Puts tickets into the stream. One that was there a moment ago is left out.
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
        if self.subjects(self.names.relay.clone()).await?.is_empty() {
            self.publish(self.names.relay.clone(), PublishMessage::build()).await?;
        }
        Ok(())
    }

    /// False when the stream has had it already.
    async fn publish(&self, subject: String, message: PublishMessage) -> Result<bool, QueueError> {
        let published = async { self.context.send_publish(subject, message).await?.await };
        published.await.map(|ack| !ack.duplicate).map_err(QueueError::away)
    }

    /// Removes the stream with all tickets. Whoever opens it next makes it anew.
    pub(crate) async fn remove(&self) -> Result<(), QueueError> {
        self.context.delete_stream(&self.names.stream).await.map(drop).map_err(QueueError::away)
    }
}

/// Whether the leader, who has told it, has heard of enough of the others. One that has not answers
/// for some time as if nothing were the matter, and can do nothing.
fn has_majority(cluster: &ClusterInfo) -> bool {
    let is_heard = |one: &&PeerInfo| !one.offline && one.active < SILENT;
    let heard = 1 + cluster.replicas.iter().filter(is_heard).count();
    2 * heard > 1 + cluster.replicas.len()
}

/// A lane has one ticket, the latest. That an older one goes for it, and not that the newer one is
/// refused, lets the nodes of JetStream agree: a refusal depends on what each has removed by then, of
/// which they keep no common order (nats-server#7607).
fn stream_config(settings: &QueueSettings, names: &Names) -> Config {
    Config {
        name: names.stream.clone(),
        description: Some("Lanes of Open Connectors that have something to be sent".to_owned()),
        subjects: vec![format!("{}>", names.lanes), names.relay.clone()],
        retention: RetentionPolicy::WorkQueue,
        num_replicas: settings.replicas,
        max_messages_per_subject: 1,
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

#[cfg(test)]
mod tests {
    use super::*;

    fn cluster(replicas: &[(f64, bool)]) -> ClusterInfo {
        let peer = |&(seconds, offline): &(f64, bool)| {
            let active = Duration::from_secs_f64(seconds);
            PeerInfo { name: "node".to_owned(), current: true, active, offline, lag: None }
        };
        let replicas = replicas.iter().map(peer).collect();
        let (name, raft_group, leader, leader_since) = (None, None, None, None);
        ClusterInfo { name, raft_group, leader, leader_since, replicas }
    }

    #[test]
    fn a_leader_has_a_majority_while_it_hears_of_enough_others() {
        for (replicas, expected) in [
            (&[][..], true),
            (&[(0.1, false), (0.9, false)], true),
            (&[(0.1, false), (9.0, false)], true),
            (&[(0.1, false), (0.1, true)], true),
            (&[(3.0, false), (9.0, false)], false),
            (&[(0.1, true), (0.1, true)], false),
            (&[(0.1, false), (0.1, false), (5.0, false), (5.0, false)], true),
            (&[(0.1, false), (5.0, false), (5.0, false), (5.0, false)], false),
            (&[(5.0, false)], false),
        ] {
            assert_eq!(has_majority(&cluster(replicas)), expected, "{replicas:?}");
        }
    }
}
