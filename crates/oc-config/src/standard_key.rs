//! Configuration keys that every connector has besides its own entries.

use crate::{Connector, EntryKind};

/// A key of polling, delivery or the provider's address (polling.md, "Instance configuration keys").
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StandardKey {
    /// The dotted key.
    pub key: &'static str,
    /// Its label.
    pub name: &'static str,
    /// What it does.
    pub description: &'static str,
    /// What kind of value it is.
    pub kind: EntryKind,
    /// Its value when an instance gives none.
    pub default: Option<String>,
}

/// Key, label, what it does, kind, and the default where it is the same for all connectors.
type Row = (&'static str, &'static str, &'static str, EntryKind, Option<&'static str>);

const KEYS: [Row; 23] = [
    (
        "base.url",
        "Base URL",
        "The provider's API, when it is not the usual one",
        EntryKind::LongText,
        None,
    ),
    (
        "event.notification.enabled",
        "Enable events",
        "Whether changes are polled for and delivered",
        EntryKind::Boolean,
        Some("false"),
    ),
    (
        "event.vendor.type",
        "Vendor event type",
        "How changes are found: polling, or webhook (the provider tells, and is polled as well)",
        EntryKind::Word,
        Some("polling"),
    ),
    (
        "event.notification.type",
        "Event notification type",
        "How changes are delivered: webhook",
        EntryKind::Word,
        Some("webhook"),
    ),
    (
        "event.notification.callback.url",
        "Callback URL for events",
        "Where notifications go; without it they are only kept",
        EntryKind::LongText,
        None,
    ),
    (
        "event.notification.format",
        "Form of notifications",
        "elements, as Open Connectors sends them, or cloudevents (CloudEvents 1.0, JSON)",
        EntryKind::Word,
        Some("elements"),
    ),
    (
        "event.notification.sink",
        "Sink for events",
        "A place named by the operator that notifications go to, instead of a callback URL",
        EntryKind::Word,
        None,
    ),
    (
        "event.notification.signature.key",
        "Callback signature key",
        "Signs notifications; two keys separated by a blank during a rotation",
        EntryKind::Password,
        None,
    ),
    (
        "event.notification.callback.headers",
        "Callback headers",
        "Further headers of notifications: a JSON object, or lines `Name: value`",
        EntryKind::Area,
        None,
    ),
    (
        "event.notification.basic.username",
        "Callback user name",
        "HTTP Basic towards the callback",
        EntryKind::Text,
        None,
    ),
    (
        "event.notification.basic.password",
        "Callback password",
        "HTTP Basic towards the callback",
        EntryKind::Password,
        None,
    ),
    (
        "event.notification.probe",
        "Try queued deliveries again",
        "Whether deliveries that have queued are tried again by themselves, now and then",
        EntryKind::Boolean,
        Some("true"),
    ),
    (
        "notification.webhook.failure.policy",
        "Failure policy",
        "What a failed delivery means: retry, or queue (nothing more is sent until it is reactivated)",
        EntryKind::Word,
        None,
    ),
    (
        "event.notification.client.certificate",
        "Client certificate",
        "Shown to a callback that asks who calls: PEM, with those that lead to its authority",
        EntryKind::Area,
        None,
    ),
    (
        "event.notification.client.key",
        "Key of the client certificate",
        "PEM, without a passphrase",
        EntryKind::Area,
        None,
    ),
    (
        "event.notification.ca.certificate",
        "Authority of the callback",
        "Who may have signed the callback's certificate, instead of the public authorities: PEM",
        EntryKind::Area,
        None,
    ),
    (
        "event.poller.refresh_interval",
        "Event poller refresh interval (mins)",
        "Minutes from one poll to the next; fractions are allowed",
        EntryKind::Word,
        None,
    ),
    (
        "event.poller.adaptive",
        "Adaptive poll interval",
        "Whether the interval grows while polls find nothing, up to eight times",
        EntryKind::Boolean,
        Some("false"),
    ),
    (
        "event.poller.configuration",
        "Configure polling",
        "What is polled, as JSON: a url, an id field and dates for each resource",
        EntryKind::Area,
        None,
    ),
    (
        "event.poller.urls",
        "Polling URLs",
        "The legacy form of the configuration of polling",
        EntryKind::Area,
        None,
    ),
    (
        "event.objects",
        "Objects to monitor for changes",
        "Only these resources of the configuration of polling, separated by commas",
        EntryKind::Area,
        None,
    ),
    (
        "event.raw.full",
        "Repeat the whole batch",
        "Whether each notification repeats the records of its whole batch",
        EntryKind::Boolean,
        Some("false"),
    ),
    (
        "filter.response.nulls",
        "Filter null values from the response",
        "Whether null members are left out of records",
        EntryKind::Boolean,
        Some("true"),
    ),
];

impl Connector {
    /// The keys that instances have besides [`Connector::configuration`], with this connector's
    /// defaults; an entry of its own stands for itself.
    pub fn standard_keys(&self) -> impl Iterator<Item = StandardKey> {
        let is_own = |key: &str| self.configuration.iter().any(|entry| entry.key == key);
        let rows = KEYS.into_iter().filter(move |(key, ..)| !is_own(key));
        rows.map(|(key, name, description, kind, default)| {
            let default = match key {
                "base.url" => Some(self.base.clone()),
                "event.poller.refresh_interval" => {
                    Some((self.interval.as_secs_f64() / 60.0).to_string())
                }
                "event.poller.configuration" => Some(self.poller_configuration.clone()),
                _ => default.map(str::to_owned),
            };
            StandardKey { key, name, description, kind, default }
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::Catalogue;

    #[test]
    fn defaults_are_the_connectors_own() {
        let catalogue = Catalogue::built_in().unwrap();
        let keys: Vec<_> = catalogue.find("salesloft").unwrap().standard_keys().collect();
        let default = |key: &str| {
            let found = keys.iter().find(|one| one.key == key);
            found.and_then(|one| one.default.as_deref())
        };
        assert_eq!(default("base.url"), Some("https://api.salesloft.com/v2"));
        assert_eq!(default("event.poller.refresh_interval"), Some("15"));
        assert!(default("event.poller.configuration").is_some_and(|text| text.starts_with('{')));
        assert_eq!(default("event.notification.callback.url"), None);
    }
}
