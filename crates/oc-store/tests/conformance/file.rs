//! The database file: one process, one key, no secret in it.

use oc_poll::{Due, Fingerprint, Ledger, Part, Version};
use oc_store::{By, StoreError};
use serde_json::json;

use crate::house::{House, configuration, done, fields, open, part, s};

#[tokio::test]
async fn a_second_start_on_the_same_file_is_refused() {
    let house = House::new().await;
    let second = open(&house.place, 1).await;
    assert!(matches!(second, Err(StoreError::InUse(_))));
    assert!(second.err().unwrap().to_string().contains("in use by another oc-server"));
}

#[tokio::test]
async fn another_secret_key_is_refused_at_the_start() {
    let House { place: folder, store } = House::new().await;
    drop(store);
    assert!(matches!(open(&folder, 2).await, Err(StoreError::OtherKey)));
}

#[tokio::test]
async fn a_database_of_a_newer_program_is_refused() {
    let House { place: folder, store } = House::new().await;
    drop(store);
    let file = rusqlite::Connection::open(folder.path().join("oc.db")).unwrap();
    file.pragma_update(None, "user_version", 99).unwrap();
    drop(file);
    assert!(matches!(open(&folder, 1).await, Err(StoreError::Newer { found: 99, .. })));
}

#[tokio::test]
async fn no_secret_is_readable_in_the_files() {
    let house = House::new().await;
    house.instance("token-s3cret").await;
    let due = house.due(1_900).await.unwrap();
    house.store.finish(&due, done(1_900, part(1..2))).await.unwrap();
    for name in ["oc.db", "oc.db-wal"] {
        let bytes = std::fs::read(house.place.path().join(name)).unwrap();
        assert!(!bytes.windows(6).any(|part| part == b"s3cret"), "{name}");
    }
}

#[tokio::test]
async fn a_change_without_its_entry_does_not_happen() {
    let house = House::new().await;
    let id = house.instance("token").await;
    let house = {
        let House { place: folder, store } = house;
        drop(store);
        let file = rusqlite::Connection::open(folder.path().join("oc.db")).unwrap();
        file.execute_batch(
            "CREATE TRIGGER full BEFORE INSERT ON audit BEGIN SELECT raise(ABORT, 'full'); END",
        )
        .unwrap();
        drop(file);
        let store = crate::house::open(&folder, 1).await.unwrap();
        House { place: folder, store }
    };
    assert!(house.store.delete_instance(id, By::default(), s(2_000)).await.is_err());
    let mut renamed = fields(&configuration(&json!({})));
    renamed.name = "Two".to_owned();
    assert!(
        house.store.update_instance(id, 1, renamed, false, By::default(), s(2_000)).await.is_err()
    );
    assert_eq!(house.store.instance(id).await.unwrap().unwrap().name, "One");
}

#[tokio::test]
async fn the_audit_reads_by_index_however_much_there_is() {
    let house = House::new().await;
    let path = house.place.path().join("oc.db");
    drop(house.store);
    let sql = rusqlite::Connection::open(path).unwrap();
    let plan = |query: &str| {
        let mut statement = sql.prepare(&format!("EXPLAIN QUERY PLAN {query}")).unwrap();
        let rows = statement.query_map([], |row| row.get::<_, String>(3)).unwrap();
        rows.map(Result::unwrap).collect::<Vec<_>>().join("\n")
    };
    let table = [
        (
            "SELECT max(seq) FROM notification WHERE resource_id = 1 AND seq > 2 AND seq <= 3",
            "USING COVERING INDEX notification_lane (resource_id=? AND seq>? AND seq<?)",
        ),
        (
            "SELECT max(seq) FROM notification WHERE resource_id = 1 AND kinds = 4 AND seq > 2 AND seq <= 3",
            "USING COVERING INDEX notification_kinds (resource_id=? AND kinds=? AND seq>? AND seq<?)",
        ),
        (
            "SELECT seq FROM notification WHERE resource_id = 1 AND created <= 2 ORDER BY created DESC, seq DESC LIMIT 1",
            "USING COVERING INDEX notification_time (resource_id=? AND created<?)",
        ),
        (
            "SELECT events FROM notification WHERE resource_id = 1 AND created >= 2 AND created < 3 AND seq <= 4",
            "USING COVERING INDEX notification_time (resource_id=? AND created>? AND created<?)",
        ),
    ];
    for (query, expected) in table {
        let plan = plan(query);
        assert!(plan.contains(expected) && !plan.contains("TEMP B-TREE"), "{plan}");
    }
}

#[tokio::test]
async fn a_fingerprint_costs_at_most_40_bytes_on_disk() {
    const MANY: i64 = 50_000;
    let house = House::new().await;
    house.instance("token").await;
    let due = house.due(1_900).await.unwrap();
    let size = |house: &House| std::fs::metadata(house.place.path().join("oc.db")).unwrap().len();
    let house = house.restarted().await;
    let before = size(&house);
    let Due { revision, fence, .. } = house.due(9_000).await.unwrap();
    let due = Due { revision, fence, ..due };
    let fingerprint = |id: i64| Fingerprint {
        object_id: (10_000_000 + id * 7_919 % MANY).to_string(),
        version: Version(s(1_793_448_000 + id).0),
    };
    let (events, contents) = (Vec::new(), Vec::new());
    let part = Part { events, fingerprints: (0..MANY).map(fingerprint).collect(), contents };
    house.store.finish(&due, done(9_000, part)).await.unwrap();
    let house = house.restarted().await;
    let each = (size(&house) - before) / u64::try_from(MANY).unwrap();
    assert!(each <= 40, "{each} bytes");
}
