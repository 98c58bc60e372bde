//! The decision table, row by row.

use super::*;

const L: i64 = 1_000;

fn s(seconds: i64) -> Timestamp {
    Timestamp(seconds * 1_000_000)
}

fn window() -> Window {
    Window {
        last: s(L),
        floor: s(0),
        look_back: Duration::from_secs(60),
        until: None,
        tolerance: Duration::from_secs(10),
        by_updated: true,
        baseline: false,
        all: false,
        notes: false,
    }
}

fn dated(updated: i64, created: Option<i64>) -> Sighting {
    let updated = s(updated);
    let version = Version::dated(updated);
    Sighting { updated: Some(updated), created: created.map(s), version, deleted: false }
}

fn undated(content: u64) -> Sighting {
    Sighting { updated: None, created: None, version: Version::hashed(content), deleted: false }
}

fn sends(kind: EventKind) -> Verdict {
    Verdict::Send(kind)
}

#[test]
fn a_record_older_than_the_look_back_is_old_without_a_look_up() {
    let record = dated(L - 61, Some(L - 61));
    assert!(window().rules_out(&record));
    assert_eq!(classify(&window(), &record, None), Verdict::Old);
}

#[test]
fn a_record_that_turns_up_late_within_the_look_back_is_news_once() {
    let record = dated(L - 30, Some(L - 30));
    assert!(!window().rules_out(&record));
    assert_eq!(classify(&window(), &record, None), sends(EventKind::Created));
    assert_eq!(classify(&window(), &record, Some(record.version)), Verdict::Old);
}

#[test]
fn created_and_updated_within_the_tolerance_is_created_beyond_it_updated() {
    let table = [(0, EventKind::Created), (10, EventKind::Created), (11, EventKind::Updated)];
    for (apart, kind) in table {
        let record = dated(L + 50, Some(L + 50 - apart));
        assert_eq!(classify(&window(), &record, None), sends(kind), "{apart} s apart");
    }
}

#[test]
fn an_object_reported_as_created_is_updated_the_next_time() {
    let known = Some(Version::dated(s(L + 1)));
    assert_eq!(classify(&window(), &dated(L + 2, Some(L + 1)), known), sends(EventKind::Updated));
}

#[test]
fn a_stale_copy_of_a_reported_object_is_no_news() {
    let known = Some(Version::dated(s(L + 9)));
    assert_eq!(classify(&window(), &dated(L + 2, Some(L + 1)), known), Verdict::Old);
}

#[test]
fn with_an_updated_date_alone_a_change_is_an_update() {
    assert_eq!(classify(&window(), &dated(L + 1, None), None), sends(EventKind::Updated));
}

#[test]
fn with_a_created_date_alone_what_is_new_since_the_floor_is_created() {
    let window = Window { by_updated: false, floor: s(L), ..window() };
    let record = |created| Sighting { created: Some(s(created)), ..undated(7) };
    assert_eq!(classify(&window, &record(L + 1), None), sends(EventKind::Created));
    assert_eq!(classify(&window, &record(L), None), Verdict::Note);
    let changed = Some(Version::hashed(8));
    assert_eq!(classify(&window, &record(L), changed), sends(EventKind::Updated));
}

#[test]
fn what_was_there_before_the_floor_is_never_sent() {
    let window = Window { floor: s(L - 30), ..window() };
    assert_eq!(classify(&window, &dated(L - 30, Some(1)), None), Verdict::Old);
    assert_eq!(classify(&window, &dated(L - 29, Some(1)), None), sends(EventKind::Updated));
}

#[test]
fn without_the_updated_filter_old_records_are_told_apart_by_version() {
    let window = Window { by_updated: false, ..window() };
    let record = dated(L - 500, Some(1));
    assert_eq!(classify(&window, &record, None), sends(EventKind::Updated));
    assert_eq!(classify(&window, &record, Some(record.version)), Verdict::Old);
}

#[test]
fn records_after_the_upper_bound_wait_for_the_next_poll() {
    let window = Window { until: Some(s(L + 10)), ..window() };
    assert_eq!(classify(&window, &dated(L + 11, None), None), Verdict::Old);
    assert_eq!(classify(&window, &dated(L + 10, None), None), sends(EventKind::Updated));
}

#[test]
fn records_without_dates_are_told_apart_by_content() {
    let first = undated(1);
    assert_eq!(classify(&window(), &first, None), sends(EventKind::Created));
    assert_eq!(classify(&window(), &first, Some(first.version)), Verdict::Old);
    assert_eq!(classify(&window(), &undated(2), Some(first.version)), sends(EventKind::Updated));
}

#[test]
fn the_first_reading_of_records_without_dates_is_only_noted() {
    let window = Window { baseline: true, ..window() };
    assert_eq!(classify(&window, &undated(1), None), Verdict::Note);
    assert_eq!(classify(&window, &dated(L + 1, None), None), sends(EventKind::Updated));
    let created = Sighting { created: Some(s(L + 1)), ..undated(1) };
    assert_eq!(classify(&window, &created, None), sends(EventKind::Created));
}

#[test]
fn hashed_and_dated_versions_never_meet() {
    assert_eq!(Version::hashed(0).date(), None);
    assert_eq!(Version::dated(s(5)).date(), Some(s(5)));
    assert_eq!(Version::dated(s(-5)), Version(0));
}

#[test]
fn a_record_that_comes_back_is_created_whatever_its_dates_say() {
    let old = dated(L + 5, Some(L - 900));
    assert_eq!(classify(&window(), &old, Some(Version::GONE)), sends(EventKind::Created));
    assert_eq!(classify(&window(), &undated(7), Some(Version::GONE)), sends(EventKind::Created));
    assert_ne!(Version::hashed(u64::MAX), Version::GONE);
}

#[test]
fn a_row_that_says_it_is_deleted_ends_the_object_once() {
    let row = Sighting { deleted: true, ..dated(L + 5, Some(L - 900)) };
    let told = Version::dated(s(L + 5));
    assert_eq!(classify(&window(), &row, Some(told)), sends(EventKind::Deleted));
    assert_eq!(classify(&window(), &row, None), sends(EventKind::Deleted));
    assert_eq!(classify(&window(), &row, Some(Version::GONE)), Verdict::Old);
    // A copy from before a later version that was told.
    assert_eq!(classify(&window(), &row, Some(Version::dated(s(L + 6)))), Verdict::Old);
    let recent = Window { floor: s(L + 5), ..window() };
    assert_eq!(classify(&recent, &row, None), Verdict::Old);
}

#[test]
fn while_everything_is_loaded_what_is_unknown_is_created() {
    let window = Window { all: true, ..window() };
    let record = dated(L + 5, Some(L - 900));
    assert_eq!(classify(&window, &record, None), sends(EventKind::Created));
    assert_eq!(classify(&window, &record, Some(Version::dated(s(L)))), sends(EventKind::Updated));
}

#[test]
fn a_load_that_notes_keeps_what_is_older_than_the_floor() {
    let window = Window { floor: s(L), notes: true, last: s(0), ..window() };
    let record = dated(L - 500, Some(L - 900));
    assert_eq!(classify(&window, &record, None), Verdict::Note);
    assert!(Window { notes: false, ..window }.rules_out(&record));
}

#[test]
fn with_only_a_created_date_the_first_poll_sends_what_is_new() {
    let window = Window { baseline: true, floor: s(L - 30), ..window() };
    let record = |created| Sighting { created: Some(s(created)), ..undated(7) };
    assert_eq!(classify(&window, &record(L - 10), None), sends(EventKind::Created));
    assert_eq!(classify(&window, &record(L - 30), None), Verdict::Note);
}
