//! (a) Reading and classifying 100,000 people of about 1.5 KB.

use oc_tests::{Options, Receiver, Salesloft, Server};
use serde_json::{Value, json};

use super::measure::{Usage, memory, polls, until_polls};

const PEOPLE: u64 = 100_000;
const POLLS: u64 = 10;

pub(super) async fn run() -> anyhow::Result<()> {
    let salesloft = Salesloft::start().await?;
    let receiver = Receiver::start().await?;
    let bytes = salesloft.change(|world, now| {
        world.padding = 430;
        for at in 0..PEOPLE.cast_signed() {
            world.add_person(now - 90_000_000_000 + at * 10_000);
        }
        world.shown_size("people", 1)
    });
    println!("\n(a) {PEOPLE} people of {bytes} bytes over loopback, {} a page", 100);
    unchanged(&salesloft, &receiver, "unchanged, told by their dates", true).await?;
    unchanged(&salesloft, &receiver, "unchanged, told by their fingerprints", false).await?;
    changed(&salesloft).await
}

/// A url that reads everything on every poll.
fn everything(by_dates: bool) -> Value {
    json!({"contacts": {
        "url": "/hubs/crm/contacts?where=updated_at>='2020-01-01T00:00:00Z'",
        "idField": "id", "filterByUpdatedDate": by_dates,
        "datesConfiguration": {"updatedDateField": "updated_at", "createdDateField": "created_at"},
    }})
}

async fn unchanged(
    salesloft: &Salesloft,
    receiver: &Receiver,
    title: &str,
    by_dates: bool,
) -> anyhow::Result<()> {
    let server = Server::start(salesloft, Options::default()).await?;
    let changes = json!({"event.poller.configuration": everything(by_dates)});
    let instance = server.create(salesloft, &receiver.url("hook"), &changes).await?;
    let first = polls(&server, instance.id).await? + 1;
    until_polls(&server, instance.id, first).await?;
    let (before, from) = (Usage::of(&server)?, polls(&server, instance.id).await?);
    until_polls(&server, instance.id, from + POLLS).await?;
    let used = before.until_now(&server)?;
    #[expect(clippy::cast_precision_loss, reason = "a few hundred thousand")]
    let records = (PEOPLE * POLLS) as f64;
    println!(
        "    {title}: {:.0} records per CPU second, {:.0} per second, peak {:.0} MB",
        records / used.cpu.as_secs_f64(),
        records / used.wall.as_secs_f64(),
        memory(&server)?.1
    );
    Ok(())
}

/// Every record is news: events, fingerprints and notifications are stored durably.
async fn changed(salesloft: &Salesloft) -> anyhow::Result<()> {
    // Deliveries are not what is measured: a process that only polls.
    let server = Server::start(salesloft, Options::default().role("api,poll")).await?;
    let still = json!({"event.poller.refresh_interval": "0.05"});
    let instance = server.create(salesloft, "http://127.0.0.1:9/", &still).await?;
    salesloft.change(|world, now| {
        for (at, id) in (0_i64..).zip(world.ids("people")) {
            world.touch_person(id, now + at);
        }
    });
    let from = polls(&server, instance.id).await?;
    let before = Usage::of(&server)?;
    loop {
        until_polls(&server, instance.id, from + 1).await?;
        let path = format!("/instances/{}/event-poller-records", instance.id);
        let row = server.api.get(&path).await?.body[0].clone();
        if row["waiting"].as_u64().unwrap_or(0) >= PEOPLE / 10 {
            break;
        }
    }
    let used = before.until_now(&server)?;
    #[expect(clippy::cast_precision_loss, reason = "a hundred thousand")]
    let records = PEOPLE as f64;
    let took = poll_seconds(&server).await?;
    println!(
        "    all changed, stored durably: {:.0} records per second ({:.0} per CPU second), peak {:.0} MB",
        records / took,
        records / used.cpu.as_secs_f64(),
        memory(&server)?.1
    );
    Ok(())
}

/// How long the longest poll took, as the server's own histogram has it.
async fn poll_seconds(server: &Server) -> anyhow::Result<f64> {
    let metrics = server.api.get("//metrics").await?.text;
    let mut found = 0.0_f64;
    for line in metrics.lines().filter(|line| line.starts_with("oc_poll_seconds_sum")) {
        found = found.max(line.rsplit(' ').next().unwrap_or_default().parse()?);
    }
    Ok(found)
}
