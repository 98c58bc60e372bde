//! The loop that claims what is due and polls it.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use oc_config::Timestamp;
use oc_egress::{Clock, Dice};
use tokio::task::{Id, JoinError, JoinSet};
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;

use crate::account_share::AccountShares;
use crate::ledger::{Due, DueInstance, Failure, Ledger, LedgerError, Outcome};
use crate::metrics;
use crate::poll::{PollError, poll_once};
use crate::renewal::keep_claim;
use crate::schedule::after_failure;
use crate::seats;
use crate::source::Source;
use crate::spans;

/// The bounds of polling.
#[derive(Clone, Copy, Debug)]
pub struct PollerSettings {
    /// Instances polled at the same time, besides those that wait for a rate budget.
    pub concurrency: usize,
    /// Consecutive failed polls of an instance after which its polling stops.
    pub failure_threshold: u32,
    /// For how long a claim holds that is not renewed; it is while its instance is polled.
    pub lease: Duration,
    /// The longest time between two looks at the ledger: it bounds how late a new instance or a
    /// clock that was set is noticed.
    pub look_every: Duration,
}

/// Polls everything that is due, for as long as it runs.
pub struct Poller {
    /// What is due and what was found.
    pub ledger: Arc<dyn Ledger>,
    /// Where records come from.
    pub source: Arc<dyn Source>,
    /// What time it is.
    pub clock: Clock,
    /// The spread of polls.
    pub dice: Dice,
    /// Bounds.
    pub settings: PollerSettings,
}

impl Poller {
    /// Runs until `stop`; then polls under way are abandoned, which loses nothing: they stored
    /// nothing and are due again at the next start.
    pub async fn run(self, stop: CancellationToken) {
        let most = seats::of_an_account(self.settings.concurrency);
        let mut work = Work {
            poller: Arc::new(self),
            tasks: JoinSet::new(),
            accounts: HashMap::new(),
            shares: AccountShares::new(most),
        };
        while !stop.is_cancelled() {
            let wait = work.start_due().await;
            tokio::select! {
                () = stop.cancelled() => break,
                () = tokio::time::sleep(wait) => {}
                Some(ended) = work.tasks.join_next_with_id() => work.ended(ended),
            }
            while let Some(ended) = work.tasks.try_join_next_with_id() {
                work.ended(ended);
            }
        }
        work.tasks.shutdown().await;
    }

    /// Polls an instance, and keeps it claimed for as long as that takes.
    async fn poll_instance(&self, due: DueInstance) {
        let instance = due.instance;
        tokio::select! {
            () = self.poll_resources(due) => {}
            () = keep_claim(&*self.ledger, &self.clock, self.settings.lease, instance) => {}
        }
    }

    /// Polls the due resources of an instance one after the other.
    async fn poll_resources(&self, due: DueInstance) {
        let mut failures = due.failures;
        let mut stopped = false;
        for resource in &due.resources {
            let outcome = if stopped {
                Outcome::Deferred(after_failure(
                    self.clock.now(),
                    resource.interval,
                    failures,
                    self.dice.roll(),
                ))
            } else {
                match self.poll(resource).await {
                    Ok(()) => {
                        failures = 0;
                        continue;
                    }
                    Err(PollError::Ledger(LedgerError::Superseded)) => continue,
                    // Our storage's trouble is no failure of the instance.
                    Err(PollError::Ledger(error)) => {
                        let wait =
                            after_failure(self.clock.now(), resource.interval, 1, self.dice.roll());
                        tracing::error!(instance = %due.instance, %error, "A poll was not recorded");
                        Outcome::Deferred(wait)
                    }
                    Err(error) => {
                        failures += 1;
                        let failure = self.failure(resource, &error, failures);
                        stopped = failure.stop;
                        Outcome::Failed(failure)
                    }
                }
            };
            if let Err(error) = self.ledger.finish(resource, outcome).await {
                tracing::error!(instance = %due.instance, %error, "Outcome of a poll not recorded");
            }
        }
    }

    async fn poll(&self, due: &Due) -> Result<(), PollError> {
        self.poll_once(due).instrument(spans::poll(due)).await
    }

    async fn poll_once(&self, due: &Due) -> Result<(), PollError> {
        let began = self.clock.now();
        let polled =
            poll_once(due, &*self.source, &*self.ledger, &self.clock, self.dice.roll()).await;
        let connector = &due.target.connector.key;
        match &polled {
            Ok(summary) => {
                metrics::polled(connector, self.clock.now().since(began), summary.records);
                tracing::debug!(instance = %due.target.instance, resource = %due.config.name,
                    records = summary.records, events = summary.events, "Polled");
            }
            Err(error) => {
                metrics::failed(connector);
                tracing::warn!(instance = %due.target.instance, resource = %due.config.name, %error,
                    "Poll failed");
            }
        }
        polled.map(drop)
    }

    fn failure(&self, due: &Due, error: &PollError, failures: u32) -> Failure {
        let needs_authentication =
            matches!(error, PollError::Source(source) if source.needs_authentication);
        Failure {
            message: error.to_string(),
            failures,
            needs_authentication,
            stop: needs_authentication || failures >= self.settings.failure_threshold,
            next_due: after_failure(self.clock.now(), due.interval, failures, self.dice.roll()),
        }
    }
}

/// The polls under way.
struct Work {
    poller: Arc<Poller>,
    tasks: JoinSet<()>,
    accounts: HashMap<Id, String>,
    shares: AccountShares,
}

impl Work {
    /// Claims and begins what is due; tells how long to wait before looking again.
    async fn start_due(&mut self) -> Duration {
        let Poller { ledger, source, clock, settings, .. } = &*self.poller;
        let waiting = source.waiting();
        metrics::waiting(waiting);
        let room = seats::free(settings.concurrency, self.tasks.len(), waiting);
        if room == 0 {
            return settings.look_every;
        }
        let now = clock.now();
        let claimed = match ledger.claim(now, room, settings.lease).await {
            Ok(claimed) => claimed,
            Err(error) => {
                tracing::error!(%error, "What is due could not be claimed");
                return settings.look_every;
            }
        };
        let until_next = claimed.next.map_or(settings.look_every, |next| next.since(now));
        let until_next = until_next.clamp(Duration::from_millis(1), settings.look_every);
        for instance in claimed.instances {
            self.start(instance, now).await;
        }
        metrics::running(self.tasks.len());
        until_next
    }

    async fn start(&mut self, instance: DueInstance, now: Timestamp) {
        let Some(first) = instance.resources.first() else { return };
        let account = first.target.account.clone();
        let poller = Arc::clone(&self.poller);
        if self.shares.enter(&account) {
            let task = self.tasks.spawn(async move { poller.poll_instance(instance).await });
            self.accounts.insert(task.id(), account);
            return;
        }
        let until = now.plus(Duration::from_secs(1));
        for resource in &instance.resources {
            if let Err(error) = poller.ledger.finish(resource, Outcome::Deferred(until)).await {
                tracing::error!(%error, "A poll that has to wait was not handed back");
            }
        }
    }

    fn ended(&mut self, task: Result<(Id, ()), JoinError>) {
        let id = match task {
            Ok((id, ())) => id,
            Err(error) => {
                tracing::error!(%error, "A poll ended in a fault of the program");
                error.id()
            }
        };
        if let Some(account) = self.accounts.remove(&id) {
            self.shares.leave(&account);
        }
    }
}

#[cfg(test)]
mod tests;
