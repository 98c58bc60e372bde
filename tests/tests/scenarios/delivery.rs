//! The receiver is slow, wrong, down, or gone.

use oc_tests::receiver::repeats;
use oc_tests::salesloft::World;
use oc_tests::{Answer, Options};
use serde_json::json;

use crate::story::{check_story, house, until_told};

fn impatient() -> Options {
    Options::default()
        .with("OC_RETRY_SCHEDULE", "50ms,100ms,200ms,400ms,800ms,1600ms,3200ms")
        .with("OC_CALLBACK_TIMEOUT", "300ms")
}

#[tokio::test(flavor = "multi_thread")]
async fn notifications_are_signed_batched_and_in_the_documented_form() -> anyhow::Result<()> {
    let (salesloft, receiver, _server, instance) = house(Options::default()).await?;
    salesloft.change(|world, now| {
        for at in 0..25 {
            world.add_person(now + at);
        }
    });
    until_told(&receiver, &salesloft, 0).await?;
    check_story(&receiver, &salesloft)?;
    let deliveries = receiver.deliveries();
    let sizes =
        deliveries.iter().map(|one| one.body["message"]["events"].as_array().unwrap().len());
    assert!(sizes.clone().all(|size| size <= 10), "{:?}", sizes.collect::<Vec<_>>());
    let first = &deliveries[0];
    let message = &first.body["message"];
    assert_eq!(message["instanceId"], instance.id);
    assert_eq!(message["instanceName"], "API Instance with Polling");
    assert_eq!(message["instanceTags"], json!(["Docs"]));
    assert_eq!(message["events"], message["raw"]["events"]);
    let event = &message["events"][0];
    assert_eq!(
        (&event["objectType"], &event["eventType"]),
        (&json!("contacts"), &json!("CREATED"))
    );
    assert_eq!((&event["elementKey"], &event["hubKey"]), (&json!("salesloft"), &json!("crm")));
    assert_eq!(
        message["raw"]["contacts"][0]["id"].to_string(),
        event["objectId"].as_str().unwrap()
    );
    assert_eq!(first.headers["content-type"], "application/json");
    assert_eq!(first.headers["elements-delivery-attempt"], "1");
    assert!(first.headers["user-agent"].to_str()?.starts_with("open-connectors/"));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_fails_in_every_way_gets_everything_in_order() -> anyhow::Result<()> {
    let (salesloft, receiver, _server, _) = house(impatient()).await?;
    receiver.answer_next([
        Answer::Status(500),
        Answer::Cut,
        Answer::Status(200),
        Answer::Header(302, "location", "http://127.0.0.1:1/".to_owned()),
        Answer::Hang,
        Answer::Header(503, "retry-after", "1".to_owned()),
    ]);
    for _ in 0..4 {
        salesloft.change(|world, now| {
            for at in 0..15 {
                world.add_person(now + at);
            }
        });
        until_told(&receiver, &salesloft, 0).await?;
    }
    check_story(&receiver, &salesloft)?;
    let repeated = repeats(&receiver.deliveries()).into_values().max();
    assert!(repeated >= Some(2), "{repeated:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_was_down_gets_all_that_waited() -> anyhow::Result<()> {
    let (salesloft, receiver, server, instance) = house(impatient()).await?;
    receiver.answer_always(Some(Answer::Status(503)));
    salesloft.change(|world, now| {
        for at in 0..40 {
            world.add_person(now + at);
        }
    });
    receiver.until("three attempts", |receiver| receiver.deliveries().len() >= 3).await?;
    let attempts = receiver.deliveries();
    assert!(attempts.iter().all(|one| one.id == attempts[0].id), "a later one overtook");
    let metrics = server.api.get("//metrics").await?.text;
    assert!(metrics.contains("oc_outbox_notifications"), "{metrics}");
    receiver.answer_always(None);
    until_told(&receiver, &salesloft, 0).await?;
    check_story(&receiver, &salesloft)?;
    let _ = instance;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_given_up_waits_in_the_queue_and_a_new_callback_gets_it() -> anyhow::Result<()> {
    let (salesloft, receiver, server, instance) =
        house(impatient().with("OC_RETRY_SCHEDULE", "20ms,40ms")).await?;
    receiver.answer_always(Some(Answer::Status(410)));
    salesloft.change(World::add_person);
    let path = format!("/instances/{}", instance.id);
    while server.api.get(&path).await?.body["deliveryQueuedSince"].is_null() {}
    assert_eq!(receiver.deliveries().len(), 1, "410 was followed by another attempt");
    salesloft.change(World::add_person);
    receiver.answer_always(None);
    let moved =
        json!({"configuration": {"event.notification.callback.url": receiver.url("moved")}});
    let reply = server.api.send("PATCH", &path, &moved).await?;
    assert_eq!(reply.status, 200, "{}", reply.text);
    until_told(&receiver, &salesloft, 0).await?;
    check_story(&receiver, &salesloft)?;
    let accepted = receiver.deliveries().into_iter().filter(|one| one.answered == 200);
    assert!(accepted.clone().count() > 0 && accepted.into_iter().all(|one| one.path == "moved"));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_receiver_delays_nobody_else() -> anyhow::Result<()> {
    let (salesloft, receiver, server, _) = house(Options::default()).await?;
    let dead = oc_tests::Receiver::start().await?;
    dead.answer_always(Some(Answer::Hang));
    for _ in 0..5 {
        server.create(&salesloft, &dead.url("dead"), &json!({})).await?;
    }
    for _ in 0..5 {
        salesloft.change(World::add_person);
        until_told(&receiver, &salesloft, 0).await?;
    }
    check_story(&receiver, &salesloft)
}
