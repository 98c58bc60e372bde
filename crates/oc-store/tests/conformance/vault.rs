//! The vault: compare and swap, intents, and grants that only the user can mend.

use oc_oauth::{Replaced, Vault};
use oc_store::By;
use secrecy::ExposeSecret;
use serde_json::json;

use crate::house::{House, configuration, fields, s, tokens};

#[tokio::test]
async fn a_pair_replaces_the_version_it_was_refreshed_from_and_no_other() {
    let house = House::new().await;
    let id = house.instance("token").await;
    let first = house.store.load(id).await.unwrap().unwrap();
    assert_eq!(first.tokens.access.expose_secret(), "access-s3cret-first");
    assert_eq!((first.client.id.as_str(), first.version), ("client-s3cret", 1));
    let replaced = house.store.replace(id, 1, tokens("second")).await.unwrap();
    assert!(matches!(replaced, Replaced::Stored(2)));
    let late = house.store.replace(id, 1, tokens("third")).await.unwrap();
    assert!(matches!(late, Replaced::Conflict));
    let house = house.restarted().await;
    let second = house.store.load(id).await.unwrap().unwrap();
    assert_eq!(second.tokens.refresh.unwrap().expose_secret(), "refresh-s3cret-second");
    assert_eq!((second.version, second.tokens.others["scope"].as_str()), (2, "all"));
}

#[tokio::test]
async fn an_intent_is_kept_until_the_outcome_is_known() {
    let house = House::new().await;
    let id = house.instance("token").await;
    house.store.intend(id, 1, s(5_000)).await.unwrap();
    let house = house.restarted().await;
    assert_eq!(house.store.load(id).await.unwrap().unwrap().intent, Some(s(5_000)));
    house.store.replace(id, 1, tokens("second")).await.unwrap();
    assert_eq!(house.store.load(id).await.unwrap().unwrap().intent, None);
}

#[tokio::test]
async fn a_dead_grant_lives_again_when_the_user_authorizes_anew() {
    let house = House::new().await;
    let id = house.instance("token").await;
    house.store.mark_dead(id, 7, "of another version".to_owned()).await.unwrap();
    assert_eq!(house.store.load(id).await.unwrap().unwrap().dead, None);
    house.store.mark_dead(id, 1, "revoked".to_owned()).await.unwrap();
    assert_eq!(house.store.load(id).await.unwrap().unwrap().dead.as_deref(), Some("revoked"));
    let anew = fields(&configuration(&json!({})));
    house.store.update_instance(id, 1, anew, false, By::default(), s(3_000)).await.unwrap();
    let grant = house.store.load(id).await.unwrap().unwrap();
    assert_eq!((grant.dead, grant.version), (None, 2));
}

#[tokio::test]
async fn an_instance_that_is_gone_has_no_grant() {
    let house = House::new().await;
    let id = house.instance("token").await;
    house.store.delete_instance(id, By::default(), s(2_000)).await.unwrap();
    assert!(house.store.load(id).await.unwrap().is_none());
    let late = house.store.replace(id, 1, tokens("second")).await.unwrap();
    assert!(matches!(late, Replaced::Conflict));
}
