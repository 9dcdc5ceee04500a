//! The disk fails while the driver opens what a loss of power has left.

use crate::driver::open_sqlite;
use crate::expected_runs::{Ledger, Violation, scripts};
use crate::faulty_disk::{AfterFailedSync, Cut, Entry, Failure, Fault, FaultyDisk, Image, Platter, Random};
use crate::playing::{Playing, is_about_the_disk};
use crate::settings::{Folder, rounds, seed};

/// How many images of each script are opened, in continuous integration.
const IMAGES: usize = 3;

/// What a fault does while the image is opened and looked at.
#[derive(Clone, Copy, Debug)]
enum Trouble {
    Operation(Fault),
    Reads { from: u64 },
}

/// The store opens and is right, or says that the disk fails; without the fault it is all there.
fn open_in_trouble(
    image: &Image,
    ledger: &Ledger,
    folder: &Folder,
    trouble: Trouble,
) -> Result<bool, Violation> {
    image.restore_into(folder.path());
    let disk = FaultyDisk::new(seed());
    match trouble {
        Trouble::Operation(fault) => disk.plan(fault),
        Trouble::Reads { from } => disk.plan_failing_reads(from),
    }
    match open_sqlite(&folder.store(), Some(disk.vfs())) {
        Ok(mut store) => {
            ledger.check_answers(&mut *store)?;
            disk.lift_faults();
            // What failed before may make itself felt once more.
            if let Err(wrong) = ledger.check(&mut *store) {
                if let Violation::Wrong(_) = wrong {
                    return Err(wrong.at("in the same store without the fault"));
                }
                ledger.check(&mut *store).map_err(|wrong| wrong.at("in the same store, asked again"))?;
            }
        }
        Err(error) => is_about_the_disk(&error)?,
    }
    disk.lift_faults();
    let mut store = open_sqlite(&folder.store(), Some(disk.vfs()))
        .map_err(|error| Violation::from(error).at("opened again"))?;
    ledger.check(&mut *store).map_err(|wrong| wrong.at("opened again"))?;
    Ok(disk.faults_hit() > 0)
}

/// Opens images of every script, with every operation of opening in trouble.
fn every_opening_is_in_trouble(trouble: impl Fn(u64) -> Trouble) {
    let mut count = 0;
    for (name, calls) in scripts(seed()) {
        let (disk, folder) = (FaultyDisk::new(seed()), Folder::new());
        Playing::new(&disk, &folder).play(&calls).unwrap();
        let log = disk.log();
        let mut random = Random::of(seed(), 11);
        for _ in 0..IMAGES * rounds() {
            let end = random.below(log.entries.len()) + 1;
            let mut platter = Platter::before(&log);
            let mut ledger = Ledger::default();
            for entry in &log.entries[..end] {
                match entry {
                    Entry::Did(operation) => platter.apply(operation),
                    Entry::Mark(mark) => ledger.told_by(*mark, &calls),
                }
            }
            let image = platter.cut(Cut::SomeSectors { seed: random.next() });
            for number in 1.. {
                let trouble = trouble(number);
                match open_in_trouble(&image, &ledger, &folder, trouble) {
                    Ok(true) => count += 1,
                    Ok(false) => break,
                    Err(wrong) => {
                        let seed = seed();
                        panic!("{name} cut at line {end}, BLAZEN_CRASH_SEED={seed}, {trouble:?}: {wrong}")
                    }
                }
            }
        }
    }
    println!("{count} failures");
}

fn operation(number: u64, lasting: bool, failure: Failure) -> Trouble {
    let after_failed_sync = AfterFailedSync::CacheIsDropped;
    Trouble::Operation(Fault { at: number, lasting, failure, after_failed_sync })
}

#[test]
fn a_store_opens_after_space_ran_out_while_it_was_opened() {
    every_opening_is_in_trouble(|number| operation(number, true, Failure::Full));
    every_opening_is_in_trouble(|number| operation(number, false, Failure::Full));
}

#[test]
fn a_store_opens_after_the_device_failed_while_it_was_opened() {
    every_opening_is_in_trouble(|number| operation(number, true, Failure::Device));
    every_opening_is_in_trouble(|number| operation(number, false, Failure::Device));
}

#[test]
fn a_store_opens_after_it_could_not_be_read_while_it_was_opened() {
    every_opening_is_in_trouble(|from| Trouble::Reads { from });
}
