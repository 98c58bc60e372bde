//! A store with an instance in it, and short words for what the tests do.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use oc_config::{Catalogue, Configuration, InstanceId, InstanceSettings, Timestamp};
use oc_dispatch::{Attempt, AttemptVerdict, ClaimRequest, Claimed, Outbox};
use oc_oauth::TokenSet;
use oc_poll::{
    Due, Event, EventKind, Finding, Fingerprint, Ledger, Outcome, Part, PollSummary, Version,
};
use oc_store::{
    CreationKey, InstanceFields, NewInstance, OrganizationId, PolledResource, SecretKey, Store,
    StoreError, StoreOptions,
};
use secrecy::SecretString;
use serde_json::{Value as Json, json};
use zeroize::Zeroizing;

use crate::place::{self, Place};

pub(crate) const MINUTE: Duration = Duration::from_secs(60);
pub(crate) const LEASE: Duration = Duration::from_secs(600);

pub(crate) fn s(seconds: i64) -> Timestamp {
    Timestamp(seconds * 1_000_000)
}

pub(crate) struct House {
    pub(crate) place: Place,
    pub(crate) store: Store,
}

/// The key of the request that made the instance of this token; unlike the token it is no secret.
pub(crate) fn creation_key(token: &str) -> CreationKey {
    CreationKey::new(token.chars().rev().collect(), token.as_bytes())
}

impl House {
    pub(crate) async fn new() -> Self {
        let place = place::new().await;
        let store = open(&place, 1).await.expect("a store");
        let secret = |text: &str| SecretString::from(text);
        store
            .ensure_first_user(None, None, (&secret("user-s3cret"), &secret("org-s3cret")))
            .await
            .expect("a user");
        Self { place, store }
    }

    /// The process ends and starts again.
    pub(crate) async fn restarted(self) -> Self {
        self.store.leave().await.expect("an orderly end");
        drop(self.store);
        let store = open(&self.place, 1).await.expect("the same store");
        Self { place: self.place, store }
    }

    /// An instance made at 1,000 s, polled first at 1,900 s.
    pub(crate) async fn instance(&self, token: &str) -> InstanceId {
        let new = NewInstance {
            organization: OrganizationId(1),
            user: 1,
            connector: "salesloft".to_owned(),
            token: SecretString::from(token),
            created: s(1_000),
            repeated_by: Some(creation_key(token)),
            fields: fields(&configuration(&json!({}))),
        };
        self.store.create_instance(new, None).await.expect("an instance")
    }

    /// The only due resource at an instant.
    pub(crate) async fn due(&self, at: i64) -> Option<Due> {
        let claimed = self.store.claim_polls(s(at)).await;
        claimed.into_iter().flat_map(|one| one.resources).next()
    }

    pub(crate) async fn lanes(&self, at: i64) -> Claimed {
        let request = ClaimRequest {
            now: s(at),
            lanes: 10,
            per_destination: 10,
            room: [].into(),
            probes: true,
            lease: LEASE,
        };
        Outbox::claim(&self.store, request).await.expect("a claim")
    }
}

pub(crate) trait ClaimPolls {
    async fn claim_polls(&self, now: Timestamp) -> Vec<oc_poll::DueInstance>;
}

impl ClaimPolls for Store {
    async fn claim_polls(&self, now: Timestamp) -> Vec<oc_poll::DueInstance> {
        Ledger::claim(self, now, 10, LEASE).await.expect("a claim").instances
    }
}

pub(crate) async fn open(place: &Place, key: u8) -> Result<Store, StoreError> {
    Store::open(StoreOptions {
        database: place::location(place),
        key: SecretKey::new(&Zeroizing::new([key; 32])),
        catalogue: Arc::new(Catalogue::built_in().expect("the catalogue")),
        shortest_interval: MINUTE,
    })
    .await
}

pub(crate) fn configuration(changes: &Json) -> Configuration {
    let mut values = json!({
        "event.notification.enabled": true,
        "event.notification.callback.url": "https://receiver.example/hook",
        "event.notification.signature.key": "sign-s3cret",
        "oauth.api.key": "client-s3cret",
        "oauth.api.secret": "api-s3cret",
    });
    for (key, value) in changes.as_object().expect("an object") {
        values[key] = value.clone();
    }
    let catalogue = Catalogue::built_in().expect("the catalogue");
    let connector = catalogue.find("salesloft").expect("the connector");
    Configuration::from_json(values.as_object().expect("an object"), connector).0
}

pub(crate) fn fields(configuration: &Configuration) -> InstanceFields {
    let catalogue = Catalogue::built_in().expect("the catalogue");
    let connector = catalogue.find("salesloft").expect("the connector");
    let read = InstanceSettings::read(configuration, connector, MINUTE);
    let settings = read.expect("settings").0;
    let polled = settings
        .resources
        .iter()
        .map(|one| PolledResource::new(one, connector, s(1_000), s(1_900)))
        .collect();
    InstanceFields {
        name: "One".to_owned(),
        tags: vec!["Docs".to_owned()],
        configuration: configuration.clone(),
        account: "team".to_owned(),
        warnings: vec![],
        tokens: Some(tokens("first")),
        polled: Some(polled),
        destination: settings.callback.map(|url| url.origin().ascii_serialization()),
    }
}

pub(crate) fn tokens(name: &str) -> TokenSet {
    TokenSet {
        access: SecretString::from(format!("access-s3cret-{name}")),
        refresh: Some(SecretString::from(format!("refresh-s3cret-{name}"))),
        obtained_at: s(1_000),
        expires_at: s(8_200),
        others: [("scope".to_owned(), "all".to_owned())].into(),
    }
}

/// Events about the objects `ids`, with their fingerprints.
pub(crate) fn part(ids: std::ops::Range<i64>) -> Part {
    let event = |id: i64| Event {
        object_id: id.to_string(),
        kind: EventKind::Created,
        date: s(id),
        record: Bytes::from(format!("{{\"id\":{id}}}")),
        changes: None,
    };
    let fingerprint =
        |id: i64| Fingerprint { object_id: id.to_string(), version: Version(s(id).0) };
    Part {
        events: ids.clone().map(event).collect(),
        fingerprints: ids.map(fingerprint).collect(),
        contents: Vec::new(),
    }
}

/// A poll begun at `started` that found `part`; the next is due 900 s later.
pub(crate) fn done(started: i64, part: Part) -> Outcome {
    Outcome::Done(Finding {
        part,
        started: s(started),
        cursor: s(started),
        forget_before: None,
        quiet: 0,
        next_due: s(started + 900),
        summary: PollSummary::default(),
    })
}

pub(crate) fn attempt(at: i64, verdict: AttemptVerdict) -> Attempt {
    Attempt {
        url: "https://receiver.example/hook".to_owned(),
        request: [("webhook-id", "1")].into_iter().collect(),
        at: s(at),
        took: MINUTE,
        status: Some(200),
        error: None,
        answer: "ok".to_owned(),
        verdict,
    }
}
