//! The metrics of the queue.

use oc_telemetry as table;

use crate::stream::Standing;

/// How it stands with the tickets, or that nobody knows.
pub(crate) fn stands(standing: Option<Standing>) {
    table::QUEUE_CONNECTED.set(&[], if standing.is_some() { 1.0 } else { 0.0 });
    if let Some(Standing { waiting, under_way }) = standing {
        let count = |tickets: usize| u64::try_from(tickets).unwrap_or(u64::MAX);
        table::QUEUE_WAITING.count(&[], count(waiting));
        table::QUEUE_ACK_PENDING.count(&[], count(under_way));
    }
}

/// A ticket was put into the stream, or had been there a moment ago.
pub(crate) fn put(is_new: bool) {
    table::QUEUE_PUT.add(&[if is_new { "put" } else { "there" }], 1);
}

/// A ticket was handed out, for the first time or once more.
pub(crate) fn handed(is_again: bool) {
    table::QUEUE_HANDED.add(&[if is_again { "again" } else { "first" }], 1);
}
