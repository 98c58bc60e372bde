//! The port to what must survive: what is due, what is known, and the outcome of a poll.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use oc_config::{Configuration, InstanceId, ResourceConfig, Timestamp};
use oc_hub::Target;

use crate::{Event, Fence, Version};

/// A resource of an instance, as the ledger numbers them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ResourceId(pub i64);

/// What was claimed, and when to ask again.
#[derive(Clone, Debug, Default)]
pub struct Claimed {
    /// Instances with at least one due resource.
    pub instances: Vec<DueInstance>,
    /// When the next resource that nobody has claimed becomes due.
    pub next: Option<Timestamp>,
}

/// An instance whose resources are to be polled one after the other.
#[derive(Clone, Debug)]
pub struct DueInstance {
    /// Its number.
    pub instance: InstanceId,
    /// Consecutive failed polls so far.
    pub failures: u32,
    /// Its due resources, never empty.
    pub resources: Vec<Due>,
}

/// One resource that is due.
#[derive(Clone, Debug)]
pub struct Due {
    /// Its number.
    pub resource: ResourceId,
    /// Counts changes of its configuration: an outcome for another revision is not accepted.
    pub revision: i64,
    /// The claim of its instance.
    pub fence: Fence,
    /// Whom to ask.
    pub target: Target,
    /// What to ask and how to read it.
    pub config: Arc<ResourceConfig>,
    /// Values for `{name}` in the url.
    pub configuration: Arc<Configuration>,
    /// Which of its instance's configurations, in the order of their changes, this is.
    pub configured: i64,
    /// From one poll to the next.
    pub interval: Duration,
    /// Whether the interval grows while polls find nothing.
    pub adaptive: bool,
    /// Where the last poll ended.
    pub checkpoint: Checkpoint,
}

/// What is remembered of a resource from one poll to the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// The last poll time, L.
    pub cursor: Timestamp,
    /// Nothing dated at or before this is ever sent.
    pub floor: Timestamp,
    /// Whether any poll has completed.
    pub polled: bool,
    /// Polls in a row that found nothing, while the interval is adaptive.
    pub quiet: u32,
    /// Fingerprints must not be forgotten: a task needs them.
    pub remembers: bool,
    /// Everything that is there is being sent as CREATED, and that is not finished.
    pub loads_all: bool,
}

/// An object's last reported version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fingerprint {
    /// The object's id.
    pub object_id: String,
    /// Its version.
    pub version: Version,
}

/// What is remembered of an object's content, where the configuration asks for changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Content {
    /// The object's id.
    pub object_id: String,
    /// The record as it was told or noted last; `None`: nothing is known of it any more.
    pub record: Option<Bytes>,
}

/// A part of a poll's findings, in the order they were read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Part {
    /// What to tell.
    pub events: Vec<Event>,
    /// What to remember; one for each event, and some without.
    pub fingerprints: Vec<Fingerprint>,
    /// What to remember of contents, at most one for each object; empty unless the configuration
    /// asks for changes.
    pub contents: Vec<Content>,
}

/// How a poll ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Every page was read.
    Done(Finding),
    /// It stored nothing and is to be repeated.
    Failed(Failure),
    /// It was not begun; it is due again at the given instant.
    Deferred(Timestamp),
}

/// The end of a poll that read every page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What was not staged before.
    pub part: Part,
    /// When it began, by our clock: the notifications' `pollDate`.
    pub started: Timestamp,
    /// The new cursor, never earlier than the old one.
    pub cursor: Timestamp,
    /// Fingerprints with a dated version before this can never be needed again.
    pub forget_before: Option<Timestamp>,
    /// Polls in a row that found nothing, this one included.
    pub quiet: u32,
    /// When to poll next.
    pub next_due: Timestamp,
    /// For the owner to see.
    pub summary: PollSummary,
}

/// What a poll met, for the owner to see.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PollSummary {
    /// Records read.
    pub records: u64,
    /// Events found.
    pub events: u64,
    /// Records whose id was not readable.
    pub without_id: u64,
    /// Records with a date that was there and could not be read.
    pub unreadable_dates: u64,
}

/// A poll that did not read every page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// What went wrong, for the owner to see; no secrets.
    pub message: String,
    /// Consecutive failed polls of the instance, this one included.
    pub failures: u32,
    /// The user must authorize the instance again.
    pub needs_authentication: bool,
    /// Polling of the instance stops: the threshold is reached, or only the user can help.
    pub stop: bool,
    /// When to try again, unless it stops.
    pub next_due: Timestamp,
}

/// Why the ledger could not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// The resource was deleted or configured anew while it was polled, or somebody else has claimed
    /// it: the outcome is void, and the claim is given back.
    #[error("the resource changed while it was polled")]
    Superseded,
    /// The storage failed; nothing was stored.
    #[error("the storage failed: {0}")]
    Storage(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// What polling needs from storage. Each method is one transaction and durable when it returns.
#[cfg_attr(any(test, feature = "mock"), mockall::automock)]
#[async_trait]
pub trait Ledger: Send + Sync {
    /// Up to `limit` instances with resources due at `now`. They stay claimed until the outcome of
    /// each resource is recorded, or until the lease ends that nobody renews. What an earlier claim had staged and
    /// not finished is void.
    async fn claim(
        &self,
        now: Timestamp,
        limit: usize,
        lease: Duration,
    ) -> Result<Claimed, LedgerError>;

    /// The last reported versions of some objects, in the order of `objects`; staged ones of the
    /// running poll count.
    async fn known(
        &self,
        resource: ResourceId,
        objects: Arc<[String]>,
    ) -> Result<Vec<Option<Version>>, LedgerError>;

    /// The contents remembered last of some objects, in the order of `objects`; staged ones of the
    /// running poll count. `None` where nothing is known.
    async fn contents(
        &self,
        resource: ResourceId,
        objects: &[String],
    ) -> Result<Vec<Option<Bytes>>, LedgerError>;

    /// Puts a part of a large poll aside. Nobody sees it before the poll is [`Outcome::Done`].
    async fn stage(&self, due: &Due, started: Timestamp, part: Part) -> Result<(), LedgerError>;

    /// The instance is still being polled: its claim holds for `lease` from `now`.
    async fn renew(
        &self,
        instance: InstanceId,
        now: Timestamp,
        lease: Duration,
    ) -> Result<(), LedgerError>;

    /// Records how a poll ended and gives the claim back: events, fingerprints, contents, cursor and
    /// next due time in one transaction.
    async fn finish(&self, due: &Due, outcome: Outcome) -> Result<(), LedgerError>;
}
