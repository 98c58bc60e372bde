//! The port of a queue between processes to the outbox whose lanes it hands out.

use std::time::Duration;

use async_trait::async_trait;
use oc_config::Timestamp;

use crate::outbox::{DestinationId, Lane, LaneId, OutboxError, Turn};

/// What a queue hands out: to whoever gets it, it says that the lane may have something to be sent.
/// It promises nothing, as only a claim does, so that it may come late, twice or in vain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Ticket {
    /// Which lane.
    pub lane: LaneId,
    /// Which of its notifications.
    pub turn: Turn,
}

/// A lane that is to be put into the queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DueLane {
    /// Which.
    pub ticket: Ticket,
    /// Since when it is due. It moves with each outcome, so that with the ticket it is the lane's
    /// state: two processes that see the same state put the same thing into the queue.
    pub since: Timestamp,
    /// Whose share it uses.
    pub destination_id: DestinationId,
}

/// What is looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DueRequest {
    /// The time.
    pub now: Timestamp,
    /// At most so many lanes.
    pub lanes: usize,
    /// At most so many lanes of one destination for each process that shares the outbox, those in
    /// the queue included.
    pub per_destination: usize,
    /// Whether deliveries that have queued are probed.
    pub probes: bool,
    /// What is in the queue already, or was handed out by it and is under way.
    pub queued: Vec<Ticket>,
}

/// What is due.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DueLanes {
    /// Lanes that nobody has claimed and that are not in the queue, in the order in which it is
    /// their turn.
    pub lanes: Vec<DueLane>,
    /// When the next lane becomes due.
    pub next: Option<Timestamp>,
}

/// What became of tickets. One that is in neither list has nothing to be sent now.
#[derive(Clone, Debug, Default)]
pub struct Taken {
    /// Claimed, as by [`Outbox::claim`](crate::Outbox::claim).
    pub lanes: Vec<Lane>,
    /// Claimed by somebody else.
    pub elsewhere: Vec<Ticket>,
}

/// What a queue needs of the outbox.
#[cfg_attr(any(test, feature = "mock"), mockall::automock)]
#[async_trait]
pub trait Backlog: Send + Sync {
    /// What is to be put into the queue; tenants take turns.
    async fn due(&self, request: DueRequest) -> Result<DueLanes, OutboxError>;

    /// Claims the lanes of these tickets, as far as they are due and nobody has claimed them; a
    /// claim ends after `lease` if nothing is ever settled.
    async fn take(
        &self,
        tickets: Vec<Ticket>,
        now: Timestamp,
        lease: Duration,
    ) -> Result<Taken, OutboxError>;

    /// Whether the processes that share the outbox tell each other of what is new in it; they need
    /// not while a queue does.
    fn tell_others(&self, tell: bool);
}
