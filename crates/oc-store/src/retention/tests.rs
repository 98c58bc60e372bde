//! However much there is to sweep away, a transaction touches no more than about a chunk.

use super::*;

/// An empty database, and the lock that keeps it.
fn database() -> (tempfile::TempDir, std::fs::File, Sql) {
    let folder = tempfile::tempdir().unwrap();
    let (lock, sql, _) = crate::sqlite::exclusive(&folder.path().join("oc.db")).unwrap();
    sql.batch(
        "INSERT INTO resource (id, instance_id, name, identity, revision, cursor, floor,
           delivered_through, visible_through, forget_before)
         VALUES (1, 1, 'contacts', '', 1, 0, 0, 100000, 100000, 5)",
    )
    .unwrap();
    (folder, lock, sql)
}

fn count(sql: &Sql, table: &str) -> i64 {
    sql.one(&format!("SELECT count(*) FROM {table}"), (), |row| row.get(0)).unwrap()
}

/// The rows that were ever changed.
fn changes(sql: &Sql) -> usize {
    sql.one("SELECT total_changes()", (), |row| row.get(0)).unwrap()
}

/// Does step after step; no step may change more than about a chunk of rows.
fn sweep<T>(sql: &Sql, first: T, step: impl Fn(T) -> (u64, Option<T>)) -> (u64, usize) {
    let (mut next, mut deleted, mut steps) = (Some(first), 0, 0);
    while let Some(from) = next {
        let before = changes(sql);
        sql.batch("BEGIN").unwrap();
        let (some, after) = step(from);
        sql.batch("COMMIT").unwrap();
        let changed = changes(sql) - before;
        assert!(changed <= CHUNK + 102, "{changed} rows in one transaction");
        (next, deleted, steps) = (after, deleted + some, steps + 1);
        assert!(steps < 100, "it does not end");
    }
    (deleted, steps)
}

#[test]
fn notifications_go_in_chunks_however_many_attempts_they_have() {
    let (_folder, _lock, sql) = database();
    sql.batch(
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 7000)
           INSERT INTO notification (id, resource_id, created, events, body)
           SELECT randomblob(16), 1, i / 7000, 1, x'00' FROM n;
         WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100)
           INSERT INTO attempt (notification, number, at, took, answer, url, delivered, replay)
           SELECT seq, i, 0, 0, '', '', 0, 0 FROM notification, n WHERE seq <= 100 OR i = 1",
    )
    .unwrap();
    let (deleted, steps) =
        sweep(&sql, 0, |from| sweep_notifications(&sql, from, Timestamp(1)).unwrap());
    assert_eq!((deleted, count(&sql, "notification"), count(&sql, "attempt")), (6_999, 1, 1));
    assert!(steps >= 10, "{steps}");
}

#[test]
fn fingerprints_go_in_chunks_and_the_floor_rises_with_the_first() {
    let (_folder, _lock, sql) = database();
    sql.batch(
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 7000)
           INSERT INTO fingerprint (resource_id, object_id, version, poll)
           SELECT 1, printf('%05d', i), i % 10 - 1, 1 FROM n",
    )
    .unwrap();
    let floor = || {
        let both = "SELECT floor, forget_before FROM resource";
        sql.one(both, (), |row| Ok((row.get::<i64>(0)?, row.get::<Option<i64>>(1)?))).unwrap()
    };
    let (first, next) = forget(&sql, 1, 5, "").unwrap();
    assert_eq!((floor(), first), ((4, Some(5)), 1_000));
    let (deleted, steps) =
        sweep(&sql, next.unwrap(), |from: String| forget(&sql, 1, 5, &from).unwrap());
    assert_eq!((deleted, steps), (2_500, 3));
    assert_eq!((floor(), count(&sql, "fingerprint")), ((4, None), 3_500));
}

#[test]
fn fingerprints_stay_that_have_come_to_be_needed_since_the_sweep_began() {
    let (_folder, _lock, sql) = database();
    sql.batch(
        "INSERT INTO fingerprint (resource_id, object_id, version, poll) VALUES (1, 'a', 1, 1)",
    )
    .unwrap();
    // A poll has staged a part; what is tracked keeps all of them.
    for needed in ["staging = 1", "staging = 0, forget_before = NULL"] {
        sql.batch(&format!("UPDATE resource SET {needed}")).unwrap();
        assert_eq!(forget(&sql, 1, 5, "").unwrap(), (0, None), "{needed}");
    }
    assert_eq!(count(&sql, "fingerprint"), 1);
}

#[test]
fn what_is_kept_for_a_day_goes_in_chunks() {
    let (_folder, _lock, sql) = database();
    sql.batch(
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000)
           INSERT INTO creation_key (organization_id, key, request, instance_id, created)
           SELECT 1, CAST(i AS TEXT), x'00', i, i / 5000 FROM n",
    )
    .unwrap();
    let step = |()| (0, sweep_day_old(&sql, Timestamp(1)).unwrap().then_some(()));
    assert_eq!(sweep(&sql, (), step), (0, 3));
    assert_eq!(count(&sql, "creation_key"), 1);
}
