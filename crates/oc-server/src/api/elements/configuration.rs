//! What instances of a connector are configured with.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::Method;
use oc_config::{Connector, EntryKind};
use serde::Serialize;
use utoipa::ToSchema;
use xxhash_rust::xxh3::xxh3_64;

use super::connector;
use crate::api::caller::Caller;
use crate::api::calls::{Call, Calls, Wants};
use crate::api::error::ApiError;
use crate::app::App;

pub(super) fn calls() -> Calls {
    let call = Call::new("elements", "What instances are configured with", Wants::Platform)
        .answers::<Vec<ConfigurationEntry>>()
        .fails(&[404]);
    Calls::new().on(&Method::GET, "/elements/{keyOrId}/configuration", list, call)
}

/// A configuration value that an instance may have.
#[derive(Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::api) struct ConfigurationEntry {
    /// The same for this key everywhere.
    pub(in crate::api) id: u32,
    pub(in crate::api) name: String,
    pub(in crate::api) key: String,
    pub(in crate::api) description: String,
    /// As text; `event.poller.configuration` is JSON text.
    pub(in crate::api) default_value: Option<String>,
    /// `TEXTFIELD_32`, `TEXTFIELD_128`, `TEXTFIELD_1000`, `TEXTAREA`, `BOOLEAN` or `PASSWORD`.
    #[serde(rename = "type")]
    pub(in crate::api) kind: &'static str,
    /// Whether it is a secret, which answers mask.
    pub(in crate::api) secret: bool,
    /// Whether it may have several lines.
    pub(in crate::api) multiline: bool,
    pub(in crate::api) required: bool,
    /// Whether it is not for people to fill in.
    pub(in crate::api) hide_from_console: bool,
    pub(in crate::api) display_order: usize,
}

async fn list(
    State(app): State<App>,
    caller: Caller,
    Path(key): Path<String>,
) -> Result<Json<Vec<ConfigurationEntry>>, ApiError> {
    caller.platform()?;
    let found = connector(&app, &key)?;
    Ok(Json(entries(&found)))
}

/// The connector's own entries, then those that every connector has.
pub(in crate::api) fn entries(connector: &Connector) -> Vec<ConfigurationEntry> {
    let own = connector.configuration.iter().map(|entry| ConfigurationEntry {
        name: entry.name.clone(),
        description: entry.help.clone().unwrap_or_else(|| entry.name.clone()),
        default_value: entry.default.clone(),
        kind: kind(connector, &entry.key, entry.kind),
        secret: connector.masks(&entry.key),
        multiline: entry.multiline || entry.kind == EntryKind::Area,
        required: entry.required && entry.default.is_none(),
        hide_from_console: entry.hidden,
        ..ConfigurationEntry::unknown(&entry.key)
    });
    let standard = connector.standard_keys().map(|one| ConfigurationEntry {
        name: one.name.to_owned(),
        description: one.description.to_owned(),
        default_value: one.default,
        kind: one.kind.as_str(),
        secret: connector.masks(one.key),
        multiline: one.kind == EntryKind::Area,
        hide_from_console: one.key == "event.poller.urls",
        ..ConfigurationEntry::unknown(one.key)
    });
    let oauth = connector.oauth2.as_ref().map(|oauth2| ConfigurationEntry {
        name: "OAuth refresh interval (seconds)".to_owned(),
        description:
            "How often the access token is refreshed, when the provider's own time is too long"
                .to_owned(),
        default_value: Some(oauth2.lifetime.as_secs().to_string()),
        kind: EntryKind::Word.as_str(),
        hide_from_console: true,
        ..ConfigurationEntry::unknown("oauth.user.refresh_interval")
    });
    let numbered = own.chain(oauth).chain(standard).enumerate();
    numbered.map(|(at, entry)| ConfigurationEntry { display_order: at + 1, ..entry }).collect()
}

impl ConfigurationEntry {
    /// A key that no connector describes.
    pub(in crate::api) fn unknown(key: &str) -> Self {
        Self {
            id: number(key),
            name: key.to_owned(),
            key: key.to_owned(),
            description: String::new(),
            default_value: None,
            kind: EntryKind::LongText.as_str(),
            secret: false,
            multiline: false,
            required: false,
            hide_from_console: false,
            display_order: 0,
        }
    }
}

fn kind(connector: &Connector, key: &str, kind: EntryKind) -> &'static str {
    if connector.masks(key) { EntryKind::Password.as_str() } else { kind.as_str() }
}

/// The key's number: always the same, and small enough for clients with 32 bits.
fn number(key: &str) -> u32 {
    u32::try_from(xxh3_64(key.as_bytes()) >> 33).unwrap_or(0)
}
