//! Picking a few fields out of a record in one pass.

use oc_config::{FieldPath, Segment};

use super::scan::{is_named, items};

/// Finds up to three fields of a record, such as its id and dates.
#[derive(Clone, Debug)]
pub struct Picker {
    paths: [Option<FieldPath>; 3],
}

impl Picker {
    /// A picker of these fields; `None` picks nothing.
    pub fn new(paths: [Option<FieldPath>; 3]) -> Self {
        Self { paths }
    }

    /// The raw JSON of each field, when the record has it. The record must be valid JSON; of two
    /// members with one name the last counts.
    pub fn pick<'r>(&self, record: &'r [u8]) -> [Option<&'r [u8]>; 3] {
        let paths = [0, 1, 2].map(|at| self.paths[at].as_ref().map(FieldPath::segments));
        let mut found = [None; 3];
        descend(record, paths, &mut found);
        found
    }
}

/// Walks one object or array; `paths` hold what is left of each path below it.
fn descend<'r>(value: &'r [u8], paths: [Option<&[Segment]>; 3], found: &mut [Option<&'r [u8]>; 3]) {
    for (index, item) in items(value, 0).enumerate() {
        let step = |path: Option<&[Segment]>| -> bool {
            match (path.and_then(<[Segment]>::first), item.name) {
                (Some(Segment::Member(name)), Some(raw)) => is_named(raw, name),
                (Some(Segment::Index(wanted)), None) => *wanted == index,
                _ => false,
            }
        };
        let matched = paths.map(step);
        if matched == [false; 3] {
            continue;
        }
        let mut below = [None; 3];
        for at in 0..3 {
            if let (true, Some([_, rest @ ..])) = (matched[at], paths[at]) {
                found[at] = rest.is_empty().then_some(item.value);
                below[at] = (!rest.is_empty()).then_some(rest);
            }
        }
        if below != [None; 3] {
            descend(item.value, below, found);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    fn path(text: &str) -> FieldPath {
        FieldPath::parse(text).unwrap()
    }

    fn pick<'r>(paths: [&str; 3], record: &'r str) -> [Option<&'r str>; 3] {
        let picker = Picker::new(paths.map(|text| Some(path(text))));
        picker.pick(record.as_bytes()).map(|raw| raw.map(|raw| std::str::from_utf8(raw).unwrap()))
    }

    #[test]
    fn fields_are_found_at_any_depth_in_one_pass() {
        let record =
            r#" { "a" : {"id":[1,{"x":"}\""}]}, "id" : 28934 , "t":"2026","\u0061b":null} "#;
        assert_eq!(
            pick(["id", "a.id[1].x", "ab"], record),
            [Some("28934"), Some(r#""}\"""#), Some("null")]
        );
        assert_eq!(pick(["t", "missing", "a.id[7]"], record), [Some("\"2026\""), None, None]);
    }

    #[test]
    fn the_last_of_two_members_with_one_name_counts() {
        assert_eq!(pick(["a", "b", "c"], r#"{"a":1,"a":2}"#)[0], Some("2"));
    }

    #[test]
    fn what_is_no_object_has_no_fields() {
        for record in ["5", "\"a\"", "[]", "", "null"] {
            assert_eq!(pick(["a", "b", "c"], record), [None; 3]);
        }
    }

    fn json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<i32>().prop_map(Value::from),
            "[a\"\\\\{}é,:]{0,5}".prop_map(Value::from)
        ];
        leaf.prop_recursive(4, 24, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map("[ab\"\\\\]{1,2}", inner, 0..4)
                    .prop_map(|members| members.into_iter().collect()),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_is_picked_is_what_a_parser_finds(value in json(), pretty: bool) {
            let text = if pretty { serde_json::to_string_pretty(&value) } else { serde_json::to_string(&value) }.unwrap();
            let paths = ["a", "a.b", "b[1].a"];
            for (raw, path) in pick(paths, &text).into_iter().zip(paths.map(path)) {
                let picked = raw.map(|raw| serde_json::from_str::<Value>(raw).unwrap());
                prop_assert_eq!(picked.as_ref(), path.select(&value));
            }
        }

        #[test]
        fn no_bytes_panic(bytes in "[{}\\[\\]\",:\\\\ a0]{0,40}") {
            pick(["a", "a.b", "b[0]"], &bytes);
        }
    }
}
