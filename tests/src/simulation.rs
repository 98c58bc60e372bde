//! A seeded simulation: the real poll, hub, token, store and dispatch code in simulated time, against
//! a simulated provider that changes, fails and lags, with crashes between any two effects.
//!
//! One seed is one story. What must hold in every story is in [`story`]; that it can tell, is shown
//! by the deliberate faults in [`Mutant`].

mod endings;
mod fuse;
mod mutant;
mod process;
mod receiver;
pub mod story;
mod watched_ledger;
mod watched_outbox;
mod watched_tasks;

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::Context as _;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::{Fault, Salesloft};
use fuse::Fuse;
pub use mutant::Mutant;
use process::{Life, Process};
use story::Story;

const SECOND: i64 = 1_000_000;
/// 2026-10-31T12:00:00Z: within a day the provider's clocks go back.
const BEGIN: i64 = 1_793_448_000 * SECOND;

/// At the end there is time for so many polls at least, in which some sweeps have nothing to tell...
const SHORTEST_REST: usize = 12;
/// ...and for so many at most, as a small rate limit takes its time.
const LONGEST_REST: usize = 300;

/// What a seed came to.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tally {
    /// Events that arrived.
    pub events: usize,
    /// Polls that completed.
    pub polls: usize,
    /// Crashes.
    pub crashes: usize,
}

/// One story under way.
struct Simulation {
    dice: StdRng,
    time: Arc<AtomicI64>,
    salesloft: Salesloft,
    story: Arc<Mutex<Story>>,
    life: Life,
    process: Option<Process>,
    tally: Tally,
}

/// Plays a seed; the provider runs on `world`.
///
/// # Errors
/// What must hold and does not.
pub fn play(world: &Runtime, seed: u64, mutant: Mutant) -> anyhow::Result<Tally> {
    let mut simulation = Simulation::new(world, seed, mutant)?;
    let steps = simulation.dice.random_range(10..40);
    for step in 0..steps {
        simulation.step().with_context(|| format!("step {step}"))?;
    }
    let kind = simulation.life.kind();
    let rested = simulation.come_to_rest().and_then(|()| simulation.check_end());
    let stands = || simulation.process.as_ref().map(Process::stands).unwrap_or_default();
    rested.with_context(|| format!("{kind}\n{}", stands()))?;
    Ok(simulation.tally)
}

impl Simulation {
    fn new(world: &Runtime, seed: u64, mutant: Mutant) -> anyhow::Result<Self> {
        let mut dice = StdRng::seed_from_u64(seed);
        let time = Arc::new(AtomicI64::new(BEGIN + dice.random_range(0..86_400) * SECOND));
        let salesloft = world.block_on(Salesloft::start())?;
        salesloft.with(|provider| {
            provider.time = Some(Arc::clone(&time));
            // It is ahead, behind, or agrees.
            provider.clock_offset = [0, 0, -240, 90, -7][dice.random_range(0..5)] * SECOND;
            provider.accounts.lifetime = dice.random_range(1_200..7_200);
        });
        // The file system of the memory: what is tried is the order of effects, not the disk.
        let folder = TempDir::new_in("/dev/shm").or_else(|_| TempDir::new())?;
        let life = Life {
            folder,
            time: Arc::clone(&time),
            fuse: Fuse::default(),
            mutant,
            overlap: if dice.random_bool(0.3) { Some(0) } else { None },
            initial: ["now", "now", "all"][dice.random_range(0..3)],
            deletes: dice.random_bool(0.5),
            points: [20, 60, 600][dice.random_range(0..3)],
            seed: dice.random(),
        };
        salesloft.with(|provider| provider.limit.points = life.points);
        if dice.random_bool(0.5) {
            let many = dice.random_range(1..400);
            salesloft.change(|world, now| {
                for back in 0..many {
                    world.add_person(now - back * SECOND);
                }
            });
        }
        let story = Arc::new(Mutex::new(Story::default()));
        let mut process = Process::begin(&life, &salesloft, &story)?;
        process.create_instances(&life, &salesloft, &story)?;
        Ok(Self {
            dice,
            time,
            salesloft,
            story,
            life,
            process: Some(process),
            tally: Tally::default(),
        })
    }

    /// Something happens.
    fn step(&mut self) -> anyhow::Result<()> {
        if self.dice.random_bool(0.4) {
            let effects = [3, 10, 40][self.dice.random_range(0..3)];
            self.life.fuse.light(self.dice.random_range(1..=effects));
        }
        match self.dice.random_range(0..14) {
            0..=2 => self.time_passes(900),
            3..=5 => self.people_change(),
            6 => self.trouble(),
            7 | 8 => self.polls()?,
            9 => self.forget()?,
            10 | 11 => self.loads_and_sweeps()?,
            _ => self.deliveries()?,
        }
        self.life.fuse.put_out();
        Ok(())
    }

    fn time_passes(&mut self, most: i64) {
        let micros = self.dice.random_range(1..most * SECOND);
        self.time.fetch_add(micros, Ordering::Relaxed);
    }

    /// People are added and changed: one, some, or more of one instant than a page has.
    fn people_change(&mut self) {
        let many = match self.dice.random_range(0..40) {
            0 | 1 => 2_500,
            2..10 => 150,
            10..20 => 20,
            _ => 3,
        };
        let at_once = self.dice.random_bool(0.5);
        let lateness = match self.life.overlap {
            None if self.dice.random_bool(0.2) => self.dice.random_range(0..50) * SECOND,
            _ => 0,
        };
        let dice = &mut self.dice;
        self.salesloft.change(|world, now| {
            world.lateness = lateness;
            let mut ids = world.ids("people");
            for number in 0..many {
                let at = if at_once { now } else { now + number };
                match dice.random_range(0..10) {
                    0..=4 => ids.push(world.add_person(at)),
                    9 if !ids.is_empty() => {
                        world.delete_person(ids.swap_remove(dice.random_range(0..ids.len())));
                    }
                    8 => {
                        let gone = world.removed_ids("people");
                        if !gone.is_empty() {
                            let id = gone[dice.random_range(0..gone.len())];
                            world.restore("people", id, at);
                        }
                    }
                    _ if !ids.is_empty() => {
                        world.touch_person(ids[dice.random_range(0..ids.len())], at);
                    }
                    _ => {}
                }
            }
            world.lateness = 0;
        });
    }

    /// The provider fails for a few requests, ends its tokens, or changes while it is read.
    fn trouble(&mut self) {
        let faults = [Fault::Status(500), Fault::HalfJson, Fault::Cut, Fault::IgnoresFilters];
        let (kind, many) = (self.dice.random_range(0..4), self.dice.random_range(1..8));
        let fault = faults[self.dice.random_range(0..faults.len())];
        let seed = self.dice.random();
        let time = Arc::clone(&self.time);
        self.salesloft.with(|provider| match kind {
            0 => provider.faults.extend(std::iter::repeat_n(fault, many)),
            1 => provider.accounts.expire_all(),
            2 => provider.token_faults.push_back(Fault::Status(503)),
            _ => {
                let (mut dice, offset) = (StdRng::seed_from_u64(seed), provider.clock_offset);
                let mut left = many * 4;
                provider.meanwhile = Some(Box::new(move |world| {
                    if left == 0 {
                        return;
                    }
                    left -= 1;
                    let passed = dice.random_range(0..4 * SECOND);
                    let now = time.fetch_add(passed, Ordering::Relaxed) + passed + offset;
                    let ids = world.ids("people");
                    for _ in 0..dice.random_range(0..6) {
                        if !ids.is_empty() {
                            world.touch_person(ids[dice.random_range(0..ids.len())], now);
                        }
                    }
                }));
            }
        });
    }

    fn polls(&mut self) -> anyhow::Result<()> {
        let process = self.process.as_mut().context("the process has gone")?;
        let survived = process.poll_what_is_due()?;
        self.tally.polls = lock(&self.story).polls;
        self.go_on(survived)
    }

    fn deliveries(&mut self) -> anyhow::Result<()> {
        let process = self.process.as_mut().context("the process has gone")?;
        let survived = process.deliver_what_is_due()?;
        self.go_on(survived)
    }

    fn loads_and_sweeps(&mut self) -> anyhow::Result<()> {
        let process = self.process.as_mut().context("the process has gone")?;
        let survived = process.carry_tasks_on()?;
        self.go_on(survived)
    }

    /// What is not needed any more goes.
    fn forget(&mut self) -> anyhow::Result<()> {
        self.process.as_mut().context("the process has gone")?.forget()
    }

    /// After a crash the next life begins on the same database.
    fn go_on(&mut self, survived: bool) -> anyhow::Result<()> {
        if !survived {
            self.tally.crashes += 1;
            drop(self.process.take());
            self.life.fuse.put_out();
            self.process = Some(Process::begin(&self.life, &self.salesloft, &self.story)?);
        }
        lock(&self.story).check_so_far(&self.salesloft)
    }

    /// Nothing fails any more, and time passes until everything is told.
    fn come_to_rest(&mut self) -> anyhow::Result<()> {
        self.life.fuse.put_out();
        self.salesloft.with(|provider| {
            provider.faults.clear();
            provider.token_faults.clear();
            provider.meanwhile = None;
        });
        lock(&self.story).calm = true;
        for round in 0.. {
            if round >= SHORTEST_REST && (round >= LONGEST_REST || self.check_end().is_ok()) {
                break;
            }
            self.time.fetch_add(1_000 * SECOND, Ordering::Relaxed);
            self.polls()?;
            // In another window of the rate limit.
            self.time.fetch_add(100 * SECOND, Ordering::Relaxed);
            self.loads_and_sweeps()?;
            self.time.fetch_add(SECOND, Ordering::Relaxed);
            self.deliveries()?;
        }
        Ok(())
    }

    fn check_end(&mut self) -> anyhow::Result<()> {
        let mut story = lock(&self.story);
        self.tally.events = story.told();
        story.check_whole(&self.salesloft)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
