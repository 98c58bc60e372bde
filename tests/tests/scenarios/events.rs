//! The audit, replays, deliveries and what counts events.

use std::time::Duration;

use anyhow::Context as _;
use oc_tests::receiver::Delivery;
use oc_tests::salesloft::World;
use oc_tests::{Answer, Instance, Options, Receiver, Salesloft, Server};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, BufReader};

use crate::story::{check_story, house, until_told};

const DELIVERIES: &str = "/notifications/subscriptions/deliveries";

fn impatient(schedule: &str) -> Options {
    Options::default().with("OC_RETRY_SCHEDULE", schedule).with("OC_CALLBACK_TIMEOUT", "300ms")
}

/// Reads a list until it is as expected; tells the last one when that takes a minute.
async fn until(
    server: &Server,
    path: &str,
    enough: impl Fn(&[Value]) -> bool,
) -> anyhow::Result<Vec<Value>> {
    let mut last = Value::Null;
    let waiting = async {
        loop {
            last = server.api.get(path).await?.body;
            let list = last.as_array().with_context(|| last.to_string())?;
            if enough(list) {
                return Ok(list.clone());
            }
        }
    };
    let waited = tokio::time::timeout(Duration::from_secs(60), waiting).await;
    waited.unwrap_or_else(|_| Err(anyhow::anyhow!("waited in vain; {path} is {last}")))
}

fn all(status: &str) -> impl Fn(&[Value]) -> bool {
    move |list| !list.is_empty() && list.iter().all(|one| one["status"] == status)
}

fn add_people(salesloft: &Salesloft, count: i64) {
    salesloft.change(|world, now| {
        for at in 0..count {
            world.add_person(now + at);
        }
    });
}

fn is_replay(delivery: &Delivery) -> bool {
    delivery.headers.get("elements-replay").is_some_and(|value| value == "true")
}

fn replays(receiver: &Receiver) -> Vec<Delivery> {
    receiver.deliveries().into_iter().filter(is_replay).collect()
}

/// Notifications that have arrived: the first delivery of each, in order.
async fn arrived(
    salesloft: &Salesloft,
    receiver: &Receiver,
    server: &Server,
    instance: &Instance,
    people: i64,
) -> anyhow::Result<Vec<Delivery>> {
    add_people(salesloft, people);
    until_told(receiver, salesloft, 0).await?;
    let path = format!("/instances/{}/events", instance.id);
    until(server, &path, all("NOTIFIED")).await?;
    Ok(receiver.deliveries())
}

#[tokio::test(flavor = "multi_thread")]
async fn events_are_listed_filtered_and_paged() -> anyhow::Result<()> {
    let (salesloft, receiver, server, instance) = house(Options::default()).await?;
    let deliveries = arrived(&salesloft, &receiver, &server, &instance, 45).await?;
    let path = format!("/instances/{}/events", instance.id);
    let listed = server.api.get(&path).await?;
    let list = listed.body.as_array().context("a list")?;
    assert_eq!(listed.headers["elements-returned-count"], list.len().to_string().as_str());
    let newest_first: Vec<_> = deliveries.iter().rev().map(|one| json!(one.id)).collect();
    assert_eq!(list.iter().map(|one| one["id"].clone()).collect::<Vec<_>>(), newest_first);
    let (event, told) = (&list[0], &deliveries[deliveries.len() - 1]);
    assert_eq!(
        (&event["objectType"], &event["elementKey"]),
        (&json!("contacts"), &json!("salesloft"))
    );
    assert_eq!(event["instanceId"], instance.id);
    assert_eq!(event["eventDate"], told.body["message"]["events"][0]["date"]);
    assert_eq!(event["createdDate"], told.body["createdDate"]);
    let records: Value = serde_json::from_str(event["providerData"].as_str().context("a text")?)?;
    assert_eq!(records, told.body["message"]["raw"]["contacts"]);

    let (mut paged, mut next) = (Vec::new(), String::new());
    loop {
        let page = server.api.get(&format!("{path}?pageSize=2{next}")).await?;
        paged.extend(page.body.as_array().context("a page")?.clone());
        let Some(token) = page.headers.get("elements-next-page-token") else { break };
        next = format!("&nextPage={}", token.to_str()?);
    }
    assert_eq!(&paged, list);
    let created = event["createdDate"].as_str().context("a date")?;
    for (query, found) in [
        ("status=notified".to_owned(), list.len()),
        ("status=NEW".to_owned(), 0),
        ("objectType=contacts".to_owned(), list.len()),
        ("objectType=accounts".to_owned(), 0),
        (format!("to={created}"), list.len()),
        ("from=2100-01-01T00:00:00Z".to_owned(), 0),
        ("to=2000-01-01T00:00:00Z".to_owned(), 0),
    ] {
        let reply = server.api.get(&format!("{path}?{query}")).await?;
        assert_eq!(reply.body.as_array().map(Vec::len), Some(found), "{query}");
    }
    for query in ["status=GONE", "from=soon", "nextPage=x", "pageSize=many"] {
        assert_eq!(server.api.get(&format!("{path}?{query}")).await?.status, 400, "{query}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_shows_its_own_instance_and_the_organization_all() -> anyhow::Result<()> {
    let (salesloft, receiver, server, first) = house(Options::default()).await?;
    let deliveries = arrived(&salesloft, &receiver, &server, &first, 1).await?;
    let second = server.create(&salesloft, &receiver.url("other"), &json!({})).await?;
    let id = &deliveries[0].id;
    let own = server.api.hub(&first.token, "/instances/events").await?;
    assert_eq!(own.body[0]["id"], json!(id));
    assert_eq!(server.api.hub(&first.token, &format!("/instances/events/{id}")).await?.status, 200);
    assert_eq!(server.api.get(&format!("/instances/events/{id}")).await?.status, 200);
    assert_eq!(server.api.get("/instances/events").await?.body[0]["id"], json!(id));

    let foreign = server.api.hub(&second.token, "/instances/events").await?;
    assert_eq!((foreign.status, foreign.body), (200, json!([])));
    let by_id = format!("/instances/{}/events", first.id);
    assert_eq!(server.api.hub(&second.token, &by_id).await?.status, 401);
    let theirs = format!("/instances/events/{id}");
    assert_eq!(server.api.hub(&second.token, &theirs).await?.status, 404);
    let user = format!("User user-s3cret, Element {}", second.token);
    let replay = server.api.call("POST", &format!("{theirs}/replay"), &user, None).await?;
    assert_eq!(replay.status, 404);
    let deliveries = server.api.hub(&second.token, DELIVERIES).await?;
    assert_eq!(deliveries.body, json!([]));
    assert!(replays(&receiver).is_empty());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_shows_what_became_of_each_attempt() -> anyhow::Result<()> {
    let (salesloft, receiver, server) = Server::house(impatient("10ms,20ms")).await?;
    let callback = receiver.url("hook?key=s3cret");
    let own = json!({"event.notification.callback.headers": {"X-Own": "own-s3cret"}});
    let instance = server.create(&salesloft, &callback, &own).await?;
    receiver.answer_next([Answer::Status(500)]);
    let deliveries = arrived(&salesloft, &receiver, &server, &instance, 1).await?;
    let path = format!("/instances/{}/events/{}", instance.id, deliveries[0].id);
    let event = server.api.get(&path).await?.body;
    let attempts = event["notifiedData"].as_array().context("attempts")?;
    let statuses: Vec<_> = attempts.iter().map(|one| &one["status"]).collect();
    assert_eq!(statuses, [500, 200]);
    for attempt in attempts {
        assert_eq!(attempt["url"], receiver.url("hook"), "without the query");
        assert!(attempt["milliseconds"].is_u64() && attempt["date"].is_string());
        assert_eq!(attempt["replay"], false);
        let sent = &attempt["requestHeaders"];
        assert_eq!((&sent["webhook-id"], &sent["x-own"]), (&event["id"], &json!("********")));
        assert!(!sent.to_string().contains("own-s3cret"), "{sent}");
    }
    let signatures = attempts.iter().map(|one| &one["requestHeaders"]["webhook-signature"]);
    let received = receiver.deliveries();
    let received = received.iter().map(|one| one.headers["webhook-signature"].to_str());
    assert!(signatures.map(Value::as_str).eq(received.map(Result::ok)));
    let unknown = format!("/instances/{}/events/nobody", instance.id);
    assert_eq!(server.api.get(&unknown).await?.status, 404);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replay_sends_the_same_bytes_while_what_is_new_flows_in_order() -> anyhow::Result<()> {
    let (salesloft, receiver, server, instance) = house(Options::default()).await?;
    let first = arrived(&salesloft, &receiver, &server, &instance, 35).await?;
    let path = format!("/instances/{}/events", instance.id);
    let one = server.api.post(&format!("{path}/{}/replay", first[0].id), &json!({})).await?;
    assert_eq!((one.status, &one.body), (200, &json!({"count": 1})));
    receiver.until("one replay", |receiver| replays(receiver).len() == 1).await?;
    let from = "2000-01-01T00:00:00Z";
    let counted = format!("{path}/replay?from={from}&dryRun=true");
    assert_eq!(server.api.post(&counted, &json!({})).await?.body["count"], first.len());
    assert_eq!(replays(&receiver).len(), 1);
    let many = server.api.post(&format!("{path}/replay?from={from}"), &json!({})).await?;
    assert_eq!(many.body["count"], first.len());
    for _ in 0..5 {
        add_people(&salesloft, 15);
        until_told(&receiver, &salesloft, 0).await?;
    }
    receiver.until("all replays", |receiver| replays(receiver).len() == 1 + first.len()).await?;
    let again = replays(&receiver);
    assert!(again[0].id == first[0].id && again[0].bytes == first[0].bytes);
    let in_order: Vec<_> = again[1..].iter().map(|one| (&one.id, &one.bytes)).collect();
    assert_eq!(in_order, first.iter().map(|one| (&one.id, &one.bytes)).collect::<Vec<_>>());
    assert_eq!(again[0].headers["elements-delivery-attempt"], "2");
    check_story(&receiver, &salesloft)?;
    for query in ["", "?from=soon", "?from=2026-01-01&to=2025-01-01", "?from=2026-01-01&status=new"]
    {
        let reply = server.api.post(&format!("{path}/replay{query}"), &json!({})).await?;
        assert_eq!(reply.status, 400, "{query}: {}", reply.text);
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replay_survives_a_kill_and_is_tried_until_it_arrives() -> anyhow::Result<()> {
    let options = impatient("10ms,20ms,30s");
    let (salesloft, receiver, mut server, instance) = house(options).await?;
    let first = arrived(&salesloft, &receiver, &server, &instance, 25).await?;
    receiver.answer_always(Some(Answer::Status(503)));
    let path = format!("/instances/{}/events/replay?from=2000-01-01", instance.id);
    let asked = server.api.post(&path, &json!({})).await?;
    assert_eq!(asked.body["count"], first.len());
    receiver.until("an attempt", |receiver| !replays(receiver).is_empty()).await?;
    server.kill().await?;
    receiver.answer_always(None);
    server.start_again().await?;
    let arrived = |receiver: &Receiver| -> Vec<Delivery> {
        replays(receiver).into_iter().filter(|one| one.answered == 200).collect()
    };
    receiver.until("all replays", |receiver| arrived(receiver).len() >= first.len()).await?;
    let again = arrived(&receiver);
    let in_order: Vec<_> = again.iter().map(|one| (&one.id, &one.bytes)).collect();
    assert_eq!(in_order, first.iter().map(|one| (&one.id, &one.bytes)).collect::<Vec<_>>());
    check_story(&receiver, &salesloft)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replay_that_is_given_up_queues_nothing() -> anyhow::Result<()> {
    let (salesloft, receiver, server, instance) = house(impatient("10ms,20ms")).await?;
    let first = arrived(&salesloft, &receiver, &server, &instance, 1).await?;
    receiver.answer_next([410, 410].map(Answer::Status));
    let path = format!("/instances/{}/events", instance.id);
    let replay = format!("{path}/{}/replay", first[0].id);
    server.api.post(&replay, &json!({})).await?;
    let given_up = |list: &[Value]| {
        list[0]["replayWaits"] == json!(false)
            && list[0]["notifiedData"].as_array().is_some_and(|attempts| attempts.len() == 2)
    };
    let list = until(&server, &path, given_up).await?;
    assert_eq!(
        (&list[0]["status"], &list[0]["notifiedData"][1]["status"]),
        (&json!("NOTIFIED"), &json!(410))
    );
    receiver.answer_always(None);
    receiver.clear();
    let failed = format!("{path}/replay?from=2000-01-01&status=failed");
    // The second 410 is still to be answered, to the replay of what has failed.
    assert_eq!(server.api.post(&failed, &json!({})).await?.body["count"], 1);
    receiver.until("the second 410", |receiver| replays(receiver).len() == 1).await?;
    let fresh = salesloft.with(|provider| provider.world.changes.len());
    salesloft.change(World::add_person);
    until_told(&receiver, &salesloft, fresh).await?;
    let shown = server.api.get(&format!("/instances/{}", instance.id)).await?.body;
    assert!(shown["deliveryQueuedSince"].is_null(), "{shown}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn queued_deliveries_are_listed_and_go_on_when_they_are_reactivated() -> anyhow::Result<()> {
    let (salesloft, receiver, server, instance) = house(impatient("10ms,20ms")).await?;
    receiver.answer_always(Some(Answer::Status(410)));
    add_people(&salesloft, 25);
    let queued = format!("{DELIVERIES}?where=channel='webhook'%20and%20status='queued'");
    let list = until(&server, &queued, |list| list.len() >= 3).await?;
    assert!(list.iter().all(|one| one["subscriptionId"] == instance.id));
    let events = server.api.get(&format!("/instances/{}/events", instance.id)).await?;
    assert!(all("RECEIVED")(events.body.as_array().context("a list")?));
    let hydrated = server.api.get(&format!("{queued}&hydrate=true&pageSize=1")).await?.body;
    let id = &hydrated[0]["notificationId"];
    assert_eq!(&hydrated[0]["notification"]["message"]["eventId"], id);
    let subscription = json!({"id": instance.id, "channel": "webhook", "active": false,
        "config": {"url": receiver.url("hook")}});
    assert_eq!(hydrated[0]["subscription"], subscription);

    receiver.answer_always(None);
    let platform = server.api.platform();
    let put = |condition: &str| {
        let path = format!("{DELIVERIES}?where={}", condition.replace(' ', "%20"));
        let (api, platform) = (server.api.clone(), platform.clone());
        async move { api.call("PUT", &path, &platform, None).await }
    };
    for condition in ["", "channel='webhook'", "status='retry'", "status='queued' and colour='red'"]
    {
        assert_eq!(put(condition).await?.status, 400, "{condition}");
    }
    let other = "status='queued' and config.url='http://127.0.0.1:1/'";
    assert_eq!(put(other).await?.body, json!({"count": 0, "subscriptions": 0}));
    let this =
        format!("channel='webhook' and status='queued' and config.url='{}'", receiver.url("hook"));
    let done = put(&this).await?.body;
    assert_eq!(done["subscriptions"], 1);
    assert!(done["count"].as_u64() >= Some(3), "{done}");
    until_told(&receiver, &salesloft, 0).await?;
    check_story(&receiver, &salesloft)?;
    let path = format!("{DELIVERIES}?pageSize=500");
    until(&server, &path, all("notified")).await?;
    let arrived = server.api.get(&format!("{DELIVERIES}?where=status='delivered'")).await?.body;
    assert!(arrived.as_array().is_some_and(|list| list.len() >= 3));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn events_are_counted_by_time_and_instance() -> anyhow::Result<()> {
    let (salesloft, receiver, server, instance) = house(Options::default()).await?;
    arrived(&salesloft, &receiver, &server, &instance, 25).await?;
    let hour = "from=2026-01-01T12:00:00Z&to=2026-01-01T13:00:00Z&interval=minute";
    let empty = server.api.get(&format!("/instances/events/analytics?{hour}")).await?.body;
    assert_eq!(empty.as_array().map(Vec::len), Some(61));
    assert_eq!(empty[60], json!({"count": 0, "timestamp": "2026-01-01T13:00:00Z"}));
    let sum = |list: &Value, member: &str| -> u64 {
        list.as_array().into_iter().flatten().filter_map(|one| one[member].as_u64()).sum()
    };
    let now = server.api.get("/instances/events/analytics").await?.body;
    assert_eq!(sum(&now, "count"), 25);
    for which in ["instances", "accounts"] {
        let path = format!("/instances/events/analytics/{which}?interval=day");
        let days = server.api.get(&path).await?.body;
        assert_eq!(sum(&days, "total"), 25);
        let days = days.as_array().context("days")?;
        let record = days.iter().find_map(|day| day["records"].get(0)).context("a record")?;
        assert_eq!((&record["instanceId"], &record["failed"]), (&json!(instance.id), &json!(0)));
    }
    let of_one = format!("/instances/{}/events/analytics", instance.id);
    assert_eq!(sum(&server.api.get(&of_one).await?.body, "count"), 25);
    let attempts = server.api.get(&format!("{of_one}/attempts")).await?.body;
    assert_eq!((sum(&attempts, "attempts"), sum(&attempts, "failures")), (3, 0));
    for query in ["interval=week", "from=2026-01-02&to=2026-01-01", "from=2020-01-01"] {
        let reply = server.api.get(&format!("/instances/events/analytics?{query}")).await?;
        assert_eq!(reply.status, 400, "{query}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_list_replay_and_follow_events() -> anyhow::Result<()> {
    let (salesloft, receiver, server, instance) = house(Options::default()).await?;
    let first = arrived(&salesloft, &receiver, &server, &instance, 25).await?;
    let listed = server.run(&["events", "list", "--json", "--status", "NOTIFIED"]).await?;
    assert_eq!(listed.json()?.len(), first.len());
    let shown = server.run(&["events", "list", "--limit", "1"]).await?;
    assert!(shown.out.lines().count() == 1 && shown.out.contains("CREATED"), "{shown:?}");

    let replayed = server.run(&["events", "replay", &first[0].id]).await?;
    assert_eq!(replayed.out, "1 notifications are sent again\n");
    receiver.until("the replay", |receiver| replays(receiver).len() == 1).await?;
    let id = instance.id.to_string();
    let range = ["events", "replay", "--instance", &id, "--from", "2000-01-01", "--json"];
    let replayed = server.run(&range).await?;
    assert_eq!(replayed.json()?[0]["count"], first.len());

    let mut tail = server.spawn(&["events", "tail", "--last", "1", "--json"])?;
    let mut lines = BufReader::new(tail.stdout.take().context("its output")?).lines();
    let mut line = async || -> anyhow::Result<Value> {
        let line = tokio::time::timeout(Duration::from_secs(60), lines.next_line()).await??;
        Ok(serde_json::from_str(&line.context("it has ended")?)?)
    };
    assert_eq!(line().await?["id"], first[first.len() - 1].id);
    let person = salesloft.change(World::add_person);
    assert_eq!(line().await?["events"][0]["objectId"], json!(person.to_string()));

    let nobody = server.run(&["events", "list", "--server", "http://127.0.0.1:1"]).await?;
    assert!(nobody.code == Some(1) && nobody.err.contains("no server answers"), "{nobody:?}");
    let asked_wrongly = server.run(&["events", "replay"]).await?;
    assert_eq!(asked_wrongly.code, Some(2));
    Ok(())
}
