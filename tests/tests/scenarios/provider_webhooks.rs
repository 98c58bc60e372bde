//! Changes that the provider tells by itself: subscribed to, checked, told once, and never lost.

use anyhow::Context as _;
use oc_tests::salesloft::Subscription;
use oc_tests::{Fault, Instance, Options, Receiver, Salesloft, Server};
use serde_json::{Value, json};

use crate::story::{check_story, until_told};

const EVENTS: [&str; 3] = ["person_created", "person_deleted", "person_updated"];

/// A simulator, a receiver, and a server that the simulator can reach, also after it was killed.
async fn house() -> anyhow::Result<(Salesloft, Receiver, Server)> {
    let address = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.to_string();
    let options = Options::default()
        .with("OC_LISTEN", &address)
        .with("OC_PUBLIC_URL", &format!("http://{address}"));
    Server::house(options).await
}

/// An instance that is told by the provider, and polled every hour unless `changes` says otherwise.
async fn create(
    (salesloft, receiver, server): &(Salesloft, Receiver, Server),
    changes: &Value,
) -> anyhow::Result<Instance> {
    let mut all = json!({"event.vendor.type": "webhook", "event.poller.refresh_interval": 60});
    for (key, value) in changes.as_object().context("an object")? {
        all[key] = value.clone();
    }
    server.create(salesloft, &receiver.url("hook"), &all).await
}

fn subscriptions(salesloft: &Salesloft) -> Vec<Subscription> {
    salesloft.with(|provider| provider.webhooks.subscriptions.clone())
}

fn subscribed(salesloft: &Salesloft) -> Vec<String> {
    let mut events: Vec<String> =
        subscriptions(salesloft).into_iter().map(|one| one.event).collect();
    events.sort();
    events
}

/// Waits until the provider has exactly the subscriptions of contacts.
async fn until_subscribed(salesloft: &Salesloft, receiver: &Receiver) -> anyhow::Result<()> {
    receiver.until("subscriptions", |_| subscribed(salesloft) == EVENTS).await
}

/// Waits until so many deliveries of the provider were answered with a status.
async fn until_answered(
    salesloft: &Salesloft,
    receiver: &Receiver,
    status: u16,
    count: usize,
) -> anyhow::Result<()> {
    let answered = |provider: &mut oc_tests::salesloft::Provider| {
        provider.webhooks.tried.iter().filter(|one| one.status == status).count()
    };
    let what = format!("{count} answers {status}");
    receiver.until(&what, |_| salesloft.with(answered) >= count).await
}

/// Waits until the instance's webhooks look as `enough` says.
async fn until_shown(
    server: &Server,
    instance: &Instance,
    enough: impl Fn(&Value) -> bool,
) -> anyhow::Result<()> {
    let waiting = async {
        loop {
            let shown = server.api.get(&format!("/instances/{}", instance.id)).await?.body;
            if enough(&shown["webhooks"]) {
                return anyhow::Ok(());
            }
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(60), waiting).await?
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_arrives_by_webhook_long_before_the_next_poll() -> anyhow::Result<()> {
    let house = house().await?;
    let instance = create(&house, &json!({"event.notification.format": "cloudevents"})).await?;
    let (salesloft, receiver, server) = &house;
    until_subscribed(salesloft, receiver).await?;
    until_shown(server, &instance, |shown| shown["subscribed"] == json!(EVENTS)).await?;
    let all = subscriptions(salesloft);
    let (url, token) = (&all[0].url, &all[0].token);
    assert!(url.starts_with(&format!("{}/elements/api-v2/events/salesloft/", server.api.url())));
    assert!(token.len() >= 32 && all.iter().all(|one| one.url == *url && one.token == *token));
    assert!(!instance.answer.to_string().contains(token.as_str()));

    let id = salesloft.change(oc_tests::salesloft::World::add_person);
    receiver.until("the person", |receiver| receiver.told().len() == 1).await?;
    salesloft.change(|world, now| world.touch_person(id, now));
    receiver.until("its change", |receiver| receiver.told().len() == 2).await?;
    salesloft.change(|world, _| world.delete_person(id));
    receiver.until("its end", |receiver| receiver.told().len() == 3).await?;
    let kinds: Vec<String> = receiver.told().into_iter().map(|told| told.kind).collect();
    assert_eq!(kinds, ["CREATED", "UPDATED", "DELETED"]);
    assert!(receiver.deliveries().iter().all(|one| one.body["specversion"] == "1.0"));
    assert!(receiver.faults().is_empty(), "{:?}", receiver.faults());
    let asked = salesloft.with(|provider| provider.asked.clone());
    assert!(asked.is_empty(), "nothing was polled: {asked:?}");
    assert!(!server.log().contains(token.as_str()));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delivery_with_a_wrong_signature_is_refused_and_its_repeat_is_told() -> anyhow::Result<()>
{
    let house = house().await?;
    create(&house, &json!({})).await?;
    let (salesloft, receiver, server) = &house;
    until_subscribed(salesloft, receiver).await?;
    salesloft.with(|provider| provider.webhooks.forged = 2);
    salesloft.change(oc_tests::salesloft::World::add_person);
    until_answered(salesloft, receiver, 401, 2).await?;
    until_answered(salesloft, receiver, 200, 1).await?;
    receiver.until("the person", |receiver| receiver.told().len() == 1).await?;

    let url = subscriptions(salesloft)[0].url.clone();
    let path = url.strip_prefix(server.api.url()).context("our own url")?;
    let path = format!("/{path}");
    let post = |path: String, headers: Vec<(&'static str, &'static str)>, body: String| async move {
        let headers: Vec<(&str, &str)> = headers;
        anyhow::Ok(server.api.call_with("POST", &path, &headers, Some(body)).await?.status)
    };
    let event = ("x-salesloft-event", "person_created");
    let signed = ("x-salesloft-signature", "de7c9b85b8b78aa6bc8a7a36f70a90701c9db4d9");
    assert_eq!(post(path.clone(), vec![event], "{\"id\":1}".to_owned()).await?, 401);
    assert_eq!(post(path.clone(), vec![event, signed], "{\"id\":1}".to_owned()).await?, 401);
    assert_eq!(post(format!("{path}0"), vec![event, signed], "{}".to_owned()).await?, 404);
    assert_eq!(post(path.replace("salesloft", "other"), vec![event], "{}".to_owned()).await?, 404);
    let large = "x".repeat((1 << 20) + 1);
    assert_eq!(post(path, vec![event, signed], large).await?, 413);
    assert_eq!(receiver.told().len(), 1);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_by_webhook_and_by_poll_is_told_once_and_in_order() -> anyhow::Result<()> {
    let house = house().await?;
    create(&house, &json!({"event.poller.refresh_interval": "0.0034"})).await?;
    let (salesloft, receiver, _) = &house;
    until_subscribed(salesloft, receiver).await?;
    let ids: Vec<u64> =
        salesloft.change(|world, now| (0..40).map(|_| world.add_person(now)).collect());
    for round in 1..=20 {
        salesloft.change(|world, now| {
            for _ in 0..10 {
                world.touch_person(ids[rand::random_range(0..ids.len())], now);
            }
        });
        until_answered(salesloft, receiver, 200, 40 + 10 * round).await?;
    }
    until_told(receiver, salesloft, 0).await?;
    let polled = salesloft.with(|provider| provider.asked.len());
    let again = |_: &Receiver| salesloft.with(|provider| provider.asked.len()) >= polled + 3;
    receiver.until("three polls more", again).await?;
    check_story(receiver, salesloft)
}

#[tokio::test(flavor = "multi_thread")]
async fn subscriptions_end_with_the_instance_and_when_it_is_not_to_be_told_any_more()
-> anyhow::Result<()> {
    let house = house().await?;
    let one = create(&house, &json!({})).await?;
    let (salesloft, receiver, server) = &house;
    until_subscribed(salesloft, receiver).await?;
    let id = subscriptions(salesloft)[0].id;

    let path = format!("/instances/{}", one.id);
    server.api.delete(&format!("{path}/enabled")).await?;
    receiver.until("none", |_| subscribed(salesloft).is_empty()).await?;
    server.api.send("PUT", &format!("{path}/enabled"), &json!({})).await?;
    until_subscribed(salesloft, receiver).await?;
    assert_ne!(subscriptions(salesloft)[0].id, id);

    let polling = json!({"configuration": {"event.vendor.type": "polling"}});
    assert_eq!(server.api.send("PATCH", &path, &polling).await?.status, 200);
    receiver.until("none", |_| subscribed(salesloft).is_empty()).await?;
    let both = json!({"configuration": {"event.vendor.type": "webhooks",
        "event.poller.configuration": {
            "contacts": {"url": "/contacts", "idField": "id"},
            "calls": {"url": "/calls", "idField": "id"}}}});
    assert_eq!(server.api.send("PATCH", &path, &both).await?.status, 200);
    receiver.until("five", |_| subscribed(salesloft).len() == 5).await?;

    create(&house, &json!({})).await?;
    receiver.until("eight", |_| subscribed(salesloft).len() == 8).await?;
    assert_eq!(server.api.delete(&path).await?.status, 200);
    assert_eq!(subscribed(salesloft), EVENTS, "those of the other instance are left");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_refuses_at_first_is_asked_again_and_the_instance_says_so()
-> anyhow::Result<()> {
    let house = house().await?;
    let (salesloft, receiver, server) = &house;
    salesloft.with(|provider| {
        // The first has its effect all the same, so that it must not be made twice.
        provider.write_faults = [Fault::LosesAnswer, Fault::Status(422), Fault::Status(500)].into();
    });
    let instance = create(&house, &json!({})).await?;
    until_shown(server, &instance, |shown| shown["error"].is_string()).await?;
    until_subscribed(salesloft, receiver).await?;
    until_shown(server, &instance, |shown| {
        shown["error"].is_null() && shown["subscribed"] == json!(EVENTS)
    })
    .await?;
    salesloft.change(oc_tests::salesloft::World::add_person);
    receiver.until("the person", |receiver| receiver.told().len() == 1).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_after_the_answer_loses_nothing() -> anyhow::Result<()> {
    let mut house = house().await?;
    create(&house, &json!({})).await?;
    let (salesloft, receiver, server) = &mut house;
    until_subscribed(salesloft, receiver).await?;
    // Nothing works off what is received.
    server.terminate().await?;
    server.set_role("api");
    server.start_again().await?;
    salesloft.change(|world, now| {
        for _ in 0..30 {
            world.add_person(now);
        }
    });
    until_answered(salesloft, receiver, 200, 30).await?;
    server.kill().await?;
    assert!(receiver.told().is_empty());
    server.set_role("api,poll,dispatch");
    server.start_again().await?;
    receiver.until("all of them", |receiver| receiver.told().len() == 30).await?;
    let sizes = receiver
        .deliveries()
        .into_iter()
        .map(|one| one.body["message"]["events"].as_array().map_or(0, Vec::len));
    assert_eq!(sizes.collect::<Vec<_>>(), [20, 10]);
    check_story(receiver, salesloft)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_no_provider_can_reach_is_remarked_on() -> anyhow::Result<()> {
    let house = house().await?;
    let instance = create(&house, &json!({})).await?;
    let remark = &instance.answer["warnings"][0];
    assert_eq!(remark["path"], "configuration.event.vendor.type");
    let metadata = house.2.api.get("/elements/salesloft/metadata").await?.body;
    assert_eq!(metadata["events"]["methods"], json!(["polling", "webhook"]));
    Ok(())
}
