//! Loads over a source and a ledger in memory.

use async_trait::async_trait;
use oc_egress::{Clock, Dice};
use oc_hub::ClockReading;
use oc_hub::{Page, ReadPlace};
use serde_json::{Value, json};

use super::*;
use crate::fixture::{Book, due, page, person, s};
use crate::source::Pages;
use crate::{DueTask, MockPages, MockSource, SourceError, Trouble};

/// A source that has some pages behind each place, by number; `None` is a failure.
fn source(pages: Vec<Option<Page>>) -> MockSource {
    let mut source = MockSource::new();
    source.expect_open().returning(move |reading| {
        let pages = pages.clone();
        let begin = match reading.from {
            ReadPlace::Page(number) => number as usize - 1,
            _ => 0,
        };
        let at = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(begin));
        let (read, many) = (at.clone(), pages.len());
        let mut reading = MockPages::new();
        reading.expect_next().returning(move || {
            let number = read.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            match pages.get(number) {
                Some(Some(page)) => Ok(Some(page.clone())),
                Some(None) => Err(SourceError::of("down")),
                None => Ok(None),
            }
        });
        reading.expect_place().returning(move || {
            let read = at.load(std::sync::atomic::Ordering::Relaxed);
            (read < many).then(|| ReadPlace::Page(u32::try_from(read).unwrap() + 1))
        });
        Ok(Box::new(reading))
    });
    source
}

async fn carry_on(book: &Book, source: &MockSource, due: Due, load: Load) -> bool {
    let (clock, dice) = (Clock::new(|| s(2_000)), Dice::new(|| 0.0));
    let work = Work { source, ledger: book, tasks: book, clock: &clock, dice: &dice };
    work.carry_on(&DueTask { due, task: Task::Load(load), failures: 2 }).await.unwrap()
}

fn load(all: bool) -> Load {
    Load {
        from: Timestamp::EPOCH,
        all,
        place: ReadPlace::Begin,
        records: 0,
        total: None,
        settled: None,
    }
}

fn started_at(floor: i64, changes: &Value) -> Due {
    let mut due = due(changes);
    due.checkpoint.floor = s(floor);
    due
}

#[tokio::test]
async fn everything_that_is_there_is_sent_once_as_created_page_by_page() {
    let book = Book::default();
    let pages = vec![
        Some(page(&[person(1, 10, 10), person(2, 10, 500)])),
        Some(page(&[person(2, 10, 500), person(3, 20, 900)])),
    ];
    carry_on(&book, &source(pages), started_at(0, &json!({})), load(true)).await;
    assert_eq!(book.told(), ["1 CREATED 10", "2 CREATED 500", "3 CREATED 900"]);
    let steps = book.steps.lock().unwrap();
    let Some(Task::Load(after_first)) = &steps[0].task else { panic!("{steps:?}") };
    assert_eq!((after_first.records, after_first.place), (2, ReadPlace::Page(2)));
    // What shows late is left to a poll that begins a lag of 60 s later.
    let Some(Task::Load(read)) = steps[1].task.clone() else { panic!("{steps:?}") };
    assert_eq!((steps.len(), read.settled, steps[1].next), (2, Some(s(2_060)), Next::At(s(2_960))));
}

/// A list of pages with a person each; a second passes until one has come.
struct SlowList {
    read: u32,
    pages: u32,
}

#[async_trait]
impl Pages for SlowList {
    async fn next(&mut self) -> Result<Option<Page>, SourceError> {
        tokio::time::sleep(Duration::from_secs(1)).await;
        self.read += 1;
        Ok(Some(page(&[person(self.read, 10, 10)])))
    }

    fn clock(&self) -> Option<ClockReading> {
        None
    }

    fn place(&self) -> Option<ReadPlace> {
        (self.read < self.pages).then_some(ReadPlace::Page(self.read + 1))
    }
}

#[tokio::test(start_paused = true)]
async fn a_page_is_stored_while_the_next_one_is_read() {
    let (book, mut slow) = (Book::default(), MockSource::new());
    *book.takes.lock().unwrap() = Duration::from_secs(1);
    slow.expect_open().returning(|_| Ok(Box::new(SlowList { read: 0, pages: 5 })));
    let began = tokio::time::Instant::now();
    carry_on(&book, &slow, started_at(0, &json!({})), load(true)).await;
    assert_eq!(book.told().len(), 5);
    // Five readings and five storings, of which four fell together.
    assert_eq!(began.elapsed(), Duration::from_secs(6));
    let steps = book.steps.lock().unwrap();
    // None is ahead of what is stored with it.
    let places = steps.iter().map(|step| match &step.task {
        Some(Task::Load(load)) => load.place,
        other => panic!("{other:?}"),
    });
    assert!(places.eq([2, 3, 4, 5, 5].map(ReadPlace::Page)));
}

#[tokio::test]
async fn a_load_of_everything_ends_when_a_poll_has_begun_later() {
    let read = Load { settled: Some(s(2_060)), ..load(true) };
    for (cursor, ends) in [(2_059, false), (2_060, true)] {
        let (book, mut due) = (Book::default(), started_at(0, &json!({})));
        due.checkpoint.cursor = s(cursor);
        carry_on(&book, &MockSource::new(), due, read.clone()).await;
        let steps = book.steps.lock().unwrap();
        assert_eq!(steps[0].task.is_none(), ends, "{cursor}");
    }
}

#[tokio::test]
async fn since_a_date_the_decision_table_decides() {
    let book = Book::default();
    let pages = vec![Some(page(&[person(1, 400, 400), person(2, 500, 500), person(3, 20, 900)]))];
    carry_on(&book, &source(pages), started_at(450, &json!({})), load(false)).await;
    assert_eq!(book.told(), ["2 CREATED 500", "3 UPDATED 900"]);
}

#[tokio::test]
async fn where_deletions_are_looked_for_what_is_older_is_noted_in_silence() {
    let book = Book::default();
    let due = started_at(950, &json!({"detectDeletes": {"every": 60}}));
    carry_on(
        &book,
        &source(vec![Some(page(&[person(1, 10, 10), person(2, 10, 960)]))]),
        due,
        load(false),
    )
    .await;
    assert_eq!(book.told(), ["2 UPDATED 960"]);
    assert_eq!(book.known.lock().unwrap().len(), 2);
    let steps = book.steps.lock().unwrap();
    let Some(Task::Sweep(sweep)) = &steps[0].task else { panic!("{steps:?}") };
    assert_eq!((sweep.number, steps[0].next), (1, Next::At(s(5_600))));
}

#[tokio::test]
async fn a_load_that_is_interrupted_goes_on_one_page_earlier_and_repeats_nothing() {
    let book = Book::default();
    let first = page(&[person(1, 10, 10)]);
    let interrupted = source(vec![Some(first.clone()), None]);
    let due = started_at(0, &json!({}));
    assert!(carry_on(&book, &interrupted, due.clone(), load(true)).await);
    let (at, trouble) = book.put_off.lock().unwrap()[0].clone();
    assert_eq!(trouble, Some(Trouble { message: "down".to_owned(), failures: 3 }));
    assert_eq!(at, s(2_040));
    let Some(Task::Load(stands)) = book.steps.lock().unwrap()[0].task.clone() else { panic!() };
    let whole = source(vec![Some(first), Some(page(&[person(2, 20, 20)]))]);
    carry_on(&book, &whole, due, stands).await;
    assert_eq!(book.told(), ["1 CREATED 10", "2 CREATED 20"]);
}

#[tokio::test]
async fn a_rate_limit_without_room_puts_the_load_off_and_is_no_trouble() {
    let mut limited = MockSource::new();
    limited.expect_open().returning(|_| {
        Err(SourceError { wait: Some(Duration::from_secs(30)), ..SourceError::of("limited") })
    });
    let book = Book::default();
    assert!(!carry_on(&book, &limited, started_at(0, &json!({})), load(true)).await);
    assert_eq!(*book.put_off.lock().unwrap(), [(s(2_030), None)]);
}

#[tokio::test]
async fn a_load_that_would_begin_at_the_same_place_again_waits_for_room() {
    let mut limited = MockSource::new();
    limited.expect_open().returning(|_| {
        let mut answers = vec![Ok(None), Ok(Some(page(&[person(1, 10, 10)])))];
        let wait = Some(Duration::from_secs(30));
        answers.push(Err(SourceError { wait, ..SourceError::of("limited") }));
        let mut pages = MockPages::new();
        pages.expect_next().returning(move || answers.pop().unwrap());
        pages.expect_place().return_const(ReadPlace::Begin);
        Ok(Box::new(pages))
    });
    let (book, passed) = (Book::default(), std::sync::Arc::new(std::sync::Mutex::new(Vec::new())));
    let waited = passed.clone();
    let clock = Clock::new(|| s(2_000)).simulated(move |time| waited.lock().unwrap().push(time));
    let dice = Dice::new(|| 0.0);
    let work = Work { source: &limited, ledger: &book, tasks: &book, clock: &clock, dice: &dice };
    let due = started_at(0, &json!({}));
    work.carry_on(&DueTask { due, task: Task::Load(load(true)), failures: 0 }).await.unwrap();
    assert_eq!(book.told(), ["1 CREATED 10"]);
    assert_eq!(*passed.lock().unwrap(), [Duration::from_secs(30)]);
}
