//! (j) What polls and deliveries cost on PostgreSQL, and how fast they go, also where JetStream hands
//! deliveries out; on SQLite for comparison.

use std::time::{Duration, Instant};

use oc_store::Location;
use oc_tests::{Nats, Postgres};
use tokio_util::sync::CancellationToken;

use super::deliver::Sink;
use super::inside::{Inside, host};

const LANES: usize = 200;
const DESTINATIONS: usize = 20;
const ROUNDS: usize = 50;
/// Those that are due again and again find nothing.
const QUIET_ROUNDS: usize = 20;
const NEVER: Duration = Duration::from_secs(86_400);
const AT_ONCE: Duration = Duration::from_micros(1);

pub(super) async fn run() -> anyhow::Result<()> {
    println!(
        "\n(j) {} polls that find nothing, {} that find one event, and their deliveries; {LANES} lanes, {DESTINATIONS} destinations",
        LANES * QUIET_ROUNDS,
        LANES * ROUNDS
    );
    let (postgres, nats) = (Postgres::counting().await?, Nats::cluster(3).await?);
    for (name, nats) in [("PostgreSQL", None), ("PostgreSQL and JetStream", Some(&nats))] {
        let url = postgres.database().await?;
        postgres.query(&url, "CREATE EXTENSION pg_stat_statements").await?;
        let account = Account { postgres: &postgres, url: url.clone() };
        let inside = Inside::at(Location::Postgres(url.into())).await?;
        measure(name, &inside, Some(&account), nats).await?;
    }
    measure("SQLite", &Inside::open().await?, None, None).await
}

async fn measure(
    name: &str,
    inside: &Inside,
    account: Option<&Account<'_>>,
    nats: Option<&Nats>,
) -> anyhow::Result<()> {
    let sink = Sink::start().await?;
    for number in 0..LANES {
        inside.instance(&format!("http://{}/hook", host(number % DESTINATIONS, sink.port))).await?;
    }
    if let Some(account) = account {
        account.open().await?;
    }
    let began = Instant::now();
    let mut polled = 0;
    while polled < LANES * QUIET_ROUNDS {
        polled += inside.poll_in_vain(64, AT_ONCE).await?;
    }
    told(name, "polls that find nothing", polled, began, account).await?;
    let began = Instant::now();
    let mut found = 0;
    while found < LANES * ROUNDS {
        let last = found + 64 >= LANES * ROUNDS;
        found += inside.poll(64, if last { NEVER } else { AT_ONCE }).await?;
    }
    told(name, "polls that find one event", found, began, account).await?;
    let (stop, began) = (CancellationToken::new(), Instant::now());
    let delivering = match nats {
        Some(nats) => inside.deliver_from(nats, stop.clone()).await?,
        None => inside.deliver(stop.clone())?,
    };
    // What is received is settled a moment later.
    while inside.store.standing(inside.clock.now()).await?.outbox > 0 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    told(name, "deliveries", sink.received(), began, account).await?;
    stop.cancel();
    Ok(delivering.await?)
}

#[expect(clippy::cast_precision_loss, reason = "a few ten thousand")]
async fn told(
    name: &str,
    what: &str,
    count: usize,
    began: Instant,
    account: Option<&Account<'_>>,
) -> anyhow::Result<()> {
    let took = began.elapsed().as_secs_f64();
    println!("    {name}: {count} {what}, {:.0} per second", count as f64 / took);
    match account {
        Some(account) => account.settle(count as f64).await,
        None => Ok(()),
    }
}

/// What the server has done, since it was last asked.
struct Account<'p> {
    postgres: &'p Postgres,
    url: String,
}

impl Account<'_> {
    async fn open(&self) -> anyhow::Result<()> {
        // Sizes tell of growth only when nothing is to be used again.
        self.ask("VACUUM; CHECKPOINT").await?;
        self.ask("SELECT FROM pg_stat_statements_reset()").await.map(drop)
    }

    async fn settle(&self, each: f64) -> anyhow::Result<()> {
        let sums = "SELECT sum(calls), sum(calls) FILTER (WHERE query = 'COMMIT'), sum(wal_bytes),
              sum(wal_records) FROM pg_stat_statements
            WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database())";
        let sums = self.ask(sums).await?;
        let sums: Vec<f64> = sums.split('|').filter_map(|sum| sum.parse().ok()).collect();
        if let [statements, commits, bytes, records] = sums[..] {
            println!(
                "        each: {:.1} statements, {:.2} transactions that write, {:.0} bytes of WAL in {:.1} records",
                statements / each,
                commits / each,
                bytes / each,
                records / each
            );
        }
        let often = "SELECT calls || ' ' || left(regexp_replace(query, '\\s+', ' ', 'g'), 90)
            FROM pg_stat_statements ORDER BY calls DESC LIMIT 12";
        for line in self.ask(often).await?.lines() {
            println!("          {line}");
        }
        let sizes = "SELECT relname || ' ' || pg_total_relation_size(oid) FROM pg_class
            WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace
              AND pg_total_relation_size(oid) > 100000 ORDER BY pg_total_relation_size(oid) DESC";
        println!("        bytes now: {}", self.ask(sizes).await?.replace('\n', ", "));
        self.open().await
    }

    async fn ask(&self, sql: &str) -> anyhow::Result<String> {
        let mut answer = String::new();
        // VACUUM stands alone.
        for one in sql.split(';') {
            answer = self.postgres.query(&self.url, one).await?;
        }
        Ok(answer)
    }
}
