//! The outbox as workers see it, when JetStream hands out its lanes.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_nats::ConnectOptions;
use async_nats::jetstream::{AckKind, Message};
use async_trait::async_trait;
use futures_util::future::join_all;
use oc_config::Timestamp;
use oc_dispatch::{
    Backlog, ClaimRequest, Claimed, Lane, Outbox, OutboxError, Settlement, Taken, Ticket,
};
use oc_egress::Clock;
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use crate::hands::{Handed, Hands, Offer};
use crate::shared::Shared;
use crate::stream::{ANSWER, LANE_WAIT, Names};
use crate::{QueueError, QueueSettings, metrics, puller, relay};

/// How long the start waits for JetStream.
const START: Duration = Duration::from_secs(5);
/// How often the start asks.
const START_EVERY: Duration = Duration::from_millis(50);
/// After which a ticket comes again that cannot be sent now: somebody else has the lane, or its
/// destination has no room here.
const LATER: Duration = Duration::from_secs(1);
/// What has been due for so long, and nobody has it, is not waited for any longer. It is more than a
/// ticket that was in a killed server's hands takes to come again.
const OVERDUE: Duration = Duration::from_secs(20);

/// The lanes of an outbox, handed out by JetStream. While that is away the outbox itself is asked.
/// Clones are the same.
#[derive(Clone)]
pub struct Queue(Arc<Shared>);

impl Queue {
    /// Connects to JetStream and makes the stream. One that does not answer is waited for a moment,
    /// and used as soon as it does.
    ///
    /// # Errors
    /// When another setting is needed, see [`QueueError::is_of_settings`].
    pub async fn connect(
        settings: QueueSettings,
        outbox: Arc<dyn Outbox>,
        backlog: Arc<dyn Backlog>,
        clock: Clock,
    ) -> Result<Self, QueueError> {
        let (options, addresses) = settings.servers.dial(oc_egress::usual_tls()?);
        let options: ConnectOptions = options.retry_on_initial_connect().max_reconnects(None);
        let client = options.connect(addresses).await.map_err(QueueError::away)?;
        let names = Names::of(&settings.outbox);
        let queue = Self(Arc::new(Shared {
            settings,
            names,
            client,
            outbox,
            backlog,
            clock,
            hands: Hands::default(),
            overdue: Mutex::new(Instant::now()),
            standing: Mutex::default(),
            stream: watch::Sender::new(None),
            alone: Notify::new(),
            moved: Notify::new(),
            ended: Notify::new(),
        }));
        metrics::stands(None);
        queue.open().await?;
        Ok(queue)
    }

    /// True while JetStream hands out lanes.
    pub fn is_connected(&self) -> bool {
        !self.0.is_away()
    }

    async fn open(&self) -> Result<(), QueueError> {
        let until = Instant::now() + START;
        loop {
            match self.0.ask().await {
                Ok(()) => return Ok(()),
                Err(error) if error.is_of_settings() => return Err(error),
                Err(error) if Instant::now() >= until => {
                    tracing::warn!(%error, "NATS JetStream is away: this process looks into the database itself");
                    return Ok(());
                }
                Err(_) => sleep(START_EVERY).await,
            }
        }
    }

    /// Takes part until `stop`; then until nothing is under way any more.
    pub async fn run(self, stop: CancellationToken) {
        let shared = &*self.0;
        let parts = async {
            tokio::join!(
                shared.keep_open(&stop),
                shared.tell(&stop),
                puller::run(shared, &stop),
                relay::run(shared, &stop),
                self.speak(&stop),
            )
        };
        Box::pin(parts).await;
        self.give_back(shared.hands.left(true), None).await;
        // What was said last is to be heard.
        let _ = tokio::time::timeout(ANSWER, shared.client.flush()).await;
    }

    /// Tells JetStream of tickets that are under way, so that it does not hand them out again.
    async fn speak(&self, stop: &CancellationToken) {
        let Shared { hands, clock, ended, .. } = &*self.0;
        loop {
            tokio::select! {
                () = sleep(LANE_WAIT / 3) => {}
                () = stop.cancelled(), if !stop.is_cancelled() => {}
                () = ended.notified(), if stop.is_cancelled() => {}
            }
            let under_way = hands.under_way(clock.now());
            if under_way.is_empty() && stop.is_cancelled() {
                return;
            }
            let speaking = under_way.iter().map(|one| self.0.answer(one, AckKind::Progress));
            join_all(speaking).await;
            self.give_back(hands.left(stop.is_cancelled()), None).await;
        }
    }

    async fn give_back(&self, messages: Vec<Arc<Message>>, after: Option<Duration>) {
        let back = messages.iter().map(|one| self.0.answer(one, AckKind::Nak(after)));
        join_all(back).await;
    }

    /// Claims what JetStream has lost or does not hand out, whatever its fault is: it is to make
    /// deliveries cheap, and never to decide whether there are any.
    async fn overdue(&self, request: ClaimRequest) -> Result<Claimed, OutboxError> {
        let (now, lease) = (request.now.minus(OVERDUE), request.lease + OVERDUE);
        let claimed = self.0.outbox.claim(ClaimRequest { now, lease, ..request }).await?;
        if !claimed.lanes.is_empty() {
            let lanes = claimed.lanes.len();
            tracing::warn!(lanes, "NATS JetStream has not handed out what was due for long");
        }
        // When the next one is due is for JetStream to tell.
        Ok(Claimed { next: None, ..claimed })
    }

    /// Claims the lanes of tickets.
    async fn take(
        &self,
        mut handed: Vec<Handed<Arc<Message>>>,
        now: Timestamp,
        lease: Duration,
    ) -> Result<Vec<Lane>, OutboxError> {
        let tickets: Vec<Ticket> = handed.iter().map(|one| one.ticket).collect();
        let taken = self.0.backlog.take(tickets, now, lease).await;
        let Taken { lanes, elsewhere } = match taken {
            Ok(taken) => taken,
            Err(error) => {
                let messages = handed.into_iter().map(|one| one.message).collect();
                self.give_back(messages, Some(LATER)).await;
                return Err(error);
            }
        };
        for lane in &lanes {
            let ticket = Ticket { lane: lane.id, turn: lane.turn };
            if let Some(at) = handed.iter().position(|one| one.ticket == ticket) {
                self.0.hands.begin(ticket, handed.swap_remove(at).message, now.plus(lease));
            }
        }
        let is_elsewhere = |one: &Handed<_>| elsewhere.contains(&one.ticket);
        let (later, done): (Vec<_>, Vec<_>) = handed.into_iter().partition(is_elsewhere);
        self.give_back(later.into_iter().map(|one| one.message).collect(), Some(LATER)).await;
        join_all(done.iter().map(|one| self.0.done(&one.message))).await;
        Ok(lanes)
    }
}

#[async_trait]
impl Outbox for Queue {
    /// Tickets that were handed out, as far as there is room for them and their lanes can be had.
    async fn claim(&self, request: ClaimRequest) -> Result<Claimed, OutboxError> {
        if self.0.is_away() {
            return self.0.outbox.claim(request).await;
        }
        let Offer { tickets, crowded } = self.0.hands.offer(&request);
        self.give_back(crowded, Some(LATER)).await;
        if tickets.is_empty() {
            return if self.0.is_time_for_overdue() {
                self.overdue(request).await
            } else {
                Ok(Claimed::default())
            };
        }
        let lanes = self.take(tickets, request.now, request.lease).await?;
        Ok(Claimed { lanes, next: None })
    }

    /// Records outcomes in the outbox; only then their tickets are done with.
    async fn settle(&self, settlements: Arc<[Settlement]>) -> Result<(), OutboxError> {
        let ticket = |one: &Settlement| {
            let is_sent = !one.delivered.is_empty() || one.failed.is_some();
            (Ticket { lane: one.lane, turn: one.turn }, is_sent)
        };
        let tickets: Vec<(Ticket, bool)> = settlements.iter().map(ticket).collect();
        self.0.outbox.settle(settlements).await?;
        let ended = tickets.into_iter().map(async |(ticket, is_sent)| {
            match self.0.hands.end(ticket) {
                // The lane is due as it was.
                Some(message) if !is_sent => self.0.answer(&message, AckKind::Nak(None)).await,
                Some(message) => self.0.done(&message).await,
                None => {}
            }
        });
        join_all(ended).await;
        self.0.ended.notify_one();
        self.0.moved.notify_one();
        Ok(())
    }

    fn holds(&self, lane: &Lane, now: Timestamp) -> bool {
        self.0.outbox.holds(lane, now)
    }

    async fn changed(&self) {
        tokio::select! {
            () = self.0.hands.arrived() => {}
            () = self.0.alone.notified() => {}
        }
    }
}

#[cfg(test)]
mod tests;
