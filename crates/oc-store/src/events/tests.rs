//! However many notifications there are, a page of them costs the same.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::*;

/// Lanes, and notifications of all of them together.
const LANES: i64 = 10;
const MANY: i64 = 100_000;
const PAGE: usize = 50;
/// Of so many one tells of a deletion.
const SELDOM: i64 = 100;

/// A database in which each notification has arrived at its second attempt.
fn database() -> (tempfile::TempDir, std::fs::File, Sql) {
    let folder = tempfile::tempdir().unwrap();
    let (lock, sql, _) = crate::sqlite::exclusive(&folder.path().join("oc.db")).unwrap();
    sql.batch(&format!(
        "INSERT INTO organization (id, name) VALUES (1, 'One');
         INSERT INTO user (id, organization_id, email, first_name, last_name)
         VALUES (1, 1, '', '', '');
         INSERT INTO instance (id, organization_id, user_id, connector, name, name_folded, tags,
           configuration, token_hash, account, warnings, created)
         VALUES (1, 1, 1, 'salesloft', 'One', 'one', '[]', '{{}}', x'00', '', '[]', 0);
         WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {LANES})
           INSERT INTO resource (id, instance_id, name, identity, revision, cursor, floor,
             delivered_through, visible_through, forget_before, destination)
           SELECT i, 1, 'r' || i, '', 1, 0, 0, {MANY}, {MANY}, 0, 'https://receiver.example' FROM n;
         WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {MANY})
           INSERT INTO notification (seq, id, resource_id, created, events, body, kinds)
           SELECT i, randomblob(16), 1 + i % {LANES}, i, 1, x'7b7d',
             iif(i / {LANES} % {SELDOM} = 0, 4 + i % 4, 1 + i % 3) FROM n;
         WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2)
           INSERT INTO attempt (notification, number, at, took, answer, url, delivered, replay)
           SELECT seq, i, 0, 0, '', '', i - 1, 0 FROM notification, n"
    ))
    .unwrap();
    (folder, lock, sql)
}

#[test]
fn the_thousandth_page_reads_no_more_than_the_first() {
    let (_folder, _lock, mut sql) = database();
    let steps = Arc::new(AtomicU64::new(0));
    let Sql::Sqlite(connection) = &mut sql else { panic!("another database") };
    let counted = Arc::clone(&steps);
    let count = move || {
        counted.fetch_add(1, Ordering::Relaxed);
        false
    };
    connection.progress_handler(1, Some(count)).unwrap();
    let scope = EventScope { organization: OrganizationId(1), instance: None };
    let cost = |filter: &EventFilter, before| {
        let begun = steps.load(Ordering::Relaxed);
        let page = page(&sql, scope, filter, before, PAGE).unwrap();
        assert_eq!(page.events.len(), PAGE);
        steps.load(Ordering::Relaxed) - begun
    };
    let thousandth = Some(MANY + 1 - 999 * 50);
    let arrived = EventFilter { status: Some(EventStatus::Notified), ..EventFilter::default() };
    let updated = EventFilter { kind: Some(EventKind::Updated), ..EventFilter::default() };
    // What is seldom is found without looking at the others.
    let deleted = EventFilter { kind: Some(EventKind::Deleted), ..arrived.clone() };
    for filter in [EventFilter::default(), arrived, updated, deleted] {
        let (first, later) = (cost(&filter, None), cost(&filter, thousandth));
        assert!(first > 0 && later <= first + first / 50, "{first} steps, and then {later}");
        // A page is read by look-ups: a scan of the table would take more steps than it has rows.
        assert!(first < 20_000, "{first} steps");
    }
}
