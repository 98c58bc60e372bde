//! The queue in front of an outbox, over a real NATS server: each lane once, no more than JetStream
//! lets go, again when nobody speaks of it, and without the queue while it is away.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, ensure};
use async_nats::jetstream::message::PublishMessage;
use async_nats::jetstream::{self, consumer, stream};
use async_trait::async_trait;
use bytes::Bytes;
use oc_config::{InstanceId, Timestamp};
use oc_dispatch::{
    Attempt, AttemptVerdict, Backlog, ClaimRequest, Claimed, Destination, DestinationId, DueLane,
    DueLanes, DueRequest, Lane, LaneId, Outbox, OutboxError, Pending, SentHeaders, Settlement,
    SinkAddress, Taken, Ticket, Turn,
};
use oc_egress::Clock;
use oc_poll::Fence;
use oc_queue::{Queue, QueueSettings};
use oc_sinks::NatsServers;
use oc_tests::Nats;
use secrecy::SecretString;
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

const PATIENCE: Duration = Duration::from_secs(60);
const STREAM: &str = "open-connectors-test";

/// An outbox in memory, whose lanes have one notification each.
#[derive(Default)]
struct World {
    lanes: Mutex<Lanes>,
    changed: Notify,
}

#[derive(Default)]
struct Lanes {
    /// Since when each is due.
    due: BTreeMap<i64, i64>,
    claimed: BTreeSet<i64>,
    /// Looks of the queue, and of workers that did without it.
    looks: usize,
    claims: usize,
}

impl World {
    fn with(lanes: std::ops::Range<i64>) -> Arc<Self> {
        let world = Self::default();
        world.lanes().due = lanes.map(|lane| (lane, 5)).collect();
        Arc::new(world)
    }

    fn lanes(&self) -> MutexGuard<'_, Lanes> {
        self.lanes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Claims these, where they are due and nobody has them.
    fn take(&self, tickets: impl Iterator<Item = i64>) -> Taken {
        let (mut lanes, mut taken) = (self.lanes(), Taken::default());
        for id in tickets {
            if !lanes.claimed.insert(id) {
                taken.elsewhere.push(ticket(id));
            } else if lanes.due.contains_key(&id) {
                taken.lanes.push(lane(id));
            } else {
                lanes.claimed.remove(&id);
            }
        }
        taken
    }
}

#[async_trait]
impl Outbox for World {
    async fn claim(&self, request: ClaimRequest) -> Result<Claimed, OutboxError> {
        // A look for what is overdue; nothing is due for so long here.
        if Clock::system().now().since(request.now) > Duration::from_secs(10) {
            return Ok(Claimed::default());
        }
        let due: Vec<i64> = {
            let mut lanes = self.lanes();
            lanes.claims += 1;
            let free = lanes.due.keys().filter(|id| !lanes.claimed.contains(id));
            free.take(request.lanes).copied().collect()
        };
        Ok(Claimed { lanes: self.take(due.into_iter()).lanes, next: None })
    }

    async fn settle(&self, settlements: Arc<[Settlement]>) -> Result<(), OutboxError> {
        let mut lanes = self.lanes();
        for one in &*settlements {
            lanes.claimed.remove(&one.lane.0);
            if !one.delivered.is_empty() {
                lanes.due.remove(&one.lane.0);
            }
        }
        drop(lanes);
        self.changed.notify_one();
        Ok(())
    }

    fn holds(&self, lane: &Lane, _: Timestamp) -> bool {
        self.lanes().claimed.contains(&lane.id.0)
    }

    async fn changed(&self) {
        self.changed.notified().await;
    }
}

#[async_trait]
impl Backlog for World {
    async fn due(&self, request: DueRequest) -> Result<DueLanes, OutboxError> {
        let mut lanes = self.lanes();
        lanes.looks += 1;
        let free = lanes.due.iter().filter(|(id, _)| {
            !lanes.claimed.contains(id) && !request.queued.contains(&ticket(**id))
        });
        let due = free.take(request.lanes).map(|(id, since)| DueLane {
            ticket: ticket(*id),
            since: Timestamp(*since),
            destination_id: DestinationId("a".to_owned()),
        });
        Ok(DueLanes { lanes: due.collect(), next: None })
    }

    async fn take(
        &self,
        tickets: Vec<Ticket>,
        _: Timestamp,
        _: Duration,
    ) -> Result<Taken, OutboxError> {
        Ok(Self::take(self, tickets.iter().map(|one| one.lane.0)))
    }

    fn tell_others(&self, _: bool) {}
}

fn ticket(lane: i64) -> Ticket {
    Ticket { lane: LaneId(lane), turn: Turn::New }
}

fn lane(id: i64) -> Lane {
    let keys = Vec::new();
    let sink = SinkAddress { name: "a".to_owned(), organization: 1, instance: InstanceId(1), keys };
    let pending = Pending {
        id: Uuid::from_u128(1),
        body: Bytes::new(),
        attempt: 1,
        failures: 0,
        first_failure: None,
        trace: None,
        changed: None,
    };
    Lane {
        id: LaneId(id),
        turn: Turn::New,
        fence: Fence::default(),
        resource: "contacts".into(),
        destination_id: DestinationId("a".to_owned()),
        destination: Arc::new(Destination::Sink(sink)),
        policy: None,
        probes: false,
        notifications: vec![pending],
    }
}

/// A process that takes part.
struct Process {
    queue: Queue,
    stop: CancellationToken,
    running: JoinHandle<()>,
}

impl Process {
    async fn start(
        nats: &Nats,
        world: &Arc<World>,
        max_ack_pending: usize,
    ) -> anyhow::Result<Self> {
        let url = SecretString::from(nats.url());
        let settings = QueueSettings {
            servers: NatsServers::read(&url).context("a url")?,
            replicas: 1,
            max_ack_pending,
            outbox: "test".to_owned(),
            per_destination: 100,
            probes: true,
        };
        let (outbox, backlog) = (Arc::clone(world) as _, Arc::clone(world) as _);
        let queue = Queue::connect(settings, outbox, backlog, Clock::system()).await?;
        let stop = CancellationToken::new();
        let running = tokio::spawn(queue.clone().run(stop.clone()));
        Ok(Self { queue, stop, running })
    }

    /// What is handed out to so many idle workers.
    async fn claim(&self, lanes: usize) -> anyhow::Result<Vec<i64>> {
        let request = ClaimRequest {
            now: Clock::system().now(),
            lanes,
            per_destination: 100,
            room: [].into(),
            probes: true,
            lease: PATIENCE,
        };
        let claimed = self.queue.claim(request).await?;
        Ok(claimed.lanes.iter().map(|lane| lane.id.0).collect())
    }

    /// The same, until there are so many.
    async fn claim_all(&self, count: usize, workers: usize) -> anyhow::Result<BTreeSet<i64>> {
        let mut all = BTreeSet::new();
        let claiming = async {
            loop {
                for lane in self.claim(workers - all.len()).await? {
                    ensure!(all.insert(lane), "{lane} was claimed twice");
                }
                if all.len() >= count {
                    return Ok(all);
                }
                self.queue.changed().await;
            }
        };
        tokio::time::timeout(PATIENCE, claiming).await.context("nothing more is handed out")?
    }

    async fn settle(&self, lanes: impl IntoIterator<Item = i64>, sent: bool) -> anyhow::Result<()> {
        let settlement = |id| Settlement {
            lane: LaneId(id),
            turn: Turn::New,
            fence: Fence::default(),
            delivered: sent.then(|| (Uuid::from_u128(1), attempt())).into_iter().collect(),
            failed: None,
        };
        Ok(self.queue.settle(lanes.into_iter().map(settlement).collect()).await?)
    }

    async fn stop(self) -> anyhow::Result<()> {
        self.stop.cancel();
        Ok(tokio::time::timeout(PATIENCE, self.running).await.context("it does not end")??)
    }
}

fn attempt() -> Attempt {
    Attempt {
        url: String::new(),
        request: SentHeaders::default(),
        at: Timestamp(6),
        took: Duration::ZERO,
        status: None,
        error: None,
        answer: String::new(),
        verdict: AttemptVerdict::Delivered,
    }
}

/// Waits until it is so.
async fn until(
    what: &str,
    mut so: impl AsyncFnMut() -> anyhow::Result<bool>,
) -> anyhow::Result<()> {
    let asking = async {
        while !so().await? {
            tokio::task::yield_now().await;
        }
        Ok(())
    };
    tokio::time::timeout(PATIENCE, asking).await.with_context(|| what.to_owned())?
}

async fn context(nats: &Nats) -> anyhow::Result<jetstream::Context> {
    Ok(jetstream::new(async_nats::connect(nats.url()).await?))
}

/// Tickets in the stream, besides the message of the one who looks.
async fn tickets(stream: &stream::Stream) -> anyhow::Result<u64> {
    Ok(stream.get_info().await?.state.messages.saturating_sub(1))
}

#[tokio::test(flavor = "multi_thread")]
async fn each_lane_is_in_the_queue_once_and_handed_out_once() -> anyhow::Result<()> {
    let (nats, world) = (Nats::jetstream().await?, World::with(0..20));
    let one = Process::start(&nats, &world, 100).await?;
    let jetstream = context(&nats).await?;
    let stream = jetstream.get_stream(STREAM).await?;
    until("all lanes in the queue", async || Ok(tickets(&stream).await? == 20)).await?;
    // Whoever looks next, as after a crash, finds them there.
    let two = Process::start(&nats, &world, 100).await?;
    one.stop().await?;
    let looks = world.lanes().looks;
    until("other looks", async || Ok(world.lanes().looks > looks + 1)).await?;
    assert_eq!(tickets(&stream).await?, 20);
    let message = stream.get_last_raw_message_by_subject("open-connectors.test.lane.7.new").await?;
    let id = message.headers.get("Nats-Msg-Id").context("an id")?.to_string();
    assert_eq!(id, "7.new.5");

    let three = Process::start(&nats, &world, 100).await?;
    let mut all = two.claim_all(8, 8).await?;
    let others = three.claim_all(12, 12).await?;
    assert!(all.is_disjoint(&others));
    two.settle(all.iter().copied(), true).await?;
    three.settle(others.iter().copied(), true).await?;
    all.extend(others);
    assert_eq!(all, (0..20).collect());
    until("an empty queue", async || Ok(tickets(&stream).await? == 0)).await?;
    assert_eq!(world.lanes().claims, 0, "nobody has looked for lanes without the queue");
    // A relay that has not seen the outcome would put the same state there again.
    let late = PublishMessage::build().message_id(id);
    let late = jetstream.send_publish("open-connectors.test.lane.7.new", late).await?.await?;
    assert!(late.duplicate);
    two.stop().await?;
    three.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn no_more_is_under_way_than_may_be_unacknowledged() -> anyhow::Result<()> {
    let (nats, world) = (Nats::jetstream().await?, World::with(0..10));
    let process = Process::start(&nats, &world, 3).await?;
    let mut claimed = process.claim_all(3, 10).await?;
    let jetstream = context(&nats).await?;
    let stream = jetstream.get_stream(STREAM).await?;
    let lanes = stream.get_consumer("lanes").await;
    let lanes: consumer::PullConsumer = lanes.map_err(anyhow::Error::from_boxed)?;
    until("a full queue", async || Ok(lanes.get_info().await?.num_pending == 3)).await?;
    assert_eq!(lanes.get_info().await?.num_ack_pending, 3);
    assert!(process.claim(7).await?.is_empty());
    let mut all = BTreeSet::new();
    while all.len() < 10 {
        let done: Vec<i64> = claimed.into_iter().collect();
        process.settle(done.iter().copied(), true).await?;
        all.extend(done);
        claimed = if all.len() < 10 { process.claim_all(1, 10).await? } else { BTreeSet::new() };
        assert!(world.lanes().claimed.len() <= 3);
    }
    assert_eq!(all, (0..10).collect());
    process.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_not_sent_is_handed_out_again() -> anyhow::Result<()> {
    let (nats, world) = (Nats::jetstream().await?, World::with(0..2));
    let gone = Process::start(&nats, &world, 10).await?;
    let other = Process::start(&nats, &world, 10).await?;
    assert_eq!(gone.claim_all(2, 2).await?.len(), 2);
    gone.settle([0], false).await?;
    assert_eq!(other.claim_all(1, 1).await?, [0].into(), "given back");
    other.settle([0], true).await?;
    // It ends without a word, and its claim with it.
    gone.running.abort();
    drop(gone);
    world.lanes().claimed.clear();
    assert_eq!(other.claim_all(1, 1).await?, [1].into(), "nobody spoke of it");
    other.settle([1], true).await?;
    other.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_queue_is_away_the_outbox_is_asked() -> anyhow::Result<()> {
    let (nats, world) = (Nats::jetstream().await?, World::with(0..1));
    let process = Process::start(&nats, &world, 10).await?;
    assert_eq!(process.claim_all(1, 1).await?.len(), 1);
    process.settle([0], true).await?;
    assert_eq!(world.lanes().claims, 0);
    nats.kill(0).await?;
    world.lanes().due = [(1, 7)].into();
    assert_eq!(process.claim_all(1, 1).await?, [1].into());
    assert_eq!((process.queue.is_connected(), world.lanes().claims), (false, 1));
    process.settle([1], true).await?;
    nats.start_again(0).await?;
    until("the queue to be back", async || Ok(process.queue.is_connected())).await?;
    world.lanes().due = [(2, 9)].into();
    world.changed.notify_one();
    let before = world.lanes().claims;
    assert_eq!(process.claim_all(1, 1).await?, [2].into());
    assert_eq!(world.lanes().claims, before);
    process.settle([2], true).await?;
    process.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn more_replicas_than_there_are_servers_are_refused() -> anyhow::Result<()> {
    let nats = Nats::jetstream().await?;
    let url = SecretString::from(nats.url());
    let settings = QueueSettings {
        servers: NatsServers::read(&url).context("a url")?,
        replicas: 3,
        max_ack_pending: 10,
        outbox: "test".to_owned(),
        per_destination: 10,
        probes: true,
    };
    let world = World::with(0..0);
    let (outbox, backlog) = (Arc::clone(&world) as _, Arc::clone(&world) as _);
    let refused = Queue::connect(settings, outbox, backlog, Clock::system()).await;
    let refused = refused.err().context("it was taken")?;
    assert!(refused.is_of_settings());
    assert!(refused.to_string().contains("OC_NATS_REPLICAS"), "{refused}");
    Ok(())
}
