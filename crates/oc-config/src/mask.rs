//! Date masks: the pattern letters of `java.time.format.DateTimeFormatter`, Locale English.

mod read;
mod write;

use std::fmt;

use time::OffsetDateTime;

use crate::{Diagnostic, Zone};

/// A date mask, ready to write and to read with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DateMask {
    text: String,
    tokens: Vec<Token>,
}

/// One element of a mask.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Token {
    Literal(String),
    /// A number of `width` digits: exactly two for a width of two, else at least `width`.
    Number(Number, usize),
    /// `yy`: the last two digits of a year from 2000 on.
    ShortYear,
    Month(NameForm),
    Weekday(NameForm),
    AmPm,
    Fraction(usize),
    Offset(OffsetForm),
    ZoneName,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Number {
    Year,
    Month,
    Day,
    DayOfYear,
    /// H, 0 to 23.
    Hour,
    /// k, 1 to 24.
    HourFromOne,
    /// K, 0 to 11.
    HalfDayHour,
    /// h, 1 to 12.
    HalfDayHourFromOne,
    Minute,
    Second,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum NameForm {
    Short,
    Full,
}

/// How an offset is written: with a colon or not, `Z` for zero or not, minutes always or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct OffsetForm {
    colon: bool,
    zulu: bool,
    short: bool,
    gmt: bool,
}

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const WEEKDAYS: [&str; 7] =
    ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

impl DateMask {
    /// Reads a mask. A quote left open at its end is taken as closed, with a warning.
    ///
    /// # Errors
    /// A letter that means nothing, or repeated more often than it may be; says where.
    pub fn parse(text: &str) -> Result<(Self, Option<Diagnostic>), Diagnostic> {
        let mut tokens = Vec::new();
        let mut warning = None;
        let mut chars = text.chars().enumerate().peekable();
        while let Some((at, letter)) = chars.next() {
            if letter == '\'' {
                let (quoted, closed) = quoted_text(&mut chars);
                if !closed {
                    let message = "the quote that opens here is not closed; read as if it were";
                    warning = Some(Diagnostic::warning("", message).at(at + 1));
                }
                push_literal(&mut tokens, if quoted.is_empty() && closed { "'" } else { &quoted });
            } else if letter.is_ascii_alphabetic() {
                let mut count = 1;
                while chars.next_if(|(_, next)| *next == letter).is_some() {
                    count += 1;
                }
                tokens.push(token(letter, count).ok_or_else(|| unknown(letter, count, at))?);
            } else if "{}[]#".contains(letter) {
                return Err(unknown(letter, 1, at));
            } else {
                push_literal(&mut tokens, letter.encode_utf8(&mut [0; 4]));
            }
        }
        if tokens.is_empty() {
            return Err(Diagnostic::error("", "the mask is empty").help("yyyy-MM-dd'T'HH:mm:ssXXX"));
        }
        Ok((Self { text: text.to_owned(), tokens }, warning))
    }

    /// Writes an instant as the zone's clocks show it; what the mask leaves out is cut off.
    pub fn format(&self, instant: OffsetDateTime, zone: &Zone) -> String {
        write::write(&self.tokens, instant, zone)
    }

    /// Reads a text that is exactly of this form. Without an offset in the text, the zone's clocks
    /// are meant; without a time, midnight.
    pub fn read(&self, text: &str, zone: &Zone) -> Option<OffsetDateTime> {
        read::read(&self.tokens, text, zone)
    }
}

impl fmt::Display for DateMask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// What follows an opening quote, and whether it was closed; `''` inside is one quote.
fn quoted_text(
    chars: &mut std::iter::Peekable<impl Iterator<Item = (usize, char)>>,
) -> (String, bool) {
    let mut quoted = String::new();
    while let Some((_, letter)) = chars.next() {
        if letter != '\'' {
            quoted.push(letter);
        } else if !quoted.is_empty() && chars.next_if(|(_, next)| *next == '\'').is_some() {
            quoted.push('\'');
        } else {
            return (quoted, true);
        }
    }
    (quoted, false)
}

fn push_literal(tokens: &mut Vec<Token>, text: &str) {
    match tokens.last_mut() {
        Some(Token::Literal(last)) => last.push_str(text),
        _ => tokens.push(Token::Literal(text.to_owned())),
    }
}

fn token(letter: char, count: usize) -> Option<Token> {
    let number = |of| (count <= 2).then_some(Token::Number(of, count));
    let name = |form| Some(if letter == 'E' { Token::Weekday(form) } else { Token::Month(form) });
    match (letter, count) {
        ('y' | 'u', 2) => Some(Token::ShortYear),
        ('y' | 'u', 1 | 3 | 4) => Some(Token::Number(Number::Year, count)),
        ('M' | 'L', 1 | 2) => number(Number::Month),
        ('M' | 'L', 3) | ('E', 1..=3) => name(NameForm::Short),
        ('M' | 'L', 4) | ('E', 4) => name(NameForm::Full),
        ('d', _) => number(Number::Day),
        ('D', 1..=3) => Some(Token::Number(Number::DayOfYear, count)),
        ('H', _) => number(Number::Hour),
        ('k', _) => number(Number::HourFromOne),
        ('K', _) => number(Number::HalfDayHour),
        ('h', _) => number(Number::HalfDayHourFromOne),
        ('m', _) => number(Number::Minute),
        ('s', _) => number(Number::Second),
        ('S', 1..=9) => Some(Token::Fraction(count)),
        ('a', 1) => Some(Token::AmPm),
        ('z', 1..=4) => Some(Token::ZoneName),
        ('X' | 'x' | 'Z', 1..=5) => offset_form(letter, count).map(Token::Offset),
        _ => None,
    }
}

fn offset_form(letter: char, count: usize) -> Option<OffsetForm> {
    let form = |colon, zulu, short| OffsetForm { colon, zulu, short, gmt: false };
    match (letter, count) {
        ('Z', 1..=3) => Some(form(false, false, false)),
        ('Z', 4) => Some(OffsetForm { gmt: true, ..form(true, false, false) }),
        ('Z', _) => Some(form(true, true, false)),
        (_, 4) => Some(form(false, letter == 'X', false)),
        _ => Some(form(matches!(count, 3 | 5), letter == 'X', count == 1)),
    }
}

fn unknown(letter: char, count: usize, at: usize) -> Diagnostic {
    let found: String = std::iter::repeat_n(letter, count).collect();
    let message = format!(
        "`{found}` is no part of a date mask; letters that stand for themselves go into single quotes"
    );
    Diagnostic::error("", message).at(at + 1).help("yyyy-MM-dd'T'HH:mm:ss.SSSXXX")
}

#[cfg(test)]
mod tests;
