//! The audit log: written with the change, or not at all; without values.

use oc_config::Timestamp;
use oc_store::{AuditEntry, By, StoreError};
use serde_json::json;

use crate::house::{House, MINUTE, configuration, fields, s};

impl House {
    async fn audit(&self) -> Vec<AuditEntry> {
        self.store.audit(Timestamp(0), 0, 100).await.expect("entries")
    }
}

fn by() -> By {
    By { user: Some(1), request_id: Some("request-7".to_owned()) }
}

#[tokio::test]
async fn each_change_of_an_instance_tells_who_asked_and_which_keys_and_no_value() {
    let house = House::new().await;
    let id = house.instance("token-s3cret").await;
    let changes = json!({"oauth.api.secret": "other-s3cret", "event.notification.enabled": false,
        "event.notification.signature.key": null});
    let mut changed = fields(&configuration(&changes));
    changed.tokens = None;
    house.store.update_instance(id, 1, changed, false, by(), s(2_000)).await.unwrap();
    house.store.delete_instance(id, by(), s(3_000)).await.unwrap();
    let entries = house.audit().await;
    let actions: Vec<_> = entries.iter().map(|one| (one.action.as_str(), one.at)).collect();
    let expected = [
        ("instance.created", s(1_000)),
        ("instance.changed", s(2_000)),
        ("instance.deleted", s(3_000)),
    ];
    assert_eq!(actions, expected);
    assert_eq!((&entries[1].by, entries[1].organization), (&by(), Some(1)));
    assert_eq!(entries[1].subject, format!("instance {id}"));
    let keys = json!([
        "event.notification.enabled",
        "event.notification.signature.key",
        "oauth.api.secret"
    ]);
    assert_eq!(
        entries[1].details,
        json!({"name": false, "tags": false, "configuration": keys, "authorized": false})
    );
    assert!(!format!("{entries:?}").contains("s3cret"));
}

#[tokio::test]
async fn a_change_that_is_refused_leaves_no_entry() {
    let house = House::new().await;
    let id = house.instance("token").await;
    let same = fields(&configuration(&json!({})));
    let late = house.store.update_instance(id, 7, same, false, by(), s(2_000)).await;
    assert!(matches!(late, Err(StoreError::Conflict)));
    assert_eq!(
        house.store.delete_instance(oc_config::InstanceId(99), by(), s(2_000)).await.unwrap(),
        None
    );
    assert_eq!(house.audit().await.len(), 1);
}

#[tokio::test]
async fn entries_are_read_page_by_page_and_kept_for_ninety_days() {
    let house = House::new().await;
    house.instance("one").await;
    house.instance("two").await;
    let first = house.store.audit(Timestamp(0), 0, 1).await.unwrap();
    let second = house.store.audit(Timestamp(0), first[0].number, 1).await.unwrap();
    assert_eq!(second[0].subject, "instance 2");
    assert!(house.store.audit(s(1_001), 0, 10).await.unwrap().is_empty());
    let days = 90 * 86_400;
    house.store.sweep(s(1_000 + days), MINUTE).await.unwrap();
    assert_eq!(house.audit().await.len(), 2);
    house.store.sweep(s(1_001 + days), MINUTE).await.unwrap();
    assert!(house.audit().await.is_empty());
}
