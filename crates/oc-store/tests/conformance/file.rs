//! The database file: one process, one key, no secret in it.

use oc_store::StoreError;

use crate::house::{House, done, open, part};
use oc_poll::Ledger;

#[tokio::test]
async fn a_second_start_on_the_same_file_is_refused() {
    let house = House::new().await;
    let second = open(&house.folder, 1).await;
    assert!(matches!(second, Err(StoreError::InUse(_))));
    assert!(second.err().unwrap().to_string().contains("in use by another oc-server"));
}

#[tokio::test]
async fn another_secret_key_is_refused_at_the_start() {
    let House { folder, store } = House::new().await;
    drop(store);
    assert!(matches!(open(&folder, 2).await, Err(StoreError::OtherKey)));
}

#[tokio::test]
async fn a_database_of_a_newer_program_is_refused() {
    let House { folder, store } = House::new().await;
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
        let bytes = std::fs::read(house.folder.path().join(name)).unwrap();
        assert!(!bytes.windows(6).any(|part| part == b"s3cret"), "{name}");
    }
}
