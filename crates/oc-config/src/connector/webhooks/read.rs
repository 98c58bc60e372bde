//! The table `webhooks` of a definition, read.

use std::collections::{BTreeMap, HashMap};

use serde::Deserialize;
use serde_json::{Map, Value as Json};

use super::{
    EventNames, STAND_INS, Subscribe, SubscriptionList, Unsubscribe, WebhookEncoding, WebhookHash,
    WebhookSignature, Webhooks,
};
use crate::connector::definition::Faults;
use crate::connector::{Resource, Verb};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::connector) struct RawWebhooks {
    event: String,
    #[serde(default)]
    record: String,
    signature: RawSignature,
    subscribe: RawSubscribe,
    unsubscribe: RawUnsubscribe,
    list: Option<RawList>,
    events: BTreeMap<String, RawNames>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawSignature {
    header: String,
    #[serde(default)]
    prefix: String,
    hmac: Option<String>,
    encoding: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawSubscribe {
    method: Option<String>,
    path: String,
    body: Map<String, Json>,
    id: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawUnsubscribe {
    method: Option<String>,
    path: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawList {
    path: Option<String>,
    #[serde(default)]
    items: String,
    id: Option<String>,
    event: String,
    url: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawNames {
    #[serde(default)]
    created: Vec<String>,
    #[serde(default)]
    updated: Vec<String>,
    #[serde(default)]
    deleted: Vec<String>,
}

impl RawWebhooks {
    pub(in crate::connector) fn build(
        self,
        resources: &BTreeMap<String, Resource>,
        faults: &mut Faults,
    ) -> Webhooks {
        header("webhooks.event", &self.event, faults);
        let events = self.events.into_iter().map(|(resource, names)| (resource, names.build()));
        let events: BTreeMap<String, EventNames> = events.collect();
        check_events(&events, resources, faults);
        let list = self.list.map(|list| list.build(&self.subscribe.path, faults));
        Webhooks {
            event: self.event,
            record: faults.field("webhooks.record", &self.record),
            signature: self.signature.build(faults),
            subscribe: self.subscribe.build(faults),
            unsubscribe: self.unsubscribe.build(faults),
            list,
            events,
        }
    }
}

impl RawSignature {
    fn build(self, faults: &mut Faults) -> WebhookSignature {
        header("webhooks.signature.header", &self.header, faults);
        let hashes = [("sha256", WebhookHash::Sha256), ("sha1", WebhookHash::Sha1)];
        let encodings = [("hex", WebhookEncoding::Hex), ("base64", WebhookEncoding::Base64)];
        let (hmac, encoding) = (self.hmac.as_deref(), self.encoding.as_deref());
        WebhookSignature {
            header: self.header,
            prefix: self.prefix,
            hmac: faults.one_of("webhooks.signature.hmac", hmac, hashes),
            encoding: faults.one_of("webhooks.signature.encoding", encoding, encodings),
        }
    }
}

impl RawSubscribe {
    fn build(self, faults: &mut Faults) -> Subscribe {
        let at = "webhooks.subscribe";
        path(&format!("{at}.path"), &self.path, 0, faults);
        let text = Json::Object(self.body.clone()).to_string();
        for name in STAND_INS.into_iter().filter(|name| !text.contains(name)) {
            faults.add(&format!("{at}.body"), format!("`{name}` is nowhere in it"));
        }
        let verbs = [("POST", Verb::Post), ("PUT", Verb::Put)];
        Subscribe {
            verb: faults.one_of(&format!("{at}.method"), self.method.as_deref(), verbs),
            path: self.path,
            id: faults.member(&format!("{at}.id"), &self.id),
            body: self.body,
        }
    }
}

impl RawUnsubscribe {
    fn build(self, faults: &mut Faults) -> Unsubscribe {
        path("webhooks.unsubscribe.path", &self.path, 1, faults);
        let verbs = [("DELETE", Verb::Delete), ("POST", Verb::Post)];
        let verb = faults.one_of("webhooks.unsubscribe.method", self.method.as_deref(), verbs);
        Unsubscribe { verb, path: self.path }
    }
}

impl RawList {
    fn build(self, usual: &str, faults: &mut Faults) -> SubscriptionList {
        let of = |name: &str| format!("webhooks.list.{name}");
        let list = self.path.unwrap_or_else(|| usual.to_owned());
        path(&of("path"), &list, 0, faults);
        SubscriptionList {
            path: list,
            items: faults.field(&of("items"), &self.items),
            id: faults.member(&of("id"), self.id.as_deref().unwrap_or("id")),
            event: faults.member(&of("event"), &self.event),
            url: faults.member(&of("url"), &self.url),
        }
    }
}

impl RawNames {
    fn build(self) -> EventNames {
        EventNames { created: self.created, updated: self.updated, deleted: self.deleted }
    }
}

/// An event means one thing, of a resource that there is.
fn check_events(
    events: &BTreeMap<String, EventNames>,
    resources: &BTreeMap<String, Resource>,
    faults: &mut Faults,
) {
    let mut seen: HashMap<&str, &str> = HashMap::new();
    for (resource, names) in events {
        let path = format!("webhooks.events.{resource}");
        if !resources.contains_key(resource) {
            faults.add(&path, format!("there is no resource `{resource}`"));
        }
        if names.all().next().is_none() {
            faults.add(&path, "created, updated or deleted events were expected");
        }
        for (name, _) in names.all() {
            if let Some(other) = seen.insert(name, resource) {
                faults.add(&path, format!("`{name}` is an event of `{other}` already"));
            }
        }
    }
}

fn header(at: &str, name: &str, faults: &mut Faults) {
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    if name.is_empty() || !name.bytes().all(is_name) {
        faults.add(at, format!("`{name}` was found; a header's name was expected"));
    }
}

fn path(at: &str, path: &str, ids: usize, faults: &mut Faults) {
    if !path.starts_with('/') {
        faults.add(at, format!("`{path}` was found; a path that begins with `/` was expected"));
    }
    if path.matches("{id}").count() != ids {
        let expected = if ids == 0 { "a path without `{id}`" } else { "a path with one `{id}`" };
        faults.add(at, format!("`{path}` was found; {expected} was expected"));
    }
}
