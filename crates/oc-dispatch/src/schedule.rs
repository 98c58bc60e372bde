//! When a failed notification is sent again.

use std::time::Duration;

use oc_config::Timestamp;

/// Offsets from the first failure; after the last one a notification is queued.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RetrySchedule(Vec<Duration>);

/// The attempts that have failed of a notification.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Failures {
    /// How many.
    pub(crate) count: u32,
    /// When the first one ended.
    pub(crate) first: Timestamp,
    /// When the last one began.
    pub(crate) last: Timestamp,
}

impl RetrySchedule {
    /// A schedule of these offsets, ascending.
    ///
    /// # Errors
    /// Offsets that do not ascend.
    pub fn new(offsets: Vec<Duration>) -> Result<Self, &'static str> {
        if offsets.is_sorted() {
            Ok(Self(offsets))
        } else {
            Err("the offsets of a retry schedule ascend")
        }
    }

    /// When a notification is sent again of which attempts have failed; `None` when it is to be
    /// queued. `dice`, uniform in 0..1, adds up to a tenth of the offset; a longer `retry_after`,
    /// counted from `now`, wins. An attempt that came late, as after a pause or while nothing ran,
    /// moves those behind it by as much: they keep their distance and never come at once.
    pub(crate) fn next(
        &self,
        failures: Failures,
        dice: f64,
        now: Timestamp,
        retry_after: Option<Duration>,
    ) -> Option<Timestamp> {
        let at = usize::try_from(failures.count.checked_sub(1)?).ok()?;
        let offset = *self.0.get(at)?;
        let before = at.checked_sub(1).and_then(|at| self.0.get(at)).copied().unwrap_or_default();
        let planned = failures.first.plus(offset.mul_f64(1.0 + 0.1 * dice));
        let apart = failures.last.plus(offset.saturating_sub(before));
        let told = now.plus(retry_after.unwrap_or_default());
        Some(planned.max(apart).max(told))
    }
}

impl Default for RetrySchedule {
    /// Open Connectors' newer one: 8 s, 64 s, 512 s, 4,096 s, 32,768 s.
    fn default() -> Self {
        Self([8, 64, 512, 4_096, 32_768].map(Duration::from_secs).to_vec())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn s(seconds: i64) -> Timestamp {
        Timestamp(seconds * 1_000_000)
    }

    /// After attempts that were all on time.
    fn next(count: u32, dice: f64, retry_after: Option<u64>) -> Option<i64> {
        let last = s([1_000, 1_008, 1_064, 1_512, 5_096, 33_768][count as usize - 1]);
        let failures = Failures { count, first: s(1_000), last };
        let wait = retry_after.map(Duration::from_secs);
        RetrySchedule::default().next(failures, dice, last, wait).map(Timestamp::seconds)
    }

    #[test]
    fn offsets_count_from_the_first_failure_and_end_in_the_queue() {
        let times = [1, 2, 3, 4, 5, 6].map(|failures| next(failures, 0.0, None));
        assert_eq!(times, [Some(1_008), Some(1_064), Some(1_512), Some(5_096), Some(33_768), None]);
    }

    #[test]
    fn chance_adds_up_to_a_tenth() {
        assert_eq!(next(5, 1.0, None), Some(1_000 + 36_044));
    }

    #[test]
    fn a_longer_retry_after_is_honoured_and_a_shorter_one_is_not() {
        assert_eq!((next(1, 0.0, Some(100)), next(1, 0.0, Some(1))), (Some(1_100), Some(1_008)));
    }

    #[test]
    fn attempts_that_come_late_move_those_behind_them() {
        let after = |count, last| {
            let failures = Failures { count, first: s(1_000), last: s(last) };
            let next = RetrySchedule::default().next(failures, 0.0, s(last + 30), None);
            next.map(Timestamp::seconds)
        };
        // The first attempt took until its deadline; then nothing ran for ten hours.
        assert_eq!(after(1, 970), Some(1_008));
        assert_eq!(after(2, 37_000), Some(37_056));
        assert_eq!(after(3, 37_056), Some(37_504));
        assert_eq!(after(5, 41_088), Some(69_760));
    }

    #[test]
    fn a_schedule_ascends() {
        assert!(RetrySchedule::new(vec![Duration::from_secs(2), Duration::from_secs(1)]).is_err());
    }
}
