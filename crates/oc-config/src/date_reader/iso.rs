//! ISO 8601 as RFC 3339 profiles it, with any fraction; seconds, time and offset may be missing.

use time::{Date, Month, OffsetDateTime, PrimitiveDateTime, Time, UtcOffset};

use crate::{Timestamp, Zone};

/// Reads `2026-11-24`, `2026-11-24T03:04`, `...:05`, `...:05.678`, each with `Z`, `+05:30` or no
/// offset; then the zone's clocks are meant.
pub(super) fn read(text: &str, zone: &Zone) -> Option<Timestamp> {
    let bytes = text.as_bytes();
    let date = date(bytes.get(..10)?)?;
    if bytes.len() == 10 {
        return Some(zone.instant_of(date.midnight())?.into());
    }
    if !matches!(bytes[10], b'T' | b't') {
        return None;
    }
    let (hour, minute) = (two(bytes, 11)?, two(bytes, 14)?);
    if bytes[13] != b':' {
        return None;
    }
    let (second, at) = if bytes.get(16) == Some(&b':') { (two(bytes, 17)?, 19) } else { (0, 16) };
    let (nanos, at) = if at == 19 { fraction(bytes, at)? } else { (0, at) };
    let local =
        PrimitiveDateTime::new(date, Time::from_hms_nano(hour, minute, second, nanos).ok()?);
    let instant: OffsetDateTime = match bytes.get(at..)? {
        [] => zone.instant_of(local)?,
        [b'Z' | b'z'] => local.assume_utc(),
        offset => local.assume_offset(self::offset(offset)?),
    };
    Some(instant.into())
}

fn date(bytes: &[u8]) -> Option<Date> {
    if bytes[4] != b'-' || bytes[7] != b'-' {
        return None;
    }
    let year = i32::from(two(bytes, 0)?) * 100 + i32::from(two(bytes, 2)?);
    Date::from_calendar_date(year, Month::try_from(two(bytes, 5)?).ok()?, two(bytes, 8)?).ok()
}

fn two(bytes: &[u8], at: usize) -> Option<u8> {
    match bytes.get(at..at + 2)? {
        [tens @ b'0'..=b'9', ones @ b'0'..=b'9'] => Some((tens - b'0') * 10 + ones - b'0'),
        _ => None,
    }
}

/// The nanoseconds of a fraction that begins at `at`, and where it ends; further digits are cut.
fn fraction(bytes: &[u8], at: usize) -> Option<(u32, usize)> {
    if !matches!(bytes.get(at), Some(b'.' | b',')) {
        return Some((0, at));
    }
    let digits = bytes[at + 1..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    if digits == 0 {
        return None;
    }
    let mut nanos = 0;
    for place in 0..9 {
        let digit = if place < digits { bytes[at + 1 + place] - b'0' } else { 0 };
        nanos = nanos * 10 + u32::from(digit);
    }
    Some((nanos, at + 1 + digits))
}

/// `+05:30`, and nothing else.
fn offset(bytes: &[u8]) -> Option<UtcOffset> {
    let sign = match bytes.first()? {
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let (hours, minutes) = (i32::from(two(bytes, 1)?), i32::from(two(bytes, 4)?));
    let well_formed = bytes.len() == 6 && bytes[3] == b':' && hours <= 18 && minutes <= 59;
    well_formed.then_some(())?;
    UtcOffset::from_whole_seconds(sign * (hours * 3_600 + minutes * 60)).ok()
}
