//! Picking a few fields out of a record.

use oc_config::FieldPath;

use super::scan::value_at;

/// Finds up to three fields of a record, such as its id and dates.
#[derive(Clone, Debug, Default)]
pub struct Picker {
    paths: [Option<FieldPath>; 3],
}

impl Picker {
    /// A picker of these fields; `None` picks nothing.
    pub fn new(paths: [Option<FieldPath>; 3]) -> Self {
        Self { paths }
    }

    /// The raw JSON of each field, when the record has it; of two members with one name the first
    /// counts. The record must be valid JSON; it is read only as far as its fields are.
    pub fn pick<'r>(&self, record: &'r [u8]) -> [Option<&'r [u8]>; 3] {
        let at = |path: &FieldPath| value_at(record, path.segments());
        self.paths.each_ref().map(|path| record.get(at(path.as_ref()?)?))
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
        let picked = Picker::new(paths.map(|text| Some(path(text)))).pick(record.as_bytes());
        picked.map(|raw| raw.map(|raw| str::from_utf8(raw).unwrap()))
    }

    #[test]
    fn fields_are_found_at_any_depth() {
        let record =
            r#" { "a" : {"id":[1,{"x":"}\""}]}, "id" : 28934 , "t":"2026","\u0061b":null} "#;
        assert_eq!(
            pick(["id", "a.id[1].x", "ab"], record),
            [Some("28934"), Some(r#""}\"""#), Some("null")]
        );
        assert_eq!(pick(["t", "missing", "a.id[7]"], record), [Some("\"2026\""), None, None]);
    }

    #[test]
    fn the_first_of_two_members_with_one_name_counts() {
        assert_eq!(pick(["a", "b", "c"], r#"{"a":1,"a":2}"#)[0], Some("1"));
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
        fn no_text_panics(bytes in "[{}\\[\\]\",:\\\\ a0]{0,40}") {
            pick(["a", "a.b", "b[0]"], &bytes);
        }
    }
}
