//! Telling the tenant: the notifications of events, their signatures, and when they are sent again.

mod notification;
mod schedule;
pub mod signature;

pub use notification::{MOST_EVENTS, Notification, Origin, compose};
pub use schedule::RetrySchedule;
