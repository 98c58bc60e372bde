//! Paths into a record: `id`, `customer.id`, `['Record Id']`, `items[0].id`, `@.@id`.

use std::fmt;

use serde_json::Value;

use crate::Diagnostic;

/// Where a field is in a record.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct FieldPath(Vec<Segment>);

/// One step into a value.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Segment {
    /// The member of an object.
    Member(String),
    /// The element of an array, from 0.
    Index(usize),
}

impl FieldPath {
    /// Reads a path. A leading `$` or `@` followed by `.` or `[` stands for the record itself.
    ///
    /// # Errors
    /// What is no path; says where.
    pub fn parse(text: &str) -> Result<Self, Diagnostic> {
        let mut segments = Vec::new();
        let mut rest = text.trim();
        let column = |rest: &str| text.chars().count() - rest.chars().count() + 1;
        for root in ["$", "@"] {
            let after = rest.strip_prefix(root);
            if let Some(after) = after.filter(|after| after.starts_with(['.', '['])) {
                rest = after.strip_prefix('.').unwrap_or(after);
                break;
            }
        }
        loop {
            let (segment, after) = match rest.strip_prefix('[') {
                Some(inner) => bracketed(inner).map_err(|why| fault(&why, column(rest)))?,
                None => member(rest).ok_or_else(|| fault("a name was expected", column(rest)))?,
            };
            segments.push(segment);
            match after.as_bytes().first() {
                None => return Ok(Self(segments)),
                Some(b'.') => rest = &after[1..],
                Some(b'[') => rest = after,
                Some(_) => return Err(fault("`.` or `[` was expected", column(after))),
            }
        }
    }

    /// Reads a JSON Pointer (RFC 6901), as connector definitions use them; a step of digits is an
    /// index. The empty pointer is the whole value.
    ///
    /// # Errors
    /// A pointer that does not begin with `/`.
    pub fn from_pointer(pointer: &str) -> Result<Self, Diagnostic> {
        if pointer.is_empty() {
            return Ok(Self(Vec::new()));
        }
        let steps = pointer.strip_prefix('/').ok_or_else(|| {
            Diagnostic::error("", "a JSON Pointer begins with `/`").at(1).help("/data")
        })?;
        let step = |step: &str| {
            let index =
                step.parse().ok().filter(|_| step.bytes().all(|byte| byte.is_ascii_digit()));
            index.map_or_else(
                || Segment::Member(step.replace("~1", "/").replace("~0", "~")),
                Segment::Index,
            )
        };
        Ok(Self(steps.split('/').map(step).collect()))
    }

    /// The steps; none for the whole value.
    pub fn segments(&self) -> &[Segment] {
        &self.0
    }

    /// The value in `record`, when it is there.
    pub fn select<'v>(&self, record: &'v Value) -> Option<&'v Value> {
        self.0.iter().try_fold(record, |value, segment| match segment {
            Segment::Member(name) => value.get(name),
            Segment::Index(index) => value.get(index),
        })
    }
}

/// The shortest text that reads as the same path.
impl fmt::Display for FieldPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, segment) in self.0.iter().enumerate() {
            match segment {
                Segment::Index(index) => write!(f, "[{index}]")?,
                Segment::Member(name) if is_plain(name) => {
                    write!(f, "{}{name}", if at == 0 { "" } else { "." })?;
                }
                Segment::Member(name) => {
                    write!(f, "['{}']", name.replace('\\', "\\\\").replace('\'', "\\'"))?;
                }
            }
        }
        Ok(())
    }
}

fn is_plain(name: &str) -> bool {
    !name.is_empty()
        && name.trim() == name
        && !name.contains(['.', '[', ']', '\''])
        && !matches!(name, "$" | "@")
}

fn member(text: &str) -> Option<(Segment, &str)> {
    let end = text.find(['.', '[']).unwrap_or(text.len());
    (end > 0).then(|| (Segment::Member(text[..end].to_owned()), &text[end..]))
}

/// What follows a `[`: an index, or a name in quotes with `\` before what stands for itself.
fn bracketed(inner: &str) -> Result<(Segment, &str), String> {
    let Some(quote) = inner.chars().next().filter(|c| matches!(c, '\'' | '"')) else {
        let end = inner.find(']').ok_or("`[` is not closed")?;
        let index = inner[..end].parse().map_err(|_| "an index or a quoted name was expected")?;
        return Ok((Segment::Index(index), &inner[end + 1..]));
    };
    let mut name = String::new();
    let mut chars = inner.char_indices().skip(1);
    while let Some((at, letter)) = chars.next() {
        if letter == '\\' {
            name.extend(chars.next().map(|(_, escaped)| escaped));
        } else if letter == quote {
            let after =
                inner[at + 1..].strip_prefix(']').ok_or("`]` was expected after the name")?;
            return Ok((Segment::Member(name), after));
        } else {
            name.push(letter);
        }
    }
    Err("the quoted name is not closed".to_owned())
}

fn fault(why: &str, column: usize) -> Diagnostic {
    Diagnostic::error("", format!("this is no field path: {why}"))
        .at(column)
        .help("id, customer.id or ['Record Id']")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn segments(text: &str) -> Vec<Segment> {
        FieldPath::parse(text).unwrap().0
    }

    fn named(names: &[&str]) -> Vec<Segment> {
        names.iter().map(|name| Segment::Member((*name).to_owned())).collect()
    }

    #[test]
    fn every_documented_form_is_read() {
        assert_eq!(segments("id"), named(&["id"]));
        assert_eq!(segments("customer.id"), named(&["customer", "id"]));
        assert_eq!(segments("['Record Id']"), named(&["Record Id"]));
        assert_eq!(segments("@.@id"), named(&["@id"]));
        assert_eq!(segments("$.a[\"b.c\"].d"), named(&["a", "b.c", "d"]));
        assert_eq!(segments("@id"), named(&["@id"]));
        assert_eq!(segments("a[2]")[1], Segment::Index(2));
    }

    #[test]
    fn what_is_no_path_is_refused_where_it_goes_wrong() {
        for (text, column) in
            [("", 1), ("a..b", 3), ("a[", 2), ("['a", 1), ("['a'x", 1), ("a[x]", 2), ("a[0]b", 5)]
        {
            assert_eq!(FieldPath::parse(text).unwrap_err().column, Some(column), "{text}");
        }
    }

    #[test]
    fn a_json_pointer_is_a_path_too() {
        let pointer = |text: &str| FieldPath::from_pointer(text).unwrap();
        assert_eq!(pointer("/metadata/a~1b"), FieldPath(named(&["metadata", "a/b"])));
        assert_eq!(pointer("/0").segments(), [Segment::Index(0)]);
        assert!(pointer("").segments().is_empty());
        assert!(FieldPath::from_pointer("data").is_err());
    }

    #[test]
    fn a_path_selects_what_it_names() {
        let record = json!({"customer": {"ids": [7, 8]}, "Record Id": "x"});
        let select = |text: &str| FieldPath::parse(text).unwrap().select(&record).cloned();
        assert_eq!(select("customer.ids[1]"), Some(json!(8)));
        assert_eq!(select("['Record Id']"), Some(json!("x")));
        assert_eq!(select("customer.name"), None);
    }

    proptest! {
        #[test]
        fn no_text_panics_and_what_reads_is_written_back(text in "[a-c.\\[\\]'\"\\\\ @$0é]{0,20}") {
            if let Ok(path) = FieldPath::parse(&text) {
                prop_assert_eq!(FieldPath::parse(&path.to_string()).unwrap(), path);
            }
        }
    }
}
