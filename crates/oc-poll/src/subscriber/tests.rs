//! Subscriptions at a provider in memory, with and without a list.

use std::sync::Mutex;

use async_trait::async_trait;
use oc_hub::Target;
use secrecy::SecretString;
use serde_json::json;

use super::*;
use crate::Fence;
use crate::fixture::{due, s};
use crate::hook::ClaimedHooks;
use oc_hub::Subscribed;

const HERE: &str = "https://here.example/elements/api-v2/events/salesloft/sfx";

/// A provider, and what is kept of it.
#[derive(Default)]
struct World {
    there: Mutex<Vec<Subscribed>>,
    is_listed: bool,
    made: Mutex<u32>,
    /// The next subscription is made, and its answer lost.
    loses: Mutex<bool>,
    noted: Mutex<Vec<Subscribed>>,
    outcomes: Mutex<Vec<HookOutcome>>,
}

#[async_trait]
impl Subscriptions for World {
    async fn list(&self, _: &Target) -> Result<Option<Vec<Subscribed>>, SourceError> {
        Ok(self.is_listed.then(|| self.there.lock().unwrap().clone()))
    }

    async fn subscribe(
        &self,
        _: &Target,
        event: &str,
        callback: &Url,
        secret: &SecretString,
    ) -> Result<String, SourceError> {
        let mut made = self.made.lock().unwrap();
        *made += 1;
        let id = format!("new{made}");
        let (event, url) = (event.to_owned(), callback.to_string());
        self.there.lock().unwrap().push(Subscribed { id: id.clone(), event, url });
        if std::mem::take(&mut *self.loses.lock().unwrap()) {
            let secret = secrecy::ExposeSecret::expose_secret(secret);
            return Err(SourceError::of(format!("cut off after {secret}")));
        }
        Ok(id)
    }

    async fn unsubscribe(&self, _: &Target, id: &str) -> Result<(), SourceError> {
        self.there.lock().unwrap().retain(|one| one.id != id);
        Ok(())
    }
}

#[async_trait]
impl Hooks for World {
    async fn claim_hooks(
        &self,
        _: Timestamp,
        _: usize,
        _: Duration,
    ) -> Result<ClaimedHooks, LedgerError> {
        Ok(ClaimedHooks::default())
    }

    async fn claim_hook(
        &self,
        _: InstanceId,
        _: Timestamp,
        _: Duration,
    ) -> Result<HookClaim, LedgerError> {
        Ok(HookClaim::Claimed(Box::new(self.hook(&["person_created"]))))
    }

    async fn note(&self, _: &Hook, subscribed: &[Subscribed]) -> Result<(), LedgerError> {
        *self.noted.lock().unwrap() = subscribed.to_vec();
        Ok(())
    }

    async fn settle(&self, _: &Hook, outcome: HookOutcome) -> Result<(), LedgerError> {
        self.outcomes.lock().unwrap().push(outcome);
        Ok(())
    }
}

impl World {
    fn with(is_listed: bool, there: &[(&str, &str, &str)]) -> Arc<Self> {
        let one = |(id, event, url): &(&str, &str, &str)| Subscribed {
            id: (*id).to_owned(),
            event: (*event).to_owned(),
            url: (*url).to_owned(),
        };
        let there: Vec<Subscribed> = there.iter().map(one).collect();
        let noted = Mutex::new(if is_listed { Vec::new() } else { there.clone() });
        Arc::new(Self { there: Mutex::new(there), is_listed, noted, ..Self::default() })
    }

    /// The hook of an instance, with what is recorded.
    fn hook(&self, wanted: &[&str]) -> Hook {
        Hook {
            target: due(&json!({})).target,
            revision: 1,
            fence: Fence::default(),
            suffix: "sfx".to_owned(),
            secret: SecretString::from("s3cret"),
            wanted: wanted.iter().map(|event| (*event).to_owned()).collect(),
            known: self.noted.lock().unwrap().clone(),
            failures: 0,
        }
    }

    fn ids(&self) -> Vec<String> {
        self.there.lock().unwrap().iter().map(|one| one.id.clone()).collect()
    }

    async fn look_after(self: &Arc<Self>, wanted: &[&str]) -> HookOutcome {
        self.subscriber().look_after(&self.hook(wanted)).await;
        self.outcomes.lock().unwrap().pop().unwrap()
    }

    fn subscriber(self: &Arc<Self>) -> Subscriber {
        Subscriber {
            hooks: Arc::clone(self) as Arc<dyn Hooks>,
            provider: Arc::clone(self) as Arc<dyn Subscriptions>,
            callbacks: Url::parse("https://here.example/elements/api-v2/events/").unwrap(),
            clock: Clock::new(|| s(1_000)),
            dice: Dice::new(|| 0.0),
            settings: SubscriberSettings {
                concurrency: 1,
                lease: Duration::from_secs(60),
                look_every: Duration::from_secs(1),
            },
        }
    }
}

#[tokio::test]
async fn what_is_missing_is_made_and_looked_after_a_day_later() {
    for is_listed in [true, false] {
        let world = World::with(is_listed, &[("1", "person_created", HERE)]);
        let outcome = world.look_after(&["person_created", "person_updated"]).await;
        assert_eq!(world.ids(), ["1", "new1"]);
        assert_eq!(*world.noted.lock().unwrap(), *world.there.lock().unwrap());
        assert_eq!(outcome.trouble, None);
        assert_eq!(outcome.due.unwrap().since(s(1_000)).as_secs(), 86_400);
    }
}

#[tokio::test]
async fn what_is_not_wanted_any_more_is_ended_and_nothing_is_looked_after_then() {
    for is_listed in [true, false] {
        let there = [("1", "person_created", HERE), ("2", "person_updated", HERE)];
        let world = World::with(is_listed, &there);
        assert_eq!(world.look_after(&[]).await, HookOutcome { due: None, trouble: None });
        assert!(world.ids().is_empty() && world.noted.lock().unwrap().is_empty());
    }
}

#[tokio::test]
async fn second_ones_and_those_for_an_old_address_are_ended_and_those_of_others_are_left_alone() {
    let world = World::with(
        true,
        &[
            ("1", "person_created", HERE),
            ("2", "person_created", HERE),
            ("3", "person_updated", "https://old.example/events/salesloft/sfx"),
            ("4", "person_created", "https://here.example/elements/api-v2/events/salesloft/other"),
        ],
    );
    world.look_after(&["person_created", "person_updated"]).await;
    assert_eq!(world.ids(), ["1", "4", "new1"]);
    assert_eq!(world.there.lock().unwrap()[2].url, HERE);
}

#[tokio::test]
async fn a_subscription_whose_answer_was_lost_is_found_again() {
    let world = World::with(true, &[]);
    *world.loses.lock().unwrap() = true;
    let outcome = world.look_after(&["person_created"]).await;
    let trouble = outcome.trouble.unwrap();
    assert_eq!((trouble.message.as_str(), trouble.failures), ("cut off after ********", 1));
    assert_eq!(outcome.due.unwrap(), s(1_001));
    assert!(world.look_after(&["person_created"]).await.trouble.is_none());
    assert_eq!(world.ids(), ["new1"]);
    assert_eq!(world.noted.lock().unwrap()[0].id, "new1");
}

#[tokio::test]
async fn subscriptions_of_an_instance_that_is_to_be_deleted_are_ended() {
    let world = World::with(true, &[("1", "person_created", HERE)]);
    world.subscriber().end(InstanceId(7)).await;
    assert!(world.ids().is_empty());
}
