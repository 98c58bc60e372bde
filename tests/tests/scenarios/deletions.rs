//! What has gone is told as DELETED, once and only then (polling.md, `detectDeletes`).

use std::time::Duration;

use oc_tests::{Instance, Options, Receiver, Salesloft, Server};
use serde_json::{Value, json};

use crate::initial::contacts;

/// The longest that anything here takes.
const PATIENCE: Duration = Duration::from_secs(60);

/// Three hundredths of a minute: a sweep every two seconds.
fn detecting(most: f64) -> Value {
    contacts(&json!({"detectDeletes": {"every": 0.03, "most": most}}))
}

fn told(receiver: &Receiver) -> Vec<(String, String)> {
    receiver.told().into_iter().map(|one| (one.object, one.kind)).collect()
}

fn event(id: u64, kind: &str) -> (String, String) {
    (id.to_string(), kind.to_owned())
}

/// The task of the only resource, when `is` holds of it.
async fn task(
    server: &Server,
    instance: &Instance,
    is: impl Fn(&Value) -> bool,
) -> anyhow::Result<Value> {
    let begun = std::time::Instant::now();
    loop {
        let path = format!("/instances/{}/event-poller-records", instance.id);
        let record = server.api.get(&path).await?.body[0].clone();
        if is(&record) {
            return Ok(record);
        }
        anyhow::ensure!(begun.elapsed() < PATIENCE, "{record}");
    }
}

async fn house(
    people: i64,
    configuration: &Value,
) -> anyhow::Result<(Salesloft, Receiver, Server, Instance, Vec<u64>)> {
    let (salesloft, receiver, server) = Server::house(Options::default()).await?;
    let ids = salesloft.change(|world, now| {
        (0..people).map(|number| world.add_person(now - 86_400_000_000 + number)).collect()
    });
    let instance = server.create(&salesloft, &receiver.url("hook"), configuration).await?;
    let noted = |record: &Value| record["task"]["kind"] == "deletions";
    task(&server, &instance, noted).await?;
    Ok((salesloft, receiver, server, instance, ids))
}

#[tokio::test(flavor = "multi_thread")]
async fn what_goes_is_told_once_and_what_comes_back_is_created() -> anyhow::Result<()> {
    let (salesloft, receiver, server, instance, ids) = house(250, &detecting(0.2)).await?;
    salesloft.change(|world, _| world.delete_person(ids[7]));
    receiver.until("a deletion", |receiver| !receiver.told().is_empty()).await?;
    let swept = |record: &Value| record["lastSweep"]["tracked"] == 249;
    let record = task(&server, &instance, swept).await?;
    assert_eq!(record["lastSweep"]["deleted"], 0, "{record}");
    let body = &receiver.deliveries()[0].body["message"];
    assert_eq!(body["raw"]["contacts"][0], json!({"id": ids[7]}));
    salesloft.change(|world, now| world.restore("people", ids[7], now - 3_600_000_000));
    receiver.until("its return", |receiver| receiver.told().len() >= 2).await?;
    salesloft.change(|world, _| world.delete_person(ids[7]));
    receiver.until("its end", |receiver| receiver.told().len() >= 3).await?;
    let expected = [event(ids[7], "DELETED"), event(ids[7], "CREATED"), event(ids[7], "DELETED")];
    assert_eq!(told(&receiver), expected);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sweep_that_finds_too_much_gone_waits_for_an_answer() -> anyhow::Result<()> {
    let (salesloft, receiver, server, instance, ids) = house(10, &detecting(0.2)).await?;
    salesloft.change(|world, _| ids[..3].iter().for_each(|id| world.delete_person(*id)));
    let asks = |record: &Value| record["task"]["state"] == "asking";
    let record = task(&server, &instance, asks).await?;
    assert_eq!((&record["task"]["missing"], &record["task"]["tracked"]), (&json!(3), &json!(10)));
    let shown = server.api.get(&format!("/instances/{}", instance.id)).await?.body;
    assert_eq!(shown["tasks"][0]["state"], "asking", "{shown}");
    let path = format!("/instances/{}/event-poller-records/contacts/deletions", instance.id);
    let kept = server.api.send("PUT", &path, &json!({"send": false})).await?;
    assert_eq!((kept.status, &kept.body["objects"]), (200, &json!(3)), "{}", kept.text);
    let again = server.api.send("PUT", &path, &json!({"send": false})).await?;
    assert_eq!(again.status, 409, "{}", again.text);
    let wrong = server.api.send("PUT", &path, &json!({"sent": true})).await?;
    assert_eq!(wrong.status, 400, "{}", wrong.text);
    task(&server, &instance, asks).await?;
    assert!(receiver.told().is_empty());
    server.api.send("PUT", &path, &json!({"send": true})).await?;
    receiver.until("three deletions", |receiver| receiver.told().len() >= 3).await?;
    let expected: Vec<_> = ids[..3].iter().map(|id| event(*id, "DELETED")).collect();
    let mut found = told(&receiver);
    found.sort();
    assert_eq!(found, expected);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn where_whole_lists_are_compared_two_sweeps_have_to_agree() -> anyhow::Result<()> {
    let (salesloft, receiver, server) = Server::house(Options::default()).await?;
    let none = serde_json::Map::new();
    let ids: Vec<u64> =
        salesloft.change(|world, now| (0..10).map(|_| world.add("users", now, &none)).collect());
    let users = json!({"users": {"url": "/hubs/crm/users", "idField": "id", "detectDeletes": {"every": 0.03}}});
    let changes = json!({"event.poller.configuration": users.to_string()});
    let instance = server.create(&salesloft, &receiver.url("hook"), &changes).await?;
    let all = |record: &Value| record["lastSweep"]["tracked"] == 10;
    task(&server, &instance, all).await?;
    salesloft.change(|world, _| world.delete("users", ids[4]));
    receiver.until("a deletion", |receiver| !receiver.told().is_empty()).await?;
    assert_eq!(told(&receiver), [event(ids[4], "DELETED")]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_found_out_is_refused() -> anyhow::Result<()> {
    let (salesloft, receiver, server) = Server::house(Options::default()).await?;
    let actions = json!({"actions": {"url": "/hubs/crm/actions?where=updated_at>='${date:yyyy}'", "idField": "id", "detectDeletes": {"every": 60}}});
    let changes = json!({"event.poller.configuration": actions.to_string()});
    let body = oc_tests::server::body(&salesloft, &receiver.url("hook"), &changes);
    let refused = server.api.post("/instances", &body).await?;
    assert_eq!(refused.status, 400, "{}", refused.text);
    assert!(
        refused.text.contains("no way to find out what is gone from `actions`"),
        "{}",
        refused.text
    );
    Ok(())
}
