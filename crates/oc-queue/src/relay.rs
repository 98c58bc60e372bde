//! Looking what is due, and putting it into the queue: by one process for all, while it can.
//!
//! Who does so holds the one message of a consumer of its own. When it is silent for some seconds,
//! JetStream hands the message to another. That two do it for a moment costs a look and no more, as
//! the stream has one ticket of a lane.

use std::sync::Arc;
use std::time::Duration;

use async_nats::Subscriber;
use async_nats::jetstream::{AckKind, Message};
use futures_util::{FutureExt as _, StreamExt as _};
use oc_dispatch::DueRequest;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::QueueError;
use crate::puller::Asked;
use crate::shared::Shared;
use crate::stays::Stays;
use crate::stream::{RELAY_WAIT, Stream};

/// The longest time between two looks: so a ticket that was lost is put there again.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// The time to the look after one that somebody has asked for: what was acknowledged a moment ago may
/// still have been in the queue.
const LOOK_AGAIN: Duration = Duration::from_millis(50);
/// How often the holder speaks of its message.
const SPEAK_EVERY: Duration = Duration::from_secs(1);

/// Waits for its turn, and looks for as long as it has it, until `stop`.
pub(crate) async fn run(shared: &Shared, stop: &CancellationToken) {
    while let Some((stream, message)) = stop.run_until_cancelled(turn(shared)).await {
        tracing::info!("This process puts into the queue what is due");
        let spoken = Instant::now();
        let mut relay = Relay { shared, stream, message, spoken, stays: Stays::default() };
        if Box::pin(relay.run(stop)).await {
            tracing::info!("Another process may put into the queue what is due");
        } else {
            // Another one is to have it at once.
            shared.answer(&relay.message, AckKind::Nak(None)).await;
        }
    }
}

/// The message that makes its holder the one who looks.
async fn turn(shared: &Shared) -> (Arc<Stream>, Message) {
    loop {
        let stream = shared.stream().await;
        match ask(&stream).await {
            Ok(Some(message)) => return (stream, message),
            Ok(None) => {}
            Err(error) => {
                tracing::debug!(%error, "Nobody can be the one who looks what is due");
                tokio::time::sleep(LOOK_EVERY).await;
            }
        }
    }
}

async fn ask(stream: &Stream) -> Result<Option<Message>, QueueError> {
    let found = Asked::of(&stream.relay, 1).await?.next().await?;
    if found.is_none() {
        // Somebody has it, or it is not there.
        stream.found_relay().await?;
    }
    Ok(found)
}

struct Relay<'a> {
    shared: &'a Shared,
    stream: Arc<Stream>,
    message: Message,
    /// When it has spoken of the message.
    spoken: Instant,
    stays: Stays,
}

impl Relay<'_> {
    /// Looks until `stop`, and gives its message back; or until JetStream may have handed that to
    /// another, or the queue has to be made anew: then this is true.
    async fn run(&mut self, stop: &CancellationToken) -> bool {
        let wake = self.shared.client.subscribe(self.shared.names.wake.clone()).await;
        let Ok(mut wakes) = wake else { return false };
        let mut wait = Duration::ZERO;
        loop {
            let is_woken = tokio::select! {
                () = stop.cancelled() => return false,
                woken = wakes.next() => woken.is_some(),
                () = tokio::time::sleep(wait) => false,
            };
            // Before the next look, as that speaks of the message again.
            if self.spoken.elapsed() >= RELAY_WAIT {
                return true;
            }
            forget_waiting(&mut wakes);
            let next = self.look().await.unwrap_or_else(|error| {
                tracing::warn!(%error, "What is due was not put into the queue");
                LOOK_EVERY
            });
            if self.stays.belie(self.shared.standing()) {
                self.shared.renew(&self.stream).await;
                return true;
            }
            wait = if is_woken { LOOK_AGAIN } else { next };
        }
    }

    /// One look; tells when the next one is due.
    async fn look(&mut self) -> Result<Duration, QueueError> {
        let Shared { settings, backlog, clock, .. } = self.shared;
        let queued = self.stream.tickets().await?;
        self.stays.see(&queued);
        let now = clock.now();
        let room = settings.depth().saturating_sub(queued.len());
        let mut next = None;
        if room > 0 {
            let (per_destination, probes) = (settings.per_destination, settings.probes);
            let request = DueRequest { now, lanes: room, per_destination, probes, queued };
            let due = backlog.due(request).await?;
            self.stream.put(&due.lanes).await?;
            next = due.next;
        }
        // Only who can do its work is to keep it.
        if self.spoken.elapsed() >= SPEAK_EVERY {
            self.shared.answer(&self.message, AckKind::Progress).await;
            self.spoken = Instant::now();
        }
        let wait = next.map_or(LOOK_EVERY, |next| next.since(now));
        Ok(wait.clamp(Duration::from_millis(1), LOOK_EVERY))
    }
}

/// However many have asked for a look, one is enough.
fn forget_waiting(wakes: &mut Subscriber) {
    while let Some(Some(_)) = wakes.next().now_or_never() {}
}
