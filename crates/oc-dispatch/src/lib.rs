//! Telling the tenant: the notifications of events, their signatures, how they are sent, and when
//! they are sent again.
#![doc = include_str!("../README.md")]

mod backlog;
mod dispatcher;
mod heading;
mod herald;
mod metrics;
mod notification;
mod outbox;
mod probe;
mod schedule;
mod sent;
pub mod signature;
mod transport;
mod webhook;

pub use backlog::{Backlog, DueLane, DueLanes, DueRequest, Taken, Ticket};
pub use dispatcher::{Dispatcher, DispatcherSettings};
pub use heading::{HeadingName, heading};
pub use herald::{Herald, Notice, Notices};
pub use notification::{Kinds, MOST_EVENTS, MOST_PUSHED_EVENTS, Notification, Origin, compose};
pub use outbox::{
    ClaimRequest, Claimed, DestinationId, Failed, Lane, LaneId, Next, Outbox, OutboxError, Pending,
    Settlement, Turn,
};
pub use probe::ProbeSchedule;
pub use schedule::RetrySchedule;
pub use sent::SentHeaders;
pub use transport::{
    Attempt, AttemptVerdict, Callback, Destination, Outgoing, SinkAddress, Transport,
};
pub use webhook::Webhooks;

#[cfg(any(test, feature = "mock"))]
pub use backlog::MockBacklog;
#[cfg(any(test, feature = "mock"))]
pub use outbox::MockOutbox;
#[cfg(any(test, feature = "mock"))]
pub use transport::MockTransport;
