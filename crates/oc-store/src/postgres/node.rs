//! This process among those that share the database: that it is alive, and what time it is there.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use oc_egress::Clock;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::Postgres;
use super::claims::micros;
use super::touches::Touches;
use crate::StoreError;
use crate::sql::{Sql, params};

/// How often a node says that it is alive...
const BEAT: Duration = Duration::from_secs(5);
/// ...and after which silence its claims are free.
const ALIVE: Duration = Duration::from_secs(20);

/// This process. Clones are the same.
#[derive(Clone)]
pub(crate) struct Node(Arc<Inner>);

struct Inner {
    id: Uuid,
    /// The database's clock less the machine's, in microseconds.
    ahead: Arc<AtomicI64>,
    stop: CancellationToken,
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl Node {
    /// Takes part from now on, until it is told to leave or nobody needs it any more.
    pub(crate) async fn join(database: &Postgres) -> Result<Self, StoreError> {
        let (id, ahead, stop) = (Uuid::now_v7(), Arc::default(), CancellationToken::new());
        beat(database, id, &ahead).await?;
        tokio::spawn(keep_beating(database.clone(), id, Arc::clone(&ahead), stop.clone()));
        Ok(Self(Arc::new(Inner { id, ahead, stop })))
    }

    /// Its number.
    pub(crate) fn id(&self) -> Uuid {
        self.0.id
    }

    /// The machine's clock, set right by the database's, so that all nodes agree.
    pub(crate) fn clock(&self) -> Clock {
        let (machine, ahead) = (Clock::system(), Arc::clone(&self.0.ahead));
        Clock::new(move || {
            let mut now = machine.now();
            now.0 += ahead.load(Ordering::Relaxed);
            now
        })
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

async fn keep_beating(
    database: Postgres,
    id: Uuid,
    ahead: Arc<AtomicI64>,
    stop: CancellationToken,
) {
    while stop.run_until_cancelled(tokio::time::sleep(BEAT)).await.is_some() {
        if let Some(Err(error)) = stop.run_until_cancelled(beat(&database, id, &ahead)).await {
            tracing::warn!(%error, "Other nodes are not told that this one is alive");
        }
    }
}

/// Says that the node is alive, and compares the clocks. A node that was silent for too long keeps
/// the claims that nobody has taken over.
async fn beat(database: &Postgres, id: Uuid, ahead: &AtomicI64) -> Result<(), StoreError> {
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
    database.write(Touches::Nothing, alive).await?;
    let compare = |sql: &Sql| {
        let (machine, asked) = (Clock::system(), Clock::system().now());
        let there: i64 = sql.one("SELECT time_now()", (), |row| row.get(0))?;
        // It was there about half-way.
        Ok(there - (asked.0 + machine.now().0) / 2)
    };
    ahead.store(database.read(compare).await?, Ordering::Relaxed);
    Ok(())
}
