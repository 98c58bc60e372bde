//! This process among those that share the database: that it is alive, and what time it is there.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use oc_config::Timestamp;
use oc_egress::Clock;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::claims::micros;
use super::touches::Touches;
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
    beats: Arc<Beats>,
    stop: CancellationToken,
}

/// What the node knows from the last time that it was heard.
struct Beats {
    /// The database's clock less the machine's, in microseconds.
    ahead: AtomicI64,
    /// When it began to speak, and until when others count on it, by the database's clock.
    heard: Mutex<(Instant, Timestamp)>,
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
        let heard = Mutex::new((Instant::now(), Timestamp::EPOCH));
        let beats = Arc::new(Beats { ahead: AtomicI64::new(0), heard });
        beat(database, id, &beats).await?;
        tokio::spawn(keep_beating(database.clone(), id, Arc::clone(&beats), stop.clone()));
        Ok(Self(Arc::new(Inner { id, beats, stop })))
    }

    /// Its number.
    pub(crate) fn id(&self) -> Uuid {
        self.0.id
    }

    /// The machine's clock, set right by the database's, so that all nodes agree.
    pub(crate) fn clock(&self) -> Clock {
        let beats = Arc::clone(&self.0.beats);
        Clock::new(move || beats.now())
    }

    /// Whether others certainly count on it: it was heard a moment ago, by whichever clock tells more.
    /// One may have stood still while the process or the machine was paused.
    pub(crate) fn is_alive(&self) -> bool {
        let beats = &self.0.beats;
        let (began, until) = *locked(&beats.heard);
        began.elapsed() < ALIVE && beats.now() < until
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
        let id = self.0.id;
        let leave = move |sql: &Sql| {
            sql.execute("DELETE FROM claim WHERE node = ?1", [id])?;
            sql.execute("DELETE FROM node WHERE id = ?1", [id])?;
            Ok(())
        };
        database.write(Touches::Nothing, leave).await
    }
}

impl Beats {
    fn now(&self) -> Timestamp {
        Timestamp(Clock::system().now().0 + self.ahead.load(Ordering::Relaxed))
    }
}

async fn keep_beating(database: Postgres, id: Uuid, beats: Arc<Beats>, stop: CancellationToken) {
    while stop.run_until_cancelled(tokio::time::sleep(BEAT)).await.is_some() {
        if let Some(Err(error)) = stop.run_until_cancelled(beat(&database, id, &beats)).await {
            tracing::warn!(%error, "Other nodes are not told that this one is alive");
        }
    }
}

/// Says that the node is alive, and compares the clocks. A node that was silent for too long keeps
/// the claims that nobody has taken over.
async fn beat(database: &Postgres, id: Uuid, beats: &Beats) -> Result<(), StoreError> {
    let began = Instant::now();
    let alive = move |sql: &Sql| {
        let until = sql.one(
            "INSERT INTO node (id, until) VALUES (?1, time_now() + ?2)
             ON CONFLICT (id) DO UPDATE SET until = excluded.until RETURNING until",
            params![id, micros(ALIVE)],
            |row| row.get(0).map(Timestamp),
        )?;
        let dead = "DELETE FROM node WHERE until < time_now() - ?1";
        sql.execute(dead, [micros(ALIVE)])?;
        sql.execute("DELETE FROM claim WHERE node NOT IN (SELECT id FROM node)", ())?;
        Ok(until)
    };
    let until = database.write(Touches::Nothing, alive).await?;
    let compare = |sql: &Sql| {
        let (machine, asked) = (Clock::system(), Clock::system().now());
        let there: i64 = sql.one("SELECT time_now()", (), |row| row.get(0))?;
        // It was there about half-way.
        Ok(there - (asked.0 + machine.now().0) / 2)
    };
    beats.ahead.store(database.read(compare).await?, Ordering::Relaxed);
    *locked(&beats.heard) = (began, until);
    Ok(())
}
