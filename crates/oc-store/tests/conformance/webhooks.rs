//! Subscriptions that are wanted, and an inbox that loses nothing and tells nothing twice.

use oc_config::{InstanceId, WebhookKind};
use oc_hub::Subscribed;
use oc_poll::{
    ClaimedPushed, Hook, HookClaim, HookOutcome, Hooks, Inbox, Ledger, LedgerError, Part, TakenIn,
    Trouble,
};
use oc_store::{By, HookState, InstanceFields, NewInstance, OrganizationId, Received, Receiver};
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;

use crate::house::{ClaimPolls, House, LEASE, configuration, done, fields, part, s};
use crate::place::{self, NO_BYTES};

const CONTACTS: [&str; 3] = ["person_created", "person_updated", "person_deleted"];

fn pushing() -> InstanceFields {
    fields(&configuration(&json!({"event.vendor.type": "webhook"})))
}

impl House {
    /// An instance that its provider is to tell of changes, made at 1,000 s.
    pub(crate) async fn pushed_to(&self) -> InstanceId {
        let new = NewInstance {
            organization: OrganizationId(1),
            user: 1,
            connector: "salesloft".to_owned(),
            token: SecretString::from("one"),
            created: s(1_000),
            repeated_by: None,
            fields: pushing(),
        };
        self.store.create_instance(new, None).await.expect("an instance")
    }

    async fn hooks(&self, at: i64) -> Vec<Hook> {
        self.store.claim_hooks(s(at), 10, LEASE).await.expect("a claim").hooks
    }

    pub(crate) async fn hook(&self, id: InstanceId, at: i64) -> Hook {
        match self.store.claim_hook(id, s(at), LEASE).await.expect("a claim") {
            HookClaim::Claimed(hook) => *hook,
            other => panic!("{other:?}"),
        }
    }

    async fn state(&self, id: InstanceId) -> HookState {
        self.store.hook_state(id).await.expect("a read").expect("a hook")
    }

    /// The receiver of an instance's deliveries.
    async fn receiver(&self, id: InstanceId) -> Receiver {
        let hook = self.hook(id, 1_000).await;
        let settled = HookOutcome { due: None, trouble: None };
        self.store.settle(&hook, settled).await.expect("a settlement");
        self.store.receiver(&hook.suffix).await.expect("a read").expect("it is wanted")
    }

    async fn receive(&self, receiver: &Receiver, resource: &str) -> Received {
        let (what, body) = ((resource, WebhookKind::Created), b"{\"id\":7}"[..].into());
        self.store.receive(receiver, what, body, s(1_100)).await.expect("a write")
    }

    async fn pushed(&self, at: i64) -> ClaimedPushed {
        self.store.claim_pushed(s(at), 10, LEASE).await.expect("a claim")
    }
}

fn taken(claimed: &ClaimedPushed, part: Part) -> TakenIn {
    let numbers = claimed.resources[0].pushed.iter().map(|one| one.number).collect();
    TakenIn { numbers, part }
}

#[tokio::test]
async fn an_instance_that_wants_webhooks_is_looked_after_at_once_and_by_one_only() {
    let house = House::new().await;
    house.instance("polling").await;
    let id = house.pushed_to().await;
    let hooks = house.hooks(1_000).await;
    assert_eq!(hooks.iter().map(|hook| hook.target.instance).collect::<Vec<_>>(), [id]);
    let hook = &hooks[0];
    assert_eq!(hook.wanted, CONTACTS);
    assert!(hook.suffix.len() == 32 && hook.secret.expose_secret().len() == 64);
    assert!(house.hooks(1_000).await.is_empty());
    let held = house.store.claim_hook(id, s(1_000), LEASE).await.unwrap();
    assert!(matches!(held, HookClaim::Held));
    let none = house.store.claim_hook(InstanceId(1), s(1_000), LEASE).await.unwrap();
    assert!(matches!(none, HookClaim::Missing));
}

#[tokio::test]
async fn what_came_of_it_is_kept_and_a_failure_is_shown_until_it_fits() {
    let house = House::new().await;
    let id = house.pushed_to().await;
    let hook = house.hook(id, 1_000).await;
    let one = Subscribed {
        id: "7".to_owned(),
        event: "person_created".to_owned(),
        url: "https://here.example/x".to_owned(),
    };
    house.store.note(&hook, std::slice::from_ref(&one)).await.unwrap();
    let trouble = Some(Trouble { message: "down".to_owned(), failures: 3 });
    house.store.settle(&hook, HookOutcome { due: Some(s(1_005)), trouble }).await.unwrap();
    let state = house.state(id).await;
    assert_eq!((state.error.as_deref(), state.due), (Some("down"), Some(s(1_005))));
    assert_eq!(state.subscribed, ["person_created"]);
    assert!(house.hooks(1_004).await.is_empty());
    let house = house.restarted().await;
    let hook = house.hooks(1_005).await.remove(0);
    assert_eq!((hook.failures, hook.known.clone()), (3, vec![one]));
    house.store.note(&hook, &[]).await.unwrap();
    house.store.settle(&hook, HookOutcome { due: None, trouble: None }).await.unwrap();
    let state = house.state(id).await;
    assert_eq!((state.error, state.due, state.subscribed.len()), (None, None, 0));
}

#[tokio::test]
async fn a_change_of_the_instance_meanwhile_leaves_it_due() {
    let house = House::new().await;
    let id = house.pushed_to().await;
    let hook = house.hook(id, 1_000).await;
    house.store.disable_instance(id, By::operator(), s(1_001)).await.unwrap();
    house.store.settle(&hook, HookOutcome { due: Some(s(90_000)), trouble: None }).await.unwrap();
    let hooks = house.hooks(1_001).await;
    assert!(hooks[0].wanted.is_empty(), "an instance that is switched off wants none");
}

#[tokio::test]
async fn the_address_and_the_secret_stay_the_same_when_it_is_switched_off_and_on() {
    let house = House::new().await;
    let id = house.pushed_to().await;
    let before = house.receiver(id).await;
    let suffix = house.hooks(1_000).await.pop().map(|hook| hook.suffix);
    assert_eq!(suffix, None, "it was settled");
    house.store.disable_instance(id, By::operator(), s(1_001)).await.unwrap();
    let hook = house.hooks(1_001).await.remove(0);
    assert!(house.store.receiver(&hook.suffix).await.unwrap().is_none());
    let revision = house.store.instance(id).await.unwrap().unwrap().revision;
    let InstanceFields { polled, destination, .. } = pushing();
    house
        .store
        .start_polling(id, revision, polled, destination, By::operator(), s(1_002))
        .await
        .unwrap();
    let after = house.store.receiver(&hook.suffix).await.unwrap().unwrap();
    assert_eq!(after.secret.expose_secret(), before.secret.expose_secret());
}

#[tokio::test]
async fn back_to_polling_nothing_is_wanted_and_a_deleted_instance_leaves_nothing() {
    let house = House::new().await;
    let id = house.pushed_to().await;
    let receiver = house.receiver(id).await;
    assert_eq!(house.receive(&receiver, "contacts").await, Received::Kept);
    let polling = fields(&configuration(&json!({})));
    let revision = house.store.instance(id).await.unwrap().unwrap().revision;
    let by = By::operator();
    house.store.update_instance(id, revision, polling, false, by, s(1_200)).await.unwrap();
    assert!(house.state(id).await.wanted.is_empty());
    assert_eq!(house.pushed(1_200).await.resources.len(), 1, "what was received is told");
    house.store.delete_instance(id, By::operator(), s(1_300)).await.unwrap();
    assert_eq!(house.store.hook_state(id).await.unwrap(), None);
    let house = house.restarted().await;
    assert!(house.pushed(1_300).await.resources.is_empty());
}

#[tokio::test]
async fn what_was_received_survives_is_told_once_and_leaves_the_inbox() {
    let house = House::new().await;
    let id = house.pushed_to().await;
    let receiver = house.receiver(id).await;
    for _ in 0..45 {
        assert_eq!(house.receive(&receiver, "contacts").await, Received::Kept);
    }
    assert_eq!(house.receive(&receiver, "accounts").await, Received::Unwanted);
    let house = house.restarted().await;
    assert_eq!(house.state(id).await.waiting, 45);
    let claimed = house.pushed(1_200).await;
    let one = &claimed.resources[0];
    assert_eq!((one.pushed.len(), one.pushed[0].kind), (45, WebhookKind::Created));
    house.store.take_in(&one.due, s(1_200), taken(&claimed, part(0..45))).await.unwrap();
    assert_eq!(house.state(id).await.waiting, 0);
    assert!(house.pushed(1_200).await.resources.is_empty());
    let known = house.store.known(one.due.resource, ["7".to_owned()].into()).await.unwrap();
    assert_eq!(known[0].unwrap().date(), Some(s(7)));
    let lanes = house.lanes(1_200).await.lanes;
    let events = |one: &oc_dispatch::Pending| {
        let body: serde_json::Value = serde_json::from_slice(&one.body).unwrap();
        body["message"]["events"].as_array().unwrap().len()
    };
    let events: Vec<usize> = lanes[0].notifications.iter().map(events).collect();
    assert_eq!(events, [20, 20, 5]);
}

#[tokio::test]
async fn it_is_never_worked_off_beside_a_poll() {
    let house = House::new().await;
    let id = house.pushed_to().await;
    let receiver = house.receiver(id).await;
    house.receive(&receiver, "contacts").await;
    let due = house.due(1_900).await.expect("it is due");
    let claimed = house.pushed(1_900).await;
    assert!(claimed.resources.is_empty() && claimed.others_wait);
    house.store.finish(&due, done(1_900, part(0..1))).await.unwrap();
    let claimed = house.pushed(2_700).await;
    assert_eq!(claimed.resources.len(), 1);
    assert!(house.store.claim_polls(s(2_900)).await.is_empty(), "nor a poll beside it");
}

#[tokio::test]
async fn what_was_told_is_not_forgotten_as_it_may_be_deleted() {
    let house = House::new().await;
    house.instance("polling").await;
    assert!(!house.due(1_900).await.expect("it is due").checkpoint.remembers);
    house.pushed_to().await;
    assert!(house.due(1_900).await.expect("it is due").checkpoint.remembers);
}

#[tokio::test]
async fn what_was_claimed_before_something_else_happened_is_void_and_stays_in_the_inbox() {
    let house = House::new().await;
    let id = house.pushed_to().await;
    let receiver = house.receiver(id).await;
    house.receive(&receiver, "contacts").await;
    let claimed = house.pushed(1_200).await;
    let revision = house.store.instance(id).await.unwrap().unwrap().revision;
    let by = By::operator();
    house.store.update_instance(id, revision, pushing(), false, by, s(1_201)).await.unwrap();
    let due = &claimed.resources[0].due;
    let void = house.store.take_in(due, s(1_202), taken(&claimed, part(0..1))).await;
    assert!(matches!(void, Err(LedgerError::Superseded)));
    let again = house.pushed(1_202).await;
    let due = &again.resources[0].due;
    house.store.take_in(due, s(1_203), taken(&again, part(0..1))).await.unwrap();
    let twice = house.store.take_in(due, s(1_203), taken(&again, part(0..1))).await;
    assert!(matches!(twice, Err(LedgerError::Superseded)));
    assert_eq!(house.lanes(1_300).await.lanes[0].notifications.len(), 1);
}

#[tokio::test]
async fn what_waits_is_bounded() {
    let house = House::new().await;
    let id = house.pushed_to().await;
    let receiver = house.receiver(id).await;
    let many = format!(
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 9999)
         INSERT INTO inbox (instance_id, resource_id, kind, received, body)
         SELECT instance_id, id, 'created', 0, {NO_BYTES} FROM n, resource WHERE instance_id = {}",
        id.0
    );
    place::ask(&house.place, &many).await;
    assert_eq!(house.receive(&receiver, "contacts").await, Received::Kept);
    assert_eq!(house.receive(&receiver, "contacts").await, Received::Full);
}
