//! The loop that carries loads and sweeps on, beside the poller.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use oc_egress::{Clock, Dice};
use tokio::task::{Id, JoinError, JoinSet};
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;

use crate::background::Work;
use crate::ledger::Ledger;
use crate::renewal::keep_claim;
use crate::source::Source;
use crate::spans;
use crate::task::{DueTask, Tasks};

/// The bounds of loads and sweeps.
#[derive(Clone, Copy, Debug)]
pub struct CaretakerSettings {
    /// Tasks under way at the same time, each of another account: one reading after the other uses
    /// what an account's rate limit leaves.
    pub concurrency: usize,
    /// For how long a claim holds that is not renewed; it is while its task is under way.
    pub lease: Duration,
    /// The longest time between two looks at what is due.
    pub look_every: Duration,
}

/// Carries on every load and sweep that is due, for as long as it runs.
pub struct Caretaker {
    /// What is known of objects.
    pub ledger: Arc<dyn Ledger>,
    /// What is to be done.
    pub tasks: Arc<dyn Tasks>,
    /// Where records come from.
    pub source: Arc<dyn Source>,
    /// What time it is.
    pub clock: Clock,
    /// The spread of repeats.
    pub dice: Dice,
    /// Bounds.
    pub settings: CaretakerSettings,
}

impl Caretaker {
    /// Runs until `stop`; then what is under way is abandoned, which loses nothing: it goes on after
    /// its last step.
    pub async fn run(self, stop: CancellationToken) {
        let mut under_way =
            UnderWay { caretaker: Arc::new(self), tasks: JoinSet::new(), accounts: HashMap::new() };
        while !stop.is_cancelled() {
            let wait = under_way.start_due().await;
            tokio::select! {
                () = stop.cancelled() => break,
                () = tokio::time::sleep(wait) => {}
                Some(ended) = under_way.tasks.join_next_with_id() => under_way.ended(&ended),
            }
            while let Some(ended) = under_way.tasks.try_join_next_with_id() {
                under_way.ended(&ended);
            }
        }
        under_way.tasks.shutdown().await;
    }

    async fn carry_on(&self, due: DueTask) {
        let work = Work {
            source: &*self.source,
            ledger: &*self.ledger,
            tasks: &*self.tasks,
            clock: &self.clock,
            dice: &self.dice,
        };
        let instance = due.due.target.instance;
        tokio::select! {
            done = work.carry_on(&due).instrument(spans::task(&due.due)) => {
                if let Err(error) = done {
                    tracing::error!(%instance, %error, "What a load or sweep found was not stored");
                }
            }
            () = keep_claim(&*self.ledger, &self.clock, self.settings.lease, instance) => {}
        }
    }
}

struct UnderWay {
    caretaker: Arc<Caretaker>,
    tasks: JoinSet<()>,
    accounts: HashMap<Id, String>,
}

impl UnderWay {
    /// Claims and begins what is due; tells how long to wait before looking again.
    async fn start_due(&mut self) -> Duration {
        let Caretaker { tasks, clock, settings, .. } = &*self.caretaker;
        let room = settings.concurrency.saturating_sub(self.tasks.len());
        if room == 0 {
            return settings.look_every;
        }
        let now = clock.now();
        let busy: Vec<String> = self.accounts.values().cloned().collect();
        let claimed = match tasks.claim_tasks(now, room, settings.lease, &busy).await {
            Ok(claimed) => claimed,
            Err(error) => {
                tracing::error!(%error, "Loads and sweeps that are due could not be claimed");
                return settings.look_every;
            }
        };
        let until_next = claimed.next.map_or(settings.look_every, |next| next.since(now));
        let until_next = until_next.clamp(Duration::from_millis(1), settings.look_every);
        for due in claimed.tasks {
            let account = due.due.target.account.clone();
            let caretaker = Arc::clone(&self.caretaker);
            let task = self.tasks.spawn(async move { caretaker.carry_on(due).await });
            self.accounts.insert(task.id(), account);
        }
        until_next
    }

    fn ended(&mut self, task: &Result<(Id, ()), JoinError>) {
        let id = match task {
            Ok((id, ())) => *id,
            Err(error) => {
                tracing::error!(%error, "A load or sweep ended in a fault of the program");
                error.id()
            }
        };
        self.accounts.remove(&id);
    }
}
