//! The port to the notifications that wait to be sent.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use oc_config::{FailurePolicy, Timestamp};
use oc_poll::Fence;
use oc_telemetry::TraceContext;
use uuid::Uuid;

use crate::{Attempt, Destination};

/// A lane: the notifications of one instance and resource, which arrive in their order. Those that
/// are to be sent once more wait in a queue of their own beside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LaneId(pub i64);

/// A destination, shared by the lanes whose notifications go to one host.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct DestinationId(pub String);

/// Which of a lane's notifications are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Turn {
    /// What is new.
    New,
    /// Those that somebody wants once more.
    Replay,
    /// Only the first that has queued: whether the receiver takes it again.
    Probe,
}

/// What a worker asks for.
#[derive(Clone, Debug)]
pub struct ClaimRequest {
    /// The time.
    pub now: Timestamp,
    /// At most so many lanes.
    pub lanes: usize,
    /// At most so many lanes of one destination...
    pub per_destination: usize,
    /// ...but for these, which have less room or none.
    pub room: HashMap<DestinationId, usize>,
    /// Whether deliveries that have queued are probed.
    pub probes: bool,
    /// For how long a claim holds if nothing is ever settled.
    pub lease: Duration,
}

/// What a worker gets.
#[derive(Clone, Debug, Default)]
pub struct Claimed {
    /// Lanes with something due, nobody else's until they are settled. A lane and its replays are
    /// claimed apart, so that nothing new waits for a replay.
    pub lanes: Vec<Lane>,
    /// When the next lane that is neither claimed nor short of room becomes due.
    pub next: Option<Timestamp>,
}

/// A claimed lane and the first of its notifications.
#[derive(Clone, Debug)]
pub struct Lane {
    /// Which.
    pub id: LaneId,
    /// Which of its notifications these are.
    pub turn: Turn,
    /// The claim.
    pub fence: Fence,
    /// The resource that its events are of.
    pub resource: Arc<str>,
    /// Whose share it uses.
    pub destination_id: DestinationId,
    /// Where they go.
    pub destination: Arc<Destination>,
    /// What a failure means for its instance; `None` leaves it to the operator.
    pub policy: Option<FailurePolicy>,
    /// Whether its instance wants to be probed once its deliveries have queued.
    pub probes: bool,
    /// In their order, never empty.
    pub notifications: Vec<Pending>,
}

/// A notification that waits.
#[derive(Clone, Debug)]
pub struct Pending {
    /// `message.eventId`.
    pub id: Uuid,
    /// The exact body.
    pub body: Bytes,
    /// Which attempt this is, from 1, as the receiver is told.
    pub attempt: u32,
    /// How many attempts have failed in a row, or probes; the schedule counts from it.
    pub failures: u32,
    /// When the first one did.
    pub first_failure: Option<Timestamp>,
    /// The span that found it, when it is traced.
    pub trace: Option<TraceContext>,
    /// The oldest change that it tells, by the provider's date, unless what was there before is told.
    pub changed: Option<Timestamp>,
}

/// What came of a claimed lane, which may be nothing. Settling it gives the claim back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settlement {
    /// Which lane.
    pub lane: LaneId,
    /// Which of its notifications were sent.
    pub turn: Turn,
    /// The claim that it was sent under: if somebody else has claimed the lane since, nothing of
    /// this counts.
    pub fence: Fence,
    /// The notifications that arrived, from the first on.
    pub delivered: Vec<(Uuid, Attempt)>,
    /// The one that did not, at which the lane stopped.
    pub failed: Option<Failed>,
}

/// A notification that did not arrive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failed {
    /// Which.
    pub id: Uuid,
    /// What happened.
    pub attempt: Attempt,
    /// What is to become of it, and so of those behind it.
    pub next: Next,
}

/// What becomes of a failed notification.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// It is sent again then; until then the lane waits.
    Retry(Timestamp),
    /// It is queued, and the instance's subscription is deactivated: nothing is sent until someone
    /// reactivates it, or a probe arrives. A replay is given up instead, and nothing is deactivated.
    Queue {
        /// When it is probed, if it is.
        probe: Option<Timestamp>,
    },
}

/// The storage failed; nothing was changed.
#[derive(Debug, thiserror::Error)]
#[error("the storage failed: {0}")]
pub struct OutboxError(#[source] pub Box<dyn std::error::Error + Send + Sync>);

/// What delivery needs from storage.
#[cfg_attr(any(test, feature = "mock"), mockall::automock)]
#[async_trait]
pub trait Outbox: Send + Sync {
    /// Claims lanes whose first notification is due, replays of lanes that have nothing new, and
    /// probes of instances whose deliveries have queued.
    async fn claim(&self, request: ClaimRequest) -> Result<Claimed, OutboxError>;

    /// Records outcomes, all in one transaction, and gives their lanes back. Durable when it
    /// returns: before that, nothing counts as delivered. Whoever settles then looks by itself for
    /// what the lanes have left; `changed` does not end for it.
    async fn settle(&self, settlements: Arc<[Settlement]>) -> Result<(), OutboxError>;

    /// Whether a claim still holds at `now`, as far as is known without asking: a process that was
    /// paused finds here that others may have taken over. Asked before each notification is sent.
    fn holds(&self, lane: &Lane, now: Timestamp) -> bool;

    /// Ends when there may be something new to claim; what happened before the call counts too.
    async fn changed(&self);
}
