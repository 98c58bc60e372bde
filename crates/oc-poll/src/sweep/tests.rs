//! Sweeps over a source and a ledger in memory.

use std::sync::Arc;

use oc_egress::{Clock, Dice};
use oc_hub::{Page, ReadPlace};
use serde_json::json;

use super::*;
use crate::fixture::{Book, due, page, person, s};
use crate::{DueTask, MockPages, MockSource, SourceError};

const SEEN: Version = Version(1_000_000);

fn looking(deletes: Deletes) -> Due {
    let mut due = due(&json!({"detectDeletes": {"every": 60}}));
    let mut connector = (*due.target.connector).clone();
    connector.resources.get_mut("contacts").unwrap().deletes = deletes;
    due.target.connector = Arc::new(connector);
    due
}

fn probe(batch: usize) -> Deletes {
    Deletes::Probe { list: "ids".to_owned(), batch, confirm: true }
}

/// A provider that lists the first of the people, and says of the second that they have gone.
fn provider(there: &'static [u32], gone: &'static [&'static str]) -> MockSource {
    let people = |ids: &dyn Fn(&str) -> bool| -> Page {
        let found: Vec<Value> =
            there.iter().filter(|id| ids(&id.to_string())).map(|id| person(*id, 1, 1)).collect();
        page(&found)
    };
    let mut source = MockSource::new();
    source
        .expect_find()
        .returning(move |_, _, ids, _| Ok(people(&|id| ids.iter().any(|asked| asked == id))));
    source.expect_is_gone().returning(move |_, id| Ok(gone.contains(&id)));
    source.expect_open().returning(move |_| {
        let mut left = vec![people(&|_| true)];
        let mut pages = MockPages::new();
        pages.expect_next().returning(move || Ok(left.pop()));
        pages.expect_place().return_const(ReadPlace::Begin);
        Ok(Box::new(pages))
    });
    source
}

fn waiting(number: i64) -> Sweep {
    Sweep { number, ..Sweep::default() }
}

/// Carries a sweep on for a stint; how it stands then.
async fn carry_on(book: &Book, source: &MockSource, due: &Due, sweep: Sweep) -> Sweep {
    let (clock, dice) = (Clock::new(|| s(2_000)), Dice::new(|| 0.0));
    let work = Work { source, ledger: book, tasks: book, clock: &clock, dice: &dice };
    let task = DueTask { due: due.clone(), task: Task::Sweep(sweep), failures: 0 };
    work.carry_on(&task).await.unwrap();
    match book.steps.lock().unwrap().last().and_then(|step| step.task.clone()) {
        Some(Task::Sweep(sweep)) => sweep,
        other => panic!("{other:?}"),
    }
}

fn ten() -> Book {
    let ids = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"];
    Book::knowing(&ids.map(|id| (id, SEEN)))
}

#[tokio::test]
async fn what_the_provider_says_has_gone_is_told_as_deleted_once() {
    let book = ten();
    let source = provider(&[0, 1, 2, 3, 4, 5, 6, 7], &["8"]);
    let due = looking(probe(4));
    let next = carry_on(&book, &source, &due, waiting(1)).await;
    // 9 is hidden, and not gone.
    assert_eq!(book.told(), ["8 DELETED 2000"]);
    let events: Vec<Event> =
        book.steps.lock().unwrap().iter().flat_map(|step| step.part.events.clone()).collect();
    assert_eq!(events[0].record, r#"{"id":8}"#);
    let swept = Swept { started: s(2_000), tracked: 10, deleted: 1 };
    let last = book.steps.lock().unwrap().last().cloned().unwrap();
    assert_eq!((last.swept, last.next), (Some(swept), Next::At(s(5_600))));
    assert_eq!((next.number, next.started), (2, None));
    carry_on(&book, &source, &due, next).await;
    assert_eq!(book.told().len(), 1);
}

#[tokio::test]
async fn what_comes_back_is_created() {
    let book = Book::knowing(&[("1", Version::GONE), ("2", SEEN)]);
    carry_on(&book, &provider(&[1, 2], &[]), &looking(probe(100)), waiting(1)).await;
    assert_eq!(book.told(), ["1 CREATED 1"]);
    assert_eq!(book.known.lock().unwrap()["1"], Version::dated(s(1)));
}

#[tokio::test]
async fn a_sweep_that_would_delete_too_much_asks_first() {
    let (book, source) = (ten(), provider(&[0, 1], &["2", "3", "4", "5", "6", "7", "8", "9"]));
    let due = looking(probe(5));
    let asks = carry_on(&book, &source, &due, waiting(1)).await;
    assert!(asks.asks && book.told().is_empty());
    assert_eq!((asks.missing, asks.tracked), (3, 10));
    assert_eq!(book.steps.lock().unwrap().last().unwrap().next, Next::Asked);
    let allowed = Sweep { asks: false, allowed: true, ..asks };
    carry_on(&book, &source, &due, allowed).await;
    assert_eq!(book.told().len(), 8);
}

#[tokio::test]
async fn a_part_of_exactly_the_most_is_told_without_asking() {
    let book = ten();
    carry_on(
        &book,
        &provider(&[0, 1, 2, 3, 4, 5, 6, 7], &["8", "9"]),
        &looking(probe(100)),
        waiting(1),
    )
    .await;
    assert_eq!(book.told().len(), 2);
}

#[tokio::test]
async fn what_was_found_since_the_sweep_began_counts_for_the_part() {
    let book = ten();
    let begun = Sweep { started: Some(s(1_900)), tracked: 2, ..waiting(1) };
    let source = provider(&[0, 1, 2, 3, 4, 5, 6, 7], &["8", "9"]);
    carry_on(&book, &source, &looking(probe(100)), begun).await;
    assert_eq!(book.told().len(), 2);
}

#[tokio::test]
async fn a_large_sweep_is_spread_over_stints() {
    let ids: Vec<String> = (0..25).map(|id| format!("{id:02}")).collect();
    let book = Book::knowing(&ids.iter().map(|id| (id.as_str(), SEEN)).collect::<Vec<_>>());
    let mut source = MockSource::new();
    source.expect_find().times(25).returning(|_, _, _, _| Ok(page(&[])));
    source.expect_is_gone().returning(|_, _| Ok(false));
    let due = looking(probe(1));
    let mut sweep = carry_on(&book, &source, &due, waiting(1)).await;
    assert_eq!((sweep.after.as_str(), sweep.stage), ("09", Stage::Look));
    // Three stints in half an hour.
    assert_eq!(book.steps.lock().unwrap().last().unwrap().next, Next::At(s(2_600)));
    for _ in 0..2 {
        sweep = carry_on(&book, &source, &due, sweep).await;
    }
    assert_eq!((sweep.number, book.told().len()), (2, 0));
}

#[tokio::test]
async fn with_snapshots_what_two_readings_in_a_row_have_not_shown_has_gone() {
    let book = ten();
    let due = looking(Deletes::Snapshot { confirm: false });
    let first =
        carry_on(&book, &provider(&[0, 1, 2, 3, 4, 5, 6, 7, 8], &[]), &due, waiting(1)).await;
    assert!(book.told().is_empty());
    let second = carry_on(&book, &provider(&[0, 1, 2, 3, 4, 5, 6, 7], &[]), &due, first).await;
    assert_eq!(book.told(), ["9 DELETED 2000"]);
    // 8 was missing once, and is there again; 9 is back.
    carry_on(&book, &provider(&[0, 1, 2, 3, 4, 5, 6, 7, 8, 9], &[]), &due, second).await;
    assert_eq!(book.told(), ["9 DELETED 2000", "9 CREATED 1"]);
}

#[tokio::test]
async fn a_reading_that_was_interrupted_proves_nothing() {
    let book = ten();
    let due = looking(Deletes::Snapshot { confirm: false });
    let broken = || {
        let mut source = MockSource::new();
        source.expect_open().returning(|_| {
            let mut pages = MockPages::new();
            let mut read = false;
            pages.expect_next().returning(move || {
                let first = !std::mem::replace(&mut read, true);
                if first { Ok(Some(page(&[]))) } else { Err(SourceError::of("cut")) }
            });
            pages.expect_place().return_const(ReadPlace::Begin);
            Ok(Box::new(pages))
        });
        source
    };
    let mut sweep = waiting(1);
    for _ in 0..3 {
        sweep = carry_on(&book, &broken(), &due, sweep).await;
    }
    assert_eq!((sweep.number, sweep.stage, book.told().len()), (1, Stage::Look, 0));
}

#[tokio::test]
async fn where_snapshots_are_confirmed_what_is_only_hidden_stays() {
    let book = ten();
    let due = looking(Deletes::Snapshot { confirm: true });
    let source = provider(&[0, 1, 2, 3, 4, 5, 6, 7], &["9"]);
    let second = carry_on(&book, &source, &due, waiting(1)).await;
    carry_on(&book, &source, &due, second).await;
    assert_eq!(book.told(), ["9 DELETED 2000"]);
}

#[tokio::test]
async fn a_feed_of_deletions_is_believed_unless_the_object_has_changed_since() {
    let book = Book::knowing(&[
        ("1", Version::dated(s(500))),
        ("2", Version::dated(s(900))),
        ("3", Version::GONE),
        ("5", SEEN),
        ("6", SEEN),
        ("7", SEEN),
        ("8", SEEN),
    ]);
    let due =
        looking(Deletes::Feed { from: "notes".to_owned(), id: FieldPath::parse("id").unwrap() });
    let mut source = MockSource::new();
    source.expect_open().returning(|reading| {
        assert_eq!(
            reading.call.condition.unwrap().to_string(),
            "updated_at >= '1970-01-01T00:10:00Z'"
        );
        let mut left = vec![page(&[1, 2, 3, 4].map(|id| person(id, 1, 800)))];
        let mut pages = MockPages::new();
        pages.expect_next().returning(move || Ok(left.pop()));
        Ok(Box::new(pages))
    });
    let sweep = Sweep { since: s(660), ..waiting(1) };
    let next = carry_on(&book, &source, &due, sweep).await;
    assert_eq!(book.told(), ["1 DELETED 2000"]);
    assert_eq!(next.since, s(2_000));
}

#[test]
fn what_is_left_of_a_record_is_its_id_where_the_id_field_has_it() {
    let only = |path: &str, id| only_id(&FieldPath::parse(path).unwrap(), id).to_string();
    assert_eq!(only("id", "28934"), r#"{"id":28934}"#);
    assert_eq!(only("customer.id", "a-7"), r#"{"customer":{"id":"a-7"}}"#);
    assert_eq!(only("id", "007"), r#"{"id":"007"}"#);
}
