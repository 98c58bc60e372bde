//! `configuration[]`: what a user fills in, and the values that are read elsewhere.

use serde_json::{Map, Value as Json};

use super::native::{Entry, Key};
use super::notes::{Notes, flag, text};

/// Keys that every instance has, so that no definition needs to list them.
const BUILT_IN: [&str; 17] = [
    "event.notification.enabled",
    "event.notification.callback.url",
    "event.notification.type",
    "event.notification.signature.key",
    "event.notification.callback.headers",
    "event.notification.basic.username",
    "event.notification.basic.password",
    "event.notification.instance.finder",
    "event.poller.urls",
    "event.metadata",
    "event.objects",
    "authentication.time",
    "expires_in",
    "oauth.user.token",
    "oauth.user.refresh_token",
    "oauth.user.refresh_time",
    "oauth.decode.authorization.code",
];

/// Keys whose values are carried over to other places of the definition.
const ELSEWHERE: [&str; 11] = [
    "base.url",
    "oauth.authorization.url",
    "oauth.token.url",
    "oauth.token.revoke_url",
    "oauth.basic.header",
    "oauth.user.refresh_interval",
    "event.poller.configuration",
    "event.poller.refresh_interval",
    "pagination.max",
    "pagination.type",
    "pagination.page.startindex",
];

/// Members of an entry that are read, or that only the old service's pages need.
const KNOWN: [&str; 20] = [
    "id",
    "key",
    "name",
    "description",
    "type",
    "required",
    "defaultValue",
    "hideFromConsole",
    "hide",
    "encrypt",
    "active",
    "internal",
    "displayOrder",
    "companyConfig",
    "resellerConfig",
    "isPrivate",
    "groupControl",
    "createdDate",
    "updatedDate",
    "configScreenType",
];

/// All entries, each with its path.
pub(super) struct Values<'e>(Vec<(String, &'e Map<String, Json>)>);

impl<'e> Values<'e> {
    pub(super) fn read(element: &'e Map<String, Json>, notes: &mut Notes) -> Self {
        let list = element.get("configuration").and_then(Json::as_array).map(Vec::as_slice);
        let mut entries = Vec::new();
        for (at, entry) in list.unwrap_or_default().iter().enumerate() {
            let path = format!("configuration[{at}]");
            match entry.as_object().filter(|entry| text(entry, "key").is_some()) {
                Some(entry) => entries.push((path, entry)),
                None => notes.add(&path, "an entry with a key was expected"),
            }
        }
        Self(entries)
    }

    /// A key's default, and the path where it stands.
    pub(super) fn default(&self, key: &str) -> Option<(String, String)> {
        let (path, entry) = self.0.iter().find(|(_, entry)| text(entry, "key") == Some(key))?;
        Some((format!("{path}.defaultValue"), default(entry)?))
    }

    /// The entries that the definition lists. What `key` names is a secret.
    pub(super) fn entries(&self, key: Option<&Key>, notes: &mut Notes) -> Vec<Entry> {
        let mut entries = Vec::new();
        for (path, entry) in &self.0 {
            let name = text(entry, "key").unwrap_or_default();
            notes.unknown(path, entry, &[&KNOWN]);
            if flag(entry, "groupControl") {
                notes.add(
                    &format!("{path}.groupControl"),
                    format!("`{name}` does not switch others on and off here"),
                );
            }
            if name == "event.vendor.type" {
                if default(entry).is_some_and(|kind| kind != "polling") {
                    notes.add(path, "the provider's own events are not received; it is polled");
                }
            } else if name.starts_with("bulk.") || name == "pagination" {
                notes.add(path, format!("`{name}` has no counterpart"));
            } else if !BUILT_IN.contains(&name) && !ELSEWHERE.contains(&name) {
                let is_key = key.is_some_and(|key| key.configuration == name);
                entries.push(converted(path, entry, is_key, notes));
            }
        }
        entries
    }
}

fn default(entry: &Map<String, Json>) -> Option<String> {
    match entry.get("defaultValue")? {
        Json::String(text) if !text.trim().is_empty() => Some(text.trim().to_owned()),
        Json::Null | Json::String(_) => None,
        other => Some(other.to_string()),
    }
}

fn converted(path: &str, entry: &Map<String, Json>, is_key: bool, notes: &mut Notes) -> Entry {
    let key = text(entry, "key").unwrap_or_default();
    let kind = match text(entry, "type").unwrap_or("TEXTFIELD_1000") {
        _ if is_key || flag(entry, "encrypt") => "PASSWORD",
        "PASSWORD" => "PASSWORD",
        "BOOLEAN" => "BOOLEAN",
        "TEXTAREA" => "TEXTAREA",
        "TEXTFIELD_1000" => "TEXTFIELD_1000",
        kind if kind.starts_with("TEXTFIELD_") => "TEXTFIELD_128",
        other => {
            notes.add(
                &format!("{path}.type"),
                format!("`{key}` is {other}; it becomes a text field"),
            );
            "TEXTFIELD_1000"
        }
    };
    Entry {
        key: key.to_owned(),
        name: text(entry, "name").unwrap_or(key).to_owned(),
        kind,
        multiline: kind == "PASSWORD" && text(entry, "type") == Some("TEXTAREA"),
        // What nobody is asked for cannot be required either.
        required: flag(entry, "required") && !flag(entry, "hideFromConsole"),
        hidden: flag(entry, "hideFromConsole"),
        default: default(entry),
        help: text(entry, "description").map(str::to_owned),
    }
}
