//! One stint of a task, and what is done when it meets trouble.

use oc_config::Timestamp;
use oc_egress::{Clock, Dice};

use crate::ledger::{Due, Ledger, LedgerError};
use crate::metrics::{self, Tally};
use crate::poll::PollError;
use crate::schedule::after_failure;
use crate::source::{Source, SourceError};
use crate::task::{DueTask, Step, Task, Tasks, Trouble};

/// What tasks are carried out with.
#[derive(Clone, Copy)]
pub struct Work<'a> {
    /// The provider.
    pub source: &'a dyn Source,
    /// What is known of objects.
    pub ledger: &'a dyn Ledger,
    /// Where tasks are kept.
    pub tasks: &'a dyn Tasks,
    /// What time it is.
    pub clock: &'a Clock,
    /// The spread of repeats.
    pub dice: &'a Dice,
}

/// Why a stint ended early.
#[derive(Debug)]
pub(crate) enum WorkError {
    /// The provider's side.
    Source(SourceError),
    /// The url does not render any more.
    Url(String),
    /// Our side.
    Ledger(LedgerError),
}

impl Work<'_> {
    /// Carries a task on for a while; what it finds is stored step by step, so that nothing is lost
    /// or repeated wherever it ends. Tells whether there was trouble, which is recorded.
    ///
    /// # Errors
    /// When the storage fails; the claim then ends by itself.
    pub async fn carry_on(&self, due: &DueTask) -> Result<bool, LedgerError> {
        let done = match due.task.clone() {
            Task::Load(load) => self.load(&due.due, load).await,
            Task::Sweep(sweep) => self.sweep(&due.due, sweep).await,
        };
        let now = self.clock.now();
        let (next, trouble) = match done {
            Ok(()) | Err(WorkError::Ledger(LedgerError::Superseded)) => {
                metrics::carried_on(&due.due.target.connector.key, &due.task, false);
                return Ok(false);
            }
            Err(WorkError::Ledger(error)) => return Err(error),
            Err(WorkError::Source(SourceError { wait: Some(wait), .. })) => (now.plus(wait), None),
            Err(WorkError::Source(error)) => self.failed(due, error.message),
            Err(WorkError::Url(message)) => self.failed(due, message),
        };
        let is_trouble = trouble.is_some();
        metrics::carried_on(&due.due.target.connector.key, &due.task, is_trouble);
        match self.tasks.give_back(&due.due, next, trouble).await {
            Ok(()) | Err(LedgerError::Superseded) => Ok(is_trouble),
            Err(error) => Err(error),
        }
    }

    fn failed(&self, due: &DueTask, message: String) -> (Timestamp, Option<Trouble>) {
        let failures = due.failures.saturating_add(1);
        tracing::warn!(instance = %due.due.target.instance, resource = %due.due.config.name,
            error = %message, "A load or sweep was interrupted");
        let interval = due.due.interval;
        let at = after_failure(self.clock.now(), interval, failures, self.dice.roll());
        (at, Some(Trouble { message, failures }))
    }

    /// Whether a record has gone; `must`: waits for room in the rate limit, as giving up would have to
    /// begin again.
    pub(crate) async fn is_gone(&self, due: &Due, id: &str, must: bool) -> Result<bool, WorkError> {
        loop {
            match self.source.is_gone(due, id).await {
                Err(SourceError { wait: Some(wait), .. }) if must => self.clock.sleep(wait).await,
                found => return Ok(found?),
            }
        }
    }

    pub(crate) async fn record(&self, due: &Due, step: Step) -> Result<(), WorkError> {
        let tally = Tally::of(&step.part);
        self.tasks.record(due, self.clock.now(), step).await?;
        tally.stored(&due.target.connector.key, "task");
        Ok(())
    }
}

impl From<SourceError> for WorkError {
    fn from(error: SourceError) -> Self {
        Self::Source(error)
    }
}

impl From<LedgerError> for WorkError {
    fn from(error: LedgerError) -> Self {
        Self::Ledger(error)
    }
}

impl From<PollError> for WorkError {
    fn from(error: PollError) -> Self {
        match error {
            PollError::Source(error) => Self::Source(error),
            PollError::Url(message) => Self::Url(message),
            PollError::Ledger(error) => Self::Ledger(error),
        }
    }
}
