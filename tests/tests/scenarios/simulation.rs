//! Seeds of the simulation: the program holds in all of them, and no deliberate mistake does.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use oc_tests::simulation::{Mutant, play};
use tokio::runtime::{Builder, Runtime};

const SEEDS: u64 = 200;
/// Stories that have noticed a mistake before the others; they are played first.
const TELLING: [u64; 8] = [0, 23, 33, 25, 22, 14, 15, 1];

fn world() -> Runtime {
    Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime")
}

#[test]
fn two_hundred_stories_lose_nothing_and_tell_nothing_twice() {
    let (world, next) = (world(), AtomicU64::new(0));
    let failed: Vec<String> = std::thread::scope(|scope| {
        let play_all = || {
            let mut failed = Vec::new();
            loop {
                let seed = next.fetch_add(1, Ordering::Relaxed);
                if seed >= SEEDS {
                    return failed;
                }
                if let Err(error) = play(&world, seed, Mutant::None) {
                    failed.push(format!("seed {seed}: {error:#}"));
                }
            }
        };
        let threads: Vec<_> = (0..2).map(|_| scope.spawn(play_all)).collect();
        threads.into_iter().flat_map(|thread| thread.join().expect("no panic")).collect()
    });
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

#[test]
fn every_deliberate_mistake_is_noticed() {
    let (world, next) = (world(), AtomicUsize::new(0));
    let look_for_all = || {
        while let Some(mutant) = Mutant::ALL.get(next.fetch_add(1, Ordering::Relaxed)) {
            let noticed = TELLING
                .into_iter()
                .chain(0..SEEDS)
                .find_map(|seed| play(&world, seed, *mutant).err().map(|why| (seed, why)));
            let (seed, why) = noticed.unwrap_or_else(|| panic!("{mutant:?} is not noticed"));
            println!("{mutant:?} is noticed by seed {seed}: {}", why.root_cause());
        }
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..2).map(|_| scope.spawn(look_for_all)).collect();
        threads.into_iter().for_each(|thread| thread.join().expect("all are noticed"));
    });
}
