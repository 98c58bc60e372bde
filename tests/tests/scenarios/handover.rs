//! Servers with roles of their own on one PostgreSQL, and one of them is told to stop in the middle of
//! its work: what it had claimed is free when it has ended, and nothing is sent twice.

use std::sync::Arc;

use oc_tests::receiver::repeats;
use oc_tests::salesloft::World;
use oc_tests::{Answer, Fault, Options, Postgres, Receiver, Salesloft, Server};
use serde_json::json;

use crate::story::{check_story, until_told};

/// What servers claim: see the kinds in oc-store.
const INSTANCE: u8 = 1;
const LANE: u8 = 2;

struct House {
    postgres: Arc<Postgres>,
    url: String,
    options: Options,
    salesloft: Salesloft,
    receiver: Receiver,
    /// Whoever has the role `api`.
    front: Server,
}

impl House {
    async fn new(role: &str) -> anyhow::Result<Self> {
        let postgres = Postgres::shared().await?;
        let url = postgres.database().await?;
        let options = Options::default().on_postgres(&url);
        let (salesloft, receiver, front) = Server::house(options.clone().role(role)).await?;
        Ok(Self { postgres, url, options, salesloft, receiver, front })
    }

    async fn server(&self, role: &str) -> anyhow::Result<Server> {
        Server::start(&self.salesloft, self.options.clone().role(role)).await
    }

    async fn count(&self, of: &str) -> anyhow::Result<u32> {
        let count = format!("SELECT count(*) FROM {of}");
        Ok(self.postgres.query(&self.url, &count).await?.parse()?)
    }

    async fn until_there_are(&self, at_least: u32, of: &str) -> anyhow::Result<()> {
        let asking = async {
            while self.count(of).await? < at_least {}
            anyhow::Ok(())
        };
        tokio::time::timeout(std::time::Duration::from_secs(60), asking).await?
    }

    /// Stops a server in order; when it has ended, nobody has to wait for a lease of its.
    async fn hand_over(&self, mut server: Server, nodes_left: u32) -> anyhow::Result<()> {
        assert_eq!(server.terminate().await?, Some(0), "{}", server.log());
        assert_eq!(self.count("node").await?, nodes_left);
        assert_eq!(self.count("claim WHERE node NOT IN (SELECT id FROM node)").await?, 0);
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backlog_is_handed_over_by_a_server_that_stops_in_the_middle_of_it() -> anyhow::Result<()>
{
    let house = House::new("api,poll").await?;
    house.front.create(&house.salesloft, &house.receiver.url("hook"), &json!({})).await?;
    house.salesloft.change(|world, now| (0..500).for_each(|at| _ = world.add_person(now + at)));
    house.until_there_are(50, "notification").await?;
    house.receiver.answer_always(Some(Answer::Slow(std::time::Duration::from_millis(50))));
    let first = house.server("dispatch").await?;
    let begun = |receiver: &Receiver| receiver.count() >= 5;
    house.receiver.until("the backlog to shrink", begun).await?;
    let second = house.server("dispatch").await?;
    assert_eq!(house.count(&format!("claim WHERE kind = {LANE}")).await?, 1);
    house.hand_over(first, 2).await?;
    assert!(house.receiver.told().len() < 500, "there was nothing left to hand over");
    until_told(&house.receiver, &house.salesloft, 0).await?;
    assert!(repeats(&house.receiver.deliveries()).values().all(|count| *count == 1), "sent twice");

    // One whose receiver says nothing is waited for, and then sent again by the other.
    let third = house.server("dispatch").await?;
    house.hand_over(second, 2).await?;
    house.receiver.answer_always(None);
    house.receiver.answer_next([Answer::Hang]);
    house.salesloft.change(World::add_person);
    let hangs = |receiver: &Receiver| receiver.deliveries().iter().any(|one| one.answered == 0);
    house.receiver.until("an attempt", hangs).await?;
    let fourth = house.server("dispatch").await?;
    house.hand_over(third, 2).await?;
    until_told(&house.receiver, &house.salesloft, 0).await?;
    drop(fourth);
    check_story(&house.receiver, &house.salesloft)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_poll_is_handed_over_by_a_server_that_stops_in_the_middle_of_it() -> anyhow::Result<()> {
    let house = House::new("api,dispatch").await?;
    house.front.create(&house.salesloft, &house.receiver.url("hook"), &json!({})).await?;
    house.salesloft.with(|provider| provider.faults.push_back(Fault::Hang));
    let first = house.server("poll").await?;
    house.until_there_are(1, &format!("claim WHERE kind = {INSTANCE}")).await?;
    let asked = |_: &Receiver| house.salesloft.with(|provider| !provider.asked.is_empty());
    house.receiver.until("a request that is not answered", asked).await?;
    house.salesloft.change(World::add_person);
    let _second = house.server("poll").await?;
    house.hand_over(first, 2).await?;
    until_told(&house.receiver, &house.salesloft, 0).await?;
    check_story(&house.receiver, &house.salesloft)
}
