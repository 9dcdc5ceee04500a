//! Every operation of every script fails, once and from then on.

use crate::driver::open_sqlite;
use crate::expected_runs::{Call, Ledger, Violation, scripts};
use crate::faulty_disk::{
    AfterFailedSync, Cut, Entry, Failure, Fault, FaultyDisk, OperationLog, Platter, Random,
};
use crate::playing::Playing;
use crate::settings::{Folder, rounds, seed};

/// After so many pages the log is written back into the file, so that this fails as well.
const LOG_PAGES: u32 = 24;

/// Plays every script with each of its operations failing, in one of the ways in which it may.
fn every_operation_fails(lasting: bool) {
    let (mut failures, mut cuts) = (0, 0);
    for round in 0..u64::try_from(rounds()).unwrap() {
        for (name, calls) in scripts(seed()) {
            for number in 1.. {
                let seed = seed().wrapping_add(round);
                let fault = fault(number, lasting, seed, &calls);
                let disk = FaultyDisk::with_short_log(seed, LOG_PAGES);
                disk.plan(fault);
                let folder = Folder::new();
                if let Err(wrong) = Playing::new(&disk, &folder).play(&calls) {
                    panic!("{name}, BLAZEN_CRASH_SEED={seed}, {fault:?}: {wrong}");
                }
                if disk.operations() < number {
                    break;
                }
                failures += 1;
                match cut_after_the_failure(&disk.log(), &calls, seed, number, &folder) {
                    Ok(count) => cuts += count,
                    Err(wrong) => panic!("{name}, BLAZEN_CRASH_SEED={seed}, {fault:?}, power cut: {wrong}"),
                }
            }
        }
    }
    println!("{failures} failures, {cuts} power cuts after them");
}

fn fault(number: u64, lasting: bool, seed: u64, calls: &[Call]) -> Fault {
    let mut random = Random::of(seed, number);
    let failure = [Failure::Full, Failure::Device][random.below(2)];
    let mut after_failed_sync =
        [AfterFailedSync::StaysUnsynced, AfterFailedSync::CacheIsDropped, AfterFailedSync::TakenForWritten]
            [random.below(3)];
    // Who opens a file anew cannot know what a sync before has failed to write, if the system shows it all the same
    // and never writes it. Only who was there can.
    let is_opened_anew =
        number <= OPERATIONS_OF_OPENING || calls.iter().any(|call| matches!(call, Call::Reopen));
    if lasting && is_opened_anew && after_failed_sync == AfterFailedSync::TakenForWritten {
        after_failed_sync = AfterFailedSync::CacheIsDropped;
    }
    Fault { at: number, lasting, failure, after_failed_sync }
}

/// No new store takes more.
const OPERATIONS_OF_OPENING: u64 = 150;

/// The power is cut after the failure too, at a few moments and at the end.
fn cut_after_the_failure(
    log: &OperationLog,
    calls: &[Call],
    seed: u64,
    number: u64,
    folder: &Folder,
) -> Result<usize, Violation> {
    let mut random = Random::of(seed, number);
    let lines = log.entries.len();
    let after = usize::try_from(number).unwrap().min(lines);
    let later = after + random.below(lines - after + 1);
    let some_sectors = Cut::SomeSectors { seed: random.next() };
    let cuts = [(after, Cut::NothingUnsynced), (later, some_sectors), (lines, Cut::NothingUnsynced)];
    let mut platter = Platter::before(log);
    let mut ledger = Ledger::default();
    let mut count = 0;
    for (line, entry) in log.entries.iter().enumerate() {
        match entry {
            Entry::Did(operation) => platter.apply(operation),
            Entry::Mark(mark) => ledger.told_by(*mark, calls),
        }
        for (_, cut) in cuts.iter().filter(|(moment, _)| *moment == line + 1) {
            platter.cut(*cut).restore_into(folder.path());
            let place = format!("line {} of {lines}, {cut:?}", line + 1);
            let mut store =
                open_sqlite(&folder.store(), None).map_err(|error| Violation::from(error).at(&place))?;
            ledger.check(&mut *store).map_err(|wrong| wrong.at(&place))?;
            count += 1;
        }
    }
    Ok(count)
}

#[test]
fn nothing_is_lost_when_any_operation_fails() {
    every_operation_fails(false);
}

#[test]
fn nothing_is_lost_when_from_any_operation_on_all_fail_for_a_while() {
    every_operation_fails(true);
}

#[test]
fn nothing_is_lost_when_the_device_cannot_be_read_for_a_while() {
    let mut played = 0;
    for (name, calls) in scripts(seed()) {
        for number in 1.. {
            let disk = FaultyDisk::with_short_log(seed(), LOG_PAGES);
            disk.plan_failing_reads(number);
            let folder = Folder::new();
            let seed = seed();
            if let Err(wrong) = Playing::new(&disk, &folder).play(&calls) {
                panic!("{name}, BLAZEN_CRASH_SEED={seed}, reading fails from read {number} on: {wrong}");
            }
            if disk.reads() < number {
                break;
            }
            played += 1;
        }
    }
    println!("{played} failures");
}
