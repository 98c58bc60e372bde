//! Our clock is set wrong by hours, and right again, between two polls.

use std::sync::Arc;

use oc_config::Condition;

use super::*;
use crate::{MockPages, MockSource};

const HOUR: i64 = 3_600;

/// A provider at an instant of its own clock, which filters by the call's condition; ours is `wrong`
/// by so many seconds.
fn provider(people: Vec<Value>, now: i64, wrong: i64) -> MockSource {
    let mut source = MockSource::new();
    source.expect_open().returning(move |reading| {
        let condition: Option<Condition> = reading.call.condition;
        let asked = |person: &&Value| condition.as_ref().is_none_or(|one| one.matches(person));
        let found: Vec<Value> = people.iter().filter(asked).cloned().collect();
        let mut left = vec![page(&found)];
        let mut pages = MockPages::new();
        pages.expect_next().returning(move || Ok(left.pop()));
        let (sent, received) = (s(now + wrong), s(now + wrong));
        pages.expect_clock().return_const(ClockReading { sent, received, provider: s(now) });
        Ok(Box::new(pages))
    });
    source
}

/// Polls every 15 minutes while our clock is wrong by the given hours; a person appears and another
/// changes before each.
async fn told_with(hours: &[i64]) -> Vec<Vec<String>> {
    let book = Arc::new(Book::default());
    let mut due = due(&json!({}));
    let mut now = 100 * HOUR;
    due.checkpoint.cursor = s(now);
    let (mut people, mut told) = (vec![person(0, now, now)], Vec::new());
    for (number, wrong) in (1..).zip(hours) {
        now += 900;
        people.push(person(number, now - 30, now - 30));
        let before = number - 1;
        people[before as usize] = person(before, 1, now - 20);
        let (wrong, at) = (wrong * HOUR, now);
        let source = provider(people.clone(), now, wrong);
        let clock = Clock::new(move || s(at + wrong));
        poll_once(&due, &source, &*book, &clock, 0.5).await.unwrap();
        told.push(book.events());
        due.checkpoint.cursor = done(&book).cursor;
    }
    told
}

#[tokio::test]
async fn hours_to_and_fro_lose_nothing_and_tell_nothing_twice() {
    for hours in [&[0, 3, 3, 0, 0][..], &[0, -5, -5, 0, 1], &[7, -7, 0, 7], &[-2, -1, 0, 1, 2]] {
        for (poll, events) in (1..).zip(told_with(hours).await) {
            let at = 100 * HOUR + poll * 900;
            let expected = [
                format!("{poll} CREATED {}", at - 30),
                format!("{} UPDATED {}", poll - 1, at - 20),
            ];
            assert_eq!(events, expected, "{hours:?}");
        }
    }
}
