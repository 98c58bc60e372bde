//! When a receiver that has refused for the last time is tried again.

use std::time::Duration;

use oc_config::Timestamp;

/// The times between probes: an interval that doubles with each failure, up to a longest one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProbeSchedule {
    first: Duration,
    most: Duration,
}

impl ProbeSchedule {
    /// Intervals from `first` up to `most`; with a `first` of zero there are no probes.
    pub fn new(first: Duration, most: Duration) -> Self {
        Self { first, most: most.max(first) }
    }

    /// Whether there are any.
    pub fn is_on(&self) -> bool {
        !self.first.is_zero()
    }

    /// When the next one is due after `failures` failed ones, if there are any. `dice`, uniform in
    /// 0..1, adds up to a tenth of the interval; a longer `retry_after` wins.
    pub(crate) fn next(
        &self,
        failures: u32,
        dice: f64,
        now: Timestamp,
        retry_after: Option<Duration>,
    ) -> Option<Timestamp> {
        let doubled = self.first.saturating_mul(2_u32.saturating_pow(failures));
        let planned = doubled.min(self.most).mul_f64(1.0 + 0.1 * dice);
        self.is_on().then(|| now.plus(planned.max(retry_after.unwrap_or_default())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(0);

    fn s(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn the_interval_doubles_up_to_the_longest_one() {
        let probes = ProbeSchedule::new(s(300), s(1_000));
        let after = |failures| probes.next(failures, 0.0, NOW, None).map(Timestamp::seconds);
        assert_eq!([0, 1, 2, 99].map(after), [300, 600, 1_000, 1_000].map(Some));
        assert_eq!(probes.next(2, 1.0, NOW, None), Some(NOW.plus(s(1_100))));
    }

    #[test]
    fn a_longer_retry_after_wins_and_a_shorter_one_does_not() {
        let probes = ProbeSchedule::new(s(300), s(1_000));
        let told = |wait| probes.next(0, 0.0, NOW, Some(s(wait))).map(Timestamp::seconds);
        assert_eq!((told(900), told(9)), (Some(900), Some(300)));
    }

    #[test]
    fn without_an_interval_there_are_no_probes() {
        let off = ProbeSchedule::new(Duration::ZERO, s(1_000));
        assert_eq!((off.is_on(), off.next(0, 0.0, NOW, None)), (false, None));
    }
}
