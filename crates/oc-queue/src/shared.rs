//! What the parts of the queue share: the connection, the stream while it answers, and the tickets.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_nats::Client;
use async_nats::connection::State;
use async_nats::jetstream::{AckKind, Message};
use oc_dispatch::{Backlog, Outbox};
use oc_egress::Clock;
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

use crate::hands::Hands;
use crate::stream::{ANSWER, Names, Standing, Stream};
use crate::{QueueError, QueueSettings, metrics};

/// How often JetStream is asked how it stands with the tickets...
const ASK_EVERY: Duration = Duration::from_secs(1);
/// ...and after which silence it counts as away.
const AWAY: Duration = Duration::from_secs(5);
/// How often a process looks for what is overdue.
const OVERDUE_EVERY: Duration = Duration::from_secs(5);
/// The shortest time between two words to the one who looks what is due.
const TOGETHER: Duration = Duration::from_millis(10);

pub(crate) struct Shared {
    pub(crate) settings: QueueSettings,
    pub(crate) names: Names,
    pub(crate) client: Client,
    pub(crate) outbox: Arc<dyn Outbox>,
    pub(crate) backlog: Arc<dyn Backlog>,
    pub(crate) clock: Clock,
    pub(crate) hands: Hands<Arc<Message>>,
    /// None while JetStream does not answer.
    pub(crate) stream: watch::Sender<Option<Arc<Stream>>>,
    /// Something may be due, and nobody else looks.
    pub(crate) alone: Notify,
    /// Something has moved that the one who looks what is due is to know.
    pub(crate) moved: Notify,
    /// A ticket is not under way any more.
    pub(crate) ended: Notify,
    /// When this process last looked for what is overdue.
    pub(crate) overdue: Mutex<Instant>,
    /// How it last stood with the tickets.
    pub(crate) standing: Mutex<Standing>,
}

impl Shared {
    /// True while this process has to look into the outbox itself.
    pub(crate) fn is_away(&self) -> bool {
        self.stream.borrow().is_none()
    }

    /// True for the one who is to look for what is overdue.
    pub(crate) fn is_time_for_overdue(&self) -> bool {
        // JetStream is right to hand out nothing while as many are under way as may be.
        if self.standing().under_way >= self.settings.max_ack_pending {
            return false;
        }
        let mut last = self.overdue.lock().unwrap_or_else(PoisonError::into_inner);
        let is_time = last.elapsed() >= OVERDUE_EVERY;
        if is_time {
            *last = Instant::now();
        }
        is_time
    }

    /// How it last stood with the tickets.
    pub(crate) fn standing(&self) -> Standing {
        *self.standing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The stream, once JetStream answers.
    pub(crate) async fn stream(&self) -> Arc<Stream> {
        let mut stream = self.stream.subscribe();
        loop {
            if let Some(stream) = &*stream.borrow_and_update() {
                return Arc::clone(stream);
            }
            // The sender is ours.
            let _ = stream.changed().await;
        }
    }

    /// Asks JetStream again and again, until `stop`.
    pub(crate) async fn keep_open(&self, stop: &CancellationToken) {
        let (mut heard, mut is_refused) = (Instant::now(), false);
        let asking = async {
            loop {
                tokio::time::sleep(ASK_EVERY).await;
                match self.ask().await {
                    Ok(()) => (heard, is_refused) = (Instant::now(), false),
                    Err(error) if error.is_of_settings() && !is_refused => {
                        tracing::error!(%error, "OC_NATS_URL: the queue cannot be used");
                        is_refused = true;
                    }
                    Err(error) if self.is_away() => {
                        tracing::debug!(%error, "The queue is still away");
                    }
                    Err(error) if heard.elapsed() > AWAY => self.close(&error),
                    Err(error) => tracing::debug!(%error, "No answer from the queue"),
                }
            }
        };
        stop.run_until_cancelled(asking).await;
    }

    /// Opens the stream where it is not, and else asks how it stands.
    pub(crate) async fn ask(&self) -> Result<(), QueueError> {
        let open = self.stream.borrow().clone();
        let stream = match &open {
            Some(stream) => Arc::clone(stream),
            None => {
                Arc::new(Box::pin(Stream::open(&self.client, &self.settings, &self.names)).await?)
            }
        };
        let standing = timeout(ANSWER, stream.standing()).await.map_err(QueueError::away)??;
        metrics::stands(Some(standing));
        *self.standing.lock().unwrap_or_else(PoisonError::into_inner) = standing;
        if open.is_none() {
            tracing::info!("NATS JetStream hands out deliveries");
            self.backlog.tell_others(false);
            self.stream.send_replace(Some(stream));
            self.moved.notify_one();
        }
        Ok(())
    }

    /// Does away with a stream that has tickets which nobody is handed. The next to ask makes it anew.
    pub(crate) async fn renew(&self, stream: &Stream) {
        if let Err(error) = stream.remove().await {
            tracing::warn!(%error, "The stream of the queue cannot be removed");
        }
        self.close(&QueueError::Disagrees);
    }

    fn close(&self, error: &QueueError) {
        tracing::warn!(%error, "NATS JetStream is away: this process looks into the database itself");
        metrics::stands(None);
        self.backlog.tell_others(true);
        self.stream.send_replace(None);
        self.alone.notify_one();
    }

    /// Tells whoever looks what is due that something may be, until `stop`.
    pub(crate) async fn tell(&self, stop: &CancellationToken) {
        let telling = async {
            loop {
                tokio::select! {
                    () = self.outbox.changed() => {}
                    () = self.moved.notified() => {}
                }
                if self.is_away() {
                    self.alone.notify_one();
                } else if self.is_connected() {
                    let wake = self.client.publish(self.names.wake.clone(), "".into());
                    // One that is lost costs the time to the next look.
                    let _ = timeout(ANSWER, wake).await;
                }
                tokio::time::sleep(TOGETHER).await;
            }
        };
        stop.run_until_cancelled(telling).await;
    }

    /// Tells JetStream something of a message. Where that is lost it hands the message out again,
    /// which costs whoever gets it a look.
    pub(crate) async fn answer(&self, message: &Message, kind: AckKind) {
        if self.is_connected() {
            let _ = timeout(ANSWER, message.ack_with(kind)).await;
        }
    }

    /// The ticket is not needed any more.
    pub(crate) async fn done(&self, message: &Message) {
        if self.is_connected() {
            let _ = timeout(ANSWER, message.double_ack()).await;
        }
    }

    /// What is told while there is no connection would wait in memory.
    fn is_connected(&self) -> bool {
        self.client.connection_state() == State::Connected
    }
}
