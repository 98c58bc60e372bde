//! A record's id as text.

use std::borrow::Cow;

/// The id that a raw JSON value stands for: the text of a string, or a number without fraction and
/// exponent. `None` for null, empty text and everything else.
pub fn object_id(raw: &[u8]) -> Option<Cow<'_, str>> {
    let text = std::str::from_utf8(raw).ok()?;
    if let Some(inner) = text.strip_prefix('"') {
        let inner = inner.strip_suffix('"')?;
        let id = if inner.contains('\\') {
            Cow::Owned(serde_json::from_str::<String>(text).ok()?)
        } else {
            Cow::Borrowed(inner)
        };
        return (!id.is_empty()).then_some(id);
    }
    if text.bytes().all(|byte| byte.is_ascii_digit()) && !text.is_empty() {
        return Some(Cow::Borrowed(text));
    }
    whole_number(text).map(Cow::Owned)
}

/// `-5`, `28934.0` and `2.8934e4` as digits; `None` for what is no whole number, or one of more
/// than 40 digits.
fn whole_number(text: &str) -> Option<String> {
    let (sign, text) = text.strip_prefix('-').map_or(("", text), |rest| ("-", rest));
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let exponent: i32 = exponent.strip_prefix('+').unwrap_or(exponent).parse().ok()?;
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{whole}{fraction}");
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) || digits.is_empty() {
        return None;
    }
    let point = i32::try_from(whole.len()).ok()?.checked_add(exponent)?;
    let point = usize::try_from(point.clamp(0, 40)).ok()?;
    let (whole, rest) = digits.split_at(point.min(digits.len()));
    if rest.bytes().any(|digit| digit != b'0') || point >= 40 {
        return None;
    }
    let padded = format!("{whole:0<point$}");
    let plain = padded.trim_start_matches('0');
    Some(if plain.is_empty() { "0".to_owned() } else { format!("{sign}{plain}") })
}

#[cfg(test)]
mod tests {
    use super::object_id;

    #[test]
    fn ids_are_text_without_fraction_or_exponent() {
        let table = [
            ("28934", "28934"),
            ("28934.0", "28934"),
            ("2.8934e4", "28934"),
            ("-5", "-5"),
            ("0", "0"),
            ("1E2", "100"),
            ("120e-1", "12"),
            ("\"a-1\"", "a-1"),
            ("\"a\\u0062\"", "ab"),
            ("123456789012345678901", "123456789012345678901"),
            ("0.0", "0"),
        ];
        for (raw, id) in table {
            assert_eq!(object_id(raw.as_bytes()).as_deref(), Some(id), "{raw}");
        }
    }

    #[test]
    fn what_is_no_id_is_none() {
        for raw in [
            "null",
            "true",
            "1.5",
            "{}",
            "[1]",
            "\"\"",
            "\"",
            "",
            "1e999999999999",
            "1e99",
            "-",
            "1e-1",
        ] {
            assert_eq!(object_id(raw.as_bytes()), None, "{raw}");
        }
    }
}
