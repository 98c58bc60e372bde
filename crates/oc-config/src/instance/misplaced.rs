//! Members that a misplaced brace has moved into the poller configuration.

use serde_json::{Map, Value as Json};

const POLLER: &str = "event.poller.configuration";

/// The `providerData` that stands inside `event.poller.configuration`, and its path.
pub(super) fn provider_data(configuration: &Map<String, Json>) -> Option<(String, Json)> {
    let poller = match configuration.get(POLLER)? {
        Json::String(text) => serde_json::from_str(text).ok()?,
        value => value.clone(),
    };
    let found = poller.get("providerData")?;
    let is_resource = found.as_object().is_none_or(crate::poller::names_a_resource);
    (!is_resource).then(|| (format!("configuration.{POLLER}.providerData"), found.clone()))
}
