//! The log of the last commits is cut at every byte, and every sector of it is lost.

use crate::driver::{open_read_only, open_sqlite};
use crate::expected_runs::{Author, Call, Ledger, Violation};
use crate::faulty_disk::{Cut, Entry, FaultyDisk, Image, Platter, Random, SECTOR};
use crate::least;
use crate::recording::Recording;
use crate::settings::{Folder, STORE, rounds, seed};

/// How many commits at the end are damaged.
const LAST: usize = 3;

/// A store with all that it has committed, and where the log stood before each of the last calls.
struct Written {
    recording: Recording,
    image: Image,
    log: String,
    /// How long the log was when so many calls were acknowledged, the last one last.
    ends: Vec<(usize, usize)>,
}

impl Written {
    fn by(seed: u64) -> Self {
        let mut author = Author::new(seed);
        let calls = (0..6).map(|_| Call::Commit(author.batch(2, 1))).collect();
        let recording = Recording::of(calls, &FaultyDisk::new(seed), open_sqlite);
        let log = format!("{STORE}-wal");
        let mut platter = Platter::before(&recording.log);
        let mut ends = Vec::new();
        for entry in &recording.log.entries {
            match entry {
                Entry::Did(operation) => platter.apply(operation),
                Entry::Mark(mark) if !mark.is_multiple_of(2) => {
                    let acknowledged = usize::try_from(mark / 2).unwrap() + 1;
                    ends.push((acknowledged, platter.cut(Cut::NothingUnsynced).files[&log].len()));
                }
                Entry::Mark(_) => {}
            }
        }
        let image = platter.cut(Cut::NothingUnsynced);
        assert!(ends.is_sorted_by(|one, next| one.1 < next.1), "the log only grows: {ends:?}");
        let ends = ends.split_off(ends.len() - LAST - 1);
        Self { recording, image, log, ends }
    }

    fn damaged(&self, damage: impl FnOnce(&mut Vec<u8>)) -> Image {
        let mut image = self.image.clone();
        damage(image.files.get_mut(&self.log).unwrap());
        image
    }

    /// What must be found if the log is whole up to a byte.
    fn ledger(&self, whole: usize) -> Ledger {
        let acknowledged = self.ends.iter().rev().find(|(_, end)| *end <= whole).unwrap().0;
        let mut ledger = Ledger::default();
        for (number, call) in self.recording.calls.iter().enumerate() {
            ledger.asked(call);
            if number < acknowledged {
                ledger.acknowledged(call);
            }
        }
        ledger
    }

    fn first_and_last_byte(&self) -> (usize, usize) {
        (self.ends[0].1, self.ends[LAST].1)
    }
}

fn look(folder: &Folder, image: &Image, ledger: &Ledger) -> Result<(), Violation> {
    image.restore_into(folder.path());
    let mut store = open_sqlite(&folder.store(), None)?;
    ledger.check(&mut *store)
}

/// Somebody looks who changes nothing, which takes half the time.
fn look_read_only(folder: &Folder, image: &Image, ledger: &Ledger) -> Result<(), Violation> {
    image.restore_into(folder.path());
    let mut store = open_read_only(&folder.store())?;
    ledger.check(&mut *store)
}

#[test]
fn the_log_may_end_at_any_byte() {
    let folder = Folder::new();
    let mut points = 0;
    let mut seeds = (0..).map(|number| seed().wrapping_add(number));
    while points < least::OF_BYTES {
        let seed = seeds.next().unwrap();
        let written = Written::by(seed);
        let (first, last) = written.first_and_last_byte();
        for length in first..last {
            let image = written.damaged(|log| log.truncate(length));
            let look = if length.is_multiple_of(16) { look } else { look_read_only };
            let found = look(&folder, &image, &written.ledger(length));
            assert_eq!(found, Ok(()), "the log ends at byte {length} of {last}, seed {seed}");
            points += 1;
        }
    }
    println!("{points} points");
}

#[test]
fn any_sector_of_the_log_may_be_lost() {
    let folder = Folder::new();
    let mut points = 0;
    for round in 0..u64::try_from(4 * rounds()).unwrap() {
        let seed = seed().wrapping_add(round);
        let written = Written::by(seed);
        let mut random = Random::of(seed, 5);
        let (first, last) = written.first_and_last_byte();
        for sector in first / SECTOR..=(last - 1) / SECTOR {
            let (begin, end) = ((sector * SECTOR).max(first), ((sector + 1) * SECTOR).min(last));
            let zeroed = written.damaged(|log| log[begin..end].fill(0));
            let noisy = written.damaged(|log| {
                log[begin..end].fill_with(|| random.next().to_le_bytes()[0]);
            });
            for image in [zeroed, noisy] {
                let found = look(&folder, &image, &written.ledger(begin));
                assert_eq!(found, Ok(()), "sector {sector} of the log is lost, seed {seed}");
                points += 1;
            }
        }
    }
    println!("{points} points");
}
