//! Telling the tenant: the notifications of events, their signatures, how they are sent, and when
//! they are sent again.

mod notification;
mod schedule;
pub mod signature;
mod transport;
mod webhook;

pub use notification::{MOST_EVENTS, Notification, Origin, compose};
pub use schedule::RetrySchedule;
pub use transport::{Attempt, AttemptVerdict, Destination, Outgoing, Transport};
pub use webhook::Webhooks;

#[cfg(any(test, feature = "mock"))]
pub use transport::MockTransport;
