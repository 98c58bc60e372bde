//! Reading a text with a mask, strictly.

use time::{Date, Month, OffsetDateTime, PrimitiveDateTime, Time, UtcOffset};

use super::{MONTHS, NameForm, Number, OffsetForm, Token, WEEKDAYS};
use crate::Zone;

/// What was found in the text so far.
#[derive(Default)]
struct Found {
    year: Option<i64>,
    month: Option<i64>,
    day: Option<i64>,
    day_of_year: Option<i64>,
    weekday: Option<i64>,
    hour: Option<i64>,
    half_day_hour: Option<i64>,
    afternoon: Option<bool>,
    minute: Option<i64>,
    second: Option<i64>,
    nanosecond: u32,
    offset: Option<UtcOffset>,
    zone: Option<Zone>,
}

pub(super) fn read(tokens: &[Token], text: &str, zone: &Zone) -> Option<OffsetDateTime> {
    let mut found = Found::default();
    let mut rest = text;
    for (at, token) in tokens.iter().enumerate() {
        rest = match token {
            Token::Literal(literal) => rest.strip_prefix(literal.as_str())?,
            Token::Number(number, width) => {
                let (value, rest) = digits(rest, *width, reserved(&tokens[at + 1..]))?;
                found.set(*number, value)?;
                rest
            }
            Token::ShortYear => {
                let (value, rest) = digits(rest, 2, 0)?;
                found.year = Some(2_000 + value);
                rest
            }
            Token::Month(form) => {
                let (index, rest) = name(rest, &MONTHS, *form)?;
                found.month = Some(index + 1);
                rest
            }
            Token::Weekday(form) => {
                let (index, rest) = name(rest, &WEEKDAYS, *form)?;
                found.weekday = Some(index);
                rest
            }
            Token::AmPm => {
                let (half, rest) = rest.split_at_checked(2)?;
                found.afternoon = Some(match half {
                    "AM" => false,
                    "PM" => true,
                    _ => return None,
                });
                rest
            }
            Token::Fraction(width) => {
                let (fraction, rest) = rest.split_at_checked(*width)?;
                found.nanosecond = nanoseconds(fraction)?;
                rest
            }
            Token::Offset(form) => {
                let (offset, rest) = offset(rest, *form)?;
                found.offset = Some(offset);
                rest
            }
            Token::ZoneName => {
                let end = rest.find(|c: char| c.is_whitespace() || c == ')').unwrap_or(rest.len());
                found.zone = Some(named_zone(&rest[..end])?);
                &rest[end..]
            }
        };
    }
    if rest.is_empty() { found.instant(zone) } else { None }
}

/// Digits that belong to the numbers which follow without anything between.
fn reserved(following: &[Token]) -> usize {
    following
        .iter()
        .map_while(|token| match token {
            Token::Number(_, width) => Some(*width),
            Token::ShortYear => Some(2),
            _ => None,
        })
        .sum()
}

/// A number of `width` digits. A width of 2 or 4 is exact, as is any other where numbers follow
/// that need the digits; else there may be more.
fn digits(text: &str, width: usize, reserved: usize) -> Option<(i64, &str)> {
    let run = text.bytes().take_while(u8::is_ascii_digit).count();
    let most = if width == 2 || width == 4 { width } else { 18 };
    let take = run.saturating_sub(reserved).min(most);
    if take < width {
        return None;
    }
    let value =
        text.as_bytes()[..take].iter().fold(0, |sum, digit| sum * 10 + i64::from(digit - b'0'));
    Some((value, &text[take..]))
}

fn name<'t>(text: &'t str, names: &[&str], form: NameForm) -> Option<(i64, &'t str)> {
    let length = |name: &str| if form == NameForm::Full { name.len() } else { 3 };
    let (index, name) =
        names.iter().enumerate().find(|(_, name)| text.starts_with(&name[..length(name)]))?;
    Some((i64::try_from(index).ok()?, &text[length(name)..]))
}

pub(crate) fn nanoseconds(fraction: &str) -> Option<u32> {
    if fraction.is_empty() || fraction.len() > 9 || !fraction.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let missing = u32::try_from(9 - fraction.len()).ok()?;
    Some(fraction.parse::<u32>().ok()? * 10_u32.pow(missing))
}

fn offset(text: &str, form: OffsetForm) -> Option<(UtcOffset, &str)> {
    let text = if form.gmt { text.strip_prefix("GMT")? } else { text };
    if form.zulu
        && let Some(rest) = text.strip_prefix('Z')
    {
        return Some((UtcOffset::UTC, rest));
    }
    let sign = match text.as_bytes().first() {
        Some(b'+') => 1,
        Some(b'-') => -1,
        _ => return form.gmt.then_some((UtcOffset::UTC, text)),
    };
    let (hours, rest) = digits(&text[1..], 2, 0)?;
    let minutes_text = if form.colon { rest.strip_prefix(':') } else { Some(rest) };
    let (minutes, rest) = match minutes_text.and_then(|minutes| digits(minutes, 2, 0)) {
        Some(found) => found,
        None if form.short => (0, rest),
        None => return None,
    };
    if hours > 18 || minutes > 59 {
        return None;
    }
    let seconds = i32::try_from(hours * 3_600 + minutes * 60).ok()?;
    Some((UtcOffset::from_whole_seconds(sign * seconds).ok()?, rest))
}

/// A zone's name in a text; North America's summer abbreviations are offsets.
fn named_zone(text: &str) -> Option<Zone> {
    let offset = match text {
        "EDT" => "-04:00",
        "CDT" => "-05:00",
        "MDT" => "-06:00",
        "PDT" => "-07:00",
        "CET" => "+01:00",
        "CEST" => "+02:00",
        other => other,
    };
    Zone::parse(offset)
}

impl Found {
    fn set(&mut self, number: Number, value: i64) -> Option<()> {
        let (place, range) = match number {
            Number::Year => (&mut self.year, 0..=9_999),
            Number::Month => (&mut self.month, 1..=12),
            Number::Day => (&mut self.day, 1..=31),
            Number::DayOfYear => (&mut self.day_of_year, 1..=366),
            Number::Hour => (&mut self.hour, 0..=24),
            Number::HourFromOne => (&mut self.hour, 1..=24),
            Number::HalfDayHour => (&mut self.half_day_hour, 0..=11),
            Number::HalfDayHourFromOne => (&mut self.half_day_hour, 1..=12),
            Number::Minute => (&mut self.minute, 0..=59),
            Number::Second => (&mut self.second, 0..=59),
        };
        let value = range.contains(&value).then_some(value)?;
        *place = Some(match number {
            Number::HourFromOne => value % 24,
            Number::HalfDayHourFromOne => value % 12,
            _ => value,
        });
        Some(())
    }

    fn instant(self, zone: &Zone) -> Option<OffsetDateTime> {
        let (mut date, hour) = (self.date()?, self.hour_of_day()?);
        let (minute, second) = (self.minute.unwrap_or(0), self.second.unwrap_or(0));
        let midnight = hour == 24;
        if midnight {
            if minute != 0 || second != 0 || self.nanosecond != 0 {
                return None;
            }
            date = date.next_day()?;
        }
        let byte = |value: i64| u8::try_from(value).ok();
        let hour = if midnight { 0 } else { byte(hour)? };
        let time = Time::from_hms_nano(hour, byte(minute)?, byte(second)?, self.nanosecond).ok()?;
        let local = PrimitiveDateTime::new(date, time);
        match self.offset {
            Some(offset) => Some(local.assume_offset(offset)),
            None => self.zone.as_ref().unwrap_or(zone).instant_of(local),
        }
    }

    fn date(&self) -> Option<Date> {
        let year = i32::try_from(self.year?).ok()?;
        let date = if let Some(ordinal) = self.day_of_year {
            Date::from_ordinal_date(year, u16::try_from(ordinal).ok()?).ok()?
        } else {
            let month = Month::try_from(u8::try_from(self.month?).ok()?).ok()?;
            // The 31st of a shorter month means its last day, as java.time's smart resolver has it.
            let day = u8::try_from(self.day?).ok()?.min(month.length(year));
            Date::from_calendar_date(year, month, day).ok()?
        };
        let weekday = i64::from(date.weekday().number_days_from_monday());
        self.weekday.is_none_or(|named| named == weekday).then_some(date)
    }

    fn hour_of_day(&self) -> Option<i64> {
        match (self.hour, self.half_day_hour, self.afternoon) {
            (Some(hour), None, _) => Some(hour),
            (None, Some(hour), Some(afternoon)) => Some(hour + if afternoon { 12 } else { 0 }),
            (None, None, _) => Some(0),
            _ => None,
        }
    }
}
