//! What was last told of each object: it counts when its poll does, and goes when nobody asks for it.

use bytes::Bytes;
use oc_config::InstanceId;
use oc_poll::{Content, Due, Failure, Ledger, Outcome, Part};
use oc_store::{By, InstanceFields};
use serde_json::{Value, json};

use crate::house::{House, MINUTE, configuration, done, fields, s};
use crate::place;

/// The fields of an instance that polls contacts, with or without `changes`.
fn contacts(members: &Value) -> InstanceFields {
    let catalogue = oc_config::Catalogue::built_in().expect("the catalogue");
    let default = &catalogue.find("salesloft").expect("the connector").poller_configuration;
    let mut polled: Value = serde_json::from_str(default).expect("it is JSON");
    for (key, value) in members.as_object().expect("an object") {
        polled["contacts"][key] = value.clone();
    }
    fields(&configuration(&json!({"event.poller.configuration": polled.to_string()})))
}

/// An instance that is asked for changes.
async fn asking(house: &House) -> InstanceId {
    let id = house.instance("token").await;
    change(house, id, 1, &json!({"changes": true})).await;
    id
}

async fn change(house: &House, id: InstanceId, revision: i64, members: &Value) {
    let fields = contacts(members);
    house
        .store
        .update_instance(id, revision, fields, false, By::default(), s(1_001))
        .await
        .expect("a change");
}

/// A part that remembers contents only.
fn remember(contents: &[(&str, Option<&str>)]) -> Part {
    let content = |(id, record): &(&str, Option<&str>)| Content {
        object_id: (*id).to_owned(),
        record: record.map(|text| Bytes::from(text.to_owned())),
    };
    Part { contents: contents.iter().map(content).collect(), ..Part::default() }
}

async fn known(house: &House, due: &Due, ids: &[&str]) -> Vec<Option<String>> {
    let ids: Vec<String> = ids.iter().map(|id| (*id).to_owned()).collect();
    let found = house.store.contents(due.resource, &ids).await.expect("contents");
    let text = |record: Bytes| String::from_utf8_lossy(&record).into_owned();
    found.into_iter().map(|record| record.map(text)).collect()
}

fn some(texts: &[&str]) -> Vec<Option<String>> {
    texts.iter().map(|text| Some((*text).to_owned())).collect()
}

/// How many rows there are in the database.
async fn rows(house: House) -> i64 {
    place::ask(&house.place, "SELECT count(*) FROM content").await.expect("a number")
}

#[tokio::test]
async fn the_content_of_a_completed_poll_is_known_to_the_next_and_only_the_newest_is_kept() {
    let house = House::new().await;
    asking(&house).await;
    let due = house.due(1_900).await.unwrap();
    house
        .store
        .finish(&due, done(1_900, remember(&[("1", Some("A")), ("2", Some("B"))])))
        .await
        .unwrap();
    let due = house.due(2_800).await.unwrap();
    assert_eq!(
        known(&house, &due, &["2", "3", "1"]).await,
        [some(&["B"]), vec![None], some(&["A"])].concat()
    );
    house.store.finish(&due, done(2_800, remember(&[("1", Some("A2"))]))).await.unwrap();
    assert_eq!(known(&house, &due, &["1", "2"]).await, some(&["A2", "B"]));
    assert_eq!(rows(house).await, 2);
}

#[tokio::test]
async fn what_is_put_aside_is_known_to_its_poll_and_counts_when_it_is_done() {
    let house = House::new().await;
    asking(&house).await;
    let due = house.due(1_900).await.unwrap();
    house.store.finish(&due, done(1_900, remember(&[("1", Some("A"))]))).await.unwrap();
    let due = house.due(2_800).await.unwrap();
    let parts = [remember(&[("1", Some("B")), ("2", Some("X"))]), remember(&[("1", Some("C"))])];
    for part in parts {
        house.store.stage(&due, s(2_800), part).await.unwrap();
    }
    assert_eq!(known(&house, &due, &["1", "2"]).await, some(&["C", "X"]));
    house.store.finish(&due, done(2_800, Part::default())).await.unwrap();
    let house = house.restarted().await;
    assert_eq!(known(&house, &due, &["1", "2"]).await, some(&["C", "X"]));
    assert_eq!(rows(house).await, 2);
}

#[tokio::test]
async fn a_failed_poll_leaves_the_content_as_it_was() {
    let house = House::new().await;
    asking(&house).await;
    let due = house.due(1_900).await.unwrap();
    house
        .store
        .finish(&due, done(1_900, remember(&[("1", Some("A")), ("3", Some("Z"))])))
        .await
        .unwrap();
    let due = house.due(2_800).await.unwrap();
    let part = remember(&[("1", Some("B")), ("2", Some("X")), ("3", None)]);
    house.store.stage(&due, s(2_800), part).await.unwrap();
    let failure = Failure {
        message: "the provider is down".to_owned(),
        failures: 1,
        needs_authentication: false,
        stop: false,
        next_due: s(2_900),
    };
    house.store.finish(&due, Outcome::Failed(failure)).await.unwrap();
    let expected = [some(&["A"]), vec![None], some(&["Z"])].concat();
    assert_eq!(known(&house, &due, &["1", "2", "3"]).await, expected);
    assert_eq!(rows(house).await, 2);
}

#[tokio::test]
async fn an_abandoned_poll_leaves_the_content_as_it_was() {
    let house = House::new().await;
    asking(&house).await;
    let due = house.due(1_900).await.unwrap();
    house.store.finish(&due, done(1_900, remember(&[("1", Some("A"))]))).await.unwrap();
    let abandoned = house.due(2_800).await.unwrap();
    house.store.stage(&abandoned, s(2_800), remember(&[("1", Some("B"))])).await.unwrap();
    let house = house.restarted().await;
    let due = house.due(2_800).await.unwrap();
    assert_eq!(known(&house, &due, &["1"]).await, some(&["A"]));
}

#[tokio::test]
async fn what_is_not_known_any_more_leaves_nothing_behind() {
    let house = House::new().await;
    asking(&house).await;
    let due = house.due(1_900).await.unwrap();
    house
        .store
        .finish(&due, done(1_900, remember(&[("1", Some("A")), ("2", Some("B"))])))
        .await
        .unwrap();
    let due = house.due(2_800).await.unwrap();
    house.store.stage(&due, s(2_800), remember(&[("1", None)])).await.unwrap();
    assert_eq!(known(&house, &due, &["1"]).await, [None]);
    house.store.finish(&due, done(2_800, remember(&[("2", None)]))).await.unwrap();
    assert_eq!(known(&house, &due, &["1", "2"]).await, [None, None]);
    assert_eq!(rows(house).await, 0);
}

#[tokio::test]
async fn fingerprints_that_are_forgotten_take_no_content_along() {
    let house = House::new().await;
    asking(&house).await;
    let due = house.due(1_900).await.unwrap();
    let mut part = crate::house::part(1..2);
    part.contents = remember(&[("1", Some("A"))]).contents;
    let Outcome::Done(mut finding) = done(1_900, part) else { unreachable!() };
    finding.forget_before = Some(s(1_800));
    house.store.finish(&due, Outcome::Done(finding)).await.unwrap();
    assert_eq!(house.store.sweep(s(1_901), MINUTE).await.unwrap().fingerprints, 1);
    assert_eq!(known(&house, &due, &["1"]).await, some(&["A"]));
}

#[tokio::test]
async fn contents_stay_over_a_change_and_go_with_the_key_or_another_url() {
    for (members, stays) in [
        (json!({"changes": "true", "pageSize": 50}), true),
        (json!({}), false),
        (json!({"changes": true, "idField": "uuid"}), false),
    ] {
        let house = House::new().await;
        let id = asking(&house).await;
        let due = house.due(1_900).await.unwrap();
        house.store.finish(&due, done(1_900, remember(&[("1", Some("A"))]))).await.unwrap();
        change(&house, id, 2, &members).await;
        assert_eq!(known(&house, &due, &["1"]).await[0].is_some(), stays, "{members}");
    }
}

#[tokio::test]
async fn contents_go_when_a_resource_is_not_polled_any_more() {
    let house = House::new().await;
    let id = asking(&house).await;
    let due = house.due(1_900).await.unwrap();
    house.store.finish(&due, done(1_900, remember(&[("1", Some("A"))]))).await.unwrap();
    let off = InstanceFields { polled: None, ..contacts(&json!({"changes": true})) };
    house.store.update_instance(id, 2, off, false, By::default(), s(2_000)).await.unwrap();
    assert_eq!(known(&house, &due, &["1"]).await, [None]);
}

#[tokio::test]
async fn contents_of_a_deleted_instance_are_swept_away() {
    let house = House::new().await;
    let id = asking(&house).await;
    let due = house.due(1_900).await.unwrap();
    house
        .store
        .finish(&due, done(1_900, remember(&[("1", Some("A")), ("2", Some("B"))])))
        .await
        .unwrap();
    house.store.delete_instance(id, By::default(), s(2_000)).await.unwrap();
    house.store.sweep(s(2_000), MINUTE).await.unwrap();
    assert_eq!(rows(house).await, 0);
}
