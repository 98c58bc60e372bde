//! Real servers that scenarios start: PostgreSQL and NATS, each private and gone with its owner.

mod guarded;
mod nats;
mod postgres;

pub use nats::Nats;
pub use postgres::Postgres;

use std::collections::BTreeSet;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context as _;

/// The longest that a server may take to start, to stop, or to answer.
const PATIENCE: Duration = Duration::from_secs(60);

/// A loopback port that nobody listens on and that this process has not given before, below those
/// that outgoing connections get: so it is still free when a server that was stopped comes back to it.
fn free_port() -> anyhow::Result<u16> {
    static GIVEN: Mutex<BTreeSet<u16>> = Mutex::new(BTreeSet::new());
    let mut given = GIVEN.lock().unwrap_or_else(PoisonError::into_inner);
    let ports = std::iter::repeat_with(|| rand::random_range(10_000..32_000)).take(1_000);
    let is_free = |port: &u16| TcpListener::bind(("127.0.0.1", *port)).is_ok();
    let mut free = ports.filter(|port| !given.contains(port) && is_free(port));
    let port = free.next().context("no loopback port is free")?;
    given.insert(port);
    Ok(port)
}

/// The program in one of these folders, the last by name first where one of them is `*`.
fn program(name: &str, folders: &[&str]) -> anyhow::Result<PathBuf> {
    let all = folders.iter().flat_map(|folder| spread(folder));
    let found = all.map(|folder| folder.join(name)).find(|path| path.is_file());
    found.with_context(|| {
        format!("{name} is in none of {}; cargo xtask test installs it", folders.join(", "))
    })
}

fn spread(folder: &str) -> Vec<PathBuf> {
    let Some((before, after)) = folder.split_once("*/") else {
        return vec![Path::new(folder).to_owned()];
    };
    let entries = std::fs::read_dir(before).into_iter().flatten().flatten();
    let mut folders: Vec<PathBuf> = entries.map(|entry| entry.path().join(after)).collect();
    folders.sort();
    folders.reverse();
    folders
}

/// Asks every 20 ms until it is so.
async fn until(
    what: &str,
    mut so: impl AsyncFnMut() -> anyhow::Result<bool>,
) -> anyhow::Result<()> {
    let asking = async {
        while !so().await? {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(())
    };
    tokio::time::timeout(PATIENCE, asking)
        .await
        .with_context(|| format!("{what} takes too long"))?
}
