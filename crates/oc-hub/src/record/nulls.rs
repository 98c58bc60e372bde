//! Dropping null members (`filter.response.nulls`).

use bytes::Bytes;

use super::scan::{items, skip_space};

/// The record without its null members, at every depth; elements of arrays stay. The record must be
/// valid JSON; what has no null members is given back as it is.
pub fn strip_nulls(record: Bytes) -> Bytes {
    // Whatever has no null member does not hold these letters either.
    if memchr::memmem::find(&record, b"null").is_none() {
        return record;
    }
    let mut kept = Vec::with_capacity(record.len());
    copy(&record, &mut kept);
    kept.into()
}

fn copy(value: &[u8], into: &mut Vec<u8>) {
    let (open, close) = match value.first() {
        Some(b'{') => (b'{', b'}'),
        Some(b'[') => (b'[', b']'),
        _ => return into.extend_from_slice(value),
    };
    into.push(open);
    let mut first = true;
    for item in items(value, 0) {
        if item.name.is_some() && item.value == b"null" {
            continue;
        }
        if !std::mem::take(&mut first) {
            into.push(b',');
        }
        if let Some(name) = item.name {
            into.extend_from_slice(name);
            into.push(b':');
        }
        let start = skip_space(item.value, 0);
        copy(&item.value[start..], into);
    }
    into.push(close);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    fn strip(text: &str) -> String {
        String::from_utf8(strip_nulls(Bytes::from(text.to_owned())).to_vec()).unwrap()
    }

    #[test]
    fn null_members_go_at_every_depth_and_null_elements_stay() {
        assert_eq!(
            strip(r#"{"a":null,"b":{"c":null,"d":"null"},"e":[null,{"f":null}]}"#),
            r#"{"b":{"d":"null"},"e":[null,{}]}"#
        );
        assert_eq!(strip(r#"{"a":1}"#), r#"{"a":1}"#);
    }

    fn without(value: Value) -> Value {
        match value {
            Value::Object(members) => members
                .into_iter()
                .filter(|(_, value)| !value.is_null())
                .map(|(name, value)| (name, without(value)))
                .collect(),
            Value::Array(elements) => elements.into_iter().map(without).collect(),
            other => other,
        }
    }

    proptest! {
        #[test]
        fn what_is_left_is_valid_and_the_same_otherwise(a in "[n\"ul{]{0,6}", b: Option<u8>, pretty: bool) {
            let value = json!({"a": a, "b": b, a.clone(): [b, {"x": b, "y": a}], "null": {"null": null}});
            let text = if pretty { serde_json::to_string_pretty(&value) } else { serde_json::to_string(&value) }.unwrap();
            prop_assert_eq!(serde_json::from_str::<Value>(&strip(&text)).unwrap(), without(value));
        }
    }
}
