//! What pushed records come to, by what is known of their objects.

use serde_json::{Value, json};

use super::*;
use crate::fixture::{Book, due, person, s};

fn pushed(records: &[(WebhookKind, Value)]) -> DuePushed {
    let one = |(number, (kind, record)): (i64, &(WebhookKind, Value))| Pushed {
        number,
        kind: *kind,
        body: record.to_string().into(),
    };
    let mut due = due(&json!({}));
    due.checkpoint.floor = s(900);
    DuePushed { due, pushed: (1..).zip(records).map(one).collect() }
}

/// The events as `id KIND date`, and how many records were dropped.
async fn told(book: &Book, records: &[(WebhookKind, Value)]) -> (Vec<String>, u64) {
    let (taken, dropped) = sift(&pushed(records), book, s(2_000)).await.unwrap();
    assert_eq!(taken.numbers.len(), records.len(), "all of them leave the inbox");
    let known = taken.part.fingerprints.iter().map(|of| (of.object_id.clone(), of.version));
    book.known.lock().unwrap().extend(known);
    let line = |event: &crate::Event| {
        format!("{} {} {}", event.object_id, event.kind.as_str(), event.date.seconds())
    };
    (taken.part.events.iter().map(line).collect(), dropped)
}

use WebhookKind::{Created, Deleted, Updated};

#[tokio::test]
async fn a_pushed_record_is_told_by_its_dates_though_it_is_earlier_than_the_cursor() {
    let book = Book::default();
    let records = [(Created, person(1, 950, 950)), (Updated, person(2, 5, 960))];
    assert_eq!(told(&book, &records).await.0, ["1 CREATED 950", "2 UPDATED 960"]);
}

#[tokio::test]
async fn a_version_that_was_told_and_an_older_one_are_no_news() {
    let book = Book::knowing(&[("1", Version::dated(s(1_500)))]);
    let records = [
        (Updated, person(1, 5, 1_500)),
        (Updated, person(1, 5, 1_400)),
        (Updated, person(1, 5, 1_600)),
    ];
    assert_eq!(told(&book, &records).await.0, ["1 UPDATED 1600"]);
    assert!(
        told(&book, &records).await.0.is_empty(),
        "the provider repeats what it got no answer to"
    );
}

#[tokio::test]
async fn what_is_not_later_than_the_floor_is_noted_only() {
    let book = Book::default();
    assert!(told(&book, &[(Updated, person(1, 5, 900))]).await.0.is_empty());
    assert!(book.known.lock().unwrap().contains_key("1"));
}

#[tokio::test]
async fn a_deletion_is_told_once_and_what_comes_late_behind_it_is_not() {
    for (known, dated) in [(vec![], 950), (vec![("1", Version::dated(s(1_500)))], 800)] {
        let book = Book::knowing(&known);
        let records = [
            (Deleted, person(1, 5, dated)),
            (Deleted, person(1, 5, dated)),
            (Updated, person(1, 5, 1_600)),
        ];
        assert_eq!(told(&book, &records).await.0, ["1 DELETED 2000"]);
        assert_eq!(book.known.lock().unwrap()["1"], Version::GONE);
        assert!(told(&book, &records[1..]).await.0.is_empty());
    }
}

#[tokio::test]
async fn what_was_never_told_of_needs_no_end() {
    let records = [(Deleted, person(1, 5, 900)), (Deleted, json!({"id": 2}))];
    assert!(told(&Book::default(), &records).await.0.is_empty());
}

#[tokio::test]
async fn a_deletion_behind_an_update_stays_behind_it() {
    let records = [(Updated, person(1, 5, 2_500)), (Deleted, person(1, 5, 2_500))];
    assert_eq!(told(&Book::default(), &records).await.0, ["1 UPDATED 2500", "1 DELETED 2500"]);
}

#[tokio::test]
async fn without_dates_the_providers_word_tells_what_is_new_and_the_same_content_is_told_once() {
    let book = Book::default();
    let records = [(Updated, json!({"id": 1, "a": 1})), (Created, json!({"id": 2}))];
    assert_eq!(told(&book, &records).await.0, ["1 UPDATED 2000", "2 CREATED 2000"]);
    assert!(told(&book, &records).await.0.is_empty());
}

#[tokio::test]
async fn what_cannot_be_made_out_is_dropped_and_holds_nothing_up() {
    let mut records = pushed(&[(Updated, json!({"a": 1})), (Updated, person(1, 5, 1_600))]);
    let broken = [&b"{\"id\":"[..], b"[]", b"{\"id\":3},{\"id\":4}", b"\xff", b""];
    for body in broken {
        let body = Bytes::from_static(body);
        records.pushed.insert(0, Pushed { number: 9, kind: Updated, body });
    }
    let (taken, dropped) = sift(&records, &Book::default(), s(2_000)).await.unwrap();
    assert_eq!((taken.numbers.len(), dropped), (7, 6));
    assert_eq!(taken.part.events.len(), 1);
}

#[tokio::test]
async fn an_update_tells_its_changes_when_it_is_asked_to() {
    let book = Book::knowing(&[("1", Version::dated(s(1_500)))]);
    let before = Bytes::from(r#"{"id":1,"title":"A"}"#);
    book.contents.lock().unwrap().insert("1".to_owned(), before);
    let mut records = pushed(&[(Updated, json!({"id": 1, "updated_at": "1600", "title": "B"}))]);
    records.due.config = due(&json!({"changes": true})).config;
    let (taken, _) = sift(&records, &book, s(2_000)).await.unwrap();
    assert!(taken.part.events[0].changes.is_some());
    assert_eq!(taken.part.contents.len(), 1);
}
