//! Order, failure, isolation and the stop, over an outbox in memory.

use std::collections::{HashMap, VecDeque};
use std::sync::Mutex;

use async_trait::async_trait;
use bytes::Bytes;
use oc_config::Timestamp;
use oc_poll::Fence;
use tokio::sync::Notify;
use url::Url;
use uuid::Uuid;

use super::*;
use crate::outbox::{Claimed, LaneId, Next, OutboxError, Pending, Turn};
use crate::{Attempt, AttemptVerdict, Callback, Destination, MockTransport, Outgoing, SentHeaders};

const NOW: Timestamp = Timestamp(1_000_000_000);

/// Lanes by number, and what was settled; the first settlements may fail.
#[derive(Default)]
struct Book {
    lanes: Mutex<VecDeque<Lane>>,
    settled: Mutex<Vec<Settlement>>,
    failing: Mutex<usize>,
    news: Notify,
    /// From so many sent notifications on, others may have taken over.
    lost_after: Option<usize>,
    asked: Mutex<usize>,
}

#[async_trait]
impl Outbox for Book {
    async fn claim(&self, request: ClaimRequest) -> Result<Claimed, OutboxError> {
        let (mut lanes, mut taken) = (self.lanes.lock().unwrap(), Vec::new());
        let mut used: HashMap<DestinationId, usize> = HashMap::new();
        for lane in std::mem::take(&mut *lanes) {
            let room =
                request.room.get(&lane.destination_id).copied().unwrap_or(request.per_destination);
            let used = used.entry(lane.destination_id.clone()).or_default();
            if taken.len() < request.lanes && *used < room {
                *used += 1;
                taken.push(lane);
            } else {
                lanes.push_back(lane);
            }
        }
        Ok(Claimed { lanes: taken, next: None })
    }

    async fn settle(&self, settlements: Arc<[Settlement]>) -> Result<(), OutboxError> {
        let mut failing = self.failing.lock().unwrap();
        if *failing > 0 {
            *failing -= 1;
            return Err(OutboxError("disk full".into()));
        }
        self.settled.lock().unwrap().extend(settlements.iter().cloned());
        self.news.notify_one();
        Ok(())
    }

    fn holds(&self, _lane: &Lane, _now: Timestamp) -> bool {
        let mut asked = self.asked.lock().unwrap();
        *asked += 1;
        self.lost_after.is_none_or(|after| *asked <= after)
    }

    async fn changed(&self) {
        std::future::pending::<()>().await;
    }
}

fn lane(id: i64, host: &str, count: u128) -> Lane {
    let destination = Destination::Callback(Callback {
        url: Url::parse(&format!("https://{host}/")).unwrap(),
        keys: vec![],
        headers: vec![],
        basic: None,
        tls: None,
    });
    let pending = |at| Pending {
        id: Uuid::from_u128(at),
        body: Bytes::new(),
        attempt: 1,
        failures: 0,
        first_failure: None,
        changed: None,
        trace: None,
    };
    Lane {
        id: LaneId(id),
        turn: Turn::New,
        fence: Fence::default(),
        resource: "people".into(),
        destination_id: DestinationId(host.to_owned()),
        destination: Arc::new(destination),
        policy: None,
        probes: true,
        notifications: (1..=count).map(pending).collect(),
    }
}

fn came_to(verdict: AttemptVerdict) -> Attempt {
    Attempt {
        url: String::new(),
        request: SentHeaders::default(),
        at: NOW,
        took: Duration::ZERO,
        status: None,
        error: None,
        answer: String::new(),
        verdict,
    }
}

const FAILED: AttemptVerdict = AttemptVerdict::Failed { retry_after: None, overloaded: false };

fn host(to: &Destination) -> &str {
    let Destination::Callback(callback) = to else { panic!("{to:?}") };
    callback.url.host_str().unwrap()
}

/// A transport that decides by host and notification number.
fn transport(decide: fn(&str, u128) -> AttemptVerdict) -> Arc<dyn Transport> {
    let mut transport = MockTransport::new();
    transport
        .expect_send()
        .returning(move |to, outgoing| came_to(decide(host(to), outgoing.id.as_u128())));
    Arc::new(transport)
}

fn dispatcher(book: &Arc<Book>, transport: Arc<dyn Transport>) -> Dispatcher {
    let settings = DispatcherSettings {
        concurrency: 4,
        per_destination: 2,
        schedule: RetrySchedule::default(),
        policy: FailurePolicy::Retry,
        probes: ProbeSchedule::new(Duration::from_secs(300), Duration::from_secs(86_400)),
        stint: Duration::from_secs(10),
        attempt_within: Duration::from_secs(30),
        look_every: Duration::from_millis(50),
        drain: Duration::from_secs(10),
    };
    Dispatcher {
        outbox: book.clone(),
        transport,
        clock: Clock::new(|| NOW),
        dice: Dice::new(|| 0.5),
        settings,
    }
}

/// Runs until so many lanes are settled, then stops.
async fn run(
    book: Arc<Book>,
    transport: Arc<dyn Transport>,
    settlements: usize,
) -> Vec<Settlement> {
    let stop = CancellationToken::new();
    let running = tokio::spawn(dispatcher(&book, transport).run(stop.clone()));
    while book.settled.lock().unwrap().len() < settlements {
        book.news.notified().await;
    }
    stop.cancel();
    running.await.unwrap();
    book.settled.lock().unwrap().clone()
}

fn book(lanes: Vec<Lane>) -> Arc<Book> {
    Arc::new(Book { lanes: Mutex::new(lanes.into()), ..Book::default() })
}

fn delivered(settlement: &Settlement) -> Vec<u128> {
    settlement.delivered.iter().map(|(id, _)| id.as_u128()).collect()
}

#[tokio::test(start_paused = true)]
async fn a_lane_is_sent_in_order_and_settled_as_a_whole() {
    let settled =
        run(book(vec![lane(1, "a", 5)]), transport(|_, _| AttemptVerdict::Delivered), 1).await;
    assert_eq!(delivered(&settled[0]), [1, 2, 3, 4, 5]);
    assert_eq!(settled[0].failed, None);
}

#[tokio::test(start_paused = true)]
async fn a_lane_stops_at_the_first_failure_and_waits_for_its_retry() {
    let decide = |_: &str, id| if id == 3 { FAILED } else { AttemptVerdict::Delivered };
    let settled = run(book(vec![lane(1, "a", 5)]), transport(decide), 1).await;
    assert_eq!(delivered(&settled[0]), [1, 2]);
    let failed = settled[0].failed.clone().unwrap();
    let Next::Retry(at) = failed.next else { panic!("{failed:?}") };
    assert!(failed.id.as_u128() == 3 && (8_000_000..=8_800_000).contains(&(at.0 - NOW.0)));
}

#[tokio::test(start_paused = true)]
async fn the_first_failure_is_when_the_attempt_has_ended() {
    let took = Duration::from_secs(30);
    let mut transport = MockTransport::new();
    transport.expect_send().returning(move |_, _| Attempt { took, ..came_to(FAILED) });
    let settled = run(book(vec![lane(1, "a", 1)]), Arc::new(transport), 1).await;
    let Next::Retry(at) = settled[0].failed.as_ref().unwrap().next else { panic!("{settled:?}") };
    let wait = at.since(NOW.plus(took));
    assert!(wait >= Duration::from_secs(8), "it is sent again after {wait:?}");
}

#[tokio::test(start_paused = true)]
async fn after_the_last_failure_and_after_a_410_the_notification_is_queued() {
    let mut tired = lane(1, "a", 1);
    (tired.notifications[0].failures, tired.notifications[0].first_failure) =
        (5, Some(Timestamp(0)));
    let decide = |host: &str, _| if host == "a" { FAILED } else { AttemptVerdict::Gone };
    let settled = run(book(vec![tired, lane(2, "b", 1)]), transport(decide), 2).await;
    let next = |host: i64| {
        let settlement = settled.iter().find(|one| one.lane.0 == host).unwrap();
        settlement.failed.as_ref().unwrap().next
    };
    assert!(matches!(next(1), Next::Queue { probe: Some(_) }), "{:?}", next(1));
    assert_eq!(next(2), Next::Queue { probe: None }, "whoever answers 410 is not probed");
}

#[tokio::test(start_paused = true)]
async fn with_the_policy_queue_the_first_failure_queues() {
    let mut own = lane(1, "a", 2);
    own.policy = Some(FailurePolicy::Queue);
    let settled = run(book(vec![own, lane(2, "b", 2)]), transport(|_, _| FAILED), 2).await;
    let queued = |of: i64| {
        let settlement = settled.iter().find(|one| one.lane.0 == of).unwrap();
        matches!(settlement.failed.as_ref().unwrap().next, Next::Queue { .. })
    };
    assert!(queued(1) && !queued(2));
}

#[tokio::test(start_paused = true)]
async fn a_retry_after_is_honoured() {
    let decide = |_: &str, _| AttemptVerdict::Failed {
        retry_after: Some(Duration::from_secs(600)),
        overloaded: true,
    };
    let settled = run(book(vec![lane(1, "a", 1)]), transport(decide), 1).await;
    let next = settled[0].failed.as_ref().unwrap().next;
    assert_eq!(next, Next::Retry(NOW.plus(Duration::from_secs(600))));
}

/// A receiver that never answers for one host.
struct Stuck;

#[async_trait]
impl Transport for Stuck {
    async fn send(&self, to: &Destination, _: Outgoing) -> Attempt {
        if host(to) == "stuck" {
            std::future::pending::<()>().await;
        }
        came_to(AttemptVerdict::Delivered)
    }
}

#[tokio::test(start_paused = true)]
async fn a_destination_that_never_answers_delays_nobody_else() {
    let stuck = (0..10).map(|id| lane(id, "stuck", 1));
    let others = (10..30).map(|id| lane(id, "other", 1));
    let settled = run(book(stuck.chain(others).collect()), Arc::new(Stuck), 20).await;
    assert!(settled.iter().all(|one| one.lane.0 >= 10) && settled.len() == 20);
}

/// A receiver that never answers for hosts whose name begins so.
struct Hang;

#[async_trait]
impl Transport for Hang {
    async fn send(&self, to: &Destination, _: Outgoing) -> Attempt {
        if host(to).starts_with("dead") {
            std::future::pending::<()>().await;
        }
        came_to(AttemptVerdict::Delivered)
    }
}

#[tokio::test(start_paused = true)]
async fn destinations_that_never_answer_cannot_take_all_workers() {
    let dead = (0..30).map(|id| lane(id, &format!("dead{}", id % 3), 1));
    let others = (30..90).map(|id| lane(id, &format!("other{}", id % 10), 1));
    let book = book(dead.chain(others).collect());
    let mut dispatcher = dispatcher(&book, Arc::new(Hang));
    (dispatcher.settings.concurrency, dispatcher.settings.per_destination) = (8, 4);
    dispatcher.settings.drain = Duration::ZERO;
    let stop = CancellationToken::new();
    let running = tokio::spawn(dispatcher.run(stop.clone()));
    let others_arrived = async {
        while book.settled.lock().unwrap().len() < 60 {
            book.news.notified().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(600), others_arrived).await.expect("others wait");
    stop.cancel();
    running.await.unwrap();
    assert!(book.settled.lock().unwrap().iter().all(|one| one.lane.0 >= 30));
}

#[tokio::test(start_paused = true)]
async fn outcomes_are_recorded_though_the_storage_fails_for_a_while() {
    let book = book(vec![lane(1, "a", 2)]);
    *book.failing.lock().unwrap() = 3;
    let settled = run(book, transport(|_, _| AttemptVerdict::Delivered), 1).await;
    assert_eq!(delivered(&settled[0]), [1, 2]);
}

#[tokio::test(start_paused = true)]
async fn a_destination_that_asks_for_a_pause_is_left_alone_and_others_are_not() {
    let book = Arc::new(Book::default());
    // Two lanes of one host at a time, so that the third waits for a place.
    book.lanes.lock().unwrap().extend([
        lane(1, "busy", 1),
        lane(2, "busy", 1),
        lane(3, "busy", 1),
        lane(4, "other", 1),
    ]);
    let asks = |host: &str, _| match host {
        "busy" => AttemptVerdict::Failed {
            retry_after: Some(Duration::from_secs(3_600)),
            overloaded: true,
        },
        _ => AttemptVerdict::Delivered,
    };
    let stop = CancellationToken::new();
    let running = tokio::spawn(dispatcher(&book, transport(asks)).run(stop.clone()));
    while book.settled.lock().unwrap().len() < 3 {
        book.news.notified().await;
    }
    tokio::time::advance(Duration::from_secs(60)).await;
    stop.cancel();
    running.await.unwrap();
    let mut lanes: Vec<i64> = book.settled.lock().unwrap().iter().map(|one| one.lane.0).collect();
    lanes.sort_unstable();
    assert_eq!(lanes, [1, 2, 4]);
}

#[tokio::test(start_paused = true)]
async fn a_lane_gives_way_after_its_stint_and_what_it_sent_is_recorded() {
    let book = Arc::new(Book::default());
    book.lanes.lock().unwrap().push_back(lane(1, "slow", 20));
    let time = Arc::new(std::sync::atomic::AtomicI64::new(NOW.0));
    let passes = Arc::clone(&time);
    let mut slow = MockTransport::new();
    slow.expect_send().returning(move |_, _| {
        passes.fetch_add(4_000_000, std::sync::atomic::Ordering::Relaxed);
        came_to(AttemptVerdict::Delivered)
    });
    let mut dispatcher = dispatcher(&book, Arc::new(slow));
    dispatcher.clock =
        Clock::new(move || Timestamp(time.load(std::sync::atomic::Ordering::Relaxed)));
    let stop = CancellationToken::new();
    let running = tokio::spawn(dispatcher.run(stop.clone()));
    book.news.notified().await;
    stop.cancel();
    running.await.unwrap();
    let settled = book.settled.lock().unwrap();
    assert_eq!((settled[0].delivered.len(), &settled[0].failed), (3, &None));
}

#[tokio::test(start_paused = true)]
async fn a_probe_that_fails_is_not_retried_and_the_next_one_comes_after_twice_the_time() {
    let mut probe = lane(1, "a", 1);
    (probe.turn, probe.notifications[0].failures) = (Turn::Probe, 1);
    let mut unwanted = lane(2, "b", 1);
    (unwanted.turn, unwanted.probes) = (Turn::Probe, false);
    let settled = run(book(vec![probe, unwanted]), transport(|_, _| FAILED), 2).await;
    for one in settled {
        let Next::Queue { probe } = one.failed.unwrap().next else { panic!("it is retried") };
        let after = probe.map(|at| at.since(NOW));
        // Twice the doubled interval, and a twentieth by the dice.
        assert_eq!(after, (one.lane.0 == 1).then_some(Duration::from_secs(1_260)));
    }
}

#[tokio::test(start_paused = true)]
async fn a_lane_that_others_may_have_taken_over_is_sent_no_further() {
    let lanes = Mutex::new([lane(1, "a", 5)].into());
    let book = Arc::new(Book { lanes, lost_after: Some(2), ..Book::default() });
    let settled = run(book, transport(|_, _| AttemptVerdict::Delivered), 1).await;
    assert_eq!((settled[0].delivered.len(), &settled[0].failed), (2, &None));
}

/// A transport with a fault that one host's notifications meet.
struct Poisoned;

#[async_trait]
impl Transport for Poisoned {
    async fn send(&self, to: &Destination, _: Outgoing) -> Attempt {
        assert_ne!(host(to), "poison");
        came_to(AttemptVerdict::Delivered)
    }
}

#[tokio::test(start_paused = true)]
async fn a_notification_that_cannot_be_sent_without_a_panic_fails_and_others_go_on() {
    // More lanes of the poisoned host than its share, so that a lost place would show.
    let poisoned = (1..=5).map(|id| lane(id, "poison", 1));
    let lanes = poisoned.chain([lane(6, "other", 3)]).collect();
    let settled = run(book(lanes), Arc::new(Poisoned), 6).await;
    for one in &settled {
        let failed = one.failed.as_ref();
        assert_eq!(failed.is_some(), one.lane.0 <= 5, "{one:?}");
        assert_eq!(one.delivered.len(), if one.lane.0 == 6 { 3 } else { 0 });
        let error = failed.and_then(|failed| failed.attempt.error.as_deref());
        assert!(error.is_none_or(|error| error.starts_with("a fault of the program")));
        assert!(failed.is_none_or(|failed| matches!(failed.next, Next::Retry(_))));
    }
}

/// A receiver that has asked for a pause once, and then takes a second for each notification; when
/// each came.
struct Busy {
    began: tokio::time::Instant,
    came: Mutex<Vec<Duration>>,
}

#[async_trait]
impl Transport for Busy {
    async fn send(&self, _: &Destination, _: Outgoing) -> Attempt {
        let is_first = {
            let mut came = self.came.lock().unwrap();
            came.push(self.began.elapsed());
            came.len() == 1
        };
        let retry_after = Some(Duration::from_secs(60));
        if is_first {
            return came_to(AttemptVerdict::Failed { retry_after, overloaded: true });
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
        came_to(AttemptVerdict::Delivered)
    }
}

#[tokio::test(start_paused = true)]
async fn a_429_pauses_the_destination_and_then_it_gets_half_at_a_time() {
    let book = book(vec![lane(1, "busy", 1)]);
    let began = tokio::time::Instant::now();
    let busy = Arc::new(Busy { began, came: Mutex::default() });
    let mut dispatcher = dispatcher(&book, busy.clone());
    (dispatcher.settings.concurrency, dispatcher.settings.per_destination) = (16, 8);
    dispatcher.clock = Clock::new(move || NOW.plus(began.elapsed()));
    let stop = CancellationToken::new();
    let running = tokio::spawn(dispatcher.run(stop.clone()));
    let settled = async |count| {
        while book.settled.lock().unwrap().len() < count {
            book.news.notified().await;
        }
    };
    settled(1).await;
    book.lanes.lock().unwrap().extend((2..=9).map(|id| lane(id, "busy", 1)));
    settled(9).await;
    stop.cancel();
    running.await.unwrap();
    let came = busy.came.lock().unwrap().clone();
    assert!(came[1] >= Duration::from_secs(60), "the pause was not kept: {came:?}");
    let at_once = came[1..].iter().filter(|at| **at < came[1] + Duration::from_secs(1)).count();
    assert_eq!(at_once, 4, "half of 8 was expected: {came:?}");
}
