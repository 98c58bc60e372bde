//! A notification as pages need to know it, read from the API's answer.

use std::collections::BTreeMap;

use maud::{Markup, html};
use serde::Deserialize;
use serde_json::value::RawValue;

/// The statuses of the API, and how a page calls them.
pub(super) const STATUSES: [(&str, &str, &str); 5] = [
    ("NEW", "idle", "Waiting"),
    ("DISPATCHED", "warn", "Being retried"),
    ("RECEIVED", "warn", "Queued"),
    ("CONSUMED", "idle", "Only kept"),
    ("NOTIFIED", "good", "Arrived"),
];

/// What the API says of a notification.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct KnownEvent {
    pub(super) id: String,
    pub(super) created_date: String,
    pub(super) status: String,
    pub(super) object_type: String,
    pub(super) instance_id: i64,
    pub(super) instance_name: String,
    pub(super) replay_waits: bool,
    pub(super) events: Vec<Told>,
    /// The records: JSON as text.
    pub(super) provider_data: String,
    pub(super) notified_data: Vec<Attempt>,
}

/// One event of a notification.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Told {
    pub(super) object_id: String,
    event_type: String,
    pub(super) date: String,
    pub(super) changes: Option<Vec<Change>>,
    #[serde(default = "yes")]
    pub(super) changes_complete: bool,
}

/// One field of a record that has changed.
#[derive(Debug, Deserialize)]
pub(super) struct Change {
    pub(super) field: String,
    /// As the provider wrote it.
    pub(super) old: Box<RawValue>,
    pub(super) new: Box<RawValue>,
    /// The sides of which only the beginning is told.
    #[serde(default)]
    pub(super) cut: Vec<String>,
}

/// One attempt to deliver a notification.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Attempt {
    pub(super) date: String,
    pub(super) url: String,
    pub(super) request_headers: BTreeMap<String, String>,
    pub(super) status: Option<u16>,
    pub(super) milliseconds: u64,
    pub(super) error: Option<String>,
    pub(super) answer: String,
    pub(super) replay: bool,
}

fn yes() -> bool {
    true
}

impl KnownEvent {
    /// How far it has come: words with a colour.
    pub(super) fn badge(&self) -> Markup {
        let known = STATUSES.iter().find(|(status, ..)| *status == self.status);
        let (tone, label) = known.map_or(("idle", &*self.status), |(_, tone, label)| (tone, label));
        html! {
            span class={ "badge " (tone) } { (label) }
            @if self.replay_waits { " " span.badge.warn { "To be sent again" } }
        }
    }

    /// What it tells, in a few words.
    pub(super) fn summary(&self) -> String {
        if let [one] = &*self.events {
            return format!("{} {}", one.kind(), one.object_id);
        }
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        for one in &self.events {
            *counts.entry(one.kind().to_lowercase()).or_default() += 1;
        }
        let counts: Vec<String> =
            counts.into_iter().map(|(kind, count)| format!("{count} {kind}")).collect();
        if counts.is_empty() { "Notification".to_owned() } else { counts.join(", ") }
    }

    /// Whether something more will become of it by itself.
    pub(super) fn is_under_way(&self) -> bool {
        self.replay_waits || matches!(self.status.as_str(), "NEW" | "DISPATCHED")
    }
}

impl Told {
    /// `Created`, `Updated` or `Deleted`.
    pub(super) fn kind(&self) -> String {
        let (first, rest) = self.event_type.split_at_checked(1).unwrap_or_default();
        format!("{first}{}", rest.to_lowercase())
    }
}

impl Attempt {
    pub(super) fn is_success(&self) -> bool {
        self.error.is_none() && self.status.is_some_and(|status| (200..300).contains(&status))
    }

    /// What came of it, in a few words.
    pub(super) fn outcome(&self) -> String {
        let what = match (self.status, &self.error) {
            (Some(status), None) => status.to_string(),
            (Some(status), Some(error)) => format!("{status}, {error}"),
            (None, error) => error.clone().unwrap_or_else(|| "no answer".to_owned()),
        };
        format!("{what} in {} ms", self.milliseconds)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value as Json, json};

    use super::*;

    fn event(kinds: &[&str]) -> KnownEvent {
        let told = |kind: &&str| json!({"objectId": "7", "eventType": kind, "date": ""});
        let events: Vec<Json> = kinds.iter().map(told).collect();
        serde_json::from_value(json!({
            "id": "", "createdDate": "", "status": "NEW", "objectType": "", "instanceId": 1,
            "instanceName": "", "replayWaits": false, "events": events, "providerData": "[]",
            "notifiedData": [],
        }))
        .unwrap()
    }

    #[test]
    fn a_notification_is_told_in_a_few_words() {
        assert_eq!(event(&["UPDATED"]).summary(), "Updated 7");
        let several = event(&["UPDATED", "CREATED", "UPDATED"]);
        assert_eq!(several.summary(), "1 created, 2 updated");
        assert_eq!(event(&[]).summary(), "Notification");
    }
}
