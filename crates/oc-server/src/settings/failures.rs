//! What failed deliveries mean.

use oc_config::FailurePolicy;
use oc_dispatch::{ProbeSchedule, RetrySchedule};

use super::table::Found;
use super::value;

/// When failed deliveries are repeated, and what comes after the last failure.
#[derive(Clone, Debug)]
pub(crate) struct Failures {
    pub(crate) schedule: RetrySchedule,
    /// Of instances that do not say.
    pub(crate) policy: FailurePolicy,
    pub(crate) probes: ProbeSchedule,
}

impl Failures {
    /// `None` when there are faults, all of which are noted.
    pub(super) fn read(found: &mut Found) -> Option<Self> {
        let offsets = "ascending offsets separated by commas, as 8s,64s,512s";
        let schedule = found.parse("retry-schedule", offsets, value::schedule);
        let policy =
            found.parse("failure-policy", FailurePolicy::EXPECTED, |text| text.parse().ok());
        let first = "a time, as 5m, or 0s for no probes";
        let first = found.parse("probe-interval", first, value::duration_or_none);
        let most = found.parse("probe-most", "a time above 0, as 1d", value::duration);
        Some(Self {
            schedule: schedule?,
            policy: policy?,
            probes: ProbeSchedule::new(first?, most?),
        })
    }
}
