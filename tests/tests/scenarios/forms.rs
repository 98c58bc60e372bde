//! The form of notifications: CloudEvents, and what becomes of others when it changes.

use oc_tests::receiver::{Delivery, Receiver};
use oc_tests::salesloft::World;
use oc_tests::{Answer, Options, Server};
use serde_json::json;

use crate::story::{check_story, until_told};

const CLOUD_EVENT: &str = "application/cloudevents+json; charset=UTF-8";

fn content_type(delivery: &Delivery) -> &str {
    delivery.headers["content-type"].to_str().unwrap_or_default()
}

/// The deliveries of such a form.
fn of_form<'a>(all: &'a [Delivery], form: &str) -> Vec<&'a Delivery> {
    all.iter().filter(|one| content_type(one) == form).collect()
}

fn is_replay(delivery: &Delivery) -> bool {
    delivery.headers.contains_key("elements-replay")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cloud_event_is_the_same_over_retry_replay_and_a_change_of_the_form() -> anyhow::Result<()>
{
    let options = Options::default().with("OC_RETRY_SCHEDULE", "50ms,100ms,200ms");
    let (salesloft, receiver, server) = Server::house(options).await?;
    let form = json!({"event.notification.format": "cloudevents"});
    let instance = server.create(&salesloft, &receiver.url("hook"), &form).await?;
    receiver.answer_next([Answer::Status(500)]);
    salesloft.change(World::add_person);
    until_told(&receiver, &salesloft, 0).await?;
    let first = receiver.deliveries();
    let (failed, arrived) = (&first[0], &first[1]);
    assert_eq!((failed.answered, arrived.answered), (500, 200));
    assert!(failed.id == arrived.id && failed.bytes == arrived.bytes);
    assert_eq!(arrived.body["id"], arrived.id);
    assert_eq!(arrived.headers["webhook-id"], arrived.id);
    assert_eq!(arrived.body["source"], format!("/elements/api-v2/instances/{}", instance.id));
    assert_eq!(of_form(&first, CLOUD_EVENT).len(), first.len());

    let path = format!("/instances/{}", instance.id);
    let audited = server.api.get(&format!("{path}/events/{}", arrived.id)).await?.body;
    assert_eq!(audited["events"], arrived.body["data"]["events"]);
    assert_eq!(audited["instanceName"], instance.answer["name"]);
    let old = json!({"configuration": {"event.notification.format": "elements"}});
    assert_eq!(server.api.send("PATCH", &path, &old).await?.status, 200);
    salesloft.change(World::add_person);
    until_told(&receiver, &salesloft, 0).await?;
    let replay = format!("{path}/events/{}/replay", arrived.id);
    assert_eq!(server.api.post(&replay, &json!({})).await?.status, 200);
    let replayed = |receiver: &Receiver| receiver.deliveries().iter().any(is_replay);
    receiver.until("the replay", replayed).await?;
    let all = receiver.deliveries();
    let again = all.iter().find(|one| is_replay(one)).map(|one| (&one.bytes, content_type(one)));
    assert_eq!(again, Some((&arrived.bytes, CLOUD_EVENT)));
    let elements = of_form(&all, "application/json");
    assert!(!elements.is_empty() && elements.iter().all(|one| one.body["message"].is_object()));
    check_story(&receiver, &salesloft)
}

#[tokio::test(flavor = "multi_thread")]
async fn another_key_takes_up_what_its_receiver_has_refused() -> anyhow::Result<()> {
    let options = Options::default().with("OC_RETRY_SCHEDULE", "20ms,40ms");
    let (salesloft, receiver, server) = Server::house(options).await?;
    let instance = server.create(&salesloft, &receiver.url("hook"), &json!({})).await?;
    receiver.expect_key("another");
    salesloft.change(World::add_person);
    let path = format!("/instances/{}", instance.id);
    while server.api.get(&path).await?.body["deliveryQueuedSince"].is_null() {}
    let key = json!({"configuration": {"event.notification.signature.key": "another"}});
    assert_eq!(server.api.send("PATCH", &path, &key).await?.status, 200);
    until_told(&receiver, &salesloft, 0).await
}
