//! From the fields of the form to a request of the API, and from an instance to the fields.

use serde::Deserialize;
use serde_json::{Map, Value as Json, json};

use super::Subject;
use super::polling;
use crate::ui::fields::Fields;
use crate::ui::known_instance::KnownInstance;

/// What the API says of a configuration value.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::ui) struct Entry {
    pub(in crate::ui) key: String,
    pub(in crate::ui) name: String,
    pub(in crate::ui) description: String,
    pub(in crate::ui) default_value: Option<String>,
    #[serde(rename = "type")]
    kind: String,
    pub(in crate::ui) secret: bool,
    pub(in crate::ui) multiline: bool,
    pub(in crate::ui) required: bool,
    hide_from_console: bool,
}

/// Where an entry stands in the form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// The connector's own.
    Main,
    /// Among the optional fields.
    Optional,
    /// The form has a control of its own for it, or none.
    Elsewhere,
}

/// Keys with controls of their own; the last two say in older ways what the first says.
const OWN: [&str; 9] = [
    polling::KEY,
    "event.notification.enabled",
    "event.vendor.type",
    "event.notification.callback.url",
    "event.notification.signature.key",
    "event.poller.refresh_interval",
    "oauth.callback.url",
    "event.objects",
    "event.poller.urls",
];
const CLIENT: &str = "oauth.api.key";

impl Entry {
    pub(super) fn place(&self) -> Place {
        let is_standard = ["event.", "notification.", "filter.", "base."]
            .iter()
            .any(|of| self.key.starts_with(of));
        match () {
            () if self.hide_from_console || OWN.contains(&&*self.key) => Place::Elsewhere,
            () if is_standard => Place::Optional,
            () => Place::Main,
        }
    }

    pub(super) fn is_flag(&self) -> bool {
        self.kind == "BOOLEAN"
    }
}

/// The fields of a new instance.
pub(super) fn empty(subject: &Subject) -> Fields {
    let mut fields = Fields::default();
    for entry in &subject.entries {
        fields.set(&entry.key, entry.default_value.clone().unwrap_or_default());
    }
    let default = subject.default(polling::KEY);
    polling::put(&mut fields, &polling::parse(default, default).unwrap_or_default());
    fields
}

/// The fields of an instance as it is; secrets are masked, and a mask keeps them.
pub(super) fn of_instance(subject: &Subject, known: &KnownInstance) -> Fields {
    let mut fields = empty(subject);
    fields.set("name", known.name.as_str());
    fields.set("tags", known.tags.join("\n"));
    for (key, value) in &known.configuration {
        fields.set(key, value.clone().unwrap_or_default());
    }
    let text = fields.exact(polling::KEY).to_owned();
    match polling::parse(&text, subject.default(polling::KEY)) {
        Ok(polled) => polling::put(&mut fields, &polled),
        Err(_) => fields.set(polling::VIEW, "code"),
    }
    fields
}

/// The request that the form asks for; `provider_data` is what the provider handed over.
pub(super) fn body(subject: &Subject, fields: &Fields, provider_data: Option<Json>) -> Json {
    let mut configuration = configuration(subject, fields);
    if provider_data.is_some() {
        configuration.insert("oauth.callback.url".to_owned(), json!(subject.callback));
    }
    if subject.instance.is_some() {
        // The form has said what is polled in full.
        configuration.insert("event.objects".to_owned(), Json::Null);
        configuration.insert("event.poller.urls".to_owned(), Json::Null);
    }
    let tags: Vec<&str> =
        fields.exact("tags").lines().map(str::trim).filter(|tag| !tag.is_empty()).collect();
    let mut body = json!({
        "element": {"key": subject.connector.key}, "tags": tags, "configuration": configuration,
    });
    if !fields.text("name").is_empty() {
        body["name"] = json!(fields.text("name"));
    }
    if let Some(data) = provider_data {
        body["providerData"] = data;
    }
    body
}

/// What is polled counts though events are off.
pub(super) fn for_preview(subject: &Subject, fields: &Fields) -> Json {
    let mut configuration = configuration(subject, fields);
    configuration.insert("event.notification.enabled".to_owned(), json!(true));
    json!({"configuration": configuration})
}

/// Only what is said of the callback.
pub(super) fn for_test(subject: &Subject, fields: &Fields) -> Json {
    let mut configuration = configuration(subject, fields);
    configuration.retain(|key, _| key.starts_with("event.notification."));
    json!({"configuration": configuration})
}

/// Whether the user has to be sent to the provider.
pub(super) fn needs_consent(subject: &Subject, fields: &Fields) -> bool {
    if !subject.connector.is_oauth() {
        return false;
    }
    match subject.instance {
        Some(_) => fields.text(super::PRESSED) == "authenticate",
        None => !fields.text(CLIENT).is_empty(),
    }
}

/// The client id that the form names; a mask names none.
pub(in crate::ui) fn client(fields: &Fields) -> Option<&str> {
    Some(fields.text(CLIENT)).filter(|key| !key.is_empty() && *key != oc_config::MASK)
}

fn configuration(subject: &Subject, fields: &Fields) -> Map<String, Json> {
    let mut configuration = Map::new();
    for entry in subject.entries.iter().filter(|entry| fields.has(&entry.key)) {
        let text = fields.last(&entry.key);
        if !text.trim().is_empty() {
            configuration.insert(entry.key.clone(), json!(text));
        } else if subject.instance.is_some() {
            configuration.insert(entry.key.clone(), Json::Null);
        }
    }
    for elsewhere in ["oauth.callback.url", "event.objects", "event.poller.urls"] {
        configuration.remove(elsewhere);
    }
    let text = polling::asked(fields);
    let polled = serde_json::from_str(&text).unwrap_or(Json::String(text));
    configuration.insert(polling::KEY.to_owned(), polled);
    configuration
}
