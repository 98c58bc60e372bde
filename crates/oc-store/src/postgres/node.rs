//! This process among those that share the database: that it is alive, and what time it is there.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use oc_config::Timestamp;
use oc_egress::Clock;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::claims::micros;
use super::{Postgres, news};
use crate::StoreError;
use crate::sql::{Sql, params};
use crate::store::locked;
use crate::wakes::Wakes;

/// How often a node says that it is alive...
const BEAT: Duration = Duration::from_secs(5);
/// ...and after which silence its claims are free.
const ALIVE: Duration = Duration::from_secs(20);

/// This process. Clones are the same.
#[derive(Clone)]
pub(crate) struct Node(Arc<Inner>);

struct Inner {
    id: Uuid,
    heard: Arc<Mutex<Heard>>,
    stop: CancellationToken,
}

/// The last time that the node was heard.
struct Heard {
    /// When it began to speak, by what counts the time that passes and by the machine's clock.
    began: (Instant, Timestamp),
    /// When the database had heard it, and what time it was there.
    at: (Instant, Timestamp),
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl Node {
    /// Takes part from now on, until it is told to leave or nobody needs it any more.
    pub(crate) async fn join(database: &Postgres) -> Result<Self, StoreError> {
        let (id, stop) = (Uuid::now_v7(), CancellationToken::new());
        let heard = Arc::new(Mutex::new(beat(database, id).await?));
        tokio::spawn(keep_beating(database.clone(), id, Arc::clone(&heard), stop.clone()));
        Ok(Self(Arc::new(Inner { id, heard, stop })))
    }

    /// Its number.
    pub(crate) fn id(&self) -> Uuid {
        self.0.id
    }

    /// The database's clock, so that all nodes agree. Between two beats it goes by the time that
    /// passes: the machine's clock may be wrong, and set at any moment.
    pub(crate) fn clock(&self) -> Clock {
        let heard = Arc::clone(&self.0.heard);
        Clock::new(move || {
            let (at, there) = locked(&heard).at;
            there.plus(at.elapsed())
        })
    }

    /// Whether others certainly count on it: it was heard a moment ago, by whichever clock tells more.
    /// What counts the time that passes may have stood still while the machine was suspended.
    pub(crate) fn is_alive(&self) -> bool {
        let (began, machine) = locked(&self.0.heard).began;
        began.elapsed() < ALIVE && Clock::system().now().since(machine) < ALIVE
    }

    /// Is heard now, where it is not certain that others count on it.
    pub(crate) async fn revive(&self, database: &Postgres) -> Result<(), StoreError> {
        if !self.is_alive() {
            let beat = beat(database, self.0.id).await?;
            *locked(&self.0.heard) = beat;
        }
        Ok(())
    }

    /// Tells others what is new here and listens to them, until it leaves.
    pub(crate) fn tell_and_listen(&self, database: &Postgres, wakes: &Arc<Wakes>) {
        let (id, stop) = (self.0.id, &self.0.stop);
        tokio::spawn(news::tell(database.clone(), id, Arc::clone(wakes), stop.clone()));
        tokio::spawn(news::listen(database.clone(), id, Arc::clone(wakes), stop.clone()));
    }

    /// Gives back all that is claimed, for others to take at once.
    pub(crate) async fn leave(&self, database: &Postgres) -> Result<(), StoreError> {
        self.0.stop.cancel();
        // First that it is gone, which frees its claims: what is under way may hold their rows.
        for text in ["DELETE FROM node WHERE id = ?1", "DELETE FROM claim WHERE node = ?1"] {
            let id = self.0.id;
            database.write_own(move |sql| sql.execute(text, [id]).map(drop)).await?;
        }
        Ok(())
    }
}

async fn keep_beating(
    database: Postgres,
    id: Uuid,
    heard: Arc<Mutex<Heard>>,
    stop: CancellationToken,
) {
    while stop.run_until_cancelled(tokio::time::sleep(BEAT)).await.is_some() {
        match stop.run_until_cancelled(beat(&database, id)).await {
            Some(Ok(beat)) => *locked(&heard) = beat,
            Some(Err(error)) => {
                tracing::warn!(%error, "Other nodes are not told that this one is alive");
            }
            None => {}
        }
    }
}

/// Says that the node is alive, and asks what time it is. A node that was silent for too long keeps
/// the claims that nobody has taken over.
async fn beat(database: &Postgres, id: Uuid) -> Result<Heard, StoreError> {
    let began = (Instant::now(), Clock::system().now());
    let alive = move |sql: &Sql| {
        sql.execute(
            "INSERT INTO node (id, until) VALUES (?1, time_now() + ?2)
             ON CONFLICT (id) DO UPDATE SET until = excluded.until",
            params![id, micros(ALIVE)],
        )?;
        let dead = "DELETE FROM node WHERE until < time_now() - ?1";
        sql.execute(dead, [micros(ALIVE)])?;
        sql.execute("DELETE FROM claim WHERE node NOT IN (SELECT id FROM node)", ())?;
        Ok(())
    };
    database.write_own(alive).await?;
    let compare = |sql: &Sql| {
        let asked = Instant::now();
        let there = sql.one("SELECT time_now()", (), |row| row.get(0).map(Timestamp))?;
        // It was there about half-way.
        Ok((asked + asked.elapsed() / 2, there))
    };
    Ok(Heard { began, at: database.read(compare).await? })
}
