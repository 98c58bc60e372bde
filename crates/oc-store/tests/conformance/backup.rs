//! Backups and the schema, beside a store that is in use.

use oc_oauth::Vault;
use oc_poll::{Ledger, Part};
use oc_store::{Location, Schema, StoreError, backup, migrate, schema};
use tempfile::TempDir;

use crate::house::{House, done, open, part};

#[tokio::test]
async fn a_backup_of_a_store_in_use_is_whole_and_opens_on_its_own() {
    let house = House::new().await;
    let id = house.instance("token").await;
    let due = house.due(1_900).await.unwrap();
    house.store.finish(&due, done(1_900, part(1..26))).await.unwrap();
    let other = TempDir::new().unwrap();
    let copy = other.path().join("oc.db");
    let bytes = backup(&house.place.path().join("oc.db"), &copy, |_, _| {}).unwrap();
    assert_eq!(bytes, std::fs::metadata(&copy).unwrap().len());
    // What comes later is not in it.
    let due = house.due(2_800).await.unwrap();
    house.store.finish(&due, done(2_800, Part::default())).await.unwrap();
    let restored = House { store: open(&other, 1).await.unwrap(), place: other };
    assert!(restored.store.load(id).await.unwrap().is_some());
    assert_eq!(restored.lanes(2_000).await.lanes[0].notifications.len(), 3);
    assert_eq!(restored.due(2_800).await.unwrap().checkpoint.cursor, crate::house::s(1_900));
}

#[tokio::test]
async fn a_backup_is_private_as_the_database_is_and_overwrites_nothing() {
    use std::os::unix::fs::PermissionsExt as _;
    let house = House::new().await;
    let (from, to) = (house.place.path().join("oc.db"), house.place.path().join("copy.db"));
    // An interrupted one has left something.
    std::fs::write(house.place.path().join("copy.db.partial"), "rest").unwrap();
    backup(&from, &to, |_, _| {}).unwrap();
    assert_eq!(std::fs::metadata(&to).unwrap().permissions().mode() & 0o777, 0o600);
    for name in ["oc.db", "oc.db-wal", "oc.db-shm", "oc.db.lock"] {
        let mode = std::fs::metadata(house.place.path().join(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
    assert!(!house.place.path().join("copy.db.partial").exists());
    assert!(matches!(backup(&from, &to, |_, _| {}), Err(StoreError::Exists(_))));
    let nothing = house.place.path().join("nothing.db");
    assert!(matches!(backup(&nothing, &to, |_, _| {}), Err(StoreError::Exists(_))));
    let other = house.place.path().join("other.db");
    assert!(matches!(backup(&nothing, &other, |_, _| {}), Err(StoreError::Missing(_))));
}

#[tokio::test]
async fn the_schema_is_told_while_in_use_and_changed_only_when_not() {
    let house = House::new().await;
    let path = Location::File(house.place.path().join("oc.db"));
    let Schema { found, known } = schema(&path).await.unwrap();
    assert_eq!(found, known);
    assert!(matches!(migrate(&path).await, Err(StoreError::InUse(_))));
    let House { place: folder, store } = house;
    drop(store);
    assert_eq!(migrate(&path).await.unwrap(), Schema { found: known, known });
    let file = folder.path().join("empty.db");
    let empty = Location::File(file.clone());
    assert!(matches!(migrate(&empty).await, Err(StoreError::Missing(_))));
    std::fs::write(&file, "").unwrap();
    assert_eq!(schema(&empty).await.unwrap().found, 0);
    assert_eq!(migrate(&empty).await.unwrap(), Schema { found: 0, known });
    assert_eq!(schema(&empty).await.unwrap().found, known);
}
