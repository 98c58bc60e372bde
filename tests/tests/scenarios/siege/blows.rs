//! What befalls the servers and their database, in an order that the seed gives.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::ensure;
use oc_tests::{Postgres, Receiver, Server};
use rand::rngs::StdRng;
use rand::seq::{IndexedRandom as _, SliceRandom as _};
use rand::{RngExt as _, SeedableRng as _};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Blow {
    Kill,
    Pause,
    /// A server that is killed or paused is back.
    Relief,
    StopPostgres,
    CrashPostgres,
    /// About half of all connections to the database, or every one.
    CutSome,
    CutAll,
}

/// Each comes before any comes again, but for the relief, so that servers are not missing for long.
const DECK: [Blow; 9] = [
    Blow::Kill,
    Blow::Relief,
    Blow::Pause,
    Blow::Relief,
    Blow::StopPostgres,
    Blow::CrashPostgres,
    Blow::CutSome,
    Blow::CutAll,
    Blow::Relief,
];
/// The most notifications between two blows.
const APART: usize = 30;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Up,
    Killed,
    Paused,
}

pub(super) struct Blows {
    dice: StdRng,
    servers: Vec<(Server, State)>,
    postgres: Postgres,
    url: String,
    counts: BTreeMap<Blow, usize>,
    dealt: Arc<AtomicBool>,
}

impl Blows {
    pub(super) fn new(seed: u64, servers: Vec<Server>, postgres: Postgres, url: String) -> Self {
        let servers = servers.into_iter().map(|server| (server, State::Up)).collect();
        let (dice, dealt) = (StdRng::seed_from_u64(seed), Arc::default());
        Self { dice, servers, postgres, url, counts: BTreeMap::new(), dealt }
    }

    /// Whether each kind has been dealt.
    pub(super) fn dealt(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.dealt)
    }

    /// One blow after the other, until it is over.
    pub(super) async fn fall(
        &mut self,
        receiver: &Receiver,
        over: &AtomicBool,
    ) -> anyhow::Result<()> {
        loop {
            let mut deck = DECK;
            deck.shuffle(&mut self.dice);
            for blow in deck {
                let after = receiver.count() + self.dice.random_range(1..=APART);
                while receiver.count() < after {
                    if over.load(Ordering::Relaxed) {
                        return Ok(());
                    }
                    receiver.news().await;
                }
                self.deal(blow).await?;
            }
            self.dealt.store(true, Ordering::Relaxed);
        }
    }

    async fn deal(&mut self, blow: Blow) -> anyhow::Result<()> {
        match blow {
            Blow::Kill | Blow::Pause => {
                let Some(at) = self.any(|state| state == State::Up) else { return Ok(()) };
                // One goes on, so that there is something to be seen.
                if self.servers.iter().filter(|(_, state)| *state == State::Up).count() < 2 {
                    return Ok(());
                }
                let (server, state) = &mut self.servers[at];
                if blow == Blow::Kill {
                    server.kill().await?;
                    *state = State::Killed;
                } else {
                    server.pause()?;
                    *state = State::Paused;
                }
            }
            Blow::Relief => {
                let Some(at) = self.any(|state| state != State::Up) else { return Ok(()) };
                self.relieve(at).await?;
            }
            Blow::StopPostgres | Blow::CrashPostgres => {
                if blow == Blow::StopPostgres {
                    self.postgres.stop().await?;
                } else {
                    self.postgres.crash().await?;
                }
                self.postgres.start_again().await?;
            }
            Blow::CutSome => self.cut("pid % 2 = 0").await?,
            Blow::CutAll => self.cut("true").await?,
        }
        *self.counts.entry(blow).or_default() += 1;
        Ok(())
    }

    async fn cut(&self, which: &str) -> anyhow::Result<()> {
        let cut = format!(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
             WHERE datname = current_database() AND pid <> pg_backend_pid() AND {which}"
        );
        self.postgres.query(&self.url, &cut).await.map(drop)
    }

    fn any(&mut self, of: impl Fn(State) -> bool) -> Option<usize> {
        let all = self.servers.iter().enumerate().filter(|(_, (_, state))| of(*state));
        all.map(|(at, _)| at).collect::<Vec<_>>().choose(&mut self.dice).copied()
    }

    async fn relieve(&mut self, at: usize) -> anyhow::Result<()> {
        let (server, state) = &mut self.servers[at];
        match state {
            State::Up => {}
            State::Killed => server.start_again().await?,
            State::Paused => server.resume()?,
        }
        *state = State::Up;
        Ok(())
    }

    /// Ends the siege: all servers are back, and end in order.
    pub(super) async fn relieve_all(&mut self) -> anyhow::Result<()> {
        for at in 0..self.servers.len() {
            self.relieve(at).await?;
            let server = &mut self.servers[at].0;
            let ended = server.terminate().await;
            ensure!(matches!(ended, Ok(Some(0))), "{ended:?}: {}", server.log());
        }
        Ok(())
    }
}

/// What was dealt so far.
impl fmt::Display for Blows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = |blow: Blow| self.counts.get(&blow).copied().unwrap_or(0);
        write!(
            f,
            "{} kills, {} pauses, {} stops and {} crashes of PostgreSQL, {} cuts of connections",
            count(Blow::Kill),
            count(Blow::Pause),
            count(Blow::StopPostgres),
            count(Blow::CrashPostgres),
            count(Blow::CutSome) + count(Blow::CutAll)
        )
    }
}
