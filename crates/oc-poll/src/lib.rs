//! placeholder

mod event;

pub use event::{Event, EventKind};
