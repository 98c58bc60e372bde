//! Three servers on one PostgreSQL, whose deliveries a JetStream cluster of three hands out: whichever
//! node of either is killed, nothing is lost, every repeat carries the same id, and the order of a lane
//! holds.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use async_nats::jetstream::AckKind;
use async_nats::jetstream::consumer::pull::Config;
use async_nats::jetstream::consumer::{FromConsumer as _, PullConsumer};
use futures_util::TryStreamExt as _;
use oc_tests::salesloft::World;
use oc_tests::{Nats, Options, Postgres, Receiver, Salesloft, Server};
use serde_json::json;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::authority::Authority;
use crate::metrics::{samples, sum};
use crate::story::{check_story, until_told};

const PATIENCE: Duration = Duration::from_secs(60);

struct House {
    nats: Nats,
    _postgres: Arc<Postgres>,
    salesloft: Salesloft,
    receiver: Receiver,
    servers: Vec<Server>,
    people: Vec<u64>,
}

impl House {
    /// Three servers that have all joined, and two instances.
    async fn new() -> anyhow::Result<Self> {
        let (postgres, nats) = (Postgres::shared().await?, Nats::cluster(3).await?);
        let options = Options::default()
            .on_postgres(&postgres.database().await?)
            .with("OC_NATS_URL", &nats.url());
        let (salesloft, receiver, first) = Server::house(options.clone()).await?;
        first.create(&salesloft, &receiver.url("hook"), &json!({})).await?;
        let mut servers = vec![first];
        for _ in 0..2 {
            servers.push(Server::start(&salesloft, options.clone()).await?);
        }
        let people =
            salesloft.change(|world, now| (0..50).map(|_| world.add_person(now)).collect());
        let house = Self { nats, _postgres: postgres, salesloft, receiver, servers, people };
        house.until_told().await?;
        house.until_connected(1.0).await?;
        Ok(house)
    }

    /// A metric of each server.
    async fn metric(&self, name: &str) -> anyhow::Result<Vec<f64>> {
        let mut values = Vec::new();
        for server in &self.servers {
            values.push(sum(&samples(&server.api).await?, name, &[]));
        }
        Ok(values)
    }

    /// How many lanes the queue has handed out.
    async fn handed(&self) -> anyhow::Result<f64> {
        Ok(self.metric("oc_queue_handed_total").await?.iter().sum())
    }

    /// Changes people until a lane comes from the queue.
    async fn until_handed(&self) -> anyhow::Result<()> {
        let before = self.handed().await?;
        let handing = async {
            while self.handed().await? <= before {
                self.in_the_middle().await?;
                self.until_told().await?;
            }
            Ok(())
        };
        tokio::time::timeout(PATIENCE, handing).await.context("nothing comes from the queue")?
    }

    /// Waits until all servers have the queue, or none has.
    async fn until_connected(&self, connected: f64) -> anyhow::Result<()> {
        let asking = async {
            while self.metric("oc_queue_connected").await? != [connected; 3] {}
            Ok(())
        };
        tokio::time::timeout(PATIENCE, asking).await.context("the queue comes or goes late")?
    }

    /// Waits until the process that looked what is due knows that another one does.
    async fn until_one_has_left_off_looking(&self) -> anyhow::Result<()> {
        let has_left_off =
            |server: &Server| server.log().contains("Another process may put into the queue");
        let asking = async {
            while !self.servers.iter().any(has_left_off) {
                self.metric("oc_queue_connected").await?;
            }
            Ok(())
        };
        tokio::time::timeout(PATIENCE, asking).await.context("two look what is due")?
    }

    async fn until_told(&self) -> anyhow::Result<()> {
        until_told(&self.receiver, &self.salesloft, 0).await
    }

    fn change(&self) {
        self.salesloft.change(|world: &mut World, now| {
            for _ in 0..40 {
                world.touch_person(self.people[rand::random_range(0..self.people.len())], now);
            }
        });
    }

    /// Changes some people, and waits until this has been seen to begin.
    async fn in_the_middle(&self) -> anyhow::Result<()> {
        let before = self.receiver.deliveries().len();
        self.change();
        let is_under_way = |receiver: &Receiver| receiver.deliveries().len() > before;
        self.receiver.until("something to be under way", is_under_way).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whichever_jetstream_node_is_killed_and_comes_back_nothing_is_lost() -> anyhow::Result<()> {
    let house = House::new().await?;
    let before = house.handed().await?;
    for node in 0..3 {
        house.in_the_middle().await?;
        house.nats.kill(node).await?;
        for _ in 0..5 {
            house.in_the_middle().await?;
        }
        let (back, under_way) = tokio::join!(house.nats.start_again(node), house.in_the_middle());
        back.and(under_way)?;
        for _ in 0..5 {
            house.in_the_middle().await?;
        }
        house.until_told().await?;
    }
    assert!(house.handed().await? > before, "nothing came from the queue");
    check_story(&house.receiver, &house.salesloft)
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_majority_of_jetstream_deliveries_go_on() -> anyhow::Result<()> {
    let house = House::new().await?;
    house.in_the_middle().await?;
    house.nats.kill(0).await?;
    house.nats.kill(1).await?;
    house.change();
    house.until_told().await?;
    house.until_connected(0.0).await?;
    let ready = house.servers[0].api.get("//health/ready").await?;
    assert_eq!((ready.status, ready.text.as_str()), (200, "ready, without the queue\n"));
    house.change();
    house.until_told().await?;
    house.nats.start_both_again([0, 1]).await?;
    house.until_connected(1.0).await?;
    // Its servers may need a while to agree on who leads.
    house.until_handed().await?;
    check_story(&house.receiver, &house.salesloft)
}

#[tokio::test(flavor = "multi_thread")]
async fn whichever_server_is_killed_the_queue_hands_its_lanes_to_others() -> anyhow::Result<()> {
    let mut house = House::new().await?;
    for killed in 0..3 {
        house.in_the_middle().await?;
        house.servers[killed].kill().await?;
        house.change();
        house.until_told().await?;
        house.servers[killed].start_again().await?;
    }
    for server in &mut house.servers {
        house.salesloft.change(|world: &mut World, now| {
            world.touch_person(house.people[0], now);
        });
        assert_eq!(server.terminate().await?, Some(0));
    }
    check_story(&house.receiver, &house.salesloft)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_was_paused_with_its_tickets_does_no_harm_when_it_wakes() -> anyhow::Result<()>
{
    let house = House::new().await?;
    // One of them is the one that looks what is due.
    for server in &house.servers {
        house.in_the_middle().await?;
        server.pause()?;
        house.change();
        house.until_told().await?;
        server.resume()?;
    }
    house.in_the_middle().await?;
    house.until_told().await?;
    house.until_connected(1.0).await?;
    house.until_one_has_left_off_looking().await?;
    check_story(&house.receiver, &house.salesloft)
}

/// A queue whose consumer knows nothing of the tickets, as when its node has lost them.
#[tokio::test(flavor = "multi_thread")]
async fn a_queue_that_knows_nothing_of_its_tickets_is_made_anew() -> anyhow::Result<()> {
    let house = House::new().await?;
    let context = async_nats::jetstream::new(async_nats::connect(house.nats.node_url(0)).await?);
    let name = context.stream_names().try_next().await?.context("there is no stream")?;
    let stream = context.get_stream(name).await?;
    let lanes = stream.get_consumer::<Config>("lanes").await.map_err(anyhow::Error::from_boxed)?;
    let mut config = Config::try_from_consumer_config(lanes.cached_info().config.clone())
        .map_err(anyhow::Error::from_boxed)?;
    config.filter_subject = config.filter_subject.replace('>', "nobody");
    stream.delete_consumer("lanes").await?;
    stream.create_consumer(config).await?;

    house.until_handed().await?;
    let logs: Vec<String> = house.servers.iter().map(Server::log).collect();
    assert!(logs.iter().any(|log| log.contains("which is made anew")), "{logs:?}");
    check_story(&house.receiver, &house.salesloft)
}

/// Takes tickets and keeps them: tells JetStream that it is at work, and does nothing.
struct Thief {
    taken: watch::Receiver<usize>,
    _task: JoinSet<anyhow::Result<()>>,
}

impl Thief {
    async fn new(nats: &Nats) -> anyhow::Result<Self> {
        let context = async_nats::jetstream::new(async_nats::connect(nats.node_url(0)).await?);
        let name = context.stream_names().try_next().await?.context("there is no stream")?;
        let lanes: PullConsumer = context
            .get_stream(name)
            .await?
            .get_consumer("lanes")
            .await
            .map_err(anyhow::Error::from_boxed)?;
        let (taken, seen) = watch::channel(0);
        let mut task = JoinSet::new();
        task.spawn(async move {
            let mut kept = Vec::new();
            loop {
                let pulled = lanes.batch().max_messages(10).expires(Duration::from_secs(1));
                let mut pulled = pulled.messages().await?;
                while let Some(message) =
                    pulled.try_next().await.map_err(anyhow::Error::from_boxed)?
                {
                    kept.push(message);
                }
                taken.send_replace(kept.len());
                for message in &kept {
                    message.ack_with(AckKind::Progress).await.map_err(anyhow::Error::from_boxed)?;
                }
            }
        });
        Ok(Self { taken: seen, _task: task })
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_jetstream_does_not_hand_out_is_delivered_all_the_same() -> anyhow::Result<()> {
    let house = House::new().await?;
    let thief = Thief::new(&house.nats).await?;
    // Once it has the ticket of the only lane, nobody else gets that.
    while *thief.taken.borrow() == 0 {
        house.change();
        house.until_told().await?;
    }
    house.change();
    house.until_told().await?;
    let logs: Vec<String> = house.servers.iter().map(Server::log).collect();
    assert!(logs.iter().any(|log| log.contains("has not handed out what was due for long")));
    check_story(&house.receiver, &house.salesloft)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_queue_behind_tls_and_a_password_is_used_and_the_password_told_nowhere()
-> anyhow::Result<()> {
    let (authority, folder) = (Authority::new()?, tempfile::TempDir::new()?);
    let (certificate, key) = authority.signs()?;
    let file = |name: &str, text: String| -> anyhow::Result<String> {
        let path = folder.path().join(name);
        std::fs::write(&path, text)?;
        Ok(path.display().to_string())
    };
    let roots = file("roots.pem", authority.pem.clone())?;
    let (certificate, key) =
        (file("node.pem", certificate.pem())?, file("node.key", key.serialize_pem())?);
    let nats = Nats::guarded(("oc", "queue-s3cret"), (&certificate, &key)).await?;
    let url =
        |password: &str| nats.node_url(0).replace("nats://", &format!("tls://oc:{password}@"));
    let postgres = Postgres::shared().await?;
    let options = Options::default()
        .on_postgres(&postgres.database().await?)
        .with("OC_NATS_REPLICAS", "1")
        .with("SSL_CERT_FILE", &roots)
        .with("OC_NATS_URL", &url("queue-s3cret"));
    let (salesloft, receiver, mut server) = Server::house(options).await?;
    server.create(&salesloft, &receiver.url("hook"), &json!({})).await?;
    salesloft.change(World::add_person);
    until_told(&receiver, &salesloft, 0).await?;
    let value = async |name: &str| anyhow::Ok(sum(&samples(&server.api).await?, name, &[]));
    assert_eq!(value("oc_queue_connected").await?, 1.0, "{}", server.log());
    assert!(value("oc_queue_handed_total").await? > 0.0, "nothing came from the queue");
    assert!(!server.log().contains("queue-s3cret"));

    // Whoever is not let in delivers all the same, and says why.
    server.terminate().await?;
    server.set("OC_NATS_URL", &url("wrong-s3cret"));
    server.start_again().await?;
    salesloft.change(World::add_person);
    until_told(&receiver, &salesloft, 0).await?;
    let log = server.log().to_lowercase();
    assert!(log.contains("jetstream") && log.contains("authorization"), "{log}");
    assert!(!log.contains("wrong-s3cret"), "{log}");
    check_story(&receiver, &salesloft)
}
