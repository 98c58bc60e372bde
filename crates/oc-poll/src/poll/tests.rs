//! Polls over a source and a ledger in memory.

mod clocks;
mod dates;

use oc_hub::ClockReading;
use serde_json::{Value, json};

use super::*;
use crate::fixture::{Book, due, page, person, s, source};

async fn poll(due: &Due, book: &Book, pages: Vec<Page>) -> Result<PollSummary, PollError> {
    poll_once(due, &source(pages, None), book, &Clock::new(|| s(2_000)), 0.5).await
}

fn done(book: &Book) -> Finding {
    match book.outcomes.lock().unwrap().last() {
        Some(Outcome::Done(finding)) => finding.clone(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn changes_become_events_in_the_order_of_their_dates_and_the_cursor_moves_to_the_start() {
    let book = Book::default();
    let pages =
        vec![page(&[person(1, 1, 1_500), person(2, 1_400, 1_400)]), page(&[person(3, 1, 500)])];
    let summary = poll(&due(&json!({})), &book, pages).await.unwrap();
    assert_eq!(book.events(), ["2 CREATED 1400", "1 UPDATED 1500"]);
    let finding = done(&book);
    assert_eq!((finding.cursor, finding.next_due, summary.records), (s(2_000), s(2_900), 3));
    assert_eq!(
        finding.part.events[0].record,
        r#"{"id":2,"created_at":"1970-01-01T00:23:20Z","updated_at":"1970-01-01T00:23:20Z"}"#
    );
}

#[tokio::test]
async fn an_adaptive_interval_grows_with_each_poll_without_an_event_and_an_event_ends_that() {
    let quiet = async |adaptive, before, pages| {
        let (book, mut due) = (Book::default(), due(&json!({})));
        (due.adaptive, due.checkpoint.quiet) = (adaptive, before);
        poll(&due, &book, pages).await.unwrap();
        let finding = done(&book);
        (finding.quiet, finding.next_due)
    };
    let (none, one) = (vec![page(&[])], vec![page(&[person(1, 1, 1_500)])]);
    assert_eq!(quiet(true, 0, none.clone()).await, (1, s(2_000 + 1_125)));
    assert_eq!(quiet(true, 20, none.clone()).await, (21, s(2_000 + 7_200)));
    assert_eq!(quiet(true, 20, one).await, (0, s(2_900)));
    assert_eq!(quiet(false, 0, none).await, (0, s(2_900)));
}

#[tokio::test]
async fn the_same_version_is_reported_once_over_overlapping_polls() {
    let (book, due) = (Book::default(), due(&json!({})));
    let pages = vec![page(&[person(1, 1, 990), person(2, 1, 1_500)])];
    poll(&due, &book, pages.clone()).await.unwrap();
    assert_eq!(book.events().len(), 2);
    poll(&due, &book, pages).await.unwrap();
    assert!(book.events().is_empty());
}

#[tokio::test]
async fn a_record_that_changes_while_it_is_read_is_reported_in_each_version() {
    let book = Book::default();
    let pages = vec![
        page(&[person(1, 1_500, 1_500)]),
        page(&[person(1, 1_500, 1_600)]),
        page(&[person(1, 1_500, 1_500)]),
    ];
    poll(&due(&json!({})), &book, pages).await.unwrap();
    assert_eq!(book.events(), ["1 CREATED 1500", "1 UPDATED 1600"]);
}

#[tokio::test]
async fn records_that_dates_rule_out_are_not_looked_up() {
    let book = Book::default();
    let records: Vec<Value> = (0..100).map(|id| person(id, 1, 900)).collect();
    poll(&due(&json!({})), &book, vec![page(&records)]).await.unwrap();
    assert!(book.looked_up.lock().unwrap().is_empty());
}

#[tokio::test]
async fn the_records_of_some_pages_are_looked_up_together() {
    let people =
        |ids: std::ops::Range<u32>| page(&ids.map(|id| person(id, 1, 1_100)).collect::<Vec<_>>());
    let pages = (0..5).map(|at| people(at * 150..at * 150 + 150));
    let book = Book::default();
    poll(&due(&json!({})), &book, pages.collect()).await.unwrap();
    assert_eq!(*book.looked_up.lock().unwrap(), [450, 300]);
    assert_eq!(book.events().len(), 750);
}

#[tokio::test]
async fn large_pages_are_looked_up_before_there_are_many_records() {
    let large = |id| {
        let mut large = person(id, 1, 1_100);
        large["title"] = "x".repeat(300 << 10).into();
        page(&[large])
    };
    let book = Book::default();
    poll(&due(&json!({})), &book, (1..=3).map(large).collect()).await.unwrap();
    assert_eq!(*book.looked_up.lock().unwrap(), [2, 1]);
}

#[tokio::test]
async fn a_record_that_is_on_two_pages_which_are_looked_up_together_is_told_once() {
    let book = Book::default();
    let first = [person(5, 1, 1_100), person(6, 1, 1_100)];
    let again = [person(6, 1, 1_100), person(5, 1, 1_200)];
    poll(&due(&json!({})), &book, vec![page(&first), page(&again)]).await.unwrap();
    assert_eq!(book.events(), ["5 UPDATED 1100", "6 UPDATED 1100", "5 UPDATED 1200"]);
    assert_eq!(*book.looked_up.lock().unwrap(), [4]);
}

#[tokio::test]
async fn a_large_poll_is_put_aside_in_parts() {
    let book = Book::default();
    let pages: Vec<Page> = (0..50)
        .map(|at| {
            let records: Vec<Value> =
                (0..100).map(|id| person(at * 100 + id, 1, 1_100 + i64::from(at))).collect();
            page(&records)
        })
        .collect();
    poll(&due(&json!({})), &book, pages).await.unwrap();
    assert_eq!((book.events().len(), book.staged.lock().unwrap().len()), (5_000, 2));
    assert!(done(&book).part.events.len() < STAGE_AT);
}

#[tokio::test]
async fn a_record_that_comes_again_after_its_part_was_put_aside_is_told_once() {
    let book = Book::default();
    let first: Vec<Value> = (0..2_000).map(|id| person(id, 1, 1_100)).collect();
    let again = vec![person(5, 1, 1_100), person(6, 1, 1_200)];
    poll(&due(&json!({})), &book, vec![page(&first), page(&again)]).await.unwrap();
    let events = book.events();
    assert_eq!((events.len(), events[2_000].as_str()), (2_001, "6 UPDATED 1200"));
}

#[tokio::test]
async fn a_part_that_cannot_be_put_aside_fails_the_poll() {
    let mut ledger = crate::MockLedger::new();
    ledger.expect_known().returning(|_, ids| Ok(vec![None; ids.len()]));
    ledger.expect_stage().returning(|_, _, _| Err(LedgerError::Superseded));
    ledger.expect_finish().never();
    let records: Vec<Value> = (0..2_000).map(|id| person(id, 1, 1_100)).collect();
    let source = source(vec![page(&records)], None);
    let polled = poll_once(&due(&json!({})), &source, &ledger, &Clock::new(|| s(2_000)), 0.5).await;
    assert!(matches!(polled, Err(PollError::Ledger(LedgerError::Superseded))));
}

#[tokio::test]
async fn a_failed_page_records_nothing() {
    let book = Book::default();
    assert!(poll(&due(&json!({})), &book, vec![]).await.is_err());
    assert!(book.outcomes.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_provider_whose_clock_is_behind_holds_the_cursor_back() {
    let book = Book::default();
    let reading = ClockReading { sent: s(2_000), received: s(2_001), provider: s(1_900) };
    let source = source(vec![page(&[])], Some(reading));
    poll_once(&due(&json!({})), &source, &book, &Clock::new(|| s(2_000)), 0.5).await.unwrap();
    assert_eq!(done(&book).cursor, s(1_899));
}

#[tokio::test]
async fn ids_and_dates_that_cannot_be_read_are_counted() {
    let book = Book::default();
    let records =
        [json!({"updated_at": s(1_500).to_string()}), json!({"id": 5, "updated_at": "soon"})];
    let summary = poll(&due(&json!({})), &book, vec![page(&records)]).await.unwrap();
    assert_eq!((summary.without_id, summary.unreadable_dates, summary.events), (1, 1, 1));
}

#[test]
fn the_url_reaches_back_over_delay_and_overlap() {
    let condition = |changes| {
        let call = render(&due(&changes), s(2_000)).unwrap();
        call.condition.unwrap().to_string()
    };
    assert_eq!(condition(json!({})), "updated_at >= '1970-01-01T00:15:40Z'");
    assert_eq!(
        condition(json!({"overlap": 0, "pollDelay": 300})),
        "updated_at >= '1970-01-01T00:11:40Z'"
    );
}

#[tokio::test]
async fn fingerprints_are_forgotten_only_when_dates_decide_without_them() {
    let forgotten = async |changes: Value| {
        let book = Book::default();
        poll(&due(&changes), &book, vec![page(&[])]).await.unwrap();
        done(&book).forget_before
    };
    assert_eq!(forgotten(json!({})).await, Some(s(940)));
    assert_eq!(forgotten(json!({"filterByUpdatedDate": false})).await, None);
    assert_eq!(forgotten(json!({"datesConfiguration": {}})).await, None);
}

#[tokio::test]
async fn a_row_that_the_provider_marks_as_deleted_is_told_once_and_its_return_as_created() {
    let (book, mut due) = (Book::default(), due(&json!({})));
    let mut connector = (*due.target.connector).clone();
    let marker = oc_config::FieldPath::parse("removed_at").unwrap();
    connector.resources.get_mut("contacts").unwrap().deleted = Some(marker);
    due.target.connector = std::sync::Arc::new(connector);
    let row = |updated: i64, removed: Value| {
        let mut row = person(1, 1, updated);
        row["removed_at"] = removed;
        page(&[row])
    };
    for (updated, removed, expected) in [
        (1_100, Value::Null, &["1 UPDATED 1100"][..]),
        (1_200, json!("2026-01-01"), &["1 DELETED 1200"]),
        (1_300, json!("2026-01-01"), &[]),
        (1_400, json!(false), &["1 CREATED 1400"]),
    ] {
        poll(&due, &book, vec![row(updated, removed)]).await.unwrap();
        assert_eq!(book.events(), expected, "{updated}");
    }
}
