//! Polls whose updates tell what differs, over a ledger in memory.

use oc_config::{Connector, FieldPath};
use oc_egress::Clock;
use oc_hub::Page;
use serde_json::{Value, json};

use super::*;
use crate::fixture::{Book, due, page, person, s, source};
use crate::{Changes, Outcome, poll_once};

fn asking(mut all: Value) -> Due {
    all["changes"] = json!(true);
    due(&all)
}

fn with(mut record: Value, members: &Value) -> Value {
    for (name, value) in members.as_object().unwrap() {
        record[name] = value.clone();
    }
    record
}

async fn poll(due: &Due, book: &Book, pages: Vec<Page>) {
    poll_once(due, &source(pages, None), book, &Clock::new(|| s(2_000)), 0.5).await.unwrap();
}

/// Each event of the last poll with its changes.
fn told(book: &Book) -> Vec<String> {
    let outcomes = book.outcomes.lock().unwrap();
    let Some(Outcome::Done(finding)) = outcomes.last() else { panic!("no poll is done") };
    let staged = book.staged.lock().unwrap();
    let events = staged.iter().flat_map(|part| &part.events).chain(&finding.part.events);
    let shown = |changes: &Changes| {
        let one = |of: &crate::Change| format!(" {}:{}>{}", of.field, of.old.json, of.new.json);
        changes.fields.iter().map(one).collect::<String>()
    };
    let told = events.map(|event| {
        let changes = event.changes.as_ref().map_or(" ?".to_owned(), shown);
        format!("{} {}{changes}", event.object_id, event.kind.as_str())
    });
    told.collect()
}

#[tokio::test]
async fn an_update_tells_what_differs_from_what_was_told_before() {
    let (book, due) = (Book::default(), asking(json!({})));
    let first = with(person(1, 1_500, 1_500), &json!({"title": "A", "custom_fields": {"tier": 1}}));
    poll(&due, &book, vec![page(&[first])]).await;
    assert_eq!(told(&book), ["1 CREATED ?"]);
    let second =
        with(person(1, 1_500, 1_600), &json!({"title": "B", "custom_fields": {"tier": 1}}));
    poll(&due, &book, vec![page(&[second])]).await;
    assert_eq!(told(&book), [r#"1 UPDATED title:"A">"B""#]);
    let third = with(person(1, 1_500, 1_700), &json!({"title": "B", "custom_fields": {"tier": 2}}));
    poll(&due, &book, vec![page(&[third])]).await;
    assert_eq!(told(&book), ["1 UPDATED /custom_fields/tier:1>2"]);
}

#[tokio::test]
async fn an_update_of_an_unknown_object_tells_no_changes() {
    let book = Book::default();
    poll(&asking(json!({})), &book, vec![page(&[person(1, 1, 1_500)])]).await;
    assert_eq!(told(&book), ["1 UPDATED ?"]);
}

#[tokio::test]
async fn an_object_that_changes_twice_in_a_poll_is_compared_with_its_first_change() {
    let (book, due) = (Book::default(), asking(json!({})));
    let version = |updated, title: &str| with(person(1, 1_500, updated), &json!({"title": title}));
    let pages = vec![
        page(&[version(1_500, "A"), version(1_600, "B")]),
        page(&[person(2, 1_500, 1_500)]),
        page(&[version(1_700, "C"), version(1_600, "B")]),
    ];
    poll(&due, &book, pages).await;
    let expected = ["1 CREATED ?", "2 CREATED ?", r#"1 UPDATED title:"A">"B""#];
    assert_eq!(told(&book)[..3], expected);
    assert_eq!(told(&book)[3..], [r#"1 UPDATED title:"B">"C""#]);
    assert!(book.contents_looked_up.lock().unwrap().iter().flatten().all(|id| id != "2"));
}

#[tokio::test]
async fn an_object_that_was_put_aside_is_compared_with_what_was_put_aside() {
    let (book, due) = (Book::default(), asking(json!({})));
    let first: Vec<Value> = (0..2_000).map(|id| person(id, 1, 1_100)).collect();
    let again = with(person(6, 1, 1_200), &json!({"title": "B"}));
    poll(&due, &book, vec![page(&first), page(&[again])]).await;
    assert_eq!(told(&book)[2_000], r#"6 UPDATED title:null>"B""#);
    assert_eq!(book.staged.lock().unwrap()[0].contents.len(), 2_000);
}

#[tokio::test]
async fn only_updates_of_objects_not_met_before_are_looked_up_and_once_a_page() {
    let (book, due) = (Book::default(), asking(json!({})));
    let records =
        [person(1, 1_500, 1_500), person(2, 1, 1_500), person(3, 1, 900), person(4, 1, 1_600)];
    poll(&due, &book, vec![page(&records), page(&[person(2, 1, 1_700)])]).await;
    assert_eq!(*book.contents_looked_up.lock().unwrap(), [["2", "4"]]);
}

#[tokio::test]
async fn a_poll_that_is_not_asked_for_changes_remembers_and_looks_up_nothing() {
    let (book, due) = (Book::default(), due(&json!({})));
    poll(&due, &book, vec![page(&[person(1, 1, 1_500)])]).await;
    poll(&due, &book, vec![page(&[person(1, 1, 1_600)])]).await;
    assert_eq!(told(&book), ["1 UPDATED ?"]);
    assert!(book.contents_looked_up.lock().unwrap().is_empty());
    assert!(book.contents.lock().unwrap().is_empty());
}

#[tokio::test]
async fn what_is_only_noted_is_compared_with_later() {
    let book = Book::default();
    let mut due = asking(json!({"datesConfiguration": {}}));
    due.checkpoint.polled = false;
    poll(&due, &book, vec![page(&[json!({"id": 1, "title": "A"})])]).await;
    assert!(told(&book).is_empty());
    due.checkpoint.polled = true;
    poll(&due, &book, vec![page(&[json!({"id": 1, "title": "B", "extra": null})])]).await;
    assert_eq!(told(&book), [r#"1 UPDATED title:"A">"B""#]);
}

#[tokio::test]
async fn a_record_that_is_too_large_is_forgotten_rather_than_mistaken() {
    let (book, due) = (Book::default(), asking(json!({})));
    let version = |updated, title: &str| with(person(1, 1, updated), &json!({"title": title}));
    let large = "x".repeat(LARGEST);
    for (updated, title) in [(1_500, "A"), (1_600, &large), (1_700, "C")] {
        poll(&due, &book, vec![page(&[version(updated, title)])]).await;
    }
    assert_eq!(told(&book), ["1 UPDATED ?"]);
}

#[tokio::test]
async fn private_and_volatile_members_are_not_told_and_private_ones_not_remembered() {
    let (book, mut due) = (Book::default(), asking(json!({})));
    let mut connector = Connector::clone(&due.target.connector);
    let contacts = connector.resources.get_mut("contacts").unwrap();
    contacts.private = vec![FieldPath::from_pointer("/custom_fields/pin").unwrap()];
    due.target.connector = connector.into();
    let version = |updated, at: i64| {
        let members = json!({"locale_utc_offset": at, "custom_fields": {"pin": at, "tier": at}});
        with(person(1, 1, updated), &members)
    };
    poll(&due, &book, vec![page(&[version(1_500, 11)])]).await;
    let kept = book.contents.lock().unwrap()["1"].clone();
    assert!(!String::from_utf8_lossy(&kept).contains("pin"));
    poll(&due, &book, vec![page(&[version(1_600, 12)])]).await;
    assert_eq!(told(&book), ["1 UPDATED /custom_fields/tier:11>12"]);
}
