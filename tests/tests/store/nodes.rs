//! Several nodes on one database: nothing is done twice, and nobody writes over a successor.

use std::time::Duration;

use oc_dispatch::{AttemptVerdict, Lane, Outbox, Settlement};
use oc_hub::{Draw, Drawn};
use oc_oauth::{Intent, Vault};
use oc_poll::{Ledger, LedgerError, Part};
use oc_store::{Location, Rekeyed, SecretKey, Store, StoreError, rekey};
use zeroize::Zeroizing;

use crate::house::{ClaimPolls, House, attempt, done, open, part, s, tokens};
use crate::place::{ask, location};

/// The house's node, and another one.
async fn two() -> (House, Store) {
    let house = House::new().await;
    let other = open(&house.place, 1).await.expect("another node");
    (house, other)
}

/// What nodes have claimed ends now, as if they had been silent for too long.
async fn claims_end(house: &House) {
    ask(&house.place, "UPDATE claim SET until = 0").await;
}

fn settled(lane: &Lane) -> Settlement {
    let delivered = vec![(lane.notifications[0].id, attempt(1_901, AttemptVerdict::Delivered))];
    Settlement { lane: lane.id, turn: lane.turn, fence: lane.fence, delivered, failed: None }
}

async fn lanes(store: &Store) -> Vec<Lane> {
    let request = oc_dispatch::ClaimRequest {
        now: s(1_900),
        lanes: 10,
        per_destination: 10,
        room: [].into(),
        probes: true,
        lease: crate::house::LEASE,
    };
    Outbox::claim(store, request).await.expect("a claim").lanes
}

#[tokio::test]
async fn what_one_node_has_claimed_the_other_gets_when_it_leaves() {
    let (house, other) = two().await;
    house.instance("token").await;
    assert!(house.due(1_900).await.is_some());
    assert!(other.claim_polls(s(1_900)).await.is_empty());
    house.store.leave().await.unwrap();
    assert_eq!(other.claim_polls(s(1_900)).await.len(), 1);
}

#[tokio::test]
async fn a_node_that_wakes_does_not_write_over_its_successor() {
    let (house, other) = two().await;
    house.instance("token").await;
    let paused = house.due(1_900).await.unwrap();
    claims_end(&house).await;
    let due = other.claim_polls(s(1_900)).await.remove(0).resources.remove(0);
    let late = house.store.finish(&paused, done(1_900, part(1..2))).await;
    assert!(matches!(late, Err(LedgerError::Superseded)));
    other.finish(&due, done(1_900, part(1..26))).await.unwrap();

    let paused = lanes(&house.store).await.remove(0);
    claims_end(&house).await;
    let lane = lanes(&other).await.remove(0);
    assert_eq!(lane.notifications.len(), 3);
    house.store.settle([settled(&paused)].into()).await.unwrap();
    assert_eq!(other.standing(s(1_900)).await.unwrap().outbox, 3, "it has counted");
    other.settle([settled(&lane)].into()).await.unwrap();
    assert_eq!(other.standing(s(1_900)).await.unwrap().outbox, 2);
}

#[tokio::test]
async fn of_polls_that_are_recorded_together_those_taken_over_do_not_count() {
    let (house, other) = two().await;
    for token in ["one", "two", "three"] {
        house.instance(token).await;
    }
    let paused = house.store.claim_polls(s(1_900)).await;
    let lost = paused[1].instance;
    ask(&house.place, &format!("UPDATE claim SET until = 0 WHERE key = {}", lost.0)).await;
    let due = other.claim_polls(s(1_900)).await.remove(0);
    assert_eq!(due.instance, lost);
    let quiet = || done(1_900, Part::default());
    let finish = paused.iter().map(|one| house.store.finish(&one.resources[0], quiet()));
    let finished = futures_util::future::join_all(finish).await;
    assert!(matches!(finished[..], [Ok(()), Err(LedgerError::Superseded), Ok(())]), "{finished:?}");
    assert!(other.claim_polls(s(1_900)).await.is_empty(), "its successor has it still");
    other.finish(&due.resources[0], quiet()).await.unwrap();
    assert!(other.claim_polls(s(2_799)).await.is_empty());
    assert_eq!(other.claim_polls(s(2_800)).await.len(), 3);
}

#[tokio::test]
async fn one_node_refreshes_at_a_time_and_the_next_one_finds_the_new_pair() {
    let (house, other) = two().await;
    let id = house.instance("token").await;
    let store = &house.store;
    assert_eq!(store.intend(id, 1, s(1_900)).await.unwrap(), Intent::Noted);
    assert_eq!(other.intend(id, 1, s(1_900)).await.unwrap(), Intent::Elsewhere);
    store.replace(id, 1, tokens("second")).await.unwrap();
    assert_eq!(other.intend(id, 1, s(1_900)).await.unwrap(), Intent::Elsewhere);
    assert_eq!(other.load(id).await.unwrap().unwrap().version, 2);
    assert_eq!(other.intend(id, 2, s(1_900)).await.unwrap(), Intent::Noted);
    assert_eq!(store.intend(id, 2, s(1_900)).await.unwrap(), Intent::Elsewhere);
    other.give_up(id).await.unwrap();
    assert_eq!(store.intend(id, 2, s(1_900)).await.unwrap(), Intent::Noted);
    other.leave().await.unwrap();
    store.mark_dead(id, 2, "revoked".to_owned()).await.unwrap();
    assert!(other.load(id).await.unwrap().unwrap().dead.is_some());
}

#[tokio::test]
async fn nodes_draw_the_points_of_an_account_from_one_purse() {
    let (house, other) = two().await;
    let (one, two) = (house.store.purse().unwrap(), other.purse().unwrap());
    let drawn = |points| Drawn { points, closed_until: s(0) };
    let every = Duration::from_secs(60);
    let draw = |window, wanted| Draw { window, wanted, most: 100, every };
    assert_eq!(one.draw("a", draw(7, 60)).await.unwrap(), drawn(60));
    assert_eq!(two.draw("a", draw(7, 60)).await.unwrap(), drawn(40));
    assert_eq!(two.draw("b", draw(7, 60)).await.unwrap(), drawn(60));
    assert_eq!(one.draw("a", draw(8, 30)).await.unwrap(), drawn(30));
    assert_eq!(two.draw("a", draw(7, 1)).await.unwrap(), drawn(0), "that window is over");
    two.close("a", s(500)).await.unwrap();
    one.close("a", s(400)).await.unwrap();
    assert_eq!(one.draw("a", draw(8, 1)).await.unwrap().closed_until, s(500));

    // A provider's clock was far ahead, and is set right.
    assert_eq!(one.draw("b", draw(900, 100)).await.unwrap(), drawn(100));
    assert_eq!(two.draw("b", draw(9, 1)).await.unwrap(), drawn(0), "somebody may be there still");
    let long_ago = "UPDATE budget SET used = used - 120 * 1000000 WHERE account = 'b'";
    ask(&house.place, long_ago).await;
    assert_eq!(two.draw("b", draw(9, 40)).await.unwrap(), drawn(40));
    assert_eq!(one.draw("b", draw(9, 80)).await.unwrap(), drawn(60));
}

#[tokio::test]
async fn what_one_node_has_found_wakes_the_dispatcher_of_another() {
    let (house, other) = two().await;
    house.instance("token").await;
    // It wakes once when it begins to listen.
    other.changed().await;
    let due = house.due(1_900).await.unwrap();
    house.store.finish(&due, done(1_900, part(1..2))).await.unwrap();
    other.changed().await;
    assert_eq!(lanes(&other).await.len(), 1);
}

#[tokio::test]
async fn another_key_needs_all_nodes_to_have_left() {
    let (house, other) = two().await;
    house.instance("token").await;
    let key = |byte: u8| SecretKey::new(&Zeroizing::new([byte; 32]));
    let (at, place): (Location, _) = (location(&house.place), house.place);
    let change = async || rekey(&at, (key(1), key(2)), s(5_000), |_, _| {}).await;
    assert!(matches!(change().await, Err(StoreError::AtWork(2))));
    for store in [&house.store, &other] {
        store.leave().await.unwrap();
    }
    let changed = change().await.unwrap();
    assert!(!changed.already && changed.values >= 4, "{changed:?}");
    assert_eq!(change().await.unwrap(), Rekeyed { values: 0, already: true });
    assert!(matches!(open(&place, 1).await, Err(StoreError::OtherKey)));
    open(&place, 2).await.unwrap();
}

#[tokio::test]
async fn bodies_are_packed_with_lz4() {
    let house = House::new().await;
    house.instance("token").await;
    let due = house.due(1_900).await.unwrap();
    house.store.finish(&due, done(1_900, part(1..101))).await.unwrap();
    let packed = "SELECT count(*) FROM notification WHERE pg_column_compression(body) = 'lz4'";
    assert_eq!(ask(&house.place, packed).await, Some(10));
}
