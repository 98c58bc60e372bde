//! The tickets that this process has been handed: those that wait for a worker, and those under way.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use oc_config::Timestamp;
use oc_dispatch::{ClaimRequest, DestinationId, Ticket};
use tokio::sync::{Notify, watch};
use tokio::time::Instant;

/// A ticket that waits here for longer is somebody else's to have.
const PATIENCE: Duration = Duration::from_secs(5);

/// Tickets with the messages `M` that they came in, by which they are given back.
pub(crate) struct Hands<M> {
    inner: Mutex<Inner<M>>,
    /// How many more there are workers for.
    wanted: watch::Sender<usize>,
    arrived: Notify,
}

struct Inner<M> {
    waiting: VecDeque<Handed<M>>,
    under_way: HashMap<Ticket, UnderWay<M>>,
}

/// A ticket that waits.
pub(crate) struct Handed<M> {
    pub(crate) ticket: Ticket,
    pub(crate) destination: DestinationId,
    pub(crate) message: M,
    since: Instant,
}

struct UnderWay<M> {
    message: M,
    /// When its claim ends, whatever becomes of it.
    until: Timestamp,
}

/// What a worker is offered.
pub(crate) struct Offer<M> {
    pub(crate) tickets: Vec<Handed<M>>,
    /// Those whose destination has no room here.
    pub(crate) crowded: Vec<M>,
}

impl<M> Default for Hands<M> {
    fn default() -> Self {
        let inner = Inner { waiting: VecDeque::new(), under_way: HashMap::new() };
        Self { inner: Mutex::new(inner), wanted: watch::Sender::new(0), arrived: Notify::new() }
    }
}

impl<M: Clone> Hands<M> {
    /// How many more there are workers for, once there are any.
    pub(crate) async fn wanted(&self) -> usize {
        let mut wanted = self.wanted.subscribe();
        // The sender is ours.
        wanted.wait_for(|wanted| *wanted > 0).await.map_or(0, |wanted| *wanted)
    }

    /// A ticket was handed out to this process.
    pub(crate) fn add(&self, ticket: Ticket, destination: DestinationId, message: M) {
        let since = Instant::now();
        self.inner().waiting.push_back(Handed { ticket, destination, message, since });
        self.wanted.send_modify(|wanted| *wanted = wanted.saturating_sub(1));
        self.arrived.notify_one();
    }

    /// Ends when tickets wait that were not offered; what happened before the call counts too.
    pub(crate) async fn arrived(&self) {
        self.arrived.notified().await;
    }

    /// What waits, as far as there are workers and room.
    pub(crate) fn offer(&self, request: &ClaimRequest) -> Offer<M> {
        let mut inner = self.inner();
        let mut used: HashMap<DestinationId, usize> = HashMap::new();
        let mut offer = Offer { tickets: Vec::new(), crowded: Vec::new() };
        while offer.tickets.len() < request.lanes
            && let Some(handed) = inner.waiting.pop_front()
        {
            let room = request.room.get(&handed.destination).copied();
            let room = room.unwrap_or(request.per_destination);
            let used = used.entry(handed.destination.clone()).or_default();
            if *used < room {
                *used += 1;
                offer.tickets.push(handed);
            } else {
                offer.crowded.push(handed.message);
            }
        }
        let free = request.lanes - offer.tickets.len();
        self.wanted.send_replace(free.saturating_sub(inner.waiting.len()));
        offer
    }

    /// A ticket is under way, at the latest until its claim ends.
    pub(crate) fn begin(&self, ticket: Ticket, message: M, until: Timestamp) {
        self.inner().under_way.insert(ticket, UnderWay { message, until });
    }

    /// A ticket is done with; none where it did not come from the queue.
    pub(crate) fn end(&self, ticket: Ticket) -> Option<M> {
        self.inner().under_way.remove(&ticket).map(|one| one.message)
    }

    /// Those under way whose claims hold; others are forgotten.
    pub(crate) fn under_way(&self, now: Timestamp) -> Vec<M> {
        let mut inner = self.inner();
        inner.under_way.retain(|_, one| one.until > now);
        inner.under_way.values().map(|one| one.message.clone()).collect()
    }

    /// Takes away those that have waited for too long; or all, as no worker will come.
    pub(crate) fn left(&self, all: bool) -> Vec<M> {
        let mut inner = self.inner();
        let is_left = |one: &Handed<M>| all || one.since.elapsed() > PATIENCE;
        let (left, rest): (VecDeque<_>, _) =
            std::mem::take(&mut inner.waiting).into_iter().partition(is_left);
        inner.waiting = rest;
        left.into_iter().map(|one| one.message).collect()
    }

    fn inner(&self) -> MutexGuard<'_, Inner<M>> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use oc_dispatch::{LaneId, Turn};

    use super::*;

    fn ticket(lane: i64) -> Ticket {
        Ticket { lane: LaneId(lane), turn: Turn::New }
    }

    fn hands(lanes: &[(i64, &str)]) -> Hands<i64> {
        let hands = Hands::default();
        for (lane, destination) in lanes {
            hands.add(ticket(*lane), DestinationId((*destination).to_owned()), *lane);
        }
        hands
    }

    fn request(lanes: usize, per_destination: usize, room: &[(&str, usize)]) -> ClaimRequest {
        let room = room.iter().map(|(id, room)| (DestinationId((*id).to_owned()), *room));
        ClaimRequest {
            now: Timestamp(0),
            lanes,
            per_destination,
            room: room.collect(),
            probes: true,
            lease: Duration::from_secs(60),
        }
    }

    fn offered(hands: &Hands<i64>, request: &ClaimRequest) -> (Vec<i64>, Vec<i64>) {
        let offer = hands.offer(request);
        (offer.tickets.into_iter().map(|one| one.message).collect(), offer.crowded)
    }

    #[tokio::test]
    async fn a_worker_gets_the_first_and_no_destination_more_than_its_room() {
        let hands = hands(&[(1, "a"), (2, "a"), (3, "a"), (4, "b"), (5, "c"), (6, "c")]);
        let request = request(4, 2, &[("b", 0)]);
        assert_eq!(offered(&hands, &request), (vec![1, 2, 5, 6], vec![3, 4]));
    }

    #[tokio::test]
    async fn as_many_are_wanted_as_there_are_workers_without_one() {
        let hands = hands(&[(1, "a"), (2, "a"), (3, "a")]);
        assert_eq!(offered(&hands, &request(1, 9, &[])).0, [1]);
        assert_eq!(*hands.wanted.borrow(), 0);
        assert_eq!(offered(&hands, &request(5, 9, &[])).0, [2, 3]);
        assert_eq!(hands.wanted().await, 3);
        hands.add(ticket(4), DestinationId("a".to_owned()), 4);
        assert_eq!(hands.wanted().await, 2);
    }

    #[tokio::test(start_paused = true)]
    async fn what_no_worker_takes_is_given_back() {
        let hands = hands(&[(1, "a")]);
        tokio::time::advance(PATIENCE).await;
        hands.add(ticket(2), DestinationId("a".to_owned()), 2);
        assert!(hands.left(false).is_empty());
        tokio::time::advance(Duration::from_millis(1)).await;
        assert_eq!(hands.left(false), [1]);
        assert_eq!((hands.left(true), hands.left(true)), (vec![2], vec![]));
    }

    #[tokio::test]
    async fn what_is_under_way_is_kept_until_it_ends_or_its_claim_does() {
        let hands = hands(&[]);
        hands.begin(ticket(1), 1, Timestamp(10));
        hands.begin(ticket(2), 2, Timestamp(20));
        assert_eq!((hands.end(ticket(3)), hands.under_way(Timestamp(9)).len()), (None, 2));
        assert_eq!(hands.under_way(Timestamp(10)), [2]);
        assert_eq!((hands.end(ticket(1)), hands.end(ticket(2))), (None, Some(2)));
    }
}
