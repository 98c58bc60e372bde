//! The headers of an attempt, as they are kept with it.

use std::borrow::Cow;
use std::collections::BTreeMap;

/// The headers that were sent: a JSON object of texts by name. It is written once, by whoever sends,
/// and nobody behind it takes it apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SentHeaders(String);

impl SentHeaders {
    /// The object.
    pub fn as_json(&self) -> &str {
        &self.0
    }
}

/// No headers.
impl Default for SentHeaders {
    fn default() -> Self {
        Self("{}".to_owned())
    }
}

/// Headers whose secrets are masked already; the values of one name are joined by commas (RFC 9110, 5.3).
impl<'a, V: Into<Cow<'a, str>>> FromIterator<(&'a str, V)> for SentHeaders {
    fn from_iter<I: IntoIterator<Item = (&'a str, V)>>(headers: I) -> Self {
        let mut all: BTreeMap<&str, Cow<'a, str>> = BTreeMap::new();
        for (name, value) in headers {
            match all.get_mut(name) {
                Some(before) => *before = format!("{before}, {}", value.into()).into(),
                None => {
                    all.insert(name, value.into());
                }
            }
        }
        Self(serde_json::to_string(&all).expect("texts are JSON"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_an_object_by_name_and_values_of_one_name_are_joined() {
        let headers: SentHeaders =
            [("x-b", "2"), ("accept", "a"), ("x-b", "\"3\"")].into_iter().collect();
        assert_eq!(headers.as_json(), r#"{"accept":"a","x-b":"2, \"3\""}"#);
        assert_eq!(SentHeaders::default().as_json(), "{}");
    }
}
