//! When a resource is polled next.

use std::time::Duration;

use oc_config::Timestamp;

/// The longest wait there is: a century, so that `999999999` minutes stay "practically never".
const LONGEST: Duration = Duration::from_secs(100 * 366 * 86_400);

/// The first poll: one interval after `now`, and up to a tenth of it later, so that instances made
/// together do not stay together. `dice` is uniform in 0..1.
pub fn first_due(now: Timestamp, interval: Duration, dice: f64) -> Timestamp {
    now.plus(scaled(interval, 1.0 + 0.1 * dice))
}

/// The poll after one that began at `started` and succeeded: an interval later, 5 % to and fro.
pub fn after_success(started: Timestamp, interval: Duration, dice: f64) -> Timestamp {
    started.plus(scaled(interval, 0.95 + 0.1 * dice))
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
    use super::*;

    const QUARTER: Duration = Duration::from_secs(900);

    #[test]
    fn the_first_poll_comes_one_interval_after_creation_and_is_spread() {
        assert_eq!(first_due(Timestamp(0), QUARTER, 0.0).seconds(), 900);
        assert_eq!(first_due(Timestamp(0), QUARTER, 1.0).seconds(), 990);
    }

    #[test]
    fn later_polls_keep_the_interval_on_average() {
        assert_eq!(after_success(Timestamp(0), QUARTER, 0.5).seconds(), 900);
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
