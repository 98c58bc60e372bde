//! An instant as the service keeps it: whole microseconds since the epoch, UTC.

use std::fmt;
use std::time::Duration;

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// Microseconds since 1970-01-01T00:00:00Z. Finer input is rounded **down** (polling.md, "A poll").
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// The epoch itself.
    pub const EPOCH: Self = Self(0);

    /// The instant as a `time` value in UTC; out-of-range values are clamped to year 1 or 9999.
    pub fn to_utc(self) -> OffsetDateTime {
        OffsetDateTime::from_unix_timestamp_nanos(i128::from(self.0) * 1_000).unwrap_or_else(|_| {
            let clamped = if self.0 < 0 { -62_135_596_800 } else { 253_402_300_799 };
            OffsetDateTime::from_unix_timestamp(clamped).unwrap_or(OffsetDateTime::UNIX_EPOCH)
        })
    }

    /// Whole milliseconds since the epoch, rounded down.
    pub fn millis(self) -> i64 {
        self.0.div_euclid(1_000)
    }

    /// Whole seconds since the epoch, rounded down.
    pub fn seconds(self) -> i64 {
        self.0.div_euclid(1_000_000)
    }

    /// The same instant with its fraction of a second cut off.
    #[must_use]
    pub fn floor_second(self) -> Self {
        Self(self.seconds() * 1_000_000)
    }

    /// This instant plus a duration; saturates.
    #[must_use]
    pub fn plus(self, by: Duration) -> Self {
        Self(self.0.saturating_add(micros(by)))
    }

    /// This instant minus a duration; saturates.
    #[must_use]
    pub fn minus(self, by: Duration) -> Self {
        Self(self.0.saturating_sub(micros(by)))
    }

    /// How long after `earlier` this is; zero when it is not later.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    /// RFC 3339 in UTC without a fraction, as in `2026-11-24T19:40:36Z`.
    pub fn to_seconds_text(self) -> String {
        self.floor_second().to_string()
    }
}

fn micros(of: Duration) -> i64 {
    i64::try_from(of.as_micros()).unwrap_or(i64::MAX)
}

impl From<OffsetDateTime> for Timestamp {
    fn from(instant: OffsetDateTime) -> Self {
        // Seconds are rounded down, so that the fraction always adds; years have four digits.
        Self(instant.unix_timestamp() * 1_000_000 + i64::from(instant.microsecond()))
    }
}

/// RFC 3339 in UTC with the digits it needs.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_utc().format(&Rfc3339).map_err(|_| fmt::Error)?)
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn finer_instants_are_rounded_down_on_both_sides_of_the_epoch() {
        let table = [
            (datetime!(1970-01-01 0:00:00.000_001_999 UTC), 1),
            (datetime!(1969-12-31 23:59:59.999_999_001 UTC), -1),
            (datetime!(1969-12-31 23:59:58.5 UTC), -1_500_000),
            (datetime!(9999-12-31 23:59:59 -12), 253_402_343_999_000_000),
        ];
        for (instant, micros) in table {
            assert_eq!(Timestamp::from(instant).0, micros, "{instant}");
        }
    }
}
