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

use super::measure::{Usage, memory};

const INSTANCES: usize = 200;
const PEOPLE: usize = 1_000;
const NOTIFICATIONS: usize = INSTANCES * PEOPLE / 10;

pub(super) async fn run() -> anyhow::Result<()> {
    println!(
        "\n(b) {NOTIFICATIONS} notifications of 10 events in {INSTANCES} lanes, SQLite, synchronous=FULL"
    );
    for destinations in [1, 100] {
        deliver(destinations).await?;
    }
    Ok(())
}

async fn deliver(destinations: usize) -> anyhow::Result<()> {
    let salesloft = Salesloft::start().await?;
    let received = Arc::new(AtomicUsize::new(0));
    let port = sink(Arc::clone(&received)).await?;
    let options = Options::default().with("OC_DISPATCH_PER_DESTINATION", "64");
    let mut server = Server::start(&salesloft, options.clone().role("api,poll")).await?;
    let slow = json!({"event.poller.refresh_interval": "0.05"});
    for number in 0..INSTANCES {
        let host = 1 + number % destinations;
        server.create(&salesloft, &format!("http://127.0.0.{host}:{port}/hook"), &slow).await?;
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
    let (before, began, first) =
        (Usage::of(&server)?, Instant::now(), received.load(Ordering::Relaxed));
    while waiting(&server).await? > 0 {
        anyhow::ensure!(began.elapsed() < Duration::from_secs(300), "the outbox does not empty");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let used = before.until_now(&server)?;
    #[expect(clippy::cast_precision_loss, reason = "a few ten thousand")]
    let sent = (received.load(Ordering::Relaxed) - first) as f64;
    println!(
        "    {destinations} destination{}: {:.0} notifications per second ({:.0} per CPU second), peak {:.0} MB",
        if destinations == 1 { "" } else { "s" },
        sent / used.wall.as_secs_f64(),
        sent / used.cpu.as_secs_f64(),
        memory(&server)?.1
    );
    Ok(())
}

async fn waiting(server: &Server) -> anyhow::Result<usize> {
    let metrics = server.api.get("//metrics").await?.text;
    let line = metrics.lines().find(|line| line.starts_with("oc_outbox_notifications "));
    let number = line.and_then(|line| line.rsplit(' ').next()?.parse().ok());
    number.ok_or_else(|| anyhow::anyhow!("the metrics do not tell what waits"))
}

/// A receiver that reads and answers, and does nothing else.
pub(super) async fn sink(received: Arc<AtomicUsize>) -> anyhow::Result<u16> {
    let listener = TcpListener::bind("0.0.0.0:0").await?;
    let port = listener.local_addr()?.port();
    let count = |State(received): State<Arc<AtomicUsize>>, _: Bytes| async move {
        received.fetch_add(1, Ordering::Relaxed);
    };
    let router = Router::new().route("/hook", post(count)).with_state(received);
    tokio::spawn(async move {
        // It ends with the program.
        let _ = axum::serve(listener, router).await;
    });
    Ok(port)
}
