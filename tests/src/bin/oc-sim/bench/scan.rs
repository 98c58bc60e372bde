//! (a) Reading and classifying 100,000 people of about 1.5 KB.

use std::time::Duration;

use oc_tests::{Options, Receiver, Salesloft, Server};
use serde_json::{Value, json};

use super::measure::{Cost, Usage, polls, until_polls};

const PEOPLE: u32 = 100_000;
const POLLS: u32 = 10;

pub(super) async fn run() -> anyhow::Result<()> {
    let salesloft = Salesloft::start().await?;
    let bytes = fill(&salesloft, PEOPLE);
    println!("\n(a) {PEOPLE} people of {bytes} bytes over loopback, 100 a page");
    for (title, cost) in costs(&salesloft, PEOPLE).await? {
        println!(
            "    {title}: {:.0} records per CPU second, {:.0} per second, peak {:.0} MB",
            cost.per_cpu_second(),
            cost.per_second(),
            cost.peak
        );
    }
    Ok(())
}

/// Gives the provider so many people; tells how many bytes one is shown with.
pub(crate) fn fill(salesloft: &Salesloft, people: u32) -> usize {
    salesloft.change(|world, now| {
        world.padding = 430;
        for at in 0..i64::from(people) {
            world.add_person(now - 90_000_000_000 + at * 10_000);
        }
        world.shown("people", 1).map_or(0, str::len)
    })
}

/// What it costs to read and classify all of these people, when nothing and when everything is new.
pub(crate) async fn costs(
    salesloft: &Salesloft,
    people: u32,
) -> anyhow::Result<[(&'static str, Cost); 3]> {
    let receiver = Receiver::start().await?;
    let (title, others) =
        ("unchanged, told by their dates", "unchanged, told by their fingerprints");
    Ok([
        (title, unchanged(salesloft, &receiver, people, true).await?),
        (others, unchanged(salesloft, &receiver, people, false).await?),
        ("all changed, stored durably", changed(salesloft, people).await?),
    ])
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
    people: u32,
    by_dates: bool,
) -> anyhow::Result<Cost> {
    let server = Server::start(salesloft, Options::default()).await?;
    let changes = json!({"event.poller.configuration": everything(by_dates)});
    let instance = server.create(salesloft, &receiver.url("hook"), &changes).await?;
    let first = polls(&server, instance.id).await? + 1;
    until_polls(&server, instance.id, first).await?;
    let (before, from) = (Usage::of(&server)?, polls(&server, instance.id).await?);
    until_polls(&server, instance.id, from + u64::from(POLLS)).await?;
    let used = before.until_now(&server)?;
    Cost::new(f64::from(people) * f64::from(POLLS), used, &server)
}

/// Every record is news: events, fingerprints and notifications are stored durably.
async fn changed(salesloft: &Salesloft, people: u32) -> anyhow::Result<Cost> {
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
        if row["waiting"].as_u64().unwrap_or(0) >= u64::from(people / 10) {
            break;
        }
    }
    let used = before.until_now(&server)?;
    let mut cost = Cost::new(f64::from(people), used, &server)?;
    cost.wall = poll_seconds(&server, polls(&server, instance.id).await?).await?;
    Ok(cost)
}

/// How long so many polls took, as the server's own histogram has it a moment after they ended. One
/// of them read everything; the others found nothing.
async fn poll_seconds(server: &Server, polls: u64) -> anyhow::Result<f64> {
    loop {
        let metrics = server.api.get("//metrics").await?.text;
        let of = |name: &str| -> f64 {
            let line = metrics.lines().find(|line| line.starts_with(name));
            line.and_then(|line| line.rsplit(' ').next()?.parse().ok()).unwrap_or(0.0)
        };
        #[expect(clippy::cast_precision_loss, reason = "a few")]
        if of("oc_poll_seconds_count") >= polls as f64 {
            return Ok(of("oc_poll_seconds_sum"));
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
