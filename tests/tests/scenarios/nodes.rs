//! Three servers on one PostgreSQL: whichever is killed or paused, and though PostgreSQL restarts,
//! nothing is lost, every repeat carries the same id, and the order of a lane holds.

use std::time::Instant;

use oc_tests::salesloft::World;
use oc_tests::{Options, Postgres, Receiver, Salesloft, Server};
use serde_json::json;

use crate::story::{check_story, until_told};

struct House {
    postgres: Postgres,
    salesloft: Salesloft,
    receiver: Receiver,
    servers: Vec<Server>,
    people: Vec<u64>,
}

impl House {
    /// Three servers, an instance, and people whose first versions have been told.
    async fn new() -> anyhow::Result<Self> {
        // A server of its own, as it is stopped.
        let postgres = Postgres::start().await?;
        let options = Options::default().on_postgres(&postgres.database().await?);
        let (salesloft, receiver, first) = Server::house(options.clone()).await?;
        first.create(&salesloft, &receiver.url("hook"), &json!({})).await?;
        let mut servers = vec![first];
        for _ in 0..2 {
            servers.push(Server::start(&salesloft, options.clone()).await?);
        }
        let people =
            salesloft.change(|world, now| (0..50).map(|_| world.add_person(now)).collect());
        until_told(&receiver, &salesloft, 0).await?;
        Ok(Self { postgres, salesloft, receiver, servers, people })
    }

    /// Changes some people, and waits until this has been seen to begin.
    async fn in_the_middle(&self) -> anyhow::Result<()> {
        let before = self.receiver.deliveries().len();
        self.change();
        let is_under_way = |receiver: &Receiver| receiver.deliveries().len() > before;
        self.receiver.until("something to be under way", is_under_way).await
    }

    fn change(&self) {
        self.salesloft.change(|world: &mut World, now| {
            for _ in 0..40 {
                world.touch_person(self.people[rand::random_range(0..self.people.len())], now);
            }
        });
    }

    async fn check(&self) -> anyhow::Result<()> {
        until_told(&self.receiver, &self.salesloft, 0).await?;
        check_story(&self.receiver, &self.salesloft)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whichever_server_is_killed_the_others_take_over() -> anyhow::Result<()> {
    let mut house = House::new().await?;
    for round in 0..5 {
        house.in_the_middle().await?;
        let killed = round % house.servers.len();
        house.servers[killed].kill().await?;
        let since = Instant::now();
        house.change();
        until_told(&house.receiver, &house.salesloft, 0).await?;
        println!("told {:?} after the kill", since.elapsed());
        house.servers[killed].start_again().await?;
    }
    house.check().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_was_paused_does_no_harm_when_it_wakes() -> anyhow::Result<()> {
    let house = House::new().await?;
    for server in &house.servers {
        house.in_the_middle().await?;
        server.pause()?;
        house.change();
        until_told(&house.receiver, &house.salesloft, 0).await?;
        server.resume()?;
    }
    house.in_the_middle().await?;
    house.check().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_of_postgresql_is_a_pause_and_no_more() -> anyhow::Result<()> {
    let mut house = House::new().await?;
    for is_orderly in [true, false] {
        house.in_the_middle().await?;
        if is_orderly {
            house.postgres.stop().await?;
        } else {
            house.postgres.crash().await?;
        }
        house.change();
        house.postgres.start_again().await?;
        until_told(&house.receiver, &house.salesloft, 0).await?;
    }
    for server in &mut house.servers {
        assert_eq!(server.terminate().await?, Some(0));
    }
    house.check().await
}
