//! Pulling tickets: as many as there are workers for.

use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream::Message;
use async_nats::jetstream::consumer::PullConsumer;
use async_nats::jetstream::consumer::pull::Batch;
use futures_util::StreamExt as _;
use tokio_util::sync::CancellationToken;

use crate::shared::Shared;
use crate::stream::{ANSWER, Stream};
use crate::{QueueError, metrics, ticket};

/// How long JetStream keeps a request for messages that are not there yet.
const PULL: Duration = Duration::from_secs(2);
/// The pause after a request that has failed.
const AGAIN: Duration = Duration::from_millis(200);
/// The most tickets of one request.
const BATCH: usize = 256;

/// Pulls until `stop`; what is on its way then is handed out to others when nobody speaks of it.
pub(crate) async fn run(shared: &Shared, stop: &CancellationToken) {
    let pulling = async {
        loop {
            let stream = shared.stream().await;
            let wanted = shared.hands.wanted().await.min(BATCH);
            if let Err(error) = pull(shared, &stream, wanted).await {
                tracing::debug!(%error, "No tickets from the queue");
                tokio::time::sleep(AGAIN).await;
            }
        }
    };
    stop.run_until_cancelled(pulling).await;
}

async fn pull(shared: &Shared, stream: &Stream, wanted: usize) -> Result<(), QueueError> {
    let mut asked = Asked::of(&stream.lanes, wanted).await?;
    while let Some(message) = asked.next().await? {
        take(shared, message).await;
    }
    Ok(())
}

async fn take(shared: &Shared, message: Message) {
    metrics::handed(message.info().is_ok_and(|info| info.delivered > 1));
    match ticket::handed(&shared.names.lanes, &message) {
        Some((ticket, destination)) => shared.hands.add(ticket, destination, Arc::new(message)),
        // Whoever has put it there, nobody can do anything with it.
        None => shared.done(&message).await,
    }
}

/// A request for messages.
pub(crate) struct Asked(Batch);

impl Asked {
    /// Asks for some.
    pub(crate) async fn of(consumer: &PullConsumer, most: usize) -> Result<Self, QueueError> {
        let asked = consumer.batch().max_messages(most).expires(PULL).messages();
        Ok(Self(asked.await.map_err(QueueError::away)?))
    }

    /// The next one, until there are as many as were asked for, or some time has passed.
    pub(crate) async fn next(&mut self) -> Result<Option<Message>, QueueError> {
        // A server that goes down with the request says nothing any more.
        let next = tokio::time::timeout(PULL + ANSWER, self.0.next());
        next.await.map_err(QueueError::away)?.transpose().map_err(QueueError::away)
    }
}
