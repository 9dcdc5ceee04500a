//! A script is played on a disk that keeps a log.

use crate::driver::Open;
use crate::expected_runs::{Call, Ledger, all_taken};
use crate::faulty_disk::{FaultyDisk, OperationLog};
use crate::settings::Folder;

/// What was played, and all that it did to the disk. The calls are in the log as marks.
pub struct Recording {
    pub calls: Vec<Call>,
    pub log: OperationLog,
}

impl Recording {
    /// Plays the calls on a new store, which is not closed at the end.
    pub fn of(calls: Vec<Call>, disk: &FaultyDisk, open: Open) -> Self {
        let folder = Folder::new();
        let mut store = open(&folder.store(), Some(disk.vfs())).unwrap();
        for (number, call) in calls.iter().enumerate() {
            disk.mark(Ledger::mark_of_asking(number));
            match call {
                Call::Commit(batch) => {
                    let answers = store.commit(batch).unwrap();
                    all_taken(batch, &answers).unwrap();
                }
                Call::Prune { finished_before } => {
                    store.prune(*finished_before, usize::MAX, &[]).unwrap();
                }
                Call::Reopen => {
                    store.close().unwrap();
                    drop(store);
                    store = open(&folder.store(), Some(disk.vfs())).unwrap();
                }
            }
            disk.mark(Ledger::mark_of_acknowledging(number));
        }
        let log = disk.log();
        drop(store);
        Self { calls, log }
    }
}
