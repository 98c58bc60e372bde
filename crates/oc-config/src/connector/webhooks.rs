//! How a provider tells of changes by itself: subscriptions, signatures, and what its events mean.

mod read;

use std::collections::BTreeMap;

use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value as Json};

use super::Verb;
use crate::FieldPath;

pub(super) use read::RawWebhooks;

/// What stands for the event's name, the callback url and the secret in a subscription's body.
const STAND_INS: [&str; 3] = ["{event}", "{url}", "{secret}"];

/// The webhooks of a provider.
#[derive(Clone, Debug, PartialEq)]
pub struct Webhooks {
    /// The header of a delivery that names its event.
    pub event: String,
    /// Where the record is in a delivery's body.
    pub record: FieldPath,
    /// How a delivery proves that it is the provider's.
    pub signature: WebhookSignature,
    /// How one kind of event is subscribed to.
    pub subscribe: Subscribe,
    /// How a subscription is ended.
    pub unsubscribe: Unsubscribe,
    /// How the provider shows the subscriptions that there are, if it does.
    pub list: Option<SubscriptionList>,
    /// The names of events, by resource.
    events: BTreeMap<String, EventNames>,
}

/// How a delivery is signed: an HMAC over its exact body, under the subscription's secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebhookSignature {
    /// The header that carries it.
    pub header: String,
    /// What stands before it there, as `sha256=`.
    pub prefix: String,
    /// The hash.
    pub hmac: WebhookHash,
    /// How it is written.
    pub encoding: WebhookEncoding,
}

/// The hash of a signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WebhookHash {
    /// SHA-1.
    Sha1,
    /// SHA-256.
    Sha256,
}

/// How a signature is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WebhookEncoding {
    /// In hexadecimal digits.
    Hex,
    /// In base64.
    Base64,
}

/// The call that subscribes.
#[derive(Clone, Debug, PartialEq)]
pub struct Subscribe {
    /// Its method.
    pub verb: Verb,
    /// Its path below the base.
    pub path: String,
    /// Where its answer has the subscription's id.
    pub id: FieldPath,
    body: Map<String, Json>,
}

/// The call that ends a subscription.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unsubscribe {
    /// Its method.
    pub verb: Verb,
    path: String,
}

/// The list of subscriptions; it is paged as other lists are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubscriptionList {
    /// Its path below the base.
    pub path: String,
    /// Where the subscriptions are in an answer.
    pub items: FieldPath,
    /// A subscription's id.
    pub id: FieldPath,
    /// Its event.
    pub event: FieldPath,
    /// Its callback url.
    pub url: FieldPath,
}

/// What an event of the provider says has happened to a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum WebhookKind {
    /// It was made.
    Created,
    /// It was changed.
    Updated,
    /// It was removed.
    Deleted,
}

/// The provider's names for what happens to the records of a resource.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct EventNames {
    created: Vec<String>,
    updated: Vec<String>,
    deleted: Vec<String>,
}

impl Webhooks {
    /// The events that tell of a resource's records; none when the provider has none.
    pub fn events_of(&self, resource: &str) -> impl Iterator<Item = &str> {
        self.events.get(resource).into_iter().flat_map(EventNames::all).map(|(name, _)| name)
    }

    /// Whether there are events for deleted records of a resource.
    pub fn tells_of_deletions(&self, resource: &str) -> bool {
        self.events.get(resource).is_some_and(|names| !names.deleted.is_empty())
    }

    /// Which resource an event is about, and what it says; `None` for one that is not listed.
    pub fn meaning(&self, event: &str) -> Option<(&str, WebhookKind)> {
        self.events.iter().find_map(|(resource, names)| {
            let (_, kind) = names.all().find(|(name, _)| *name == event)?;
            Some((resource.as_str(), kind))
        })
    }
}

impl EventNames {
    fn all(&self) -> impl Iterator<Item = (&str, WebhookKind)> {
        named(&self.created, WebhookKind::Created)
            .chain(named(&self.updated, WebhookKind::Updated))
            .chain(named(&self.deleted, WebhookKind::Deleted))
    }
}

impl Subscribe {
    /// The body that subscribes to an event. It holds the secret.
    pub fn body(&self, event: &str, url: &str, secret: &SecretString) -> Json {
        let values = [event, url, secret.expose_secret()];
        filled(&Json::Object(self.body.clone()), &values)
    }
}

impl Unsubscribe {
    /// The path for a subscription's id, which has to be percent-encoded.
    pub fn path(&self, id: &str) -> String {
        self.path.replace("{id}", id)
    }
}

fn named(names: &[String], kind: WebhookKind) -> impl Iterator<Item = (&str, WebhookKind)> {
    names.iter().map(move |name| (name.as_str(), kind))
}

fn filled(json: &Json, values: &[&str; 3]) -> Json {
    match json {
        Json::String(text) => {
            let put = |text: String, (name, value): (&str, &&str)| text.replace(name, value);
            Json::String(STAND_INS.into_iter().zip(values).fold(text.clone(), put))
        }
        Json::Array(elements) => elements.iter().map(|one| filled(one, values)).collect(),
        Json::Object(members) => {
            let member = |(name, one): (&String, &Json)| (name.clone(), filled(one, values));
            Json::Object(members.iter().map(member).collect())
        }
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests;
