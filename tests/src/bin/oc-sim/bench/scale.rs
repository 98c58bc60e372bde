//! (h) A hundred thousand instances of three resources each, polled every 15 minutes.
#![expect(clippy::print_stdout, reason = "a program for a terminal")]

use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use oc_tests::salesloft::World;
use oc_tests::{Options, Salesloft, Server};
use serde_json::json;

use super::deliver::Sink;
use super::measure::{Usage, memory};

const INSTANCES: usize = 100_000;
/// Instances that are created at a time.
const AT_A_TIME: usize = 32;
/// How often each resource is polled.
const INTERVAL: Duration = Duration::from_secs(900);
/// For how long it is looked at.
const MEASURED: Duration = Duration::from_secs(180);
/// How often the lag is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// What is told at the end; figures are of the server's process or of its file.
struct Figures {
    polls: f64,
    events: f64,
    arrived: f64,
    lag: f64,
    bytes: f64,
}

pub(super) async fn run() -> anyhow::Result<()> {
    println!(
        "\n(h) {INSTANCES} instances of 3 resources, each another account, every 15 minutes; half an hour"
    );
    let (salesloft, sink) = (Salesloft::start().await?, Sink::start().await?);
    salesloft.with(|provider| provider.strangers = true);
    let server = Server::start(&salesloft, Options::default()).await?;
    create(&salesloft, &server, &sink).await?;
    println!(
        "    created: {:.0} MB resident, a file of {:.0} MB",
        memory(&server)?.0,
        file_bytes(&server)? / 1e6
    );
    measure(&salesloft, &server, &sink).await
}

/// Makes them within one interval, so that from then on as many are due at any time.
async fn create(salesloft: &Salesloft, server: &Server, sink: &Sink) -> anyhow::Result<()> {
    let one = |name: &str| {
        json!({
            "url": format!("/hubs/crm/{name}?where=updated_at>='${{date:yyyy-MM-dd'T'HH:mm:ssXXX}}'"),
            "idField": "id",
            "datesConfiguration": {"updatedDateField": "updated_at", "createdDateField": "created_at"},
        })
    };
    let polled = json!({
        "contacts": one("contacts"), "accounts": one("accounts"), "users": one("users"),
    });
    let callback = format!("http://127.0.0.1:{}/hook", sink.port);
    let changes = json!({
        "event.poller.refresh_interval": "15", "event.poller.configuration": polled.to_string(),
    });
    let (began, batches) = (Instant::now(), u32::try_from(INSTANCES / AT_A_TIME)?);
    for (batch, from) in (0_u32..).zip((0..INSTANCES).step_by(AT_A_TIME)) {
        tokio::time::sleep((INTERVAL * batch / batches).saturating_sub(began.elapsed())).await;
        let bodies: Vec<_> = (from..INSTANCES.min(from + AT_A_TIME))
            .map(|_| oc_tests::server::body(salesloft, &callback, &changes))
            .collect();
        let calls = bodies.iter().map(|body| server.api.post("/instances", body));
        for reply in futures_util::future::join_all(calls).await {
            let reply = reply?;
            ensure!(reply.status == 200, "an instance was refused: {}", reply.text);
        }
    }
    Ok(())
}

/// One change at the provider, which each instance finds at its next poll of people.
async fn measure(salesloft: &Salesloft, server: &Server, sink: &Sink) -> anyhow::Result<()> {
    salesloft.change(World::add_person);
    let (cpu, written, before) =
        (Usage::of(server)?, disk_bytes(server)?, figures(server, sink).await?);
    let mut lag = 0.0_f64;
    let began = Instant::now();
    while began.elapsed() < MEASURED {
        tokio::time::sleep(LOOK_EVERY).await;
        lag = lag.max(figures(server, sink).await?.lag);
    }
    let (used, after) = (cpu.until_now(server)?, figures(server, sink).await?);
    let seconds = used.wall.as_secs_f64();
    let polls = after.polls - before.polls;
    let arrived = after.arrived - before.arrived;
    println!(
        "    {:.0} polls a second ({:.2} ms of CPU each, deliveries included), {:.0} events and {:.0} notifications a second",
        polls / seconds,
        used.cpu.as_secs_f64() * 1_000.0 / polls,
        (after.events - before.events) / seconds,
        arrived / seconds,
    );
    println!(
        "    {:.0} % of a core, {:.0} MB resident, {:.0} MB at most; the longest lag of a poll was {lag:.1} s",
        100.0 * used.cpu.as_secs_f64() / seconds,
        memory(server)?.0,
        memory(server)?.1,
    );
    println!(
        "    written to disk: {:.1} KB for each poll; the file grows by {:.1} KB for each notification",
        (disk_bytes(server)? - written) / polls / 1e3,
        (after.bytes - before.bytes) / arrived / 1e3,
    );
    Ok(())
}

async fn figures(server: &Server, sink: &Sink) -> anyhow::Result<Figures> {
    let metrics = server.api.get("//metrics").await?.text;
    let sum = |name: &str| -> f64 {
        let of_it = metrics.lines().filter(|line| {
            line.strip_prefix(name).is_some_and(|rest| rest.starts_with(['{', ' ']))
        });
        of_it.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum()
    };
    Ok(Figures {
        polls: sum("oc_polls_total"),
        events: sum("oc_events_total"),
        arrived: f64::from(u32::try_from(sink.received())?),
        lag: sum("oc_poll_lag_seconds"),
        bytes: file_bytes(server)?,
    })
}

/// The database without its log.
fn file_bytes(server: &Server) -> anyhow::Result<f64> {
    let length = std::fs::metadata(server.folder().join("oc.db"))?.len();
    #[expect(clippy::cast_precision_loss, reason = "some gigabytes")]
    let bytes = length as f64;
    Ok(bytes)
}

/// What the process has had written, from `/proc`.
fn disk_bytes(server: &Server) -> anyhow::Result<f64> {
    let pid = server.pid().context("the server has ended")?;
    let counts = std::fs::read_to_string(format!("/proc/{pid}/io"))?;
    let line = counts.lines().find_map(|line| line.strip_prefix("write_bytes: "));
    line.context("/proc tells no write_bytes")?.parse().context("write_bytes")
}
