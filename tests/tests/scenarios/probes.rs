//! A receiver that was given up is tried again by itself.

use oc_tests::salesloft::World;
use oc_tests::{Answer, Options, Server};
use serde_json::{Value, json};

use crate::story::{check_story, house, until_told};

fn eager(interval: &str) -> Options {
    Options::default()
        .with("OC_RETRY_SCHEDULE", "10ms,20ms")
        .with("OC_CALLBACK_TIMEOUT", "5s")
        .with("OC_PROBE_INTERVAL", interval)
        .with("OC_PROBE_MOST", interval)
}

async fn queued(server: &Server, path: &str) -> anyhow::Result<Value> {
    Ok(server.api.get(path).await?.body["deliveryQueued"].take())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_recovers_is_found_by_a_probe_and_gets_everything_in_order()
-> anyhow::Result<()> {
    let (salesloft, receiver, mut server, instance) = house(eager("300ms")).await?;
    receiver.answer_always(Some(Answer::Status(503)));
    salesloft.change(World::add_person);
    let path = format!("/instances/{}", instance.id);
    while queued(&server, &path).await?["failedProbes"].as_u64() < Some(1) {}
    salesloft.change(World::add_person);
    server.kill().await?;
    server.start_again().await?;
    let before = receiver.deliveries().len();
    receiver.until("a probe after the kill", |all| all.deliveries().len() > before).await?;
    let shown = queued(&server, &path).await?;
    assert_eq!(shown["reason"], "the receiver answered 503", "{shown}");
    assert!(shown["waiting"].as_u64() >= Some(1) && shown["nextProbe"].is_string(), "{shown}");
    let ids = receiver.deliveries();
    assert!(ids.iter().all(|one| one.id == ids[0].id), "more than one notification was tried");
    receiver.answer_always(None);
    until_told(&receiver, &salesloft, 0).await?;
    check_story(&receiver, &salesloft)?;
    while !queued(&server, &path).await?.is_null() {}
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_instance_that_wants_no_probes_waits_for_somebody() -> anyhow::Result<()> {
    let (salesloft, receiver, server) = Server::house(eager("20ms")).await?;
    let silent = json!({"event.notification.probe": false});
    let silent = server.create(&salesloft, &receiver.url("silent"), &silent).await?;
    server.create(&salesloft, &receiver.url("probed"), &json!({})).await?;
    receiver.answer_always(Some(Answer::Status(500)));
    salesloft.change(World::add_person);
    let attempts = |receiver: &oc_tests::Receiver, path: &str| {
        receiver.deliveries().iter().filter(|one| one.path == path).count()
    };
    let path = format!("/instances/{}", silent.id);
    while queued(&server, &path).await?.is_null() {}
    receiver.until("probes of the other", |all| attempts(all, "probed") >= 8).await?;
    assert_eq!(attempts(&receiver, "silent"), 3);
    assert_eq!(queued(&server, &path).await?["nextProbe"], Value::Null);
    Ok(())
}
