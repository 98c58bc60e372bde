//! Members that a misplaced brace has moved into the poller configuration.

use serde_json::{Map, Value as Json};

const POLLER: &str = "event.poller.configuration";

/// Takes the `providerData` out of `event.poller.configuration`, where it must not stay: it is a
/// secret, and the rest is stored and shown as it is. Also returns its path.
pub(super) fn take_provider_data(configuration: &mut Map<String, Json>) -> Option<(String, Json)> {
    let value = configuration.get_mut(POLLER)?;
    let found = match value {
        Json::String(text) => {
            let mut poller = serde_json::from_str(text).ok()?;
            let found = take(&mut poller)?;
            *text = poller.to_string();
            found
        }
        poller => take(poller)?,
    };
    Some((format!("configuration.{POLLER}.providerData"), found))
}

fn take(poller: &mut Json) -> Option<Json> {
    let members = poller.as_object_mut()?;
    let found = members.get("providerData")?;
    let is_resource = found.as_object().is_none_or(crate::poller::names_a_resource);
    if is_resource { None } else { members.shift_remove("providerData") }
}
