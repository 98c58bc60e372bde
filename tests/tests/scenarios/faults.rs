//! The provider fails in every way it knows; nothing is lost, nothing repeated, no budget burnt.

use oc_tests::salesloft::World;
use oc_tests::{Fault, Options, Receiver, Server};
use serde_json::json;

use crate::story::{check_story, house, until_told};

#[tokio::test(flavor = "multi_thread")]
async fn errors_cut_connections_and_wrong_answers_lose_nothing() -> anyhow::Result<()> {
    let (salesloft, receiver, _server, _) = house(Options::default()).await?;
    let faults = [
        Fault::Status(500),
        Fault::None,
        Fault::Cut,
        Fault::HalfJson,
        Fault::Html,
        Fault::None,
        Fault::IgnoresFilters,
        Fault::Status(503),
        Fault::Status(404),
    ];
    for round in 0..6 {
        salesloft.with(|provider| {
            provider.faults.extend(faults.iter().cycle().skip(round).take(9));
            let now = provider.now();
            for _ in 0..250 {
                provider.world.add_person(now);
            }
        });
        until_told(&receiver, &salesloft, 0).await?;
    }
    check_story(&receiver, &salesloft)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_filter_that_is_not_applied_fails_the_poll_and_loses_nothing() -> anyhow::Result<()> {
    let (salesloft, receiver, server) = Server::house(Options::default()).await?;
    salesloft.change(|world, now| (0..50).map(|_| world.add_person(now - 9_000_000)).count());
    let before = salesloft.with(|provider| provider.world.changes.len());
    let instance = server.create(&salesloft, &receiver.url("hook"), &json!({})).await?;
    salesloft.with(|provider| provider.faults.extend([Fault::IgnoresFilters; 12]));
    salesloft.change(World::add_person);
    let path = format!("/instances/{}/event-poller-records", instance.id);
    let why = loop {
        let rows = server.api.get(&path).await?.body;
        if rows[0]["lastResult"]["result"] == "failed" {
            break rows[0]["lastResult"]["error"].to_string();
        }
    };
    assert!(why.contains("ignored the filter"), "{why}");
    assert!(receiver.told().is_empty(), "nobody knows what it would have been");
    until_told(&receiver, &salesloft, before).await?;
    assert_eq!(receiver.told().len(), 1);
    check_story(&receiver, &salesloft)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_hour_without_the_provider_is_made_up_for() -> anyhow::Result<()> {
    let (salesloft, receiver, server) = Server::house(Options::default()).await?;
    salesloft.with(|provider| provider.clock_offset = -3_600_000_000);
    let instance = server.create(&salesloft, &receiver.url("hook"), &json!({})).await?;
    salesloft.change(World::add_person);
    until_told(&receiver, &salesloft, 0).await?;
    // An hour passes at the provider, which is down, with changes in each minute.
    salesloft.with(|provider| {
        provider.down = true;
        for _ in 0..60 {
            provider.clock_offset += 60_000_000;
            let now = provider.now();
            for _ in 0..10 {
                provider.world.add_person(now);
            }
        }
    });
    let path = format!("/instances/{}/event-poller-records", instance.id);
    while server.api.get(&path).await?.body[0]["lastResult"]["result"] != "failed" {}
    salesloft.with(|provider| provider.down = false);
    until_told(&receiver, &salesloft, 0).await?;
    check_story(&receiver, &salesloft)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_rate_limit_is_kept_by_all_instances_of_an_account_together() -> anyhow::Result<()> {
    // Three quarters of 40 points each second are ours.
    let options = Options { points: 40, window: 1, ..Options::default() };
    let (salesloft, receiver, server) = Server::house(options).await?;
    for _ in 0..4 {
        server.create(&salesloft, &receiver.url("hook"), &json!({})).await?;
    }
    salesloft.change(|world, now| {
        for _ in 0..2_000 {
            world.add_person(now);
        }
    });
    receiver.until("all of four", |receiver| receiver.told().len() == 8_000).await?;
    salesloft.with(|provider| {
        assert_eq!(provider.limit.refused, 0);
        // Windows are told apart by a `Date` of whole seconds, so that one request may slip.
        assert!(provider.limit.most_used < 40, "{}", provider.limit.most_used);
    });
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_429_pauses_the_account_for_as_long_as_the_provider_says() -> anyhow::Result<()> {
    let (salesloft, receiver, server) = Server::house(Options::default()).await?;
    let instance = server.create(&salesloft, &receiver.url("hook"), &json!({})).await?;
    salesloft.with(|provider| provider.faults.push_back(Fault::RetryAfter(2)));
    let limited = |_: &Receiver| salesloft.with(|provider| provider.faults.is_empty());
    receiver.until("the 429", limited).await?;
    // The hub asks for everything; a poll has a filter, and may ask again at any moment after the pause.
    let asked_by_hub = || {
        salesloft
            .with(|provider| provider.asked.iter().filter(|asked| !asked.contains("%5B")).count())
    };
    let hub = server.api.hub(&instance.token, "/hubs/crm/contacts").await?;
    // The one that has the patience to wait comes after the pause, the other is told when to.
    assert!(matches!(hub.status, 200 | 429), "{}", hub.text);
    if hub.status == 429 {
        assert!(hub.headers.contains_key("retry-after"));
    }
    assert_eq!(asked_by_hub(), usize::from(hub.status == 200));
    salesloft.change(World::add_person);
    until_told(&receiver, &salesloft, 0).await?;
    check_story(&receiver, &salesloft)
}

#[tokio::test(flavor = "multi_thread")]
async fn polling_stops_at_the_threshold_says_why_and_goes_on_after_a_change() -> anyhow::Result<()>
{
    let options = Options::default().with("OC_POLL_FAILURE_THRESHOLD", "3");
    let (salesloft, receiver, server, instance) = house(options).await?;
    salesloft.with(|provider| provider.faults.extend([Fault::Status(404); 3]));
    let path = format!("/instances/{}", instance.id);
    let why = loop {
        let answer = server.api.get(&path).await?.body;
        if let Some(why) = answer["pollingStopped"].as_str() {
            break why.to_owned();
        }
    };
    assert!(why.contains("404"), "{why}");
    salesloft.change(World::add_person);
    server.api.send("PATCH", &path, &json!({"name": "Again"})).await?;
    until_told(&receiver, &salesloft, 0).await?;
    check_story(&receiver, &salesloft)
}

#[tokio::test(flavor = "multi_thread")]
async fn provider_errors_keep_their_meaning_in_the_hub() -> anyhow::Result<()> {
    let (salesloft, receiver, server) = Server::house(Options::default()).await?;
    let still = json!({"event.poller.refresh_interval": "999999999"});
    let instance = server.create(&salesloft, &receiver.url("hook"), &still).await?;
    let table: [(&[Fault], u16); 5] = [
        (&[Fault::Status(404)], 404),
        (&[Fault::Status(403)], 403),
        (&[Fault::Status(422)], 400),
        (&[Fault::Status(500), Fault::Status(500)], 502),
        // A connection that closes without a byte is tried anew within one attempt.
        (&[Fault::Cut; 4], 504),
    ];
    for (faults, status) in table {
        salesloft.with(|provider| provider.faults = faults.iter().copied().collect());
        let reply = server.api.hub(&instance.token, "/hubs/crm/contacts").await?;
        assert_eq!(reply.status, status, "{faults:?}: {}", reply.text);
        assert!(reply.body["requestId"].is_string() && reply.body["message"].is_string());
        if status < 500 {
            assert!(reply.body["providerMessage"].as_str().unwrap().contains("went wrong"));
        }
    }
    let _: &Receiver = &receiver;
    Ok(())
}
