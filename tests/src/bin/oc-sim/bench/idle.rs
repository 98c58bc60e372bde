//! (c) Ten thousand idle instances, and (d) a poll that finds nothing.

use std::time::Duration;

use oc_tests::{Options, Salesloft, Server};
use serde_json::json;

use super::measure::{Usage, memory, polls, until_polls};

const INSTANCES: usize = 10_000;
const POLLS: u64 = 300;

pub(super) async fn many() -> anyhow::Result<()> {
    println!("\n(c) {INSTANCES} instances, none due");
    let salesloft = Salesloft::start().await?;
    let mut server = Server::start(&salesloft, Options::default()).await?;
    let hourly = json!({"event.poller.refresh_interval": 60});
    let api = &server.api;
    let mut left: Vec<_> = (0..INSTANCES)
        .map(|_| oc_tests::server::body(&salesloft, "http://127.0.0.1:9/", &hourly))
        .collect();
    while !left.is_empty() {
        let some = left.drain(..left.len().min(32)).collect::<Vec<_>>();
        let calls = some.iter().map(|body| api.post("/instances", body));
        for reply in futures_util::future::join_all(calls).await {
            anyhow::ensure!(reply?.status == 200, "an instance was refused");
        }
    }
    server.terminate().await?;
    server.start_again().await?;
    tokio::time::sleep(Duration::from_secs(2)).await;
    let before = Usage::of(&server)?;
    tokio::time::sleep(Duration::from_secs(20)).await;
    let used = before.until_now(&server)?;
    println!(
        "    {:.0} MB resident, {:.2} % of a core",
        memory(&server)?.0,
        100.0 * used.cpu.as_secs_f64() / used.wall.as_secs_f64()
    );
    Ok(())
}

pub(super) async fn nothing() -> anyhow::Result<()> {
    println!("\n(d) a poll that finds nothing: one request, one commit");
    let salesloft = Salesloft::start().await?;
    let server = Server::start(&salesloft, Options::default()).await?;
    let often = json!({"event.poller.refresh_interval": "0.001"});
    let instance = server.create(&salesloft, "http://127.0.0.1:9/", &often).await?;
    until_polls(&server, instance.id, 20).await?;
    let (before, from) = (Usage::of(&server)?, polls(&server, instance.id).await?);
    tokio::time::sleep(Duration::from_millis(60 * POLLS)).await;
    let used = before.until_now(&server)?;
    let done = polls(&server, instance.id).await? - from;
    #[expect(clippy::cast_precision_loss, reason = "a few hundred")]
    let each = used.cpu.as_secs_f64() * 1_000.0 / done as f64;
    println!("    {each:.2} ms of CPU each, over {done} polls");
    Ok(())
}
