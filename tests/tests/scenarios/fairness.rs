//! Nobody is held up by others: by accounts that wait for their provider's rate limit, or by the
//! backlog of another tenant.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use oc_tests::salesloft::World;
use oc_tests::server::{Api, body};
use oc_tests::{Answer, Options, Receiver, Salesloft, Server};
use serde_json::{Value, json};

/// The configuration of an instance at another provider account.
fn at(salesloft: &Salesloft) -> Value {
    json!({"base.url": salesloft.api(), "oauth.token.url": salesloft.token_url()})
}

/// A gauge, as the operator sees it.
async fn gauge(api: &Api, name: &str) -> anyhow::Result<f64> {
    let metrics = api.call("GET", "//metrics", "", None).await?.text;
    let line = metrics.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    Ok(line.unwrap_or("0").trim().parse()?)
}

/// A caller of a second organization.
async fn second_tenant(server: &mut Server) -> anyhow::Result<Api> {
    server.terminate().await?;
    let add = ["user", "add", "--organization", "Second", "--email", "b@example.com", "--json"];
    let added = server.run(&add).await?.json()?.remove(0);
    server.start_again().await?;
    let secret = |name: &str| added[name].as_str().context("a secret").map(str::to_owned);
    Ok(server.api.as_caller(&secret("userSecret")?, &secret("organizationSecret")?))
}

#[tokio::test(flavor = "multi_thread")]
async fn accounts_without_points_do_not_delay_one_that_has_some() -> anyhow::Result<()> {
    // Six points in five minutes are ours: two accounts use them up at once, and there are two seats.
    let options = Options { points: 8, window: 300, ..Options::default() };
    let options = options.with("OC_POLL_CONCURRENCY", "2");
    let (salesloft, receiver, server) = Server::house(options).await?;
    let (second, third) = (Salesloft::start().await?, Salesloft::start().await?);
    for busy in [&salesloft, &second] {
        server.create(busy, &receiver.url("busy"), &at(busy)).await?;
    }
    while gauge(&server.api, "oc_polls_waiting").await? < 2.0 {}
    let elsewhere = Receiver::start().await?;
    elsewhere.expect_key(oc_tests::server::SIGNATURE_KEY);
    server.create(&third, &elsewhere.url("calm"), &at(&third)).await?;
    third.change(World::add_person);
    elsewhere.until("the calm account's change", |calm| calm.told().len() == 1).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenants_backlog_does_not_hold_up_another_tenants_change() -> anyhow::Result<()> {
    // Of two workers, one goes to one host.
    let options = Options::default().with("OC_DISPATCH_CONCURRENCY", "2");
    let calm = Salesloft::start().await?;
    calm.with(|provider| provider.limit.points = options.points);
    let (crowded, receiver, mut server) = Server::house(options).await?;
    let second = second_tenant(&mut server).await?;
    for number in 0..6 {
        let callback = receiver.url(&format!("crowd{number}"));
        server.create(&crowded, &callback, &json!({})).await?;
    }
    let request = body(&calm, &receiver.url("calm"), &at(&calm));
    let created = second.post("/instances", &request).await?;
    ensure!(created.status == 200, "{}", created.text);
    // Each of the six has ten notifications that take ten seconds.
    receiver.answer_always(Some(Answer::Slow(Duration::from_secs(1))));
    crowded.change(|world, now| {
        for at in 0..100 {
            world.add_person(now + at);
        }
    });
    while gauge(&server.api, "oc_outbox_notifications").await? < 40.0 {}
    calm.change(World::add_person);
    let paths = |receiver: &Receiver| -> BTreeSet<String> {
        receiver.deliveries().into_iter().map(|one| one.path).collect()
    };
    receiver.until("the calm tenant's change", |all| paths(all).contains("calm")).await?;
    let before = paths(&receiver);
    // The lane that was under way, and one that may have begun before the change was found.
    assert!(before.len() <= 3, "it came behind others of the crowd: {before:?}");
    Ok(())
}
