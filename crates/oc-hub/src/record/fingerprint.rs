//! What tells two contents of a record apart.

use std::sync::LazyLock;

use oc_config::{DateReader, FieldPath, Segment, Zone};
use xxhash_rust::xxh3::xxh3_64_with_seed;

use super::object_id::object_id;
use super::scan::{items, skip_space};

static INSTANTS: LazyLock<DateReader> = LazyLock::new(|| DateReader::any(Zone::gmt()));

/// A hash of a record in canonical form: the order of its members, null members, and the spelling
/// of numbers and times do not matter; the members at `volatile` are left out. The record must be
/// valid JSON.
pub fn fingerprint(record: &[u8], volatile: &[FieldPath]) -> u64 {
    let volatile: Vec<&[Segment]> = volatile.iter().map(FieldPath::segments).collect();
    hash(record, &volatile)
}

fn hash(value: &[u8], volatile: &[&[Segment]]) -> u64 {
    let value = &value[skip_space(value, 0)..];
    match value.first() {
        Some(b'{') => object(value, volatile),
        Some(b'[') => items(value, 0)
            .fold(2, |sum: u64, item| xxh3_64_with_seed(&hash(item.value, &[]).to_le_bytes(), sum)),
        Some(b'"') => text(value),
        _ => number_or_word(value),
    }
}

/// The sum of its members' hashes, so that their order does not matter.
fn object(value: &[u8], volatile: &[&[Segment]]) -> u64 {
    let mut sum = 1_u64;
    for item in items(value, 0) {
        let Some(name) = item.name.filter(|_| item.value != b"null") else { continue };
        let name: std::borrow::Cow<'_, [u8]> = match serde_json::from_slice::<String>(name) {
            Ok(unescaped) if name.contains(&b'\\') => unescaped.into_bytes().into(),
            _ => name[1..name.len() - 1].into(),
        };
        let here = |path: &&[Segment]| matches!(path.first(), Some(Segment::Member(of)) if of.as_bytes() == &*name);
        let below: Vec<&[Segment]> =
            volatile.iter().copied().filter(|path| here(path)).map(|path| &path[1..]).collect();
        if below.iter().any(|path| path.is_empty()) {
            continue;
        }
        sum = sum.wrapping_add(xxh3_64_with_seed(&name, hash(item.value, &below)));
    }
    sum
}

fn text(raw: &[u8]) -> u64 {
    let unescaped = serde_json::from_slice::<String>(raw).unwrap_or_default();
    let dated = unescaped.len() >= 10 && unescaped.as_bytes()[4] == b'-';
    // Of a day without a time only the spelling is known, not the instant.
    if dated
        && unescaped.len() > 10
        && let Some(at) = INSTANTS.read_text(&unescaped)
    {
        return xxh3_64_with_seed(&at.0.to_le_bytes(), 3);
    }
    xxh3_64_with_seed(unescaped.as_bytes(), 4)
}

fn number_or_word(raw: &[u8]) -> u64 {
    if let Some(whole) = object_id(raw) {
        return xxh3_64_with_seed(whole.as_bytes(), 5);
    }
    match std::str::from_utf8(raw).ok().and_then(|text| text.trim().parse::<f64>().ok()) {
        Some(number) => xxh3_64_with_seed(&number.to_bits().to_le_bytes(), 6),
        None => xxh3_64_with_seed(raw, 7),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(record: &str) -> u64 {
        fingerprint(record.as_bytes(), &[])
    }

    #[test]
    fn spelling_and_order_do_not_matter() {
        let one = r#"{"a":1,"t":"2026-01-01T00:00:00-05:00","o":{"x":[1.5,null],"y":null}}"#;
        let other = r#" { "o" : {"x":[15e-1,null]}, "t":"2026-01-01T05:00:00.000Z", "\u0061":1.0 , "z":null} "#;
        assert_eq!(of(one), of(other));
    }

    #[test]
    fn content_matters() {
        let records = [
            r#"{"a":1}"#,
            r#"{"a":2}"#,
            r#"{"b":1}"#,
            r#"{"a":"1"}"#,
            r#"{"a":[1]}"#,
            r#"{"a":true}"#,
            r#"{"a":[1,2]}"#,
            r#"{"a":[2,1]}"#,
            r#"{"a":{"b":1}}"#,
            r#"{"a":{"a":1}}"#,
            r#"{}"#,
            r#"{"a":1.5}"#,
            r#"{"a":1,"b":2}"#,
            r#"{"a":2,"b":1}"#,
            r#"{"a":"2026-01-01"}"#,
            r#"{"a":"2026-01-02"}"#,
            r#"{"a":[]}"#,
            r#"{"a":{}}"#,
        ];
        let mut hashes = records.map(of).to_vec();
        hashes.sort_unstable();
        hashes.dedup();
        assert_eq!(hashes.len(), records.len());
    }

    #[test]
    fn volatile_members_are_left_out() {
        let volatile = ["/offset", "/o/url"].map(|at| FieldPath::from_pointer(at).unwrap());
        let of = |record: &str| fingerprint(record.as_bytes(), &volatile);
        assert_eq!(of(r#"{"a":1,"offset":1,"o":{"url":"x","b":2}}"#), of(r#"{"a":1,"o":{"b":2}}"#));
        assert_ne!(of(r#"{"a":1,"o":{"b":2}}"#), of(r#"{"a":1,"o":{"b":3}}"#));
    }
}
