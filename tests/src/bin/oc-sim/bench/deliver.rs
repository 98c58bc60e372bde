//! (b) From the outbox to receivers, durable.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::routing::post;
use oc_tests::{Options, Salesloft, Server};
use serde_json::json;
use tokio::net::TcpListener;

use super::measure::{Cost, Usage};

const INSTANCES: usize = 200;
const PEOPLE: usize = 1_000;
const NOTIFICATIONS: usize = INSTANCES * PEOPLE / 10;

pub(super) async fn run() -> anyhow::Result<()> {
    println!(
        "\n(b) {NOTIFICATIONS} notifications of 10 events in {INSTANCES} lanes, SQLite, synchronous=FULL"
    );
    for destinations in [1, 100] {
        let cost = cost(destinations, &Sink::start().await?).await?;
        println!(
            "    {destinations} destination{}: {:.0} notifications per second ({:.0} per CPU second), peak {:.0} MB",
            if destinations == 1 { "" } else { "s" },
            cost.per_second(),
            cost.per_cpu_second(),
            cost.peak
        );
    }
    Ok(())
}

/// What it costs to send what waits to so many destinations.
pub(crate) async fn cost(destinations: usize, sink: &Sink) -> anyhow::Result<Cost> {
    let salesloft = Salesloft::start().await?;
    let options = Options::default().with("OC_DISPATCH_PER_DESTINATION", "64");
    let mut server = Server::start(&salesloft, options.clone().role("api,poll")).await?;
    let slow = json!({"event.poller.refresh_interval": "0.05"});
    for number in 0..INSTANCES {
        let host = 1 + number % destinations;
        let callback = format!("http://127.0.0.{host}:{}/hook", sink.port);
        server.create(&salesloft, &callback, &slow).await?;
    }
    salesloft.change(|world, now| {
        for at in 0..PEOPLE {
            world.add_person(now + i64::try_from(at).unwrap_or(0));
        }
    });
    let began = Instant::now();
    while waiting(&server).await? < NOTIFICATIONS {
        anyhow::ensure!(began.elapsed() < Duration::from_secs(300), "the outbox does not fill");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    server.terminate().await?;
    server.set_role("api,dispatch");
    server.start_again().await?;
    let (before, began, first) = (Usage::of(&server)?, Instant::now(), sink.received());
    // The metrics count what waits, which takes time from the server: asked once all have arrived.
    while sink.received() < first + NOTIFICATIONS || waiting(&server).await? > 0 {
        anyhow::ensure!(began.elapsed() < Duration::from_secs(300), "the outbox does not empty");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let used = before.until_now(&server)?;
    Cost::new(f64::from(u32::try_from(sink.received() - first)?), used, &server)
}

async fn waiting(server: &Server) -> anyhow::Result<usize> {
    let metrics = server.api.get("//metrics").await?.text;
    let line = metrics.lines().find(|line| line.starts_with("oc_outbox_notifications "));
    let number = line.and_then(|line| line.rsplit(' ').next()?.parse().ok());
    number.ok_or_else(|| anyhow::anyhow!("the metrics do not tell what waits"))
}

/// A receiver that reads and answers, and does nothing else.
pub(crate) struct Sink {
    pub(crate) port: u16,
    counts: Arc<Counts>,
}

#[derive(Default)]
struct Counts {
    requests: AtomicUsize,
    bytes: AtomicUsize,
}

impl Sink {
    pub(crate) async fn start() -> anyhow::Result<Self> {
        let listener = TcpListener::bind("0.0.0.0:0").await?;
        let port = listener.local_addr()?.port();
        let counts = Arc::new(Counts::default());
        let count = |State(counts): State<Arc<Counts>>, body: Bytes| async move {
            counts.requests.fetch_add(1, Ordering::Relaxed);
            counts.bytes.fetch_add(body.len(), Ordering::Relaxed);
        };
        let router = Router::new().route("/hook", post(count)).with_state(Arc::clone(&counts));
        tokio::spawn(async move {
            // It ends with the program.
            let _ = axum::serve(listener, router).await;
        });
        Ok(Self { port, counts })
    }

    /// How many requests came.
    pub(crate) fn received(&self) -> usize {
        self.counts.requests.load(Ordering::Relaxed)
    }

    /// How many bytes one had on average.
    pub(crate) fn mean_bytes(&self) -> usize {
        self.counts.bytes.load(Ordering::Relaxed) / self.received().max(1)
    }
}
