//! Another secret key, also when it is interrupted.

use std::path::Path;

use oc_config::InstanceId;
use oc_oauth::Vault;
use oc_store::{Creation, Location, OrganizationId, Rekeyed, SecretKey, StoreError, rekey};
use secrecy::{ExposeSecret, SecretString};
use tempfile::TempDir;
use zeroize::Zeroizing;

use crate::house::{House, creation_key, open, s};
use crate::sessions::session;

fn key(byte: u8) -> SecretKey {
    SecretKey::new(&Zeroizing::new([byte; 32]))
}

async fn change(folder: &Path, from: u8, to: u8) -> Result<Rekeyed, StoreError> {
    let database = Location::File(folder.join("oc.db"));
    rekey(&database, (key(from), key(to)), s(5_000), |_, _| {}).await
}

/// A store with three instances that nobody has open.
async fn closed() -> TempDir {
    let House { place: folder, store } = {
        let house = House::new().await;
        for token in ["one", "two", "three"] {
            house.instance(token).await;
        }
        let (browser, state) = (SecretString::from("browser"), SecretString::from("state"));
        house.store.begin_session(&browser, &session(), s(9_000)).await.expect("a session");
        let form = SecretString::from("filled in");
        house.store.keep_draft(&browser, &state, &form, s(9_000)).await.expect("a draft");
        house
    };
    drop(store);
    folder
}

/// Everything opens with this key.
async fn check(folder: &TempDir, byte: u8) {
    let store = open(folder, byte).await.expect("the store opens");
    for (id, token) in [(1, "one"), (2, "two"), (3, "three")] {
        let found = store.instance(InstanceId(id)).await.expect("it opens").expect("it is there");
        assert_eq!(found.token.expose_secret(), token);
        let secret = found.configuration.secret("oauth.api.secret").expect("it is there");
        assert_eq!(secret.expose_secret(), "api-s3cret");
        let grant = store.load(InstanceId(id)).await.expect("it opens").expect("it is there");
        assert_eq!(grant.tokens.access.expose_secret(), "access-s3cret-first");
        let made = store
            .creation(OrganizationId(1), creation_key(token), s(1_001))
            .await
            .expect("it opens");
        assert_eq!(made, Some(Creation { instance: InstanceId(id), is_same: true }));
    }
    let (browser, state) = (SecretString::from("browser"), SecretString::from("state"));
    assert!(store.session(&browser, s(1_000)).await.expect("it opens").is_some());
    assert!(store.draft(&browser, &state, s(1_000)).await.expect("it opens").is_some());
}

#[tokio::test]
async fn every_value_opens_with_the_new_key_and_none_with_the_old_one() {
    let folder = closed().await;
    // The check of the key, each instance's token, secrets, pair and creation, a session, a draft.
    let done = change(folder.path(), 1, 2).await.unwrap();
    assert_eq!(done, Rekeyed { values: 15, already: false });
    assert!(matches!(open(&folder, 1).await, Err(StoreError::OtherKey)));
    check(&folder, 2).await;
    let mark = u32::from_str_radix(&key(1).name(), 16).unwrap().to_be_bytes();
    for name in ["oc.db", "oc.db-wal"] {
        let bytes = std::fs::read(folder.path().join(name)).unwrap_or_default();
        let sealed = [&[1], &mark[..]].concat();
        assert!(!bytes.windows(5).any(|part| part == sealed), "{name} has values of the old key");
    }
}

#[tokio::test]
async fn what_a_kill_leaves_at_any_moment_opens_with_the_old_key_and_can_be_finished() {
    let folder = closed().await;
    let left = TempDir::new().unwrap();
    let (from, to) = (folder.path().to_owned(), left.path().to_owned());
    let copy = move |done: u64, _| {
        // What is on the disk while values are being changed is what a kill would leave.
        let into = to.join(done.to_string());
        std::fs::create_dir(&into).unwrap();
        for name in ["oc.db", "oc.db-wal"] {
            std::fs::copy(from.join(name), into.join(name)).unwrap();
        }
    };
    let database = Location::File(folder.path().join("oc.db"));
    rekey(&database, (key(1), key(2)), s(5_000), copy).await.unwrap();
    let moments: Vec<_> = std::fs::read_dir(left.path()).unwrap().map(Result::unwrap).collect();
    assert!(moments.len() >= 4);
    for moment in moments {
        let killed = TempDir::new().unwrap();
        for name in ["oc.db", "oc.db-wal"] {
            std::fs::copy(moment.path().join(name), killed.path().join(name)).unwrap();
        }
        check(&killed, 1).await;
        assert!(!change(killed.path(), 1, 2).await.unwrap().already);
        check(&killed, 2).await;
    }
}

#[tokio::test]
async fn a_second_run_finds_nothing_to_do_and_a_third_key_is_refused() {
    let folder = closed().await;
    change(folder.path(), 1, 2).await.unwrap();
    let again = change(folder.path(), 1, 2).await.unwrap();
    assert_eq!(again, Rekeyed { values: 0, already: true });
    assert!(matches!(change(folder.path(), 1, 3).await, Err(StoreError::OtherKey)));
    check(&folder, 2).await;
}

#[tokio::test]
async fn a_database_that_is_in_use_or_not_there_is_left_alone() {
    let house = House::new().await;
    assert!(matches!(change(house.place.path(), 1, 2).await, Err(StoreError::InUse(_))));
    let empty = TempDir::new().unwrap();
    assert!(matches!(change(empty.path(), 1, 2).await, Err(StoreError::Missing(_))));
    assert_eq!(std::fs::read_dir(empty.path()).unwrap().count(), 0, "nothing was made");
}

#[tokio::test]
async fn a_sealed_value_that_is_not_known_stops_it_before_anything_is_lost() {
    let folder = closed().await;
    let file = rusqlite::Connection::open(folder.path().join("oc.db")).unwrap();
    file.execute_batch(
        "CREATE TABLE other (id INTEGER PRIMARY KEY, hidden BLOB);
         INSERT INTO other SELECT id, token FROM instance;",
    )
    .unwrap();
    drop(file);
    let stopped = change(folder.path(), 1, 2).await.unwrap_err();
    assert!(stopped.to_string().contains("other.hidden"), "{stopped}");
    check(&folder, 1).await;
}

#[tokio::test]
async fn the_secret_opens_with_a_new_key() {
    let house = House::new().await;
    let id = house.pushed_to().await;
    let before = house.hook(id, 1_000).await;
    let House { place: folder, store } = house;
    drop(store);
    change(folder.path(), 1, 2).await.unwrap();
    let store = crate::house::open(&folder, 2).await.unwrap();
    let after = House { place: folder, store }.hook(id, 1_000).await;
    assert_eq!(after.secret.expose_secret(), before.secret.expose_secret());
}
