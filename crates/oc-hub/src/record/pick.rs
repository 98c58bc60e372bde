//! Picking a few fields out of a record while it is checked to be valid JSON, in one pass.

use std::fmt;

use oc_config::{FieldPath, Segment};
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

/// Finds up to three fields of a record, such as its id and dates.
#[derive(Clone, Debug, Default)]
pub struct Picker {
    paths: [Option<FieldPath>; 3],
}

/// What is left of each path.
type Paths<'p> = [Option<&'p [Segment]>; 3];
/// The raw JSON of each field.
type Found<'r> = [Option<&'r str>; 3];

impl Picker {
    /// A picker of these fields; `None` picks nothing.
    pub fn new(paths: [Option<FieldPath>; 3]) -> Self {
        Self { paths }
    }

    /// The raw JSON of each field, when the record has it; of two members with one name the last
    /// counts. What is no JSON has no fields.
    pub fn pick<'r>(&self, record: &'r str) -> [Option<&'r str>; 3] {
        self.read(record).map(|(found, _)| found).unwrap_or_default()
    }

    /// Reads the JSON value that `json` begins with; also tells where it ends.
    pub(super) fn read<'r>(
        &self,
        json: &'r str,
    ) -> Result<([Option<&'r str>; 3], usize), serde_json::Error> {
        let paths = self.paths.each_ref().map(|path| path.as_ref().map(FieldPath::segments));
        descend(json, paths)
    }
}

/// Walks the value that `json` begins with.
fn descend<'r>(json: &'r str, paths: Paths<'_>) -> Result<(Found<'r>, usize), serde_json::Error> {
    let mut parser = serde_json::Deserializer::from_str(json);
    let found = match json.trim_ascii_start().as_bytes().first() {
        Some(b'{') => parser.deserialize_map(Fields(paths))?,
        Some(b'[') => parser.deserialize_seq(Fields(paths))?,
        _ => parser.deserialize_ignored_any(IgnoredAny).map(|_| Found::default())?,
    };
    // A stream knows how far its parser has come; a parser does not tell.
    Ok((found, parser.into_iter::<IgnoredAny>().byte_offset()))
}

/// The fields of one object or array.
struct Fields<'p>(Paths<'p>);

impl Fields<'_> {
    /// Takes the value behind a name or an index that begins some of the paths.
    fn take<'r, E: Error>(
        &self,
        begins: [bool; 3],
        value: &'r RawValue,
        found: &mut Found<'r>,
    ) -> Result<(), E> {
        let mut below = Paths::default();
        for at in 0..3 {
            if let (true, Some([_, rest @ ..])) = (begins[at], self.0[at]) {
                found[at] = rest.is_empty().then(|| value.get());
                below[at] = (!rest.is_empty()).then_some(rest);
            }
        }
        if below != Paths::default() {
            let (deeper, _) = descend(value.get(), below).map_err(E::custom)?;
            for (found, deeper) in found.iter_mut().zip(deeper) {
                *found = deeper.or(*found);
            }
        }
        Ok(())
    }
}

impl<'r> Visitor<'r> for Fields<'_> {
    type Value = Found<'r>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object or an array")
    }

    fn visit_map<A: MapAccess<'r>>(self, mut members: A) -> Result<Self::Value, A::Error> {
        let mut found = Found::default();
        while let Some(begins) = members.next_key_seed(Name(&self.0))? {
            if begins == [false; 3] {
                members.next_value::<IgnoredAny>()?;
            } else {
                self.take(begins, members.next_value::<&RawValue>()?, &mut found)?;
            }
        }
        Ok(found)
    }

    fn visit_seq<A: SeqAccess<'r>>(self, mut elements: A) -> Result<Self::Value, A::Error> {
        let mut found = Found::default();
        for index in 0.. {
            let is_here = |path: Option<&[Segment]>| matches!(path, Some([Segment::Index(wanted), ..]) if *wanted == index);
            let begins = self.0.map(is_here);
            if begins == [false; 3] {
                if elements.next_element::<IgnoredAny>()?.is_none() {
                    break;
                }
            } else if let Some(value) = elements.next_element::<&RawValue>()? {
                self.take(begins, value, &mut found)?;
            } else {
                break;
            }
        }
        Ok(found)
    }
}

/// Which paths a member's name begins.
struct Name<'a, 'p>(&'a Paths<'p>);

impl<'r> DeserializeSeed<'r> for Name<'_, '_> {
    type Value = [bool; 3];

    fn deserialize<D: Deserializer<'r>>(self, parser: D) -> Result<[bool; 3], D::Error> {
        parser.deserialize_str(self)
    }
}

impl Visitor<'_> for Name<'_, '_> {
    type Value = [bool; 3];

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<[bool; 3], E> {
        let is_here = |path: Option<&[Segment]>| matches!(path, Some([Segment::Member(wanted), ..]) if wanted == name);
        Ok(self.0.map(is_here))
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
        Picker::new(paths.map(|text| Some(path(text)))).pick(record)
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
        fn no_text_panics(bytes in "[{}\\[\\]\",:\\\\ a0]{0,40}") {
            pick(["a", "a.b", "b[0]"], &bytes);
        }
    }
}
