//! Writing an instant with a mask.

use std::fmt::Write as _;

use time::{OffsetDateTime, UtcOffset};

use super::{MONTHS, NameForm, Number, OffsetForm, Token, WEEKDAYS};
use crate::Zone;

pub(super) fn write(tokens: &[Token], instant: OffsetDateTime, zone: &Zone) -> String {
    let local = instant.to_offset(zone.offset_at(instant));
    let mut out = String::with_capacity(32);
    for token in tokens {
        // Writing to a string cannot fail.
        let _ = match token {
            Token::Literal(text) => out.write_str(text),
            Token::Number(number, width) => {
                write!(out, "{:0width$}", value(*number, local), width = *width)
            }
            Token::ShortYear => write!(out, "{:02}", local.year().rem_euclid(100)),
            Token::Month(form) => {
                out.write_str(named(*form, MONTHS[usize::from(u8::from(local.month())) - 1]))
            }
            Token::Weekday(form) => {
                let day = usize::from(local.weekday().number_days_from_monday());
                out.write_str(named(*form, WEEKDAYS[day]))
            }
            Token::AmPm => out.write_str(if local.hour() < 12 { "AM" } else { "PM" }),
            Token::Fraction(digits) => {
                let nanos = format!("{:09}", local.nanosecond());
                out.write_str(&nanos[..*digits])
            }
            Token::Offset(form) => write_offset(&mut out, *form, local.offset()),
            Token::ZoneName => out.write_str(&zone.abbreviation_at(instant)),
        };
    }
    out
}

fn value(number: Number, local: OffsetDateTime) -> i64 {
    let hour = i64::from(local.hour());
    match number {
        Number::Year => i64::from(local.year()),
        Number::Month => i64::from(u8::from(local.month())),
        Number::Day => i64::from(local.day()),
        Number::DayOfYear => i64::from(local.ordinal()),
        Number::Hour => hour,
        Number::HourFromOne => (hour + 23) % 24 + 1,
        Number::HalfDayHour => hour % 12,
        Number::HalfDayHourFromOne => (hour + 11) % 12 + 1,
        Number::Minute => i64::from(local.minute()),
        Number::Second => i64::from(local.second()),
    }
}

fn named(form: NameForm, name: &'static str) -> &'static str {
    match form {
        NameForm::Short => &name[..3],
        NameForm::Full => name,
    }
}

fn write_offset(out: &mut String, form: OffsetForm, offset: UtcOffset) -> std::fmt::Result {
    if form.gmt {
        out.write_str("GMT")?;
    }
    if offset.is_utc() && (form.zulu || form.gmt) {
        return out.write_str(if form.gmt { "" } else { "Z" });
    }
    let (hours, minutes, _) = offset.as_hms();
    let sign = if offset.is_negative() { '-' } else { '+' };
    write!(out, "{sign}{:02}", hours.unsigned_abs())?;
    match (form.short && minutes == 0, form.colon) {
        (true, _) => Ok(()),
        (_, true) => write!(out, ":{:02}", minutes.unsigned_abs()),
        (_, false) => write!(out, "{:02}", minutes.unsigned_abs()),
    }
}
