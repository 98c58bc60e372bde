//! When a failed notification is sent again.

use std::time::Duration;

use oc_config::Timestamp;

/// Offsets from the first failure; after the last one a notification is queued.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RetrySchedule(Vec<Duration>);

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

    /// When a notification is sent again whose first failure was at `first` and of which `failures`
    /// attempts have failed; `None` when it is to be queued. `dice`, uniform in 0..1, adds up to a
    /// tenth of the offset; a longer `retry_after`, counted from `now`, wins.
    pub fn next(
        &self,
        first: Timestamp,
        failures: u32,
        dice: f64,
        now: Timestamp,
        retry_after: Option<Duration>,
    ) -> Option<Timestamp> {
        let at = usize::try_from(failures.checked_sub(1)?).ok()?;
        let planned = first.plus(self.0.get(at)?.mul_f64(1.0 + 0.1 * dice));
        let told = retry_after.map_or(now, |wait| now.plus(wait));
        Some(planned.max(told))
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

    fn next(failures: u32, dice: f64, retry_after: Option<u64>) -> Option<i64> {
        let wait = retry_after.map(Duration::from_secs);
        RetrySchedule::default()
            .next(s(1_000), failures, dice, s(1_000), wait)
            .map(Timestamp::seconds)
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
    fn a_schedule_ascends() {
        assert!(RetrySchedule::new(vec![Duration::from_secs(2), Duration::from_secs(1)]).is_err());
    }
}
