//! A file copied into PostgreSQL: everything goes on where it was.

use std::path::Path;
use std::sync::Arc;

use oc_config::Catalogue;
use oc_poll::{Ledger, Version};
use oc_store::{By, Location, SecretKey, Store, StoreError, StoreOptions, copy};
use secrecy::SecretString;
use tempfile::TempDir;
use zeroize::Zeroizing;

use crate::house::{House, MINUTE, done, open, part, s};
use crate::place::{self, Place, ask, location};

/// A house whose store is a file, and whose place is where that is copied to.
async fn house(file: &Path) -> House {
    let options = StoreOptions {
        database: Location::File(file.to_owned()),
        key: SecretKey::new(&Zeroizing::new([1; 32])),
        catalogue: Arc::new(Catalogue::built_in().expect("the catalogue")),
        shortest_interval: MINUTE,
    };
    let store = Store::open(options).await.expect("a store");
    let secret = |text: &str| SecretString::from(text);
    let secrets = (&secret("user-s3cret"), &secret("org-s3cret"));
    store.ensure_first_user(None, None, secrets).await.expect("a user");
    House { place: place::new().await, store }
}

fn url(place: &Place) -> SecretString {
    let Location::Postgres(url) = location(place) else { panic!("it is PostgreSQL") };
    url
}

#[tokio::test]
async fn everything_goes_on_where_it_was() {
    let folder = TempDir::new().expect("a folder");
    let file = folder.path().join("oc.db");
    let before = house(&file).await;
    let id = before.instance("token-s3cret").await;
    let due = before.due(1_900).await.unwrap();
    before.store.finish(&due, done(1_900, part(1..26))).await.unwrap();
    let gone = before.instance("gone").await;
    before.store.delete_instance(gone, By::default(), s(2_000)).await.unwrap();
    let House { place, store } = before;
    let busy = copy(&file, &url(&place), |_, _| {}).await;
    assert!(matches!(busy, Err(StoreError::InUse(_))));
    drop(store);

    let copied = copy(&file, &url(&place), |_, _| {}).await.unwrap();
    assert!(copied.tables > 20 && copied.rows > 30, "{copied:?}");
    let store = open(&place, 1).await.expect("it opens with the same key");
    let after = House { place, store };
    let found = after.store.instance_with(&SecretString::from("token-s3cret")).await.unwrap();
    assert_eq!(found.unwrap().id, id);
    let known =
        after.store.known(due.resource, ["7".to_owned(), "99".to_owned()].into()).await.unwrap();
    assert_eq!(known, [Some(Version(7_000_000)), None]);
    assert_eq!(after.lanes(1_900).await.lanes[0].notifications.len(), 3);
    assert_eq!(after.due(2_800).await.unwrap().checkpoint.cursor, s(1_900));
    assert!(after.instance("new").await.0 > gone.0, "a number is given twice");
}

#[tokio::test]
async fn a_database_with_something_in_it_or_that_is_not_whole_is_left_as_it_is() {
    let folder = TempDir::new().expect("a folder");
    let file = folder.path().join("oc.db");
    let House { place, store } = house(&file).await;
    drop(store);
    ask(&place, "CREATE TABLE other (id BIGINT)").await;
    let unknown = copy(&file, &url(&place), |_, _| {}).await;
    assert!(matches!(unknown, Err(StoreError::Unlike(table)) if table == "other"));
    ask(&place, "DROP TABLE other").await;
    assert_eq!(ask(&place, "SELECT count(*) FROM organization").await, Some(0));
    copy(&file, &url(&place), |_, _| {}).await.unwrap();
    let again = copy(&file, &url(&place), |_, _| {}).await;
    assert!(matches!(again, Err(StoreError::NotEmpty)));
    assert_eq!(ask(&place, "SELECT count(*) FROM organization").await, Some(1));
}
