//! A siege: changes without end over three servers on one PostgreSQL, while servers are killed and
//! paused, PostgreSQL stops and crashes, and connections are cut. Every version of every record is
//! told, once each, in order; what is repeated has the same id.
//!
//! The tests tell 12,000 changes; `cargo xtask siege` tells 100,000.

mod blows;
mod front;

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use anyhow::Context as _;
use oc_tests::receiver::repeats;
use oc_tests::server::SIGNATURE_KEY;
use oc_tests::{Options, Postgres, Receiver, Salesloft, Server};

use blows::Blows;
use front::{Front, Heard};

/// Instances, each with a provider of its own and two resources.
const FRONTS: usize = 6;

/// A number from the environment.
fn number(name: &str, otherwise: u64) -> anyhow::Result<u64> {
    let Ok(text) = std::env::var(name) else { return Ok(otherwise) };
    text.parse().with_context(|| format!("{name} is no number"))
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_or_told_twice_whatever_befalls_the_servers() -> anyhow::Result<()> {
    let changes = usize::try_from(number("OC_SIEGE_CHANGES", 12_000)?)?;
    let seed = number("OC_SIEGE_SEED", rand::random())?;
    println!("seed {seed}: OC_SIEGE_SEED={seed} does the same to the servers again");
    // A server of its own, as it is stopped.
    let postgres = Postgres::start().await?;
    let url = postgres.database().await?;
    let options = Options::default().on_postgres(&url);
    let receiver = Receiver::start().await?;
    receiver.expect_key(SIGNATURE_KEY);
    let mut fronts = vec![Front::new(Salesloft::start().await?, 0)];
    let mut servers = Vec::new();
    for _ in 0..3 {
        servers.push(Server::start(fronts[0].salesloft(), options.clone()).await?);
    }
    for number in 1..FRONTS {
        fronts.push(Front::new(Salesloft::start().await?, number));
    }
    for front in &fronts {
        front.open(&servers[0], &receiver).await?;
    }

    let (began, heard) = (Instant::now(), Heard::default());
    let mut blows = Blows::new(seed, servers, postgres, url);
    let each = changes.div_ceil(FRONTS);
    let (dealt, over) = (blows.dealt(), AtomicBool::new(false));
    let holding = fronts.iter_mut().map(|front| front.hold(each, &dealt, &heard, &receiver));
    let holding = async {
        futures_util::future::try_join_all(holding).await?;
        over.store(true, Ordering::Relaxed);
        Ok(())
    };
    // A blow is not left half-way: what has fallen can be relieved.
    let held = tokio::try_join!(holding, blows.fall(&receiver, &over));
    held.with_context(|| format!("seed {seed}, {blows}"))?;
    let took = began.elapsed();
    blows.relieve_all().await?;

    let told: usize = fronts.iter().map(|front| front.check(&heard)).sum::<anyhow::Result<_>>()?;
    anyhow::ensure!(receiver.faults().is_empty(), "{:?}", receiver.faults());
    let counts = repeats(&receiver.deliveries());
    let repeated = counts.values().filter(|count| **count > 1).count();
    println!(
        "{told} changes in {} notifications, {repeated} of them sent more than once, in {:.0} s; {blows}",
        counts.len(),
        took.as_secs_f64()
    );
    Ok(())
}
