//! Dropping null members (`filter.response.nulls`).

use bytes::Bytes;

use super::scan::{skip_scalar, skip_space, skip_text};

/// The record without its null members, at every depth; elements of arrays stay. The record must be
/// valid JSON of bounded depth, as a page's is; what has no null members is given back as it is.
pub fn strip_nulls(record: Bytes) -> Bytes {
    // Whatever has no null member does not hold these letters either.
    if memchr::memmem::find(&record, b"null").is_none() {
        return record;
    }
    let mut strip = Strip { json: &record, from: 0, kept: Vec::with_capacity(record.len()) };
    strip.value(skip_space(&record, 0));
    strip.keep_until(record.len());
    strip.kept.into()
}

/// A walk over a value, each byte once; what lies between two null members is copied in one piece.
struct Strip<'j> {
    json: &'j [u8],
    /// Where that begins which was neither kept nor left out yet.
    from: usize,
    kept: Vec<u8>,
}

impl Strip<'_> {
    fn keep_until(&mut self, end: usize) {
        self.kept.extend_from_slice(&self.json[self.from.min(end)..end]);
        self.from = end;
    }

    /// The end of the value that begins at `at`.
    fn value(&mut self, at: usize) -> usize {
        match self.json.get(at) {
            Some(b'"') => skip_text(self.json, at),
            Some(b'{') => self.members(at + 1),
            Some(b'[') => self.elements(at + 1),
            _ => skip_scalar(self.json, at),
        }
    }

    fn elements(&mut self, at: usize) -> usize {
        let mut at = skip_space(self.json, at);
        while !matches!(self.json.get(at), None | Some(b']')) {
            let end = self.value(at);
            at = self.next(end);
        }
        at + 1
    }

    fn members(&mut self, at: usize) -> usize {
        let mut at = skip_space(self.json, at);
        while !matches!(self.json.get(at), None | Some(b'}')) {
            let colon = skip_space(self.json, skip_text(self.json, at));
            let value = skip_space(self.json, colon + 1);
            if self.json.get(value..).is_some_and(|rest| rest.starts_with(b"null")) {
                self.keep_until(at);
                at = self.next(value + b"null".len());
                self.from = at;
            } else {
                let end = self.value(value);
                at = self.next(end);
            }
        }
        if self.from == at {
            // The last member was left out; the comma before it is one too many.
            let kept = self.kept.trim_ascii_end();
            self.kept.truncate(kept.strip_suffix(b",").unwrap_or(kept).len());
        }
        at + 1
    }

    /// Past the comma behind an item, if there is one.
    fn next(&self, end: usize) -> usize {
        let at = skip_space(self.json, end);
        if self.json.get(at) == Some(&b',') { skip_space(self.json, at + 1) } else { at }
    }
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
        for (record, expected) in [
            (r#"{"a":1}"#, r#"{"a":1}"#),
            (r#"{"a":null}"#, "{}"),
            (r#"{"a":null,"b":1}"#, r#"{"b":1}"#),
            (r#"{"a":1,"b":null}"#, r#"{"a":1}"#),
            (r#"{"a":1,"b":null,"c":null}"#, r#"{"a":1}"#),
            (r#"{"a":1,"b":null,"c":2}"#, r#"{"a":1,"c":2}"#),
            (r#"{"a":{"b":null}}"#, r#"{"a":{}}"#),
            (r#"{"a":{"b":null},"c":null}"#, r#"{"a":{}}"#),
            (r#"{"a":[],"b":{},"c":null}"#, r#"{"a":[],"b":{}}"#),
            (r#"{"a":",null,","b":null}"#, r#"{"a":",null,"}"#),
            (r#"{"a\":null":"\"null","null":[null]}"#, r#"{"a\":null":"\"null","null":[null]}"#),
            ("[null,null]", "[null,null]"),
            ("null", "null"),
            ("{ \"a\" : 1 ,\n \"b\" : null }", "{ \"a\" : 1 }"),
        ] {
            assert_eq!(strip(record), expected, "{record}");
        }
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
