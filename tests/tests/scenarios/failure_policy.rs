//! What a failed delivery means: retried, or queued at once.

use oc_tests::salesloft::World;
use oc_tests::{Answer, Options, Server};
use serde_json::json;

use crate::story::{check_story, until_told};

const KEY: &str = "notification.webhook.failure.policy";

#[tokio::test(flavor = "multi_thread")]
async fn with_the_policy_queue_the_first_failure_queues_and_the_rest_waits_in_order()
-> anyhow::Result<()> {
    let (salesloft, receiver, server) = Server::house(Options::default()).await?;
    let queue = json!({(KEY): "queue"});
    let instance = server.create(&salesloft, &receiver.url("hook"), &queue).await?;
    receiver.answer_always(Some(Answer::Status(500)));
    salesloft.change(World::add_person);
    let path = format!("/instances/{}", instance.id);
    while server.api.get(&path).await?.body["deliveryQueuedSince"].is_null() {}
    salesloft.change(World::add_person);
    receiver.answer_always(None);
    let reactivate = "/notifications/subscriptions/deliveries?where=status='queued'";
    let done = server.api.call("PUT", reactivate, &server.api.platform(), None).await?;
    assert_eq!(done.body["subscriptions"], 1, "{}", done.text);
    until_told(&receiver, &salesloft, 0).await?;
    let failed = receiver.deliveries().into_iter().filter(|one| one.answered == 500).count();
    assert_eq!(failed, 1, "the first failure was followed by another attempt");
    check_story(&receiver, &salesloft)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_operators_policy_holds_for_instances_that_do_not_say() -> anyhow::Result<()> {
    let options = Options::default()
        .with("OC_FAILURE_POLICY", "queue")
        .with("OC_RETRY_SCHEDULE", "10ms,20ms,40ms");
    let (salesloft, receiver, server) = Server::house(options).await?;
    let silent = server.create(&salesloft, &receiver.url("silent"), &json!({})).await?;
    let retry = json!({(KEY): "retry"});
    server.create(&salesloft, &receiver.url("retry"), &retry).await?;
    receiver.answer_always(Some(Answer::Status(500)));
    salesloft.change(World::add_person);
    let attempts = |path: &'static str| {
        move |receiver: &oc_tests::Receiver| {
            receiver.deliveries().iter().filter(|one| one.path == path).count()
        }
    };
    let (silently, again) = (attempts("silent"), attempts("retry"));
    receiver.until("all attempts", |all| again(all) == 4 && silently(all) == 1).await?;
    let path = format!("/instances/{}", silent.id);
    while server.api.get(&path).await?.body["deliveryQueuedSince"].is_null() {}
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_policy_is_refused_with_its_key_and_what_is_allowed() -> anyhow::Result<()> {
    let (salesloft, receiver, server) = Server::house(Options::default()).await?;
    let drop = json!({(KEY): "drop"});
    let body = oc_tests::server::body(&salesloft, &receiver.url("hook"), &drop);
    let reply = server.api.post("/instances", &body).await?;
    assert_eq!(reply.status, 400);
    assert!(reply.text.contains(KEY), "{}", reply.text);
    assert!(reply.text.contains("retry or queue was expected"), "{}", reply.text);
    Ok(())
}
