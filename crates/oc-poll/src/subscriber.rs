//! Makes the subscriptions at the provider fit what instances want, again and again.

mod fit;

use std::sync::Arc;
use std::time::Duration;

use oc_config::{InstanceId, Timestamp};
use oc_egress::{Clock, Dice};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::hook::{Hook, HookClaim, HookOutcome, Hooks};
use crate::ledger::LedgerError;
use crate::schedule::{after_failure_of_subscribing, until_looked_after};
use crate::source::SourceError;
use crate::subscriptions::Subscriptions;
use crate::task::Trouble;

/// How long the work on one hook may take; what is left is done the next time.
const LONGEST: Duration = Duration::from_secs(45);
/// For how long somebody who deletes an instance waits for its subscriptions to end.
const LONGEST_END: Duration = Duration::from_secs(10);

/// The bounds of subscribing.
#[derive(Clone, Copy, Debug)]
pub struct SubscriberSettings {
    /// Hooks worked on at the same time.
    pub concurrency: usize,
    /// For how long a claim holds; longer than the work on one hook may take.
    pub lease: Duration,
    /// The longest time between two looks at what is due.
    pub look_every: Duration,
}

/// Subscribes and unsubscribes, for as long as it runs. Clones share everything.
#[derive(Clone)]
pub struct Subscriber {
    /// What is wanted.
    pub hooks: Arc<dyn Hooks>,
    /// The provider.
    pub provider: Arc<dyn Subscriptions>,
    /// What deliveries' urls begin with; the connector's key and the hook's suffix follow.
    pub callbacks: Url,
    /// What time it is.
    pub clock: Clock,
    /// The spread of repeats.
    pub dice: Dice,
    /// Bounds.
    pub settings: SubscriberSettings,
}

/// Why subscriptions do not fit yet.
#[derive(Debug)]
enum FitError {
    /// The provider's side.
    Source(SourceError),
    /// Our side.
    Ledger(LedgerError),
    /// It takes too long.
    Time,
}

impl Subscriber {
    /// Runs until `stop`; then what is under way is abandoned, and looked at again at the next
    /// start.
    pub async fn run(self, stop: CancellationToken) {
        let mut under_way = JoinSet::new();
        while !stop.is_cancelled() {
            let wait = self.start_due(&mut under_way).await;
            tokio::select! {
                () = stop.cancelled() => break,
                () = tokio::time::sleep(wait) => {}
                Some(ended) = under_way.join_next() => noted(&ended),
            }
        }
        under_way.shutdown().await;
    }

    /// Ends the subscriptions of an instance that is about to be deleted, while its credentials are
    /// there. What cannot be ended now never is: its deliveries find no instance any more.
    pub async fn end(&self, instance: InstanceId) {
        let ended = tokio::time::timeout(LONGEST_END, self.end_all(instance)).await;
        let error = match ended {
            Ok(Ok(())) => return,
            Ok(Err(error)) => error,
            Err(_) => FitError::Time,
        };
        tracing::warn!(%instance, error = error.message(), "Subscriptions not ended");
    }

    async fn end_all(&self, instance: InstanceId) -> Result<(), FitError> {
        let lease = self.settings.lease;
        let (hook, had_any) = loop {
            match self.hooks.claim_hook(instance, self.clock.now(), lease).await? {
                HookClaim::Missing => return Ok(()),
                HookClaim::Claimed(hook) => {
                    let had_any = !(hook.wanted.is_empty() && hook.known.is_empty());
                    break (Hook { wanted: Vec::new(), ..*hook }, had_any);
                }
                HookClaim::Held => tokio::time::sleep(Duration::from_millis(50)).await,
            }
        };
        if had_any { self.fit(&hook).await } else { Ok(()) }
    }

    /// Claims and begins what is due; tells how long to wait before looking again.
    async fn start_due(&self, under_way: &mut JoinSet<()>) -> Duration {
        let Self { hooks, clock, settings, .. } = self;
        let room = settings.concurrency.saturating_sub(under_way.len());
        if room == 0 {
            return settings.look_every;
        }
        let now = clock.now();
        let claimed = match hooks.claim_hooks(now, room, settings.lease).await {
            Ok(claimed) => claimed,
            Err(error) => {
                tracing::error!(%error, "Subscriptions that are due could not be claimed");
                return settings.look_every;
            }
        };
        for hook in claimed.hooks {
            let own = self.clone();
            under_way.spawn(async move { own.look_after(&hook).await });
        }
        let until_next = claimed.next.map_or(settings.look_every, |next| next.since(now));
        until_next.clamp(Duration::from_millis(1), settings.look_every)
    }

    /// Makes the subscriptions of a hook fit, and records what came of it.
    async fn look_after(&self, hook: &Hook) {
        let instance = hook.target.instance;
        let fitted = tokio::time::timeout(LONGEST, self.fit(hook)).await;
        let now = self.clock.now();
        let outcome = match fitted.unwrap_or(Err(FitError::Time)) {
            Ok(()) => {
                let events = hook.wanted.len();
                tracing::info!(%instance, events, "Subscriptions fit");
                let again = until_looked_after(now, self.dice.roll());
                HookOutcome { due: (events > 0).then_some(again), trouble: None }
            }
            Err(error) => self.failed(hook, &error, now),
        };
        match self.hooks.settle(hook, outcome).await {
            Ok(()) | Err(LedgerError::Superseded) => {}
            Err(error) => tracing::error!(%instance, %error, "Subscriptions not recorded"),
        }
    }

    fn failed(&self, hook: &Hook, error: &FitError, now: Timestamp) -> HookOutcome {
        if let FitError::Source(SourceError { wait: Some(wait), .. }) = error {
            return HookOutcome { due: Some(now.plus(*wait)), trouble: None };
        }
        let failures = hook.failures.saturating_add(1);
        let message = error.message_without(&hook.secret);
        tracing::warn!(instance = %hook.target.instance, error = message, failures,
            "Subscriptions do not fit yet");
        let due = after_failure_of_subscribing(now, failures, self.dice.roll());
        HookOutcome { due: Some(due), trouble: Some(Trouble { message, failures }) }
    }
}

fn noted(ended: &Result<(), tokio::task::JoinError>) {
    if let Err(error) = ended {
        tracing::error!(%error, "Subscribing ended in a fault of the program");
    }
}

#[cfg(test)]
mod tests;
