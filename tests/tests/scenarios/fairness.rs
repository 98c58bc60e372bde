//! Accounts that wait for their provider's rate limit hold up no other.

use oc_tests::salesloft::World;
use oc_tests::server::Api;
use oc_tests::{Options, Receiver, Salesloft, Server};
use serde_json::{Value, json};

/// The configuration of an instance at another provider account.
fn at(salesloft: &Salesloft) -> Value {
    json!({"base.url": salesloft.api(), "oauth.token.url": salesloft.token_url()})
}

/// The polls that wait for a rate budget, as the operator sees them.
async fn waiting(api: &Api) -> anyhow::Result<f64> {
    let metrics = api.call("GET", "//metrics", "", None).await?.text;
    let line = metrics.lines().find_map(|line| line.strip_prefix("oc_polls_waiting "));
    Ok(line.unwrap_or("0").trim().parse()?)
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
    while waiting(&server.api).await? < 2.0 {}
    let elsewhere = Receiver::start().await?;
    elsewhere.expect_key(oc_tests::server::SIGNATURE_KEY);
    server.create(&third, &elsewhere.url("calm"), &at(&third)).await?;
    third.change(World::add_person);
    elsewhere.until("the calm account's change", |calm| calm.told().len() == 1).await
}
