//! Which fields of a record differ from what they were, within bounds (notifications.md, "changes").

use std::collections::BTreeMap;

use oc_config::{FieldPath, Segment};
use oc_hub::fingerprint;
use serde_json::value::RawValue;

use crate::changes::{Change, Changes, Shown};
use crate::left_out::{LeftOut, below, without};

/// The most changes that are told of an object...
const MOST: usize = 100;
/// ...the most bytes of names and values in them...
const LARGEST: usize = 16 << 10;
/// ...and the most bytes of one value.
const LONGEST: usize = 1_024;

/// How `new` differs from `old`, both JSON of at most 128 levels. Objects are compared member by
/// member, everything else as a whole and in canonical form: spelling does not matter, and null is
/// the same as missing. Members at `left_out` are neither compared nor told.
pub(crate) fn difference(old: &[u8], new: &[u8], left_out: &[FieldPath]) -> Changes {
    let left_out: LeftOut<'_> = left_out.iter().map(FieldPath::segments).collect();
    let mut found = Found { changes: Changes { fields: Vec::new(), complete: true }, size: 0 };
    match (value(old), value(new)) {
        (Some(old), Some(new)) => found.compare(&mut Vec::new(), Some(old), Some(new), &left_out),
        _ => found.changes.complete = false,
    }
    found.changes
}

fn value(json: &[u8]) -> Option<&str> {
    serde_json::from_slice::<&RawValue>(json).ok().map(RawValue::get)
}

/// The members of an object by their names.
pub(crate) type Members<'j> = BTreeMap<String, &'j RawValue>;

/// Takes an object apart; of two members with one name the last counts.
pub(crate) fn members(json: &str) -> Option<Members<'_>> {
    if json.starts_with('{') { serde_json::from_str(json).ok() } else { None }
}

/// What was found so far.
struct Found {
    changes: Changes,
    size: usize,
}

impl Found {
    /// Compares the values at one place; `left_out` begins there.
    fn compare(
        &mut self,
        at: &mut Vec<String>,
        old: Option<&str>,
        new: Option<&str>,
        left_out: &[&[Segment]],
    ) {
        let [old, new] = [old, new].map(|value| value.filter(|json| *json != "null"));
        if old == new {
            return;
        }
        if let (Some(old), Some(new)) = (old.and_then(members), new.and_then(members)) {
            return self.members(at, &old, &new, left_out);
        }
        let hash = |value: Option<&str>| value.map(|json| fingerprint(json.as_bytes(), &[]));
        if hash(old) != hash(new) {
            self.tell(at, old, new, left_out);
        }
    }

    fn members(
        &mut self,
        at: &mut Vec<String>,
        old: &Members<'_>,
        new: &Members<'_>,
        left_out: &[&[Segment]],
    ) {
        let mut names: Vec<&String> = old.keys().chain(new.keys()).collect();
        names.sort_unstable();
        names.dedup();
        for name in names {
            let Some(left_out) = below(left_out, name) else { continue };
            at.push(name.clone());
            let [old, new] = [old, new].map(|members| members.get(name).map(|value| value.get()));
            self.compare(at, old, new, &left_out);
            at.pop();
        }
    }

    fn tell(
        &mut self,
        at: &[String],
        old: Option<&str>,
        new: Option<&str>,
        left_out: &[&[Segment]],
    ) {
        if self.changes.fields.len() == MOST {
            self.changes.complete = false;
            return;
        }
        let [Some(old), Some(new)] = [old, new].map(|value| shown(value, left_out)) else { return };
        let change = Change { field: field(at), old, new };
        if self.size + change.size() > LARGEST {
            self.changes.complete = false;
            return;
        }
        self.size += change.size();
        self.changes.complete &= !change.old.cut && !change.new.cut;
        self.changes.fields.push(change);
    }
}

/// The name of a member of the record, else a JSON Pointer.
fn field(at: &[String]) -> String {
    match at {
        [name] if !name.is_empty() && !name.starts_with('/') => name.clone(),
        _ => at
            .iter()
            .map(|name| format!("/{}", name.replace('~', "~0").replace('/', "~1")))
            .collect(),
    }
}

/// The value as it is told; `None` when it may not be.
fn shown(value: Option<&str>, left_out: &[&[Segment]]) -> Option<Shown> {
    let Some(value) = value else { return Some(Shown { json: "null".to_owned(), cut: false }) };
    let json = without(value, left_out)?;
    if json.len() <= LONGEST {
        return Some(Shown { json: json.into_owned(), cut: false });
    }
    Some(shortened(&json))
}

/// A text with the beginning of a long one, or of another value's JSON.
fn shortened(json: &str) -> Shown {
    let text = serde_json::from_str::<String>(json);
    let is_text = text.is_ok();
    let text = text.unwrap_or_else(|_| json.to_owned());
    let (mut kept, mut cut) = (String::from("\""), !is_text);
    for letter in text.chars() {
        let written = serde_json::Value::from(letter.to_string()).to_string();
        let written = &written[1..written.len() - 1];
        if kept.len() + written.len() >= LONGEST {
            cut = true;
            break;
        }
        kept.push_str(written);
    }
    kept.push('"');
    Shown { json: kept, cut }
}

#[cfg(test)]
mod tests;
