//! Time zones as configurations name them: IANA names, offsets, and Java's short ids.

use std::fmt;

use jiff::civil;
use jiff::tz::TimeZone;
use time::{OffsetDateTime, PrimitiveDateTime, UtcOffset};

/// Java's short zone ids (`java.time.ZoneId.SHORT_IDS`).
const SHORT_IDS: [(&str, &str); 28] = [
    ("ACT", "Australia/Darwin"),
    ("AET", "Australia/Sydney"),
    ("AGT", "America/Argentina/Buenos_Aires"),
    ("ART", "Africa/Cairo"),
    ("AST", "America/Anchorage"),
    ("BET", "America/Sao_Paulo"),
    ("BST", "Asia/Dhaka"),
    ("CAT", "Africa/Harare"),
    ("CNT", "America/St_Johns"),
    ("CST", "America/Chicago"),
    ("CTT", "Asia/Shanghai"),
    ("EAT", "Africa/Addis_Ababa"),
    ("ECT", "Europe/Paris"),
    ("EST", "-05:00"),
    ("HST", "-10:00"),
    ("IET", "America/Indiana/Indianapolis"),
    ("IST", "Asia/Kolkata"),
    ("JST", "Asia/Tokyo"),
    ("MIT", "Pacific/Apia"),
    ("MST", "-07:00"),
    ("NET", "Asia/Yerevan"),
    ("NST", "Pacific/Auckland"),
    ("PLT", "Asia/Karachi"),
    ("PNT", "America/Phoenix"),
    ("PRT", "America/Puerto_Rico"),
    ("PST", "America/Los_Angeles"),
    ("SST", "Pacific/Guadalcanal"),
    ("VST", "Asia/Ho_Chi_Minh"),
];

/// A zone's rules: where its clocks stand at any instant.
#[derive(Clone, Debug, PartialEq)]
pub struct Zone {
    name: String,
    rules: Rules,
}

#[derive(Clone, Debug, PartialEq)]
enum Rules {
    Fixed(UtcOffset),
    Named(TimeZone),
}

impl Zone {
    /// Greenwich mean time, which stands for UTC.
    pub fn gmt() -> Self {
        Self { name: "GMT".to_owned(), rules: Rules::Fixed(UtcOffset::UTC) }
    }

    /// Reads `GMT`, `UTC`, `Z`, `-8:00`, `+0530`, `GMT+2`, `PST`, `Europe/Berlin`; `None` when it
    /// is no zone. IANA names and short ids may be written in any case.
    pub fn parse(text: &str) -> Option<Self> {
        let name = text.trim();
        let rules = Rules::parse(name)?;
        Some(Self { name: name.to_owned(), rules })
    }

    /// The name as it was given.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How far the zone's clocks are ahead of UTC at an instant.
    pub fn offset_at(&self, instant: OffsetDateTime) -> UtcOffset {
        match &self.rules {
            Rules::Fixed(offset) => *offset,
            Rules::Named(zone) => jiff::Timestamp::from_second(instant.unix_timestamp())
                .ok()
                .and_then(|at| UtcOffset::from_whole_seconds(zone.to_offset(at).seconds()).ok())
                .unwrap_or(UtcOffset::UTC),
        }
    }

    /// The zone's abbreviation at an instant, such as `PDT`; an offset's text where it has none.
    pub fn abbreviation_at(&self, instant: OffsetDateTime) -> String {
        match (&self.rules, jiff::Timestamp::from_second(instant.unix_timestamp())) {
            (Rules::Named(zone), Ok(at)) => zone.to_offset_info(at).abbreviation().to_owned(),
            _ => self.name.clone(),
        }
    }

    /// The instant at which the zone's clocks show `local`. Of two the earlier; where the clocks
    /// skip it, as much later as they skip (as `java.time` resolves both).
    pub fn instant_of(&self, local: PrimitiveDateTime) -> Option<OffsetDateTime> {
        match &self.rules {
            Rules::Fixed(offset) => Some(local.assume_offset(*offset)),
            Rules::Named(zone) => {
                let seconds = zone.to_timestamp(civil_of(local)?).ok()?.as_second();
                let whole = OffsetDateTime::from_unix_timestamp(seconds).ok()?;
                whole.replace_nanosecond(local.nanosecond()).ok()
            }
        }
    }
}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

impl Rules {
    fn parse(name: &str) -> Option<Self> {
        let upper = name.to_ascii_uppercase();
        if let Some(offset) = parse_offset(&upper) {
            return Some(Self::Fixed(offset));
        }
        for prefix in ["GMT", "UTC", "UT", "Z"] {
            if let Some(rest) = upper.strip_prefix(prefix) {
                if rest.is_empty() {
                    return Some(Self::Fixed(UtcOffset::UTC));
                }
                if let Some(offset) = parse_offset(rest) {
                    return Some(Self::Fixed(offset));
                }
            }
        }
        if let Some((_, full)) = SHORT_IDS.iter().find(|(short, _)| *short == upper) {
            return Self::parse(full);
        }
        TimeZone::get(name).ok().map(Self::Named)
    }
}

/// `+5`, `-8:00`, `+05:30`, `+0530`, `+05:30:15`; at most 18 hours, as in `java.time.ZoneOffset`.
fn parse_offset(text: &str) -> Option<UtcOffset> {
    let (sign, digits) = match text.as_bytes().first()? {
        b'+' => (1, &text[1..]),
        b'-' => (-1, &text[1..]),
        _ => return None,
    };
    let number = |part: &str| -> Option<i32> {
        let plain = (1..=2).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit());
        if plain { part.parse().ok() } else { None }
    };
    let parts: Vec<&str> = match digits.len() {
        4 | 6 if digits.is_ascii() && !digits.contains(':') => {
            (0..digits.len()).step_by(2).map(|at| &digits[at..at + 2]).collect()
        }
        _ => digits.splitn(3, ':').collect(),
    };
    let mut seconds = 0;
    for (part, unit) in parts.iter().zip([3_600, 60, 1]) {
        let value = number(part)?;
        if unit < 3_600 && (part.len() != 2 || value > 59) {
            return None;
        }
        seconds += value * unit;
    }
    if seconds > 18 * 3_600 {
        return None;
    }
    UtcOffset::from_whole_seconds(sign * seconds).ok()
}

fn civil_of(local: PrimitiveDateTime) -> Option<civil::DateTime> {
    let year = i16::try_from(local.year()).ok()?;
    let (month, day) = (u8::from(local.month()).cast_signed(), local.day().cast_signed());
    let (hour, minute, second) = local.as_hms();
    civil::DateTime::new(
        year,
        month,
        day,
        hour.cast_signed(),
        minute.cast_signed(),
        second.cast_signed(),
        0,
    )
    .ok()
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    fn offset(zone: &str, at: OffsetDateTime) -> i32 {
        Zone::parse(zone).unwrap().offset_at(at).whole_seconds()
    }

    #[test]
    fn every_spelling_of_an_offset_is_understood() {
        let table = [
            ("-8:00", -28_800),
            ("+05:30", 19_800),
            ("+0530", 19_800),
            ("GMT+2", 7_200),
            ("Z", 0),
            ("utc", 0),
            ("-8", -28_800),
            ("EST", -18_000),
        ];
        for (text, seconds) in table {
            assert_eq!(offset(text, datetime!(2026-07-01 0:00 UTC)), seconds, "{text}");
        }
    }

    #[test]
    fn java_short_ids_follow_their_place_through_the_clock_changes() {
        assert_eq!(offset("PST", datetime!(2026-01-01 0:00 UTC)), -28_800);
        assert_eq!(offset("pst", datetime!(2026-07-01 0:00 UTC)), -25_200);
    }

    #[test]
    fn what_is_no_zone_is_refused() {
        for text in ["Mars", "", "+", "+25:00", "5", "+5:3", "+05:60", "GMT+x", "+é0"] {
            assert_eq!(Zone::parse(text), None, "{text}");
        }
    }

    #[test]
    fn an_hour_that_comes_twice_means_its_first_time_and_one_skipped_moves_on() {
        let berlin = Zone::parse("Europe/Berlin").unwrap();
        let twice = berlin.instant_of(datetime!(2026-10-25 2:30)).unwrap();
        assert_eq!(twice, datetime!(2026-10-25 0:30 UTC));
        let skipped = berlin.instant_of(datetime!(2026-03-29 2:30)).unwrap();
        assert_eq!(skipped, datetime!(2026-03-29 1:30 UTC));
    }
}
