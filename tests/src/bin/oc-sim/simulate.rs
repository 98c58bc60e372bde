//! `simulate`: seeds of the simulation, on all cores.
#![expect(clippy::print_stdout, reason = "a program for a terminal")]

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use clap::Args;
use oc_tests::simulation::{Mutant, play};

#[derive(Args)]
pub(crate) struct Options {
    /// How many seeds
    #[arg(long, default_value_t = 1_000)]
    seeds: u64,
    /// The first one; a failing seed plays the same again
    #[arg(long, default_value_t = 0)]
    from: u64,
}

pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    let (next, end) = (AtomicU64::new(options.from), options.from + options.seeds);
    let totals = [const { AtomicUsize::new(0) }; 4];
    let [events, polls, crashes, failed] = &totals;
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let world = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= end {
                        return;
                    }
                    match play(&world, seed, Mutant::None) {
                        Ok(tally) => {
                            events.fetch_add(tally.events, Ordering::Relaxed);
                            polls.fetch_add(tally.polls, Ordering::Relaxed);
                            crashes.fetch_add(tally.crashes, Ordering::Relaxed);
                        }
                        Err(error) => {
                            failed.fetch_add(1, Ordering::Relaxed);
                            println!("seed {seed}: {error:#}");
                        }
                    }
                }
            });
        }
    });
    let [events, polls, crashes, failed] = totals.map(AtomicUsize::into_inner);
    println!(
        "{} seeds: {events} events, {polls} polls, {crashes} crashes; {failed} seeds failed",
        options.seeds
    );
    anyhow::ensure!(failed == 0, "replay one with --from SEED --seeds 1");
    Ok(())
}
