//! When a resource is polled next.

use std::time::Duration;

use oc_config::Timestamp;

/// The longest wait there is: a century, so that `999999999` minutes stay "practically never".
const LONGEST: Duration = Duration::from_secs(100 * 366 * 86_400);

/// An adaptive interval grows by so much with each poll that finds nothing...
const SLOWER: f64 = 1.25;
/// ...up to so many times the interval.
const SLOWEST: f64 = 8.0;

/// The first poll: one interval after `now`, and up to a tenth of it later, so that instances made
/// together do not stay together. `dice` is uniform in 0..1.
pub fn first_due(now: Timestamp, interval: Duration, dice: f64) -> Timestamp {
    now.plus(scaled(interval, 1.0 + 0.1 * dice))
}

/// The poll after one that began at `started` and succeeded: an interval later, 5 % to and fro.
///
/// After `quiet` polls in a row without an event the interval is 1.25 to the power of `quiet` times
/// as long, and never longer than eight times.
pub fn after_success(started: Timestamp, interval: Duration, quiet: u32, dice: f64) -> Timestamp {
    let longer = SLOWER.powf(f64::from(quiet)) * (0.95 + 0.1 * dice);
    started.plus(scaled(interval, longer.min(SLOWEST)))
}

/// The count of quiet polls after another one that found so many events; none is counted unless the
/// interval is adaptive.
pub fn quiet_after(adaptive: bool, before: u32, events: u64) -> u32 {
    if adaptive && events == 0 { before.saturating_add(1) } else { 0 }
}

/// The repeat of a poll that failed for the `failures`-th time in a row: 10 s, doubling, at most
/// the interval, with up to a fifth taken off.
pub fn after_failure(now: Timestamp, interval: Duration, failures: u32, dice: f64) -> Timestamp {
    let doubled = Duration::from_secs(10).saturating_mul(1 << failures.saturating_sub(1).min(16));
    now.plus(scaled(doubled.min(interval), 1.0 - 0.2 * dice))
}

/// The repeat of subscribing that failed for the `failures`-th time in a row: 1 s, doubling, at most
/// an hour, with up to a fifth taken off.
pub(crate) fn after_failure_of_subscribing(now: Timestamp, failures: u32, dice: f64) -> Timestamp {
    let doubled = Duration::from_secs(1 << failures.saturating_sub(1).min(12));
    now.plus(scaled(doubled.min(Duration::from_secs(3_600)), 1.0 - 0.2 * dice))
}

/// When subscriptions that fit are looked at again, as the provider may have dropped some: a day
/// later, and up to a tenth more.
pub(crate) fn until_looked_after(now: Timestamp, dice: f64) -> Timestamp {
    now.plus(scaled(Duration::from_secs(86_400), 1.0 + 0.1 * dice))
}

fn scaled(interval: Duration, by: f64) -> Duration {
    interval.min(LONGEST).mul_f64(by)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const QUARTER: Duration = Duration::from_secs(900);

    #[test]
    fn the_first_poll_comes_one_interval_after_creation_and_is_spread() {
        assert_eq!(first_due(Timestamp(0), QUARTER, 0.0).seconds(), 900);
        assert_eq!(first_due(Timestamp(0), QUARTER, 1.0).seconds(), 990);
    }

    #[test]
    fn later_polls_keep_the_interval_on_average() {
        assert_eq!(after_success(Timestamp(0), QUARTER, 0, 0.5).seconds(), 900);
    }

    #[test]
    fn quiet_polls_make_the_interval_longer_up_to_eight_times() {
        let waits =
            [1, 2, 9, 10, u32::MAX].map(|n| after_success(Timestamp(0), QUARTER, n, 0.5).seconds());
        assert_eq!(waits, [1_125, 1_406, 6_705, 7_200, 7_200]);
    }

    #[test]
    fn an_event_ends_the_quiet_at_once_and_without_the_key_nothing_is_counted() {
        assert_eq!([quiet_after(true, 0, 0), quiet_after(true, 9, 0)], [1, 10]);
        assert_eq!([quiet_after(true, 9, 1), quiet_after(false, 9, 0)], [0, 0]);
        assert_eq!(quiet_after(true, u32::MAX, 0), u32::MAX);
    }

    proptest! {
        #[test]
        fn an_adapted_interval_keeps_its_bounds_and_grows_with_the_quiet(
            seconds in 1..10_000_000_u64,
            quiet in any::<u32>(),
            dice in 0.0..1.0_f64,
        ) {
            let interval = Duration::from_secs(seconds);
            let wait = |quiet, dice| after_success(Timestamp(0), interval, quiet, dice);
            prop_assert!(wait(quiet, dice) >= Timestamp(0).plus(interval.mul_f64(0.95)));
            prop_assert!(wait(quiet, dice) <= Timestamp(0).plus(interval * 8));
            prop_assert!(wait(quiet, dice) <= wait(quiet.saturating_add(1), dice));
        }
    }

    #[test]
    fn failures_back_off_inside_the_interval() {
        let waits =
            [1, 2, 3, 7, 40].map(|n| after_failure(Timestamp(0), QUARTER, n, 0.0).seconds());
        assert_eq!(waits, [10, 20, 40, 640, 900]);
        let short = Duration::from_secs(3);
        assert_eq!(after_failure(Timestamp(0), short, 1, 0.0).seconds(), 3);
    }

    #[test]
    fn an_interval_of_nearly_for_ever_is_legal() {
        let for_ever = Duration::from_secs(999_999_999 * 60);
        assert!(first_due(Timestamp(0), for_ever, 1.0) > Timestamp(0));
    }
}
