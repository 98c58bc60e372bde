//! Reading the dates of records, step by step (polling.md, "Date masks").

mod iso;

use std::borrow::Cow;

use crate::{DateMask, Diagnostic, Timestamp, Zone};

/// Reads one date field of a resource's records.
///
/// The steps: the mask, exactly; ISO 8601 / RFC 3339 with any fraction; an epoch of 10, 13 or 16
/// digits; else the field counts as missing. Fractions beyond microseconds are cut off.
#[derive(Clone, Debug, PartialEq)]
pub struct DateReader {
    form: Form,
    zone: Zone,
}

#[derive(Clone, Debug, PartialEq)]
enum Form {
    Any,
    Mask(DateMask),
    /// Epoch, in so many microseconds a unit.
    Epoch(i64),
}

impl DateReader {
    /// Reads ISO 8601 and epochs; what says no offset is meant in `zone`.
    pub fn any(zone: Zone) -> Self {
        Self { form: Form::Any, zone }
    }

    /// From a mask or one of the words `milliseconds`, `seconds` and `timestamp`; without either
    /// the steps begin with ISO 8601.
    ///
    /// # Errors
    /// As [`DateMask::parse`].
    pub fn parse(
        format: Option<&str>,
        zone: Zone,
    ) -> Result<(Self, Option<Diagnostic>), Diagnostic> {
        let Some(format) = format else { return Ok((Self::any(zone), None)) };
        let (form, warning) = match format.trim().to_ascii_lowercase().as_str() {
            "milliseconds" => (Form::Epoch(1_000), None),
            "seconds" | "timestamp" => (Form::Epoch(1_000_000), None),
            _ => {
                let (mask, warning) = DateMask::parse(format)?;
                (Form::Mask(mask), warning)
            }
        };
        Ok((Self { form, zone }, warning))
    }

    /// Reads a date's text.
    pub fn read_text(&self, text: &str) -> Option<Timestamp> {
        let by_form = match &self.form {
            Form::Any => None,
            Form::Mask(mask) => mask.read(text, &self.zone).map(Timestamp::from),
            Form::Epoch(unit) => epoch(text, *unit),
        };
        by_form.or_else(|| iso::read(text, &self.zone)).or_else(|| epoch_by_size(text))
    }

    /// Reads a date as it stands in a record: the text of a JSON string or number.
    pub fn read_json(&self, raw: &[u8]) -> Option<Timestamp> {
        let text = std::str::from_utf8(raw).ok()?;
        if !text.starts_with('"') {
            return self.read_text(text);
        }
        let inner = text.get(1..text.len().checked_sub(1)?)?;
        let text: Cow<'_, str> = if inner.contains('\\') {
            Cow::Owned(serde_json::from_str(text).ok()?)
        } else {
            Cow::Borrowed(inner)
        };
        self.read_text(&text)
    }
}

/// Whole units, with or without a fraction that is cut off at microseconds.
fn epoch(text: &str, unit: i64) -> Option<Timestamp> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let plain = |digits: &str| digits.bytes().all(|b| b.is_ascii_digit());
    if whole.is_empty() || whole.len() > 16 || !plain(whole) || !plain(fraction) {
        return None;
    }
    let micros = whole.parse::<i64>().ok()?.checked_mul(unit)?;
    let mut part = 0;
    let mut place = unit;
    for digit in fraction.bytes() {
        place /= 10;
        part += i64::from(digit - b'0') * place;
    }
    Some(Timestamp(micros.checked_add(part)?))
}

fn epoch_by_size(text: &str) -> Option<Timestamp> {
    match text.len() {
        10 => epoch(text, 1_000_000),
        13 => epoch(text, 1_000),
        16 => epoch(text, 1),
        _ => None,
    }
    .filter(|_| !text.contains('.'))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn reader(format: Option<&str>) -> DateReader {
        DateReader::parse(format, Zone::gmt()).unwrap().0
    }

    fn micros(format: Option<&str>, raw: &str) -> Option<i64> {
        reader(format).read_json(raw.as_bytes()).map(|at| at.0)
    }

    #[test]
    fn the_sample_mask_without_its_dot_still_reads_what_the_provider_sends() {
        let format = Some("yyyy-MM-dd'T'HH:mm:ssSSSSSSXXX");
        let read = micros(format, "\"1970-01-01T00:00:05.123456-05:00\"");
        assert_eq!(read, Some(18_005_123_456));
    }

    #[test]
    fn epochs_are_read_by_their_word_or_by_their_size() {
        let table = [
            (Some("milliseconds"), "1795489445678", 1_795_489_445_678_000),
            (Some("seconds"), "\"1795489445\"", 1_795_489_445_000_000),
            (Some("Timestamp"), "5", 5_000_000),
            (Some("seconds"), "1795489445.1234567", 1_795_489_445_123_456),
            (None, "1795489445", 1_795_489_445_000_000),
            (None, "1795489445678", 1_795_489_445_678_000),
            (Some("yyyy-MM-dd"), "\"1795489445678901\"", 1_795_489_445_678_901),
        ];
        for (format, raw, expected) in table {
            assert_eq!(micros(format, raw), Some(expected), "{format:?} {raw}");
        }
    }

    #[test]
    fn what_is_no_date_counts_as_missing() {
        for raw in
            ["null", "true", "\"\"", "\"soon\"", "12345", "\"", "", "{}", "12345678.9", "1e9"]
        {
            assert_eq!(micros(None, raw), None, "{raw}");
        }
    }

    #[test]
    fn escapes_in_a_text_are_undone() {
        assert_eq!(micros(None, "\"1970\\u002d01-01T00:00:01Z\""), Some(1_000_000));
    }

    proptest! {
        #[test]
        fn no_value_panics(raw in prop::collection::vec(any::<u8>(), 0..30)) {
            reader(None).read_json(&raw);
            reader(Some("seconds")).read_json(&raw);
        }
    }
}
