//! Tenants take turns: a crowd of one does not stand in front of another's.

use oc_dispatch::{ClaimRequest, DestinationId, Lane, Outbox};

use crate::house::{ClaimPolls as _, House, LEASE, s};

const CROWDED: &str = "https://receiver.example";

/// Instance 1 of tenant 1 with a crowd of lanes that have waited for long, and instance 2 of tenant 2
/// with one lane that has not.
async fn house_with_a_crowd(lanes: usize) -> House {
    let house = House::new().await;
    house.instance("crowd").await;
    house.instance("single").await;
    let file = rusqlite::Connection::open(house.folder.path().join("oc.db")).unwrap();
    file.execute_batch(&format!(
        "UPDATE instance SET organization_id = id;
         UPDATE resource SET organization_id = instance_id, next_due = NULL;
         WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {lanes})
           INSERT INTO resource (id, instance_id, organization_id, name, identity, revision, cursor,
             floor, destination, visible_through, lane_due)
           SELECT 1000 + i, 1, 1, i, '', 1, 0, 0, '{CROWDED}', 1000000, i FROM n;
         INSERT INTO resource (id, instance_id, organization_id, name, identity, revision, cursor,
             floor, destination, visible_through, lane_due)
           VALUES (9, 2, 2, 'single', '', 1, 0, 0, '{CROWDED}', 1000000, 1000000);
         INSERT INTO notification (id, resource_id, created, events, body)
           SELECT randomblob(16), id, 0, 1, x'00' FROM resource WHERE lane_due IS NOT NULL"
    ))
    .unwrap();
    house
}

async fn claim(house: &House, lanes: usize, room: &[(&str, usize)]) -> Vec<Lane> {
    let room = room.iter().map(|(id, room)| (DestinationId((*id).to_owned()), *room));
    let (now, per_destination) = (s(1_900), 10);
    let request = ClaimRequest { now, lanes, per_destination, room: room.collect(), lease: LEASE };
    Outbox::claim(&house.store, request).await.unwrap().lanes
}

#[tokio::test]
async fn a_tenants_backlog_does_not_hold_up_anothers_single_notification() {
    for crowd in [20, 3_000] {
        let house = house_with_a_crowd(crowd).await;
        let ids = |lanes: Vec<Lane>| lanes.iter().map(|lane| lane.id.0).collect::<Vec<_>>();
        assert_eq!(ids(claim(&house, 1, &[]).await), [1_001], "{crowd}: the longest due");
        assert_eq!(ids(claim(&house, 1, &[]).await), [9], "{crowd}: the other tenant's turn");
        assert_eq!(ids(claim(&house, 2, &[]).await), [1_002, 1_003], "{crowd}: nobody else waits");
    }
}

#[tokio::test]
async fn a_crowded_destination_without_room_hides_no_other_of_its_tenant() {
    for crowd in [20, 3_000] {
        let house = house_with_a_crowd(crowd).await;
        let file = rusqlite::Connection::open(house.folder.path().join("oc.db")).unwrap();
        let moved = "UPDATE resource SET organization_id = 1, instance_id = 1,
          destination = 'https://other.example' WHERE id = 9";
        file.execute(moved, []).unwrap();
        let lanes = claim(&house, 5, &[(CROWDED, 0)]).await;
        assert_eq!(lanes.iter().map(|lane| lane.id.0).collect::<Vec<_>>(), [9], "{crowd}");
    }
}

#[tokio::test]
async fn a_tenants_due_polls_do_not_hold_up_anothers() {
    for crowd in [20, 3_000] {
        let house = house_with_a_crowd(1).await;
        let file = rusqlite::Connection::open(house.folder.path().join("oc.db")).unwrap();
        // Of instances that are not there nothing is claimed; they use up the seats all the same.
        file.execute_batch(&format!(
            "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {crowd})
               INSERT INTO resource (instance_id, organization_id, name, identity, revision, cursor,
                 floor, next_due)
               SELECT 10000 + i, 1, i, '', 1, 0, 0, i FROM n;
             UPDATE resource SET next_due = 1000000 WHERE instance_id = 2 AND name = 'contacts'"
        ))
        .unwrap();
        let claimed = house.store.claim_polls(s(1_900)).await;
        let instances: Vec<_> = claimed.iter().map(|one| one.instance.0).collect();
        assert_eq!(instances, [2], "{crowd}");
    }
}
