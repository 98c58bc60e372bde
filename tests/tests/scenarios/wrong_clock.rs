//! Three servers on one PostgreSQL, the clock of one of them wrong by minutes, or set while it runs:
//! whatever it does, it does at the right time, once, and in order.

use anyhow::ensure;
use futures_util::future::try_join_all;
use oc_tests::receiver::repeats;
use oc_tests::salesloft::World;
use oc_tests::{Answer, FalseClock, Instance, Options, Postgres, Receiver, Salesloft, Server};
use serde_json::json;

use crate::story::{check_story, until_told};

const MINUTES: i64 = 60;

struct House {
    postgres: std::sync::Arc<Postgres>,
    url: String,
    salesloft: Salesloft,
    receiver: Receiver,
    /// Two whose clocks are right, and the one whose clock is wrong.
    servers: Vec<Server>,
    clock: FalseClock,
    /// An instance that is polled all the time.
    instance: Instance,
}

impl House {
    async fn new(ahead: i64, options: Options) -> anyhow::Result<Self> {
        let (postgres, clock) = (Postgres::shared().await?, FalseClock::ahead(ahead)?);
        let url = postgres.database().await?;
        let options = options.on_postgres(&url);
        let (salesloft, receiver, first) = Server::house(options.clone()).await?;
        let second = Server::start(&salesloft, options.clone()).await?;
        let wrong = Server::start(&salesloft, clock.of(options)).await?;
        let instance = wrong.create(&salesloft, &receiver.url("hook"), &json!({})).await?;
        let servers = vec![first, second, wrong];
        Ok(Self { postgres, url, salesloft, receiver, servers, clock, instance })
    }

    /// An instance with a provider and a receiver of its own.
    async fn another(&self, changes: serde_json::Value) -> anyhow::Result<(Salesloft, Receiver)> {
        let (salesloft, receiver) = (Salesloft::start().await?, Receiver::start().await?);
        self.servers[2].create(&salesloft, &receiver.url("hook"), &changes).await?;
        Ok((salesloft, receiver))
    }

    /// People appear and change, and are told.
    async fn changes_are_told(&self) -> anyhow::Result<()> {
        for _ in 0..3 {
            let added =
                self.salesloft.change(|world, now| [(); 20].map(|()| world.add_person(now)));
            until_told(&self.receiver, &self.salesloft, 0).await?;
            self.salesloft.change(|world, now| added.map(|id| world.touch_person(id, now)));
            until_told(&self.receiver, &self.salesloft, 0).await?;
        }
        Ok(())
    }

    /// With all three at work, with only the one whose clock is wrong, and with all three again.
    async fn all_alone_and_all_again(&mut self) -> anyhow::Result<()> {
        self.changes_are_told().await?;
        for right in &mut self.servers[..2] {
            assert_eq!(right.terminate().await?, Some(0));
        }
        self.changes_are_told().await?;
        for right in &mut self.servers[..2] {
            right.start_again().await?;
        }
        self.changes_are_told().await
    }

    /// Waits until the nodes have said several times more that they are alive, and so have compared
    /// their clocks.
    async fn clocks_are_compared(&self) -> anyhow::Result<()> {
        let at = "SELECT min(until) FROM node";
        let before: i64 = self.postgres.query(&self.url, at).await?.parse()?;
        let beats = 12_000_000;
        while self.postgres.query(&self.url, at).await?.parse::<i64>()? < before + beats {
            // Something to do meanwhile, so that it shows when it is done at the wrong time.
            self.changes_are_told().await?;
        }
        Ok(())
    }

    /// Asks all three for records at the same time, for more than the rate limit's window has.
    async fn ask_for_too_much(&self) -> anyhow::Result<()> {
        let calls = (0..360).map(|call| {
            let server: &Server = &self.servers[call % 3];
            server.api.hub(&self.instance.token, "/hubs/crm/contacts")
        });
        for reply in try_join_all(calls).await? {
            // Who would have to wait for too long is told so, and the provider is not asked.
            ensure!([200, 429].contains(&reply.status), "{}: {}", reply.status, reply.text);
        }
        Ok(())
    }

    /// Everything once, in order, signed at the right time, and nothing asked for in vain.
    fn check(&self) -> anyhow::Result<()> {
        check_story(&self.receiver, &self.salesloft)?;
        let deliveries = self.receiver.deliveries();
        ensure!(repeats(&deliveries).values().all(|count| *count == 1), "sent twice");
        let now = self.salesloft.with(|provider| provider.now()) / 1_000_000;
        for delivery in deliveries {
            let signed: i64 = delivery.headers["webhook-timestamp"].to_str()?.parse()?;
            // Receivers refuse what was signed more than five minutes ago, or will be.
            ensure!((now - signed).abs() < 5 * MINUTES, "signed at {signed}, now it is {now}");
        }
        for server in &self.servers {
            let log = server.log();
            for word in ["Another node sends", "ended in a fault"] {
                ensure!(!log.contains(word), "{log}");
            }
        }
        self.salesloft.with(|provider| {
            ensure!(provider.limit.refused == 0, "the rate limit was overdrawn");
            ensure!(provider.accounts.reused == 0, "a refresh token was used twice");
            Ok(())
        })
    }
}

/// A limit that a few calls at once use up.
fn limited() -> Options {
    Options { points: 240, window: 2, ..Options::default() }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_is_minutes_ahead_does_nothing_before_its_time() -> anyhow::Result<()> {
    let options = limited().with("OC_RETRY_SCHEDULE", "5m,6m");
    let mut house = House::new(10 * MINUTES, options).await?;
    house.salesloft.with(|provider| provider.accounts.lifetime = 8 * MINUTES);
    let (fresh, told) = house.another(json!({})).await?;
    let (seldom, _) = house.another(json!({"event.poller.refresh_interval": "5"})).await?;
    let (refused, refusing) = house.another(json!({})).await?;
    refusing.answer_always(Some(Answer::Status(500)));
    refused.change(World::add_person);
    refusing.until("an attempt", |refusing| !refusing.deliveries().is_empty()).await?;
    fresh.change(World::add_person);
    until_told(&told, &fresh, 0).await?;
    house.all_alone_and_all_again().await?;
    house.ask_for_too_much().await?;
    house.check()?;
    assert_eq!(seldom.with(|provider| provider.asked.len()), 0, "polled before it was due");
    assert_eq!(refusing.deliveries().len(), 1, "repeated before its time");
    for salesloft in [&house.salesloft, &fresh] {
        assert_eq!(salesloft.with(|provider| provider.accounts.refreshes), 0, "still good");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_is_minutes_behind_does_nothing_too_late() -> anyhow::Result<()> {
    let options = limited().with("OC_RETRY_SCHEDULE", "1s,2s");
    let mut house = House::new(-10 * MINUTES, options).await?;
    let (refused, refusing) = house.another(json!({})).await?;
    let (short, told) = house.another(json!({})).await?;
    house.all_alone_and_all_again().await?;
    for right in &mut house.servers[..2] {
        assert_eq!(right.terminate().await?, Some(0));
    }
    refusing.answer_next([Answer::Status(500), Answer::Status(500)]);
    refused.change(World::add_person);
    until_told(&refusing, &refused, 0).await?;
    assert_eq!(refusing.deliveries().len(), 3);
    // A token that ends is replaced before it does.
    short.with(|provider| {
        provider.accounts.lifetime = 2;
        provider.accounts.expire_all();
    });
    let refreshed = |_: &Receiver| short.with(|provider| provider.accounts.refreshes >= 3);
    told.until("three refreshes", refreshed).await?;
    for right in &mut house.servers[..2] {
        right.start_again().await?;
    }
    house.ask_for_too_much().await?;
    house.check()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_is_set_while_the_server_runs_changes_nothing() -> anyhow::Result<()> {
    let mut house = House::new(0, limited()).await?;
    let (seldom, _) = house.another(json!({"event.poller.refresh_interval": "5"})).await?;
    for right in &mut house.servers[..2] {
        assert_eq!(right.terminate().await?, Some(0));
    }
    for minutes in [10, -10, 0] {
        house.clock.set(minutes * MINUTES)?;
        house.clocks_are_compared().await?;
    }
    for right in &mut house.servers[..2] {
        right.start_again().await?;
    }
    house.ask_for_too_much().await?;
    house.check()?;
    assert_eq!(seldom.with(|provider| provider.asked.len()), 0, "polled before it was due");
    Ok(())
}
