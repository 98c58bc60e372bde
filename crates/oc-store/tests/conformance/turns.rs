//! Tenants take turns: a crowd of one does not stand in front of another's.

use oc_dispatch::{ClaimRequest, DestinationId, Lane, Outbox};

use crate::house::{ClaimPolls as _, House, LEASE, s};
use crate::place::{RANDOM_ID, ask};

const CROWDED: &str = "https://receiver.example";

/// The numbers from 1 to `last`, as `n (i)`.
fn numbers(last: usize) -> String {
    format!("WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {last})")
}

/// Instance 1 of tenant 1 and instance 2 of tenant 2, of which nothing is due.
async fn house_of_two() -> House {
    let house = House::new().await;
    house.instance("crowd").await;
    house.instance("single").await;
    for sql in [
        "INSERT INTO organization (id, name) VALUES (2, 'Second')",
        "UPDATE instance SET organization_id = id",
        "UPDATE resource SET organization_id = instance_id, next_due = NULL",
    ] {
        ask(&house.place, sql).await;
    }
    house
}

/// The first with a crowd of lanes that have waited for long, and the second with one that has not.
async fn house_with_a_crowd(lanes: usize) -> House {
    let house = house_of_two().await;
    let columns = "(id, instance_id, organization_id, name, identity, revision, cursor, floor,
      destination, visible_through, lane_due)";
    for sql in [
        format!(
            "INSERT INTO resource {columns} {} SELECT 1000 + i, 1, 1, CAST(i AS TEXT), '', 1, 0, 0,
               '{CROWDED}', 1000000, i FROM n",
            numbers(lanes)
        ),
        format!(
            "INSERT INTO resource {columns}
               VALUES (900, 2, 2, 'single', '', 1, 0, 0, '{CROWDED}', 1000000, 1000000)"
        ),
        format!(
            "INSERT INTO notification (id, resource_id, created, events, body)
               SELECT {RANDOM_ID}, id, 0, 1, {RANDOM_ID} FROM resource WHERE lane_due IS NOT NULL"
        ),
    ] {
        ask(&house.place, &sql).await;
    }
    house
}

async fn claim(house: &House, lanes: usize, room: &[(&str, usize)]) -> Vec<Lane> {
    let room = room.iter().map(|(id, room)| (DestinationId((*id).to_owned()), *room)).collect();
    let (now, per_destination) = (s(1_900), 10);
    let request = ClaimRequest { now, lanes, per_destination, room, probes: true, lease: LEASE };
    Outbox::claim(&house.store, request).await.expect("a claim").lanes
}

#[tokio::test]
async fn a_tenants_backlog_does_not_hold_up_anothers_single_notification() {
    for crowd in [20, 3_000] {
        let house = house_with_a_crowd(crowd).await;
        let ids = |lanes: Vec<Lane>| lanes.iter().map(|lane| lane.id.0).collect::<Vec<_>>();
        assert_eq!(ids(claim(&house, 1, &[]).await), [1_001], "{crowd}: the longest due");
        assert_eq!(ids(claim(&house, 1, &[]).await), [900], "{crowd}: the other tenant's turn");
        assert_eq!(ids(claim(&house, 2, &[]).await), [1_002, 1_003], "{crowd}: nobody else waits");
    }
}

#[tokio::test]
async fn a_crowded_destination_without_room_hides_no_other_of_its_tenant() {
    for crowd in [20, 3_000] {
        let house = house_with_a_crowd(crowd).await;
        let moved = "UPDATE resource SET organization_id = 1, instance_id = 1,
          destination = 'https://other.example' WHERE id = 900";
        ask(&house.place, moved).await;
        let lanes = claim(&house, 5, &[(CROWDED, 0)]).await;
        assert_eq!(lanes.iter().map(|lane| lane.id.0).collect::<Vec<_>>(), [900], "{crowd}");
    }
}

/// Resources of instances that are not there, so that nothing is claimed of them; they are in the way
/// all the same.
async fn crowd_of_polls(house: &House, crowd: usize, organization: &str) {
    let columns =
        "(instance_id, organization_id, name, identity, revision, cursor, floor, next_due)";
    let sql = format!(
        "INSERT INTO resource {columns} {} SELECT 10000 + i, {organization}, CAST(i AS TEXT), '', 1,
           0, 0, 1 + i FROM n",
        numbers(crowd)
    );
    ask(&house.place, &sql).await;
}

async fn polled(house: &House) -> Vec<i64> {
    let claimed = house.store.claim_polls(s(1_900)).await;
    claimed.iter().map(|one| one.instance.0).collect()
}

#[tokio::test]
async fn a_tenants_due_polls_do_not_hold_up_anothers() {
    for crowd in [20, 3_000] {
        let house = house_of_two().await;
        crowd_of_polls(&house, crowd, "1").await;
        let due = "UPDATE resource SET next_due = 1000000
          WHERE instance_id = 2 AND name = 'contacts'";
        ask(&house.place, due).await;
        assert_eq!(polled(&house).await, [2], "{crowd}");
    }
}

#[tokio::test]
async fn of_more_tenants_than_seats_those_that_wait_longest_are_polled() {
    for crowd in [40, 3_000] {
        let house = house_of_two().await;
        crowd_of_polls(&house, crowd, "10 + i % 20").await;
        let due = "UPDATE resource SET organization_id = 99, next_due = 1
          WHERE instance_id = 2 AND name = 'contacts'";
        ask(&house.place, due).await;
        assert_eq!(polled(&house).await, [2], "{crowd}");
    }
}
