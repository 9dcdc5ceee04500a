//! Worlds in which everything goes wrong, one for each seed, and the same world for the same seed.
//!
//! A world is a few runs of random workflows, driven over virtual time by one process after the other, before a store
//! that commits late and in batches. Processes are lost, devices fail, handlers come late and throw, add to the state and
//! collect sets of events, events sleep until they are due, runs are paused, cut short, moved, answered and ended, and before
//! that undo what they have done. A model ([`model`]) says what each run must do, and an auditor ([`auditor`]) holds the
//! engine, the recorder and the store against it. That these would notice is shown by planted bugs ([`sabotage`]).
//!
//! `BLAZEN_SIMULATION_SEEDS` says how many seeds are played (20,000), `BLAZEN_SIMULATION_SEED` tells one of them.

#![allow(clippy::disallowed_methods)] // the list is what the engine must not use

mod auditor;
mod chance;
mod expected;
mod history;
mod hosted;
mod model;
mod sabotage;
mod sights;
mod workload;
mod world;
mod writer;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use sabotage::Sabotage;
use sights::{Sight, Sights};
use world::{Ending, play};

const SEEDS: u64 = 20_000;
/// How many seeds a planted bug may go unnoticed.
const SEEDS_FOR_A_BUG: u64 = 2_000;
/// Every so many seeds one is played twice.
const PLAYED_TWICE: u64 = 16;

#[test]
fn in_every_world_nothing_that_was_promised_is_broken() {
    if let Some(seed) = number_from("BLAZEN_SIMULATION_SEED") {
        _ = play(seed, None, true).expect("a world in which nothing is broken");
        return;
    }
    let seeds = number_from("BLAZEN_SIMULATION_SEEDS").unwrap_or(SEEDS);
    let failed = first_to_fail(seeds, |seed| {
        let ending = outcome(seed, None)?;
        if seed.is_multiple_of(PLAYED_TWICE) && outcome(seed, None)? != ending {
            return Err("I8: the same seed has played another world".to_owned());
        }
        Ok(())
    });
    if let Some((seed, violation)) = failed {
        panic!(
            "seed {seed}: {violation}\n\nTo see it happen:\n\
             BLAZEN_SIMULATION_SEED={seed} cargo test --no-default-features --test simulation every_world -- --nocapture\n"
        );
    }
}

#[test]
fn the_worlds_hold_everything_that_can_go_wrong() {
    let mut sights = Sights::default();
    for seed in 0..SEEDS_FOR_A_BUG {
        sights.add(&play(seed, None, false).expect("a world in which nothing is broken").sights);
    }
    println!("{sights:#?}");
    for sight in Sight::ALL {
        let count = sights.count(sight);
        assert!(count >= 50, "{sight:?} was seen {count} times only");
    }
}

#[test]
fn every_planted_bug_is_found() {
    let mut unnoticed = Vec::new();
    for bug in Sabotage::ALL {
        match first_to_fail(SEEDS_FOR_A_BUG, |seed| outcome(seed, Some(bug)).map(drop)) {
            Some((seed, violation)) => {
                let shown: String = violation.chars().take(150).collect();
                println!("{bug:?} is found by seed {seed}: {shown}");
            }
            None => unnoticed.push(bug),
        }
    }
    assert!(unnoticed.is_empty(), "nobody has noticed {unnoticed:?}");
}

fn outcome(seed: u64, bug: Option<Sabotage>) -> Result<Ending, String> {
    catch_unwind(AssertUnwindSafe(|| play(seed, bug, false))).unwrap_or_else(|_| Err("a panic".to_owned()))
}

/// The first of the seeds for which something fails, and why.
fn first_to_fail(seeds: u64, check: impl Fn(u64) -> Result<(), String> + Sync) -> Option<(u64, String)> {
    let (next, failed_at) = (AtomicU64::new(0), AtomicU64::new(u64::MAX));
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let failures = thread::scope(|scope| {
        let work = || {
            loop {
                let seed = next.fetch_add(1, Ordering::Relaxed);
                if seed >= seeds || seed > failed_at.load(Ordering::Relaxed) {
                    return None;
                }
                if let Err(violation) = check(seed) {
                    failed_at.fetch_min(seed, Ordering::Relaxed);
                    return Some((seed, violation));
                }
            }
        };
        let threads: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        let failures = threads.into_iter().map(|thread| thread.join().expect("panics are caught"));
        failures.collect::<Vec<_>>()
    });
    failures.into_iter().flatten().min_by_key(|(seed, _)| *seed)
}

fn number_from(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    Some(text.replace('_', "").parse().expect("the number of a seed, or of seeds"))
}
