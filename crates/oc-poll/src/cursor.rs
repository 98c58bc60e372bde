//! Where the next poll begins.

use std::time::Duration;

use oc_config::Timestamp;
use oc_hub::ClockReading;

/// The cursor after a poll that began at `started`: its start by the provider's clock where that
/// is behind ours, and never earlier than `previous` (polling.md, "A poll", 4).
///
/// A `Date` of second s means some instant before s + 1. The provider is behind only if even that
/// lies before the request was sent; then the largest difference the header allows is taken, so
/// that no change made since can carry an earlier date than the cursor. A clock of ours that was set
/// back meanwhile was wrong when the poll began.
pub(crate) fn next_cursor(
    previous: Timestamp,
    started: Timestamp,
    first: Option<ClockReading>,
) -> Timestamp {
    let behind = first
        .filter(|at| at.provider.plus(Duration::from_secs(1)) < at.sent)
        .map_or(Duration::ZERO, |at| at.received.since(at.provider));
    let started = first.map_or(started, |at| started.min(at.sent));
    started.minus(behind).max(previous)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64, micros: i64) -> Timestamp {
        Timestamp(seconds * 1_000_000 + micros)
    }

    fn cursor(provider: i64) -> Timestamp {
        let first =
            ClockReading { sent: at(1_000, 5), received: at(1_001, 0), provider: at(provider, 0) };
        next_cursor(at(900, 0), at(1_000, 0), Some(first))
    }

    #[test]
    fn a_provider_whose_clock_agrees_leaves_our_start() {
        assert_eq!(cursor(1_000), at(1_000, 0));
        assert_eq!(cursor(1_001), at(1_000, 0));
    }

    #[test]
    fn a_provider_that_is_behind_moves_the_cursor_back_by_the_most_it_may_be() {
        assert_eq!(cursor(990), at(989, 0));
    }

    #[test]
    fn a_provider_that_is_ahead_changes_nothing() {
        assert_eq!(cursor(1_500), at(1_000, 0));
    }

    #[test]
    fn a_clock_of_ours_that_is_set_back_while_we_poll_leaves_no_cursor_in_the_future() {
        let first = ClockReading { sent: at(5, 0), received: at(6, 0), provider: at(5, 0) };
        assert_eq!(next_cursor(at(1, 0), at(9_000, 0), Some(first)), at(5, 0));
    }

    #[test]
    fn the_cursor_never_moves_backwards() {
        assert_eq!(cursor(5), at(900, 0));
        assert_eq!(next_cursor(at(2_000, 0), at(1_000, 0), None), at(2_000, 0));
    }
}
