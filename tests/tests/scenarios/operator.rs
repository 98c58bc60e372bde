//! The operator is told what needs somebody.

use oc_tests::receiver::is_signed;
use oc_tests::salesloft::World;
use oc_tests::{Answer, Options, Receiver, Salesloft, Server};
use serde_json::{Value, json};

use crate::story::{check_story, until_told};

const KEY: &str = "operator-s3cret";

fn types(operator: &Receiver) -> Vec<Value> {
    let arrived = operator.deliveries().into_iter().filter(|one| one.answered == 200);
    arrived.map(|one| one.body["type"].clone()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_operator_is_told_of_queued_deliveries_whatever_becomes_of_the_first_attempt()
-> anyhow::Result<()> {
    let (salesloft, receiver) = (Salesloft::start().await?, Receiver::start().await?);
    let operator = Receiver::start().await?;
    // Only what tenants set needs its network to be opened.
    let options = Options::default()
        .with("OC_RETRY_SCHEDULE", "10ms,20ms")
        .with("OC_PROBE_INTERVAL", "500ms")
        .with("OC_OPERATOR_URL", &operator.url("notices"))
        .with("OC_OPERATOR_KEY", KEY);
    let server = Server::start(&salesloft, options).await?;
    let instance = server.create(&salesloft, &receiver.url("hook"), &json!({})).await?;
    operator.answer_next([Answer::Header(503, "retry-after", "0".to_owned())]);
    receiver.answer_always(Some(Answer::Status(503)));
    salesloft.change(World::add_person);
    let path = format!("/instances/{}", instance.id);
    while server.api.get(&path).await?.body["deliveryQueued"].is_null() {}
    receiver.answer_always(None);
    until_told(&receiver, &salesloft, 0).await?;
    check_story(&receiver, &salesloft)?;
    operator.until("both notices", |operator| types(operator).len() == 2).await?;
    assert_eq!(types(&operator), ["deliveries.queued", "deliveries.resumed"]);
    let attempts = operator.deliveries();
    assert_eq!(attempts.len(), 3);
    assert_eq!(attempts[0].bytes, attempts[1].bytes);
    assert_eq!(attempts[0].headers["webhook-id"], attempts[1].headers["webhook-id"]);
    for attempt in &attempts {
        assert!(is_signed(attempt, KEY));
        assert_eq!(attempt.body["data"]["id"], attempt.headers["webhook-id"].to_str()?);
        assert_eq!(attempt.body["data"]["instanceId"], instance.id);
    }
    let reason = &attempts[0].body["data"]["details"]["reason"];
    assert_eq!(reason, "the receiver answered 503");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_that_never_answers_holds_nothing_up() -> anyhow::Result<()> {
    let (salesloft, receiver) = (Salesloft::start().await?, Receiver::start().await?);
    let operator = Receiver::start().await?;
    operator.answer_always(Some(Answer::Hang));
    let options = Options::default()
        .with("OC_RETRY_SCHEDULE", "10ms")
        .with("OC_PROBE_INTERVAL", "100ms")
        .with("OC_OPERATOR_URL", &operator.url("notices"));
    let mut server = Server::start(&salesloft, options).await?;
    server.create(&salesloft, &receiver.url("hook"), &json!({})).await?;
    receiver.answer_next([Answer::Status(500), Answer::Status(500)]);
    salesloft.change(World::add_person);
    operator.until("a notice", |operator| !operator.deliveries().is_empty()).await?;
    salesloft.change(World::add_person);
    until_told(&receiver, &salesloft, 0).await?;
    check_story(&receiver, &salesloft)?;
    assert_eq!(server.terminate().await?, Some(0));
    Ok(())
}
