//! Members of a record that are not to be told.

use std::borrow::Cow;

use oc_config::Segment;

use crate::difference::members;

/// Where they are, seen from one place.
pub(crate) type LeftOut<'p> = Vec<&'p [Segment]>;

/// Where they are, seen from a member; `None` when it is one of them itself.
pub(crate) fn below<'p>(paths: &[&'p [Segment]], name: &str) -> Option<LeftOut<'p>> {
    let here = |path: &&&[Segment]| match path.first() {
        Some(Segment::Member(of)) => of == name,
        // A pointer does not tell an index from a name of digits.
        Some(Segment::Index(of)) => of.to_string() == name,
        None => false,
    };
    let below: LeftOut<'p> = paths.iter().filter(here).map(|path| &path[1..]).collect();
    (!below.iter().any(|path| path.is_empty())).then_some(below)
}

/// A value without these members. `None` when nothing of it may be told: paths do not lead through
/// arrays, so that one they lead into is left out whole, as is an object that cannot be read.
pub(crate) fn without<'j>(json: &'j str, paths: &[&[Segment]]) -> Option<Cow<'j, str>> {
    if paths.is_empty() {
        return Some(Cow::Borrowed(json));
    }
    match json.as_bytes().first() {
        Some(b'[') => None,
        Some(b'{') => rest_of(json, paths).map(Cow::Owned),
        _ => Some(Cow::Borrowed(json)),
    }
}

fn rest_of(object: &str, paths: &[&[Segment]]) -> Option<String> {
    let mut kept = String::from("{");
    for (name, value) in members(object)? {
        let Some(value) = below(paths, &name).and_then(|paths| without(value.get(), &paths)) else {
            continue;
        };
        if kept.len() > 1 {
            kept.push(',');
        }
        kept.push_str(&serde_json::Value::from(name).to_string());
        kept.push(':');
        kept.push_str(&value);
    }
    kept.push('}');
    Some(kept)
}

#[cfg(test)]
mod tests {
    use oc_config::FieldPath;

    use super::*;

    fn rest(json: &str, paths: &[&str]) -> Option<String> {
        let paths: Vec<_> = paths.iter().map(|at| FieldPath::from_pointer(at).unwrap()).collect();
        let paths: LeftOut<'_> = paths.iter().map(FieldPath::segments).collect();
        without(json, &paths).map(Cow::into_owned)
    }

    #[test]
    fn members_are_left_out_at_every_depth() {
        let json = r#"{"b":{"\"x":1,"pin":2},"a":1,"pin":3}"#;
        assert_eq!(rest(json, &["/b/pin", "/a"]).unwrap(), r#"{"b":{"\"x":1},"pin":3}"#);
        assert_eq!(rest(json, &[]).unwrap(), json);
        assert_eq!(rest(r#"{"0":1}"#, &["/0"]).unwrap(), "{}");
    }

    #[test]
    fn an_array_with_something_to_leave_out_is_left_out_whole() {
        assert_eq!(rest(r#"{"a":[{"pin":1}],"b":2}"#, &["/a/pin"]).unwrap(), r#"{"b":2}"#);
        assert_eq!(rest(r#"[{"pin":1}]"#, &["/0/pin"]), None);
    }

    #[test]
    fn an_object_that_cannot_be_read_is_left_out_whole() {
        assert_eq!(rest(r#"{"a":{"\ud800":1,"pin":2}}"#, &["/a/pin"]).unwrap(), "{}");
    }
}
