//! What is done for a resource besides polling it: loading what was there, sweeping for what has gone.

use std::time::Duration;

use async_trait::async_trait;
use oc_config::Timestamp;
use oc_hub::ReadPlace;

use crate::Version;
use crate::ledger::{Due, LedgerError, Part, ResourceId};

/// What is to be done.
#[derive(Clone, Debug, PartialEq)]
pub enum Task {
    /// Send, or only note, what was there when events were asked for.
    Load(Load),
    /// Find what has gone.
    Sweep(Sweep),
}

/// The reading of what was there; it goes on where it was, whatever interrupts it.
#[derive(Clone, Debug, PartialEq)]
pub struct Load {
    /// Nothing dated before this is read.
    pub from: Timestamp,
    /// What was never told of is CREATED, whatever its dates say.
    pub all: bool,
    /// Where it goes on.
    pub place: ReadPlace,
    /// Records read.
    pub records: u64,
    /// Records there are, when the provider tells.
    pub total: Option<u64>,
    /// Everything is read; what had not become visible by then is for polls to find, up to one that
    /// begins at this instant or later.
    pub settled: Option<Timestamp>,
}

/// One look for what has gone.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sweep {
    /// Counts the sweeps of a resource, from 1.
    pub number: i64,
    /// When it began; `None` while it waits for its time.
    pub started: Option<Timestamp>,
    /// Deletions before this have been looked at, where the provider lists them.
    pub since: Timestamp,
    /// How far it is.
    pub stage: Stage,
    /// Objects up to this id have been dealt with in this stage.
    pub after: String,
    /// Objects known when it began.
    pub tracked: u64,
    /// Objects found to be gone.
    pub missing: u64,
    /// Of them, those that were told.
    pub told: u64,
    /// More are missing than may be told without asking; it waits for an answer.
    pub asks: bool,
    /// The answer was that all may be told.
    pub allowed: bool,
}

/// The stages of a sweep, in their order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Stage {
    /// The provider is asked what is there.
    #[default]
    Look,
    /// What was not there is asked for alone.
    Confirm,
    /// What has gone is told.
    Tell,
}

/// A task that is due.
#[derive(Clone, Debug)]
pub struct DueTask {
    /// The resource, as a poll would find it.
    pub due: Due,
    /// What is to be done.
    pub task: Task,
    /// Consecutive failures so far.
    pub failures: u32,
}

/// What was claimed, and when to ask again.
#[derive(Clone, Debug, Default)]
pub struct ClaimedTasks {
    /// Tasks whose instances nobody else works for.
    pub tasks: Vec<DueTask>,
    /// When the next one becomes due.
    pub next: Option<Timestamp>,
}

/// A step of a task: what it found, and how the task stands then.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// Told and remembered at once.
    pub part: Part,
    /// Objects that the sweep has found to be gone.
    pub missing: Vec<String>,
    /// Objects that the sweep has seen.
    pub seen: Vec<String>,
    /// The task as it stands; `None` when nothing is left to do.
    pub task: Option<Task>,
    /// When it goes on.
    pub next: Next,
    /// A sweep that has ended, for the owner to see.
    pub swept: Option<Swept>,
}

/// What kept a task from going on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// For the owner to see; no secrets.
    pub message: String,
    /// Consecutive failures, this one included.
    pub failures: u32,
}

/// When a task goes on after a step; with all but [`Next::Now`] its claim is given back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// At once, by the same worker.
    Now,
    /// At an instant.
    At(Timestamp),
    /// When somebody has said so.
    Asked,
}

/// A sweep that has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Swept {
    /// When it began.
    pub started: Timestamp,
    /// Objects known then.
    pub tracked: u64,
    /// Objects told as deleted.
    pub deleted: u64,
}

/// Which of the known objects of a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tracked {
    /// All, those told as deleted among them.
    All,
    /// All that were not told as deleted.
    Living,
    /// Those that neither this sweep nor the one before has seen.
    Unseen(i64),
    /// Those that this sweep has found to be gone.
    Missing(i64),
}

/// What tasks need from storage. Each method is one transaction and durable when it returns.
#[cfg_attr(any(test, feature = "mock"), mockall::automock)]
#[async_trait]
pub trait Tasks: Send + Sync {
    /// Up to `limit` tasks due at `now`, of instances that nobody has claimed, one for each account
    /// and none of `busy` ones. As with polls, what an earlier poll had staged and not finished is
    /// void.
    async fn claim_tasks(
        &self,
        now: Timestamp,
        limit: usize,
        lease: Duration,
        busy: &[String],
    ) -> Result<ClaimedTasks, LedgerError>;

    /// Up to `limit` objects with their versions, in the order of their ids, behind `after`.
    async fn tracked(
        &self,
        resource: ResourceId,
        which: Tracked,
        after: &str,
        limit: usize,
    ) -> Result<Vec<(String, Version)>, LedgerError>;

    /// How many objects these are.
    async fn count(&self, resource: ResourceId, which: Tracked) -> Result<u64, LedgerError>;

    /// Records a step that was taken at `now`.
    async fn record(&self, due: &Due, now: Timestamp, step: Step) -> Result<(), LedgerError>;

    /// Gives the claim of a task back that could not go on; it is due again at `at`.
    async fn give_back(
        &self,
        due: &Due,
        at: Timestamp,
        trouble: Option<Trouble>,
    ) -> Result<(), LedgerError>;
}

impl Step {
    /// A step that has found nothing.
    pub(crate) fn to(task: Option<Task>, next: Next) -> Self {
        Self {
            part: Part::default(),
            missing: Vec::new(),
            seen: Vec::new(),
            task,
            next,
            swept: None,
        }
    }
}
