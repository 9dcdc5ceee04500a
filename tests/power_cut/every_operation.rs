//! Every operation of every script.

use crate::cutting::Cutting;
use crate::driver::open_sqlite;
use crate::expected_runs::{Call, random_script, scripts};
use crate::faulty_disk::{Entry, FaultyDisk, Operation};
use crate::least;
use crate::recording::Recording;
use crate::settings::{STORE, rounds, seed};

/// Random scripts in continuous integration, unless it takes more to look at enough points.
const RANDOM_SCRIPTS: usize = 3;

/// Cuts of each kind at a line in continuous integration.
const DRAWS: usize = 2;

/// After so many pages the log is written back into the file: in the middle of most scripts.
const LOG_PAGES: u32 = 24;

/// Plays a script and cuts the power at every line of the log. Says how many different images the driver was given.
fn cut_everywhere(name: &str, seed: u64, calls: Vec<Call>, disk: &FaultyDisk) -> usize {
    let recording = Recording::of(calls, disk, open_sqlite);
    let mut cutting = Cutting::new(seed, DRAWS * rounds());
    if let Err(wrong) = cutting.everywhere(&recording) {
        panic!("{name}, seed {seed}: {wrong}");
    }
    cutting.points
}

#[test]
fn scripts_of_runs_survive_a_cut_at_every_operation() {
    let mut points = 0;
    for (name, calls) in scripts(seed()) {
        points += cut_everywhere(name, seed(), calls, &FaultyDisk::new(seed()));
    }
    println!("{points} points");
    assert!(points >= least::OF_SCRIPTS, "only {points} points");
}

#[test]
fn random_runs_survive_a_cut_at_every_operation() {
    let mut points = 0;
    for number in 0.. {
        if number >= RANDOM_SCRIPTS * rounds() && points >= least::OF_RANDOM_SCRIPTS {
            break;
        }
        let seed = seed().wrapping_add(u64::try_from(number).unwrap());
        let disk = FaultyDisk::with_short_log(seed, LOG_PAGES);
        points += cut_everywhere("a random script", seed, random_script(seed), &disk);
    }
    println!("{points} points");
}

#[test]
fn a_short_log_is_written_back_in_the_middle_of_a_script() {
    let disk = FaultyDisk::with_short_log(seed(), LOG_PAGES);
    let (_, calls) = scripts(seed()).swap_remove(1);
    let log = Recording::of(calls, &disk, open_sqlite).log;
    let began = log.entries.iter().position(|entry| matches!(entry, Entry::Mark(_))).unwrap();
    let file = log.file_named(STORE).unwrap();
    let written_back = log.entries[began..]
        .iter()
        .any(|entry| matches!(entry, Entry::Did(Operation::Write { file: written, .. }) if *written == file));
    assert!(written_back);
}
