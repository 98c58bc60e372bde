//! Lists of instances, switched ones, and what is kept for a day.

use oc_config::InstanceId;
use oc_poll::{Ledger, LedgerError, Part};
use oc_store::{
    By, Creation, CreationKey, InstanceFilter, InstancePage, NewInstance, OrganizationId,
    StoreError, Trace,
};
use secrecy::SecretString;
use serde_json::json;
use uuid::Uuid;

use crate::house::{House, MINUTE, configuration, done, fields, part, s};

const ONE: OrganizationId = OrganizationId(1);
const ALL: InstancePage = InstancePage { after: InstanceId(0), skip: 0, limit: 10 };

async fn named(house: &House, name: &str, tags: &[&str]) -> InstanceId {
    let id = house.instance(name).await;
    let mut fields = fields(&configuration(&json!({})));
    fields.name = name.to_owned();
    fields.tags = tags.iter().map(|tag| (*tag).to_owned()).collect();
    house
        .store
        .update_instance(id, 1, fields, false, By::operator(), s(1_001))
        .await
        .expect("a change");
    id
}

#[tokio::test]
async fn instances_are_found_by_name_in_any_case_tags_and_connector() {
    let house = House::new().await;
    let (first, second) =
        (named(&house, "Ärger", &["a", "b"]).await, named(&house, "Zorn", &["b"]).await);
    let found = |change: fn(&mut InstanceFilter)| {
        let mut filter = InstanceFilter::all(ONE);
        change(&mut filter);
        let store = house.store.clone();
        async move {
            let found = store.instances(filter.clone(), ALL).await.unwrap();
            let ids: Vec<_> = found.iter().map(|one| one.id).collect();
            assert_eq!(store.count_instances(filter).await.unwrap(), ids.len() as u64);
            ids
        }
    };
    assert_eq!(found(|_| {}).await, [first, second]);
    assert_eq!(found(|by| by.text = Some("äRG".to_owned())).await, [first]);
    assert_eq!(found(|by| by.text = Some("%".to_owned())).await, []);
    assert_eq!(found(|by| by.tags = vec!["b".to_owned()]).await, [first, second]);
    assert_eq!(found(|by| by.tags = vec!["b".to_owned(), "a".to_owned()]).await, [first]);
    assert_eq!(found(|by| by.connector = Some("salesloft".to_owned())).await, [first, second]);
    assert_eq!(found(|by| by.connector = Some("other".to_owned())).await, []);
    assert_eq!(found(|by| by.organization = OrganizationId(2)).await, []);
    assert_eq!(found(|by| by.stopped = true).await, []);
    let skipped = InstancePage { skip: 1, ..ALL };
    let rest = house.store.instances(InstanceFilter::all(ONE), skipped).await.unwrap();
    assert_eq!(rest[0].id, second);
}

#[tokio::test]
async fn a_poll_under_way_when_its_instance_is_switched_off_stores_nothing() {
    let house = House::new().await;
    let id = house.instance("token").await;
    let running = house.due(1_900).await.unwrap();
    house.store.disable_instance(id, By::operator(), s(2_000)).await.unwrap();
    let void = house.store.finish(&running, done(1_900, part(1..2))).await;
    assert!(matches!(void, Err(LedgerError::Superseded)));
    assert!(house.due(99_999).await.is_none());
    assert!(house.store.instance(id).await.unwrap().unwrap().disabled);
}

#[tokio::test]
async fn what_is_polled_later_is_due_on_request_and_what_is_switched_off_is_not() {
    let house = House::new().await;
    let id = house.instance("token").await;
    assert!(house.due(1_500).await.is_none(), "it is polled first at 1,900 s");
    assert_eq!(house.store.poll_now(id, s(1_500)).await.unwrap(), 1);
    let due = house.due(1_500).await.unwrap();
    house.store.finish(&due, done(1_500, part(1..2))).await.unwrap();
    house.store.disable_instance(id, By::operator(), s(2_000)).await.unwrap();
    assert_eq!(house.store.poll_now(id, s(2_000)).await.unwrap(), 0);
    assert!(house.due(99_999).await.is_none());
}

#[tokio::test]
async fn an_instance_that_is_switched_off_and_on_keeps_its_cursor_and_delivers_what_was_found() {
    let house = House::new().await;
    let id = house.instance("token").await;
    let due = house.due(1_900).await.unwrap();
    house.store.finish(&due, done(1_900, part(1..2))).await.unwrap();
    house.store.disable_instance(id, By::operator(), s(2_000)).await.unwrap();
    assert_eq!(house.lanes(2_000).await.lanes.len(), 1);
    let same = fields(&configuration(&json!({})));
    let revision = house.store.instance(id).await.unwrap().unwrap().revision;
    house
        .store
        .update_instance(id, revision, same.clone(), false, By::operator(), s(2_000))
        .await
        .unwrap();
    assert!(house.due(99_999).await.is_none(), "a change does not switch it on");
    let start = |revision| {
        let (polled, to) = (same.polled.clone(), same.destination.clone());
        house.store.start_polling(id, revision, polled, to, By::operator(), s(2_000))
    };
    assert!(matches!(start(revision).await, Err(StoreError::Conflict)));
    start(revision + 1).await.unwrap();
    start(revision + 2).await.unwrap();
    let noted = house.store.audit(s(2_000), 0, 10).await.unwrap();
    let noted: Vec<&str> = noted.iter().map(|one| &*one.action).collect();
    let expected =
        ["instance.disabled", "instance.changed", "instance.enabled", "instance.resumed"];
    assert_eq!(noted, expected);
    let due = house.due(2_000).await.unwrap();
    assert_eq!(due.checkpoint.cursor, s(1_900));
    house.store.finish(&due, done(2_000, Part::default())).await.unwrap();
    assert!(!house.store.instance(id).await.unwrap().unwrap().disabled);
}

#[tokio::test]
async fn a_creation_is_known_by_its_key_for_a_day() {
    let house = House::new().await;
    let key = |request: &str| CreationKey::new("key".to_owned(), request.as_bytes());
    let new = NewInstance {
        organization: ONE,
        user: 1,
        connector: "salesloft".to_owned(),
        token: SecretString::from("token"),
        created: s(1_000),
        repeated_by: Some(key("one")),
        fields: fields(&configuration(&json!({}))),
    };
    let instance = house.store.create_instance(new, None).await.unwrap();
    let asked = |of, request, at| {
        let (store, key) = (house.store.clone(), key(request));
        async move { store.creation(OrganizationId(of), key, s(at)).await.unwrap() }
    };
    assert_eq!(asked(1, "one", 1_001).await, Some(Creation { instance, is_same: true }));
    assert_eq!(asked(1, "two", 1_001).await, Some(Creation { instance, is_same: false }));
    assert_eq!(asked(2, "one", 1_001).await, None);
    assert_eq!(asked(1, "one", 1_000 + 86_400).await, None);
    house.store.sweep(s(1_001 + 86_400), MINUTE).await.unwrap();
    assert_eq!(asked(1, "one", 1_001).await, None);
}

#[tokio::test]
async fn traces_are_their_organizations_and_bounded() {
    let house = House::new().await;
    let trace = |number: u128| Trace {
        id: Uuid::from_u128(number),
        organization: ONE,
        connector: "salesloft".to_owned(),
        created: s(1_000),
        record: "{}".to_owned(),
    };
    for number in 1..=101 {
        house.store.keep_trace(trace(number)).await.unwrap();
    }
    let read = |of, number, at| house.store.trace(OrganizationId(of), Uuid::from_u128(number), at);
    assert_eq!(read(1, 1, s(1_001)).await.unwrap(), None, "the oldest has made room");
    assert_eq!(read(1, 2, s(1_001)).await.unwrap(), Some(trace(2)));
    assert_eq!(read(2, 2, s(1_001)).await.unwrap(), None);
    assert_eq!(read(1, 2, s(1_000 + 86_400)).await.unwrap(), None);
}
