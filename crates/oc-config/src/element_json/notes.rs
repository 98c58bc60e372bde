//! What could not be carried over, collected while an element is read.

use serde_json::{Map, Value as Json};

use crate::Diagnostic;

/// Remarks, in the order in which they were found.
#[derive(Debug, Default)]
pub(super) struct Notes(pub(super) Vec<Diagnostic>);

impl Notes {
    pub(super) fn add(&mut self, path: &str, message: impl Into<String>) {
        self.0.push(Diagnostic::warning(path, message));
    }

    /// A parameter that has no counterpart.
    pub(super) fn parameter(&mut self, path: &str, parameter: &Map<String, Json>) {
        let of = |name: &str| text(parameter, name).unwrap_or("?");
        let message = format!(
            "the {} parameter `{}`, sent as {} `{}`, has no counterpart",
            of("type"),
            of("name"),
            of("vendorType"),
            of("vendorName")
        );
        self.add(path, message);
    }

    /// Members that nobody has looked at and that say something.
    pub(super) fn unknown(&mut self, path: &str, members: &Map<String, Json>, known: &[&[&str]]) {
        for (name, value) in members {
            let is_known = known.iter().any(|names| names.contains(&name.as_str()));
            let is_empty = match value {
                Json::Null | Json::Bool(false) => true,
                Json::String(text) => text.trim().is_empty(),
                Json::Array(elements) => elements.is_empty(),
                Json::Object(members) => members.is_empty(),
                _ => false,
            };
            if !is_known && !is_empty {
                let at = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                self.add(&at, "this has no counterpart");
            }
        }
    }
}

/// A member's text, when it has one.
pub(super) fn text<'m>(members: &'m Map<String, Json>, name: &str) -> Option<&'m str> {
    members.get(name).and_then(Json::as_str).map(str::trim).filter(|text| !text.is_empty())
}

/// A member's truth value; false when it has none.
pub(super) fn flag(members: &Map<String, Json>, name: &str) -> bool {
    match members.get(name) {
        Some(Json::Bool(flag)) => *flag,
        Some(Json::String(text)) => text.eq_ignore_ascii_case("true"),
        _ => false,
    }
}
