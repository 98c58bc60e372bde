//! Leases end by the time of whoever claims, where there is one process.

use oc_poll::{Ledger, LedgerError};

use crate::house::{House, LEASE, done, part, s};

#[tokio::test]
async fn a_claim_that_nobody_finishes_ends_with_its_lease() {
    let house = House::new().await;
    house.instance("token").await;
    let first = house.due(1_900).await.unwrap();
    assert!(house.due(2_499).await.is_none());
    let second = house.due(2_500).await.unwrap();
    house.store.finish(&second, done(2_500, part(1..2))).await.unwrap();
    let late = house.store.finish(&first, done(1_900, part(1..2))).await;
    assert!(matches!(late, Err(LedgerError::Superseded)));
    assert_eq!(house.lanes(3_000).await.lanes[0].notifications.len(), 1);
}

#[tokio::test]
async fn a_claim_that_is_renewed_holds_for_longer() {
    let house = House::new().await;
    let id = house.instance("token").await;
    let due = house.due(1_900).await.unwrap();
    house.store.renew(id, s(2_400), LEASE).await.unwrap();
    assert!(house.due(2_999).await.is_none());
    assert_eq!(house.due(3_000).await.unwrap().resource, due.resource);
}
