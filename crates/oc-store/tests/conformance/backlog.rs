//! What a queue between processes is told of, and the lanes that it hands out.

use oc_dispatch::{
    AttemptVerdict, Backlog, DueLanes, DueRequest, Lane, LaneId, Outbox, Settlement, Taken, Ticket,
    Turn,
};
use oc_poll::Ledger;

use crate::house::{House, LEASE, attempt, done, part, s};
use crate::place::ask;

/// A store with three notifications that wait in one lane.
async fn house_with_three() -> House {
    let house = House::new().await;
    house.instance("token").await;
    let due = house.due(1_900).await.expect("a due resource");
    house.store.finish(&due, done(1_900, part(1..26))).await.expect("an outcome");
    house
}

async fn due(house: &House, at: i64, queued: &[Ticket]) -> DueLanes {
    let request = DueRequest {
        now: s(at),
        lanes: 10,
        per_destination: 2,
        probes: true,
        queued: queued.to_vec(),
    };
    Backlog::due(&house.store, request).await.expect("what is due")
}

async fn take(house: &House, tickets: &[Ticket]) -> Taken {
    Backlog::take(&house.store, tickets.to_vec(), s(1_900), LEASE).await.expect("a claim")
}

fn delivered(lane: &Lane, count: usize) -> Settlement {
    let sent = lane.notifications.iter().take(count);
    let delivered = sent.map(|one| (one.id, attempt(1_901, AttemptVerdict::Delivered))).collect();
    Settlement { lane: lane.id, turn: lane.turn, fence: lane.fence, delivered, failed: None }
}

#[tokio::test]
async fn a_lane_is_due_until_it_is_queued_or_claimed_and_anew_with_each_outcome() {
    let house = house_with_three().await;
    let first = due(&house, 1_900, &[]).await.lanes.remove(0);
    assert_eq!(first.destination_id.0, "https://receiver.example");
    assert_eq!(due(&house, 1_900, &[]).await.lanes, std::slice::from_ref(&first), "only looked at");
    assert_eq!(due(&house, 1_900, &[first.ticket]).await, DueLanes::default());
    assert_eq!(due(&house, 1_000, &[]).await.next, Some(first.since));
    let lane = take(&house, &[first.ticket]).await.lanes.remove(0);
    assert_eq!((lane.notifications.len(), lane.turn), (3, Turn::New));
    assert_eq!(due(&house, 1_900, &[]).await, DueLanes::default());
    house.store.settle([delivered(&lane, 2)].into()).await.unwrap();
    let rest = due(&house, 1_902, &[]).await.lanes.remove(0);
    assert_eq!(rest.ticket, first.ticket);
    assert!(rest.since > first.since);
}

#[tokio::test]
async fn a_ticket_claims_what_is_due_and_nobody_has() {
    let house = house_with_three().await;
    let ticket = due(&house, 1_900, &[]).await.lanes.remove(0).ticket;
    let nothing = [Ticket { turn: Turn::Replay, ..ticket }, Ticket { lane: LaneId(77), ..ticket }];
    let taken = take(&house, &nothing).await;
    assert!(taken.lanes.is_empty() && taken.elsewhere.is_empty());
    let lane = take(&house, &[nothing[0], ticket]).await.lanes.remove(0);
    let again = take(&house, &[ticket]).await;
    assert!(again.lanes.is_empty());
    assert_eq!(again.elsewhere, [ticket]);
    house.store.settle([delivered(&lane, 3)].into()).await.unwrap();
    let late = take(&house, &[ticket]).await;
    assert!(late.lanes.is_empty() && late.elsewhere.is_empty());
    assert!(house.lanes(1_902).await.next.is_none());
}

#[tokio::test]
async fn what_is_queued_uses_up_its_destinations_share() {
    let house = house_with_three().await;
    let first = due(&house, 1_900, &[]).await.lanes.remove(0);
    let columns = "(id, instance_id, organization_id, name, identity, revision, cursor, floor,
      destination, visible_through, lane_due)";
    for (id, place) in [(901, "receiver"), (902, "receiver"), (903, "other")] {
        let lane = format!(
            "INSERT INTO resource {columns} VALUES ({id}, 1, 1, 'r{id}', '', 1, 0, 0,
               'https://{place}.example', 1000000, {id})"
        );
        ask(&house.place, &lane).await;
    }
    let ids = |due: DueLanes| due.lanes.iter().map(|one| one.ticket.lane.0).collect::<Vec<_>>();
    assert_eq!(ids(due(&house, 1_900, &[first.ticket]).await), [901, 903]);
    let second = Ticket { lane: LaneId(901), turn: Turn::New };
    assert_eq!(ids(due(&house, 1_900, &[first.ticket, second]).await), [903]);
}

#[tokio::test]
async fn a_database_has_a_name_of_its_own_and_keeps_it() {
    let (house, other) = (House::new().await, House::new().await);
    let name = house.store.identity().await.unwrap();
    assert!(name.len() == 32 && name.bytes().all(|byte| byte.is_ascii_alphanumeric()), "{name}");
    assert_ne!(other.store.identity().await.unwrap(), name);
    assert_eq!(house.restarted().await.store.identity().await.unwrap(), name);
}
