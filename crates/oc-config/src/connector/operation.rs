//! What can be done with single records of a resource: read one, create, update and delete.

use std::fmt;

use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, MapAccess, Visitor};

use super::definition::Faults;
use crate::FieldPath;

/// What stands for the record's id in a path.
const ID: &str = "{id}";

/// A kind of call for single records.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OperationKind {
    /// Reads one record.
    One,
    /// Makes a record.
    Create,
    /// Changes a record.
    Update,
    /// Removes a record.
    Delete,
}

/// The HTTP method of a provider's call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// `GET`
    Get,
    /// `POST`
    Post,
    /// `PUT`
    Put,
    /// `PATCH`
    Patch,
    /// `DELETE`
    Delete,
}

/// How the provider carries out one kind of call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operation {
    /// Its method.
    pub verb: Verb,
    /// Its path below the base, `{id}` where the record's id goes.
    path: String,
    /// Where the record is in the answer.
    pub record: FieldPath,
    /// The member in which the body is wrapped, if it is.
    pub wrap: Option<String>,
}

impl Operation {
    /// The path for a record's id, which has to be percent-encoded.
    pub fn path(&self, id: &str) -> String {
        self.path.replace(ID, id)
    }

    /// The path as the definition has it.
    pub fn path_template(&self) -> &str {
        &self.path
    }
}

impl OperationKind {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::One, Self::Create, Self::Update, Self::Delete];

    /// Its key in a definition.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::One => "one",
            Self::Create => "create",
            Self::Update => "update",
            Self::Delete => "delete",
        }
    }

    /// The methods a provider may want for it, the usual one first.
    fn verbs(self) -> &'static [Verb] {
        match self {
            Self::One => &[Verb::Get],
            Self::Create => &[Verb::Post, Verb::Put],
            Self::Update => &[Verb::Put, Verb::Patch, Verb::Post],
            Self::Delete => &[Verb::Delete, Verb::Post],
        }
    }
}

impl Verb {
    /// As it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }
}

/// `true`, `false`, or what differs from the usual.
#[derive(Clone, Debug)]
pub(super) enum RawOperation {
    Flag(bool),
    Table(RawCall),
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawCall {
    method: Option<String>,
    path: Option<String>,
    record: Option<String>,
    wrap: Option<String>,
}

impl<'de> Deserialize<'de> for RawOperation {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl<'de> Visitor<'de> for Either {
            type Value = RawOperation;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("true, false, or a table with method, path, record, wrap")
            }

            fn visit_bool<E>(self, flag: bool) -> Result<RawOperation, E> {
                Ok(RawOperation::Flag(flag))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<RawOperation, A::Error> {
                RawCall::deserialize(MapAccessDeserializer::new(map)).map(RawOperation::Table)
            }
        }
        deserializer.deserialize_any(Either)
    }
}

impl RawOperation {
    /// The call of a resource whose list is at `list` and whose records are at `record` in answers;
    /// `at` is where it stands in the definition.
    pub(super) fn build(
        &self,
        kind: OperationKind,
        list: &str,
        record: &str,
        at: &str,
        faults: &mut Faults,
    ) -> Option<Operation> {
        let call = match self {
            Self::Flag(false) => return None,
            Self::Flag(true) => RawCall::default(),
            Self::Table(call) => call.clone(),
        };
        let usual = match kind {
            OperationKind::Create => list.to_owned(),
            _ => format!("{}/{ID}", list.trim_end_matches('/')),
        };
        let record = match &call.record {
            Some(record) => faults.field(&format!("{at}.record"), record),
            None => faults.field(at, record),
        };
        Some(Operation {
            verb: verb(kind, call.method.as_deref(), at, faults),
            path: path(kind, call.path, usual, at, faults),
            record,
            wrap: call.wrap,
        })
    }
}

fn verb(kind: OperationKind, word: Option<&str>, at: &str, faults: &mut Faults) -> Verb {
    let known = kind.verbs();
    let Some(word) = word else { return known[0] };
    known.iter().copied().find(|verb| verb.as_str() == word).unwrap_or_else(|| {
        let names: Vec<&str> = known.iter().map(|verb| verb.as_str()).collect();
        let message = format!("`{word}` was found; {} was expected", names.join(" or "));
        faults.add(&format!("{at}.method"), message);
        known[0]
    })
}

fn path(
    kind: OperationKind,
    given: Option<String>,
    usual: String,
    at: &str,
    faults: &mut Faults,
) -> String {
    let Some(path) = given else { return usual };
    let at = format!("{at}.path");
    let ids = path.matches(ID).count();
    if !path.starts_with('/') {
        faults.add(&at, format!("`{path}` was found; a path that begins with `/` was expected"));
    }
    if kind == OperationKind::Create && ids > 0 {
        faults.add(&at, "a record that is to be created has no id yet");
    }
    if kind != OperationKind::Create && ids != 1 {
        faults.add(&at, format!("`{path}` was found; a path with one `{ID}` was expected"));
    }
    if path.replace(ID, "").contains(['{', '}']) {
        faults.add(&at, format!("`{path}` was found; only `{ID}` stands for something"));
    }
    path
}
