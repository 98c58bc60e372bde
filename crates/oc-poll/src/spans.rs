//! Where traces begin: with whatever finds events. They go on with their deliveries.

use oc_telemetry::named;
use tracing::field::Empty;
use tracing::{Span, info_span};

use crate::Due;

macro_rules! span {
    ($name:literal, $due:expr) => {{
        let target = &$due.target;
        named(info_span!(
            $name,
            trace = Empty,
            connector = target.connector.key,
            instance = %target.instance,
            resource = $due.config.name,
        ))
    }};
}

/// A poll of a resource.
pub(crate) fn poll(due: &Due) -> Span {
    span!("poll", due)
}

/// The working off of what was pushed.
pub(crate) fn intake(due: &Due) -> Span {
    span!("intake", due)
}

/// A stint of a load or sweep.
pub(crate) fn task(due: &Due) -> Span {
    span!("task", due)
}
