//! Loads and sweeps: when they are due, their steps, and the answer to a sweep that asks.

use oc_config::InstanceId;
use oc_dispatch::Notices;
use oc_poll::{
    Due, DueTask, Fingerprint, Ledger, LedgerError, Load, Next, Outcome, Part, Step, Sweep, Task,
    Tasks, Tracked, Trouble, Version,
};
use oc_store::{Answered, By, NewInstance, OrganizationId};
use secrecy::SecretString;
use serde_json::{Value, json};

use crate::house::{House, LEASE, configuration, done, fields, part, s};

/// Contacts as by default, with other keys.
fn contacts(keys: &Value) -> Value {
    let mut contacts = json!({"url": "/contacts?where=updated_at>='${date:yyyy}'", "idField": "id",
        "datesConfiguration": {"updatedDateField": "updated_at"}});
    for (key, value) in keys.as_object().expect("an object") {
        contacts[key] = value.clone();
    }
    json!({"event.poller.configuration": json!({"contacts": contacts}).to_string()})
}

/// An instance made at 1,000 s, polled first at 1,900 s.
async fn asking(house: &House, token: &str, keys: &Value) -> InstanceId {
    let new = NewInstance {
        organization: OrganizationId(1),
        user: 1,
        connector: "salesloft".to_owned(),
        token: SecretString::from(token),
        created: s(1_000),
        repeated_by: None,
        fields: fields(&configuration(&contacts(keys))),
    };
    house.store.create_instance(new, None).await.expect("an instance")
}

async fn configure(house: &House, id: InstanceId, revision: i64, keys: &Value) {
    let fields = fields(&configuration(&contacts(keys)));
    house
        .store
        .update_instance(id, revision, fields, false, By::default(), s(1_001))
        .await
        .expect("a change");
}

async fn task(house: &House, at: i64) -> Option<DueTask> {
    let claimed = house.store.claim_tasks(s(at), 10, LEASE, &[]).await.expect("a claim");
    claimed.tasks.into_iter().next()
}

fn step(task: Option<Task>, next: Next) -> Step {
    let (part, missing, seen) = (Part::default(), Vec::new(), Vec::new());
    Step { part, missing, seen, task, next, swept: None }
}

fn a_sweep(number: i64) -> Sweep {
    Sweep { number, started: Some(s(2_000)), tracked: 10, ..Sweep::default() }
}

async fn tracked(house: &House, due: &Due, which: Tracked) -> Vec<String> {
    let found = house.store.tracked(due.resource, which, "", 100).await.expect("objects");
    found.into_iter().map(|(id, _)| id).collect()
}

#[tokio::test]
async fn what_is_asked_for_besides_polling_is_due_when_the_resource_is_new() {
    let planned = async |keys: Value| {
        let house = House::new().await;
        asking(&house, "token", &keys).await;
        let task = task(&house, 1_000).await;
        task.map(|task| (task.task, task.due.checkpoint.floor, task.due.checkpoint.loads_all))
    };
    let load = |all| {
        let (from, place, settled) = (s(0), oc_hub::ReadPlace::Begin, None);
        Task::Load(Load { from, all, place, records: 0, total: None, settled })
    };
    assert_eq!(planned(json!({})).await, None);
    assert_eq!(planned(json!({"initial": "all"})).await, Some((load(true), s(0), true)));
    // What is older than the creation is noted, and not sent.
    let noting = planned(json!({"detectDeletes": {"every": 60}})).await;
    assert_eq!(noting, Some((load(false), s(1_000), false)));
    let since = planned(json!({"initial": "1970-01-01T00:10:00Z"})).await.unwrap();
    let Task::Load(since_load) = since.0 else { panic!("{since:?}") };
    assert_eq!((since_load.from, since.1), (s(600), s(600)));
}

#[tokio::test]
async fn a_step_tells_at_once_and_the_next_goes_on_from_there_after_a_restart() {
    let house = House::new().await;
    asking(&house, "token", &json!({"initial": "all"})).await;
    let first = task(&house, 1_000).await.unwrap();
    let Task::Load(load) = first.task else { panic!("{first:?}") };
    let place = oc_hub::ReadPlace::Since(s(5));
    let stands = Task::Load(Load { place, records: 10, ..load });
    let told = Step { part: part(1..11), ..step(Some(stands.clone()), Next::Now) };
    house.store.record(&first.due, s(1_001), told).await.unwrap();
    assert_eq!(house.lanes(1_001).await.lanes[0].notifications.len(), 1);
    assert!(task(&house, 1_001).await.is_none(), "it is claimed until it rests");
    let house = house.restarted().await;
    let second = task(&house, 1_002).await.unwrap();
    assert_eq!(second.task, stands);
    house.store.record(&second.due, s(1_002), step(None, Next::At(s(1_002)))).await.unwrap();
    assert!(task(&house, 9_000).await.is_none());
    assert!(house.due(1_900).await.is_some());
}

#[tokio::test]
async fn a_task_and_a_poll_of_one_instance_wait_for_each_other() {
    let house = House::new().await;
    asking(&house, "token", &json!({"initial": "all"})).await;
    let due = house.due(1_900).await.unwrap();
    assert!(task(&house, 1_900).await.is_none());
    house.store.finish(&due, Outcome::Deferred(s(1_901))).await.unwrap();
    // The poll is due again, and yet the task has its turn.
    assert!(house.due(1_902).await.is_none());
    let task = task(&house, 1_902).await.unwrap();
    assert!(house.due(1_910).await.is_none());
    house.store.give_back(&task.due, s(1_920), None).await.unwrap();
    assert!(house.due(1_910).await.is_some());
}

#[tokio::test]
async fn one_task_of_an_account_runs_at_a_time() {
    let house = House::new().await;
    for token in ["one", "two"] {
        asking(&house, token, &json!({"initial": "all"})).await;
    }
    let claimed = house.store.claim_tasks(s(1_000), 10, LEASE, &[]).await.unwrap();
    assert_eq!(claimed.tasks.len(), 1);
    let busy = house.store.claim_tasks(s(1_000), 10, LEASE, &["team".to_owned()]).await.unwrap();
    assert!(busy.tasks.is_empty());
}

#[tokio::test]
async fn trouble_is_shown_until_a_step_succeeds() {
    let house = House::new().await;
    let id = asking(&house, "token", &json!({"initial": "all"})).await;
    let first = task(&house, 1_000).await.unwrap();
    let trouble = Trouble { message: "down".to_owned(), failures: 3 };
    house.store.give_back(&first.due, s(1_010), Some(trouble)).await.unwrap();
    let shown = async || house.store.resource_states(id).await.unwrap().remove(0);
    assert_eq!(
        (shown().await.task_error.as_deref(), shown().await.task_due),
        (Some("down"), Some(s(1_010)))
    );
    let again = task(&house, 1_010).await.unwrap();
    assert_eq!(again.failures, 3);
    let goes_on = step(Some(again.task.clone()), Next::At(s(1_010)));
    house.store.record(&again.due, s(1_010), goes_on).await.unwrap();
    assert_eq!((shown().await.task_error, task(&house, 1_010).await.unwrap().failures), (None, 0));
}

#[tokio::test]
async fn a_task_of_a_resource_that_was_configured_anew_can_do_nothing_more() {
    let house = House::new().await;
    let id = asking(&house, "token", &json!({"initial": "all"})).await;
    let old = task(&house, 1_000).await.unwrap();
    configure(&house, id, 1, &json!({"initial": "all", "pageSize": 10})).await;
    let late = Step { part: part(1..3), ..step(None, Next::Now) };
    let late = house.store.record(&old.due, s(1_002), late).await;
    assert!(matches!(late, Err(LedgerError::Superseded)));
    assert!(house.lanes(1_002).await.lanes.is_empty());
    assert!(task(&house, 1_002).await.is_some());
}

#[tokio::test]
async fn objects_are_found_by_what_sweeps_have_seen_of_them() {
    let house = House::new().await;
    asking(&house, "token", &json!({"detectDeletes": true})).await;
    let DueTask { due, .. } = task(&house, 1_000).await.unwrap();
    let record = async |number, missing: &[&str], seen: &[&str], part| {
        let named = |ids: &[&str]| ids.iter().map(|id| (*id).to_owned()).collect();
        let (missing, seen) = (named(missing), named(seen));
        let task = Some(Task::Sweep(a_sweep(number)));
        let step = Step { missing, seen, part, ..step(task, Next::Now) };
        house.store.record(&due, s(2_000), step).await.unwrap();
    };
    record(1, &[], &[], part(1..5)).await;
    record(2, &["2"], &["1"], Part::default()).await;
    assert_eq!(tracked(&house, &due, Tracked::Missing(2)).await, ["2"]);
    record(3, &[], &["1"], Part::default()).await;
    assert_eq!(tracked(&house, &due, Tracked::Unseen(3)).await, ["3", "4"]);
    let gone = Fingerprint { object_id: "3".to_owned(), version: Version::GONE };
    let gone = Part { fingerprints: vec![gone], ..Part::default() };
    record(3, &[], &[], gone).await;
    assert_eq!(tracked(&house, &due, Tracked::All).await.len(), 4);
    assert_eq!(tracked(&house, &due, Tracked::Living).await, ["1", "2", "4"]);
    assert_eq!(house.store.count(due.resource, Tracked::Living).await.unwrap(), 3);
    let behind = house.store.tracked(due.resource, Tracked::All, "2", 1).await.unwrap();
    assert_eq!(behind, [("3".to_owned(), Version::GONE)]);
}

#[tokio::test]
async fn a_poll_that_sees_an_object_takes_back_that_it_is_missing() {
    let house = House::new().await;
    asking(&house, "token", &json!({"detectDeletes": true})).await;
    let DueTask { due, .. } = task(&house, 1_000).await.unwrap();
    let sweep = Some(Task::Sweep(a_sweep(2)));
    let found = Step { part: part(1..3), ..step(sweep.clone(), Next::Now) };
    house.store.record(&due, s(2_000), found).await.unwrap();
    let missing = vec!["1".to_owned(), "2".to_owned()];
    let missing = Step { missing, ..step(sweep, Next::Asked) };
    house.store.record(&due, s(2_000), missing).await.unwrap();
    let poll = house.due(2_000).await.unwrap();
    assert!(poll.checkpoint.remembers);
    house.store.finish(&poll, done(2_000, part(2..3))).await.unwrap();
    assert_eq!(tracked(&house, &due, Tracked::Missing(2)).await, ["1"]);
}

#[tokio::test]
async fn switching_sweeps_off_forgets_what_was_deleted_and_on_notes_again() {
    let house = House::new().await;
    let id = asking(&house, "token", &json!({"detectDeletes": true})).await;
    let DueTask { due, .. } = task(&house, 1_000).await.unwrap();
    let gone = Fingerprint { object_id: "7".to_owned(), version: Version::GONE };
    let gone = Part { fingerprints: vec![gone], ..part(1..3) };
    let told = Step { part: gone, ..step(Some(Task::Sweep(a_sweep(1))), Next::At(s(2_000))) };
    house.store.record(&due, s(1_500), told).await.unwrap();
    configure(&house, id, 1, &json!({})).await;
    assert!(task(&house, 9_000).await.is_none());
    assert_eq!(tracked(&house, &due, Tracked::All).await.len(), 0);
    assert!(!house.due(9_000).await.unwrap().checkpoint.remembers);
    configure(&house, id, 2, &json!({"detectDeletes": true})).await;
    let state = house.store.resource_states(id).await.unwrap().remove(0);
    assert!(matches!(state.task, Some(Task::Load(Load { all: false, .. }))), "{state:?}");
}

#[tokio::test]
async fn a_sweep_that_asks_waits_and_either_answer_is_noted() {
    let house = House::new().await;
    let id = asking(&house, "token", &json!({"detectDeletes": {"every": 60}})).await;
    let DueTask { due, .. } = task(&house, 1_000).await.unwrap();
    let answer = async |allow| {
        let whose = (OrganizationId(1), id);
        house.store.answer_sweep(whose, "contacts", allow, s(3_000), By::default()).await.unwrap()
    };
    assert_eq!(answer(true).await, Answered::NothingAsked);
    let asks = Sweep { asks: true, missing: 2, ..a_sweep(4) };
    let missing = vec!["1".to_owned(), "2".to_owned()];
    let asked = Step { part: part(1..6), ..step(Some(Task::Sweep(a_sweep(4))), Next::Now) };
    house.store.record(&due, s(2_000), asked).await.unwrap();
    let asked = Step { missing, ..step(Some(Task::Sweep(asks.clone())), Next::Asked) };
    house.store.record(&due, s(2_000), asked).await.unwrap();
    assert!(task(&house, 9_000).await.is_none());
    let notice = house.store.take(s(2_000), s(2_300)).await.unwrap().expect("a notice");
    let told: Value = serde_json::from_slice(&notice.body).unwrap();
    let details = json!({"resource": "contacts", "missing": 2, "of": 10});
    assert_eq!((&told["type"], &told["data"]["details"]), (&json!("deletions.asked"), &details));
    assert_eq!(answer(false).await, Answered::Taken(2));
    assert_eq!(tracked(&house, &due, Tracked::Missing(4)).await.len(), 0);
    let next = task(&house, 6_600).await.unwrap();
    let Task::Sweep(waits) = &next.task else { panic!("{next:?}") };
    assert_eq!((waits.number, waits.started), (5, None));
    let asked = step(Some(Task::Sweep(asks)), Next::Asked);
    house.store.record(&next.due, s(6_600), asked).await.unwrap();
    assert_eq!(answer(true).await, Answered::Taken(2));
    let allowed = task(&house, 6_600).await.unwrap();
    assert!(matches!(allowed.task, Task::Sweep(Sweep { allowed: true, asks: false, .. })));
    let noted = house.store.audit(s(3_000), 0, 10).await.unwrap();
    let actions: Vec<&str> = noted.iter().map(|entry| entry.action.as_str()).collect();
    assert_eq!(actions, ["deletions.dismissed", "deletions.allowed"]);
}
