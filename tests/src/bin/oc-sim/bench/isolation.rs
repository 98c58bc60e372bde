//! (f) Of many destinations some are dead and some are slow: how long the others wait.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::routing::post;
use oc_egress::Clock;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::inside::{Inside, host};

const DESTINATIONS: usize = 1_000;
/// So many are dead, and as many take so long.
const BAD: usize = 10;
const SLOW: Duration = Duration::from_secs(29);
/// How often each has something to tell; one after the other, evenly.
const EVERY: Duration = Duration::from_secs(1);
const MEASURED: Duration = Duration::from_secs(45);
/// So long after the beginning the first has: until then instances are created.
const SET_UP_WITHIN: Duration = Duration::from_secs(20);

pub(super) async fn run() -> anyhow::Result<()> {
    println!(
        "\n(f) {DESTINATIONS} destinations, a notification every {} s to each, over {} s",
        EVERY.as_secs(),
        MEASURED.as_secs()
    );
    measure("all good", 0).await?;
    measure("10 dead, 10 take 29 s", BAD).await
}

type Waits = Arc<Mutex<Vec<i64>>>;

async fn measure(title: &str, bad: usize) -> anyhow::Result<()> {
    let (inside, waits) = (Inside::open().await?, Waits::default());
    let port = receiver(Arc::clone(&waits), inside.clock.clone()).await?;
    let first = inside.clock.now().plus(SET_UP_WITHIN);
    for number in 0..DESTINATIONS {
        let manner = match number {
            number if number < bad => "dead",
            number if number < 2 * bad => "slow",
            _ => "good",
        };
        let due = first.plus(EVERY * u32::try_from(number)? / u32::try_from(DESTINATIONS)?);
        inside.instance_due(&format!("http://{}/{manner}", host(number, port)), due).await?;
    }
    let stop = CancellationToken::new();
    let delivering = inside.deliver(stop.clone())?;
    let late = inside.clock.now().since(first);
    anyhow::ensure!(late.is_zero(), "creating instances took {late:?} too long");
    while inside.clock.now() < first.plus(MEASURED) {
        inside.poll(64, EVERY).await?;
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    stop.cancel();
    delivering.await?;
    let mut waits = waits.lock().unwrap_or_else(PoisonError::into_inner).split_off(0);
    waits.sort_unstable();
    anyhow::ensure!(!waits.is_empty(), "nothing has arrived");
    let part = |percent: usize| millis(waits[(waits.len() - 1) * percent / 100]);
    println!(
        "    {title}: {} arrived at the good ones, found to arrived: p50 {:.1} ms, p99 {:.1} ms, max {:.1} ms",
        waits.len(),
        part(50),
        part(99),
        part(100)
    );
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "a few seconds")]
fn millis(micros: i64) -> f64 {
    micros as f64 / 1_000.0
}

/// Notes how long ago what comes was found; the last part of its path says how it behaves.
async fn receiver(waits: Waits, clock: Clock) -> anyhow::Result<u16> {
    let listener = TcpListener::bind("0.0.0.0:0").await?;
    let port = listener.local_addr()?.port();
    let receive = |State((waits, clock)): State<(Waits, Clock)>,
                   Path(manner): Path<String>,
                   body: Bytes| async move {
        match manner.as_str() {
            "dead" => std::future::pending().await,
            "slow" => tokio::time::sleep(SLOW).await,
            _ => {
                let waited = found_at(&body).map(|found| clock.now().0 - found);
                waits.lock().unwrap_or_else(PoisonError::into_inner).extend(waited);
            }
        }
    };
    let router = Router::new().route("/{manner}", post(receive)).with_state((waits, clock));
    tokio::spawn(async move {
        // It ends with the program.
        let _ = axum::serve(listener, router).await;
    });
    Ok(port)
}

/// The instant in the record.
fn found_at(body: &[u8]) -> Option<i64> {
    let text = std::str::from_utf8(body).ok()?;
    let (_, rest) = text.split_once("\"found_at\":")?;
    rest.split(|next: char| !next.is_ascii_digit()).next()?.parse().ok()
}
