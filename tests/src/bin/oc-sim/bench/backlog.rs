//! (g) A backlog that is filled and drained: whether its size slows it down.

use std::io::Write as _;
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use super::deliver::Sink;
use super::inside::{Inside, host};

const NOTIFICATIONS: usize = 1_000_000;
const LANES: usize = 1_000;
const TENTH: usize = NOTIFICATIONS / 10;

pub(super) async fn run() -> anyhow::Result<()> {
    println!("\n(g) a backlog of {NOTIFICATIONS} notifications in {LANES} lanes, 100 destinations");
    let (inside, sink) = (Inside::open().await?, Sink::start().await?);
    for number in 0..LANES {
        inside.instance(&format!("http://{}/hook", host(number % 100, sink.port))).await?;
    }
    let (mut filled, mut tenth) = (0, Instant::now());
    print!("    filled, notifications per second in each tenth:");
    while filled < NOTIFICATIONS {
        let before = filled / TENTH;
        filled += inside.poll(256, Duration::from_micros(1)).await?;
        if filled / TENTH > before {
            rate(&mut tenth);
        }
    }
    print!("\n    drained, likewise:");
    let stop = CancellationToken::new();
    let (delivering, mut tenth) = (inside.deliver(stop.clone())?, Instant::now());
    for step in 1..=10 {
        while sink.received() < step * TENTH {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        rate(&mut tenth);
    }
    println!();
    stop.cancel();
    Ok(delivering.await?)
}

#[expect(clippy::cast_precision_loss, reason = "a hundred thousand")]
fn rate(since: &mut Instant) {
    print!(" {:.0}", TENTH as f64 / since.elapsed().as_secs_f64());
    // Each tenth takes seconds; without a terminal nothing would be seen before the end.
    let _ = std::io::stdout().flush();
    *since = Instant::now();
}
