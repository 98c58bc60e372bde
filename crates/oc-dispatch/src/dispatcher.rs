//! The workers: claim lanes, send in order, settle in groups.

mod allowance;
mod lane;

use std::sync::Arc;
use std::time::Duration;

use oc_config::FailurePolicy;
use oc_egress::{Clock, Dice};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::outbox::{ClaimRequest, DestinationId, Lane, Outbox, Settlement};
use crate::{ProbeSchedule, RetrySchedule, Transport};
use allowance::Allowances;
use lane::{Breath, Sender};

/// The most settlements that are recorded in one transaction.
const GROUP: usize = 256;
/// How long recording an outcome may take before its lane is sent by somebody else.
const SETTLED_WITHIN: Duration = Duration::from_secs(60);

/// The bounds of delivery.
#[derive(Clone, Debug)]
pub struct DispatcherSettings {
    /// Lanes sent at the same time.
    pub concurrency: usize,
    /// Of these, to one destination.
    pub per_destination: usize,
    /// When failed notifications are sent again.
    pub schedule: RetrySchedule,
    /// What a failure means where an instance does not say.
    pub policy: FailurePolicy,
    /// When deliveries that have queued are tried again.
    pub probes: ProbeSchedule,
    /// How long a lane is sent before its outcome is recorded and others have their turn.
    pub stint: Duration,
    /// The longest that an attempt takes: the transport's deadline. A claim holds for longer than a
    /// stint and an attempt, so that nothing is sent a second time while it is under way.
    pub attempt_within: Duration,
    /// The longest time between two looks into the outbox.
    pub look_every: Duration,
    /// How long a stop waits for what is under way.
    pub drain: Duration,
}

impl DispatcherSettings {
    fn lease(&self) -> Duration {
        self.stint + self.attempt_within + SETTLED_WITHIN
    }
}

/// Delivers what is in the outbox, for as long as it runs.
pub struct Dispatcher {
    /// What waits.
    pub outbox: Arc<dyn Outbox>,
    /// How it is sent.
    pub transport: Arc<dyn Transport>,
    /// What time it is.
    pub clock: Clock,
    /// The spread of repeats.
    pub dice: Dice,
    /// Bounds.
    pub settings: DispatcherSettings,
}

impl Dispatcher {
    /// Runs until `stop`, then finishes what is under way within the drain time. What is not
    /// settled by then is sent again after the next start, with the same ids.
    pub async fn run(self, stop: CancellationToken) {
        let (settlements, receiver) = mpsc::channel(self.settings.concurrency.max(1));
        let settler = tokio::spawn(settle_all(Arc::clone(&self.outbox), receiver));
        let drain = self.settings.drain;
        let mut work = Work {
            sender: Arc::new(Sender {
                outbox: Arc::clone(&self.outbox),
                transport: self.transport,
                clock: self.clock.clone(),
                dice: self.dice,
                schedule: self.settings.schedule.clone(),
                policy: self.settings.policy,
                probes: self.settings.probes,
                stint: self.settings.stint,
                stop: stop.clone(),
            }),
            allowances: Allowances::new(self.settings.per_destination),
            tasks: JoinSet::new(),
            outbox: self.outbox,
            clock: self.clock,
            settings: self.settings,
            settlements,
        };
        work.run(&stop).await;
        let finished = async {
            while let Some(ended) = work.tasks.join_next().await {
                work.ended(ended);
            }
        };
        if tokio::time::timeout(drain, finished).await.is_err() {
            tracing::warn!(
                "Deliveries still under way at the stop are sent again after the next start"
            );
        }
        drop(work);
        if let Err(error) = settler.await {
            tracing::error!(%error, "Settling ended in a fault of the program");
        }
    }
}

/// The deliveries under way.
struct Work {
    sender: Arc<Sender>,
    allowances: Allowances,
    tasks: JoinSet<(DestinationId, Breath)>,
    outbox: Arc<dyn Outbox>,
    clock: Clock,
    settings: DispatcherSettings,
    settlements: mpsc::Sender<ToSettle>,
}

/// An outcome, and the task that waits until it is recorded.
type ToSettle = (Settlement, oneshot::Sender<()>);

type Ended = Result<(DestinationId, Breath), tokio::task::JoinError>;

impl Work {
    async fn run(&mut self, stop: &CancellationToken) {
        while !stop.is_cancelled() {
            let outbox = Arc::clone(&self.outbox);
            let wait = self.start_due().await;
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(wait) => {}
                () = outbox.changed() => {}
                Some(ended) = self.tasks.join_next() => self.ended(ended),
            }
            while let Some(ended) = self.tasks.try_join_next() {
                self.ended(ended);
            }
        }
    }

    /// Claims and begins what is due; tells how long to wait before looking again.
    ///
    /// While half of the workers are idle, each destination gets what it may have; of the other
    /// half, each gets one. So destinations that are slow or dead cannot take all of them.
    async fn start_due(&mut self) -> Duration {
        let DispatcherSettings { concurrency, per_destination, look_every, .. } = self.settings;
        let half = concurrency / 2;
        let mut wait = look_every;
        for (workers, each) in [(half, per_destination), (concurrency, 1)] {
            let lanes = workers.saturating_sub(self.tasks.len());
            if lanes > 0 {
                wait = self.claim(lanes, each.min(per_destination)).await;
            }
            if self.tasks.len() < workers {
                break;
            }
        }
        wait
    }

    async fn claim(&mut self, lanes: usize, per_destination: usize) -> Duration {
        let (now, look_every) = (self.clock.now(), self.settings.look_every);
        let room = self.allowances.room(now, per_destination);
        let (probes, lease) = (self.settings.probes.is_on(), self.settings.lease());
        let request = ClaimRequest { now, lanes, per_destination, room, probes, lease };
        match self.outbox.claim(request).await {
            Ok(claimed) => {
                for lane in claimed.lanes {
                    self.start(lane);
                }
                let opens = self.allowances.opens(now);
                let next = claimed.next.into_iter().chain(opens).min();
                next.map_or(look_every, |next| next.since(now))
                    .clamp(Duration::from_millis(1), look_every)
            }
            Err(error) => {
                tracing::error!(%error, "What is due could not be claimed");
                look_every
            }
        }
    }

    fn start(&mut self, lane: Lane) {
        let id = lane.destination_id.clone();
        self.allowances.enter(&id);
        let (sender, settlements) = (Arc::clone(&self.sender), self.settlements.clone());
        self.tasks.spawn(async move {
            let (settlement, breath) = sender.send(lane).await;
            let (recorded, is_recorded) = oneshot::channel();
            // Only a settler that has gone refuses; then the claim ends by its lease.
            let _ = settlements.send((settlement, recorded)).await;
            // What is left of the lane is due from then on, so that one look finds it and makes use of
            // the place that has become free.
            let _ = is_recorded.await;
            (id, breath)
        });
    }

    fn ended(&mut self, ended: Ended) {
        match ended {
            Ok((destination, breath)) => self.allowances.leave(&destination, breath),
            Err(error) => tracing::error!(%error, "A delivery ended in a fault of the program"),
        }
    }
}

/// Records outcomes in groups: all that have come up while the last group was recorded.
async fn settle_all(outbox: Arc<dyn Outbox>, mut receiver: mpsc::Receiver<ToSettle>) {
    let mut group = Vec::with_capacity(GROUP);
    while receiver.recv_many(&mut group, GROUP).await > 0 {
        let (settlements, waiting): (Vec<_>, Vec<_>) = group.drain(..).unzip();
        let settlements: Arc<[Settlement]> = settlements.into();
        let mut pause = Duration::from_millis(20);
        while let Err(error) = outbox.settle(Arc::clone(&settlements)).await {
            tracing::error!(%error, "Outcomes of deliveries not recorded yet");
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(Duration::from_secs(5));
        }
        for recorded in waiting {
            // A task that was given up at a stop waits no longer.
            let _ = recorded.send(());
        }
    }
}

#[cfg(test)]
mod tests;
