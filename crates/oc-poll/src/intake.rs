//! The loop that works off what the provider has pushed, beside the poller.

use std::sync::Arc;
use std::time::Duration;

use oc_egress::Clock;
use tokio::task::{JoinError, JoinSet};
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;

use crate::inbox::{DuePushed, Inbox};
use crate::ledger::{Ledger, LedgerError};
use crate::metrics::{self, Tally};
use crate::pushed::sift;
use crate::spans;

/// How soon is looked again at records whose instance somebody else works for.
const WAITS: Duration = Duration::from_millis(100);

/// The bounds of working off.
#[derive(Clone, Copy, Debug)]
pub struct IntakeSettings {
    /// Resources worked off at the same time.
    pub concurrency: usize,
    /// For how long a claim holds; it asks no provider, so that it is short.
    pub lease: Duration,
    /// The longest time between two looks at the inbox.
    pub look_every: Duration,
}

/// Works off everything that is pushed, for as long as it runs.
pub struct Intake {
    /// What was pushed.
    pub inbox: Arc<dyn Inbox>,
    /// What is known of objects.
    pub ledger: Arc<dyn Ledger>,
    /// What time it is.
    pub clock: Clock,
    /// Bounds.
    pub settings: IntakeSettings,
}

impl Intake {
    /// Runs until `stop`; then what is under way is abandoned, which loses nothing: it is still in
    /// the inbox.
    pub async fn run(self, stop: CancellationToken) {
        let (own, mut under_way) = (Arc::new(self), JoinSet::new());
        while !stop.is_cancelled() {
            let wait = own.start(&mut under_way).await;
            tokio::select! {
                () = stop.cancelled() => break,
                () = tokio::time::sleep(wait) => {}
                () = own.inbox.arrived() => {}
                Some(ended) = under_way.join_next() => noted(&ended),
            }
        }
        under_way.shutdown().await;
    }

    /// Claims and begins what waits; tells how long to wait before looking again.
    async fn start(self: &Arc<Self>, under_way: &mut JoinSet<()>) -> Duration {
        let settings = self.settings;
        let room = settings.concurrency.saturating_sub(under_way.len());
        if room == 0 {
            return settings.look_every;
        }
        match self.inbox.claim_pushed(self.clock.now(), room, settings.lease).await {
            Ok(claimed) => {
                for due in claimed.resources {
                    let own = Arc::clone(self);
                    under_way.spawn(async move {
                        own.work_off(&due).instrument(spans::intake(&due.due)).await;
                    });
                }
                if claimed.others_wait { WAITS } else { settings.look_every }
            }
            Err(error) => {
                tracing::error!(%error, "What was pushed could not be claimed");
                settings.look_every
            }
        }
    }

    async fn work_off(&self, due: &DuePushed) {
        let instance = due.due.target.instance;
        match self.take_in(due).await {
            // It is claimed again, as it is configured now.
            Ok(()) | Err(LedgerError::Superseded) => {}
            // The claim then ends by itself.
            Err(error) => {
                tracing::error!(%instance, %error, "What was pushed was not worked off");
            }
        }
    }

    async fn take_in(&self, pushed: &DuePushed) -> Result<(), LedgerError> {
        let due = &pushed.due;
        let now = self.clock.now();
        let (taken, dropped) = sift(pushed, &*self.ledger, now).await?;
        let (records, events) = (taken.numbers.len(), taken.part.events.len());
        let tally = Tally::of(&taken.part);
        self.inbox.take_in(due, now, taken).await?;
        let (instance, resource) = (due.target.instance, &due.config.name);
        tracing::debug!(%instance, resource, records, events, "Pushed records worked off");
        if dropped > 0 {
            tracing::warn!(%instance, resource, dropped, id = %due.config.id_field,
                "Pushed records without a readable id were dropped");
        }
        let connector = &due.target.connector.key;
        tally.stored(connector, "webhook");
        metrics::taken_in(connector, records, dropped);
        Ok(())
    }
}

fn noted(ended: &Result<(), JoinError>) {
    if let Err(error) = ended {
        tracing::error!(%error, "Working off the inbox ended in a fault of the program");
    }
}

#[cfg(test)]
mod tests;
