//! (e) A million people: the initial load of all of them, and a poll that reads all of them.

use std::time::{Duration, Instant};

use oc_tests::{Options, Salesloft, Server};
use serde_json::{Value, json};

use super::measure::{Usage, memory, polls, until_polls};

const PEOPLE: i64 = 1_000_000;

pub(super) async fn run() -> anyhow::Result<()> {
    let salesloft = Salesloft::start().await?;
    salesloft.change(|world, now| {
        for at in 0..PEOPLE {
            world.add_person(now - 90_000_000_000 + at * 10_000);
        }
    });
    println!("\n(e) {PEOPLE} people, 100 a page");
    load(&salesloft).await?;
    poll(&salesloft).await
}

fn contacts(keys: &Value) -> Value {
    let mut contacts = json!({
        "url": "/hubs/crm/contacts?where=updated_at>='${date:yyyy-MM-dd'T'HH:mm:ssXXX}'",
        "idField": "id",
        "datesConfiguration": {"updatedDateField": "updated_at", "createdDateField": "created_at"},
    });
    for (key, value) in keys.as_object().into_iter().flatten() {
        contacts[key] = value.clone();
    }
    json!({"event.poller.configuration": json!({"contacts": contacts}).to_string()})
}

/// Everything is told as created and remembered, a page a transaction.
async fn load(salesloft: &Salesloft) -> anyhow::Result<()> {
    let server = Server::start(salesloft, Options::default().role("api,poll")).await?;
    let idle = memory(&server)?.0;
    let all = contacts(&json!({"initial": "all"}));
    let before = Usage::of(&server)?;
    let instance = server.create(salesloft, "http://127.0.0.1:9/", &all).await?;
    let (path, began) =
        (format!("/instances/{}/event-poller-records", instance.id), Instant::now());
    while server.api.get(&path).await?.body[0]["task"]["state"] != "read" {
        anyhow::ensure!(began.elapsed() < Duration::from_secs(600), "not within ten minutes");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let used = before.until_now(&server)?;
    #[expect(clippy::cast_precision_loss, reason = "a million")]
    let records = PEOPLE as f64;
    println!(
        "    loaded and stored durably beside polls: {:.0} records per second ({:.0} per CPU second), peak {:.0} MB, {:.0} MB when idle",
        records / used.wall.as_secs_f64(),
        records / used.cpu.as_secs_f64(),
        memory(&server)?.1,
        idle
    );
    Ok(())
}

/// One poll that reads all of them and finds nothing new.
async fn poll(salesloft: &Salesloft) -> anyhow::Result<()> {
    let server = Server::start(salesloft, Options::default().role("api,poll")).await?;
    let idle = memory(&server)?.0;
    let url = "/hubs/crm/contacts?where=updated_at>='2020-01-01T00:00:00Z'";
    let instance =
        server.create(salesloft, "http://127.0.0.1:9/", &contacts(&json!({"url": url}))).await?;
    let first = polls(&server, instance.id).await? + 1;
    until_polls(&server, instance.id, first).await?;
    println!(
        "    one poll of all of them: peak {:.0} MB, {idle:.0} MB when idle",
        memory(&server)?.1
    );
    Ok(())
}
