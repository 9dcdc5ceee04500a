//! A disk of its own: a small one in memory, which really is full, and really cannot be written to.
//!
//! Where mounting is not permitted the tests say so. They stand in a program of their own, one after the other: a
//! process that is just being started holds for a moment what its parent has locked.

#![allow(clippy::unwrap_used)] // a test may
#![allow(clippy::disallowed_methods)] // the list is what the engine must not use

#[path = "../driver/mod.rs"]
mod driver;
#[path = "../expected_runs/mod.rs"]
mod expected_runs;
#[path = "../faulty_disk/mod.rs"]
mod faulty_disk;
#[path = "../settings/mod.rs"]
mod settings;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, MutexGuard, PoisonError};

use blazen::store::StoreError;

use crate::driver::{open_read_only, open_sqlite};
use crate::expected_runs::{Author, Call, Ledger, all_taken};
use crate::settings::{Folder, STORE, seed};

/// A tmpfs of its own, which is gone with this value.
struct Mounted {
    // Dropped after the disk on it is unmounted.
    folder: Folder,
    _alone: MutexGuard<'static, ()>,
}

impl Mounted {
    /// `None` where mounting is not permitted, which is said.
    fn new(kibibytes: usize) -> Option<Self> {
        static ALONE: Mutex<()> = Mutex::new(());
        let alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        let folder = Folder::new();
        let size = format!("size={kibibytes}k,mode=0777");
        match command("mount", &["-t", "tmpfs", "-o", &size, "tmpfs"], folder.path()) {
            Ok(()) => Some(Self { folder, _alone: alone }),
            Err(words) => {
                println!("no disk of its own: {words}; the faults of tests/faulty_disk stand alone");
                None
            }
        }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn store(&self) -> PathBuf {
        self.path().join(STORE)
    }

    fn remount(&self, options: &str) {
        command("mount", &["-o", &format!("remount,{options}")], self.path()).unwrap();
    }

    fn files(&self) -> Vec<String> {
        let entries = fs::read_dir(self.path()).unwrap();
        let mut names: Vec<String> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    /// Takes all space but so many KiB.
    fn fill_up_to(&self, kibibytes: usize) -> PathBuf {
        let path = self.path().join("filler");
        let filler = fs::File::create(&path).unwrap();
        let mut blocks = 0_usize;
        while std::io::Write::write_all(&mut &filler, &[1; 4_096]).is_ok() {
            blocks += 1;
        }
        filler.set_len(u64::try_from(blocks.saturating_sub(kibibytes / 4) * 4_096).unwrap()).unwrap();
        path
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        let _said_by_the_folder = command("umount", &[], self.folder.path());
    }
}

fn command(program: &str, arguments: &[&str], path: &Path) -> Result<(), String> {
    match Command::new(program).args(arguments).arg(path).output() {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => Err(String::from_utf8_lossy(&output.stderr).trim().to_owned()),
        Err(error) => Err(format!("{program}: {error}")),
    }
}

/// Commits until there is no space, and again when there is some.
fn fill_and_go_on(disk: &Mounted, left: usize) {
    let mut author = Author::new(seed());
    author.longest = 700;
    let mut ledger = Ledger::default();
    let mut store = open_sqlite(&disk.store(), None).unwrap();
    let filler = disk.fill_up_to(left);
    let mut waiting = None;
    for _ in 0..400 {
        let batch = author.batch(4, 3);
        ledger.asked(&Call::Commit(batch.clone()));
        match store.commit(&batch) {
            Ok(answers) => {
                all_taken(&batch, &answers).unwrap();
                ledger.acknowledged(&Call::Commit(batch));
            }
            // What is full may first be a file that SQLite keeps in shared memory.
            Err(StoreError::Full { .. } | StoreError::Io { .. }) => {
                waiting = Some(batch);
                break;
            }
            Err(error) => panic!("the disk is full, and the store says: {error}"),
        }
    }
    let batch = waiting.expect("the disk is full in the end");
    ledger.check_answers(&mut *store).unwrap();
    assert!(store.commit(&batch).is_err(), "it is still full");
    ledger.check_answers(&mut *store).unwrap();
    fs::remove_file(filler).unwrap();
    ledger.finish(&mut *store, &batch).unwrap();
    let next = author.batch(4, 5);
    ledger.asked(&Call::Commit(next.clone()));
    ledger.finish(&mut *store, &next).unwrap();
    ledger.check(&mut *store).unwrap();
    store.close().unwrap();
    drop(store);
    ledger.check(&mut *open_sqlite(&disk.store(), None).unwrap()).unwrap();
}

#[test]
fn a_full_disk_that_gets_space_again_has_lost_nothing() {
    let mut count = 0;
    for left in (0..160).step_by(8) {
        let Some(disk) = Mounted::new(2_048) else { return };
        fill_and_go_on(&disk, left);
        count += 1;
    }
    println!("{count} full disks");
}

#[test]
fn a_store_that_begins_on_a_full_disk_leaves_nothing_and_begins_later() {
    for left in (0..160).step_by(4) {
        let Some(disk) = Mounted::new(1_024) else { return };
        let filler = disk.fill_up_to(left);
        match open_sqlite(&disk.store(), None) {
            Ok(store) => drop(store),
            Err(StoreError::Full { .. } | StoreError::Io { .. } | StoreError::CannotOpen { .. }) => {
                assert_eq!(disk.files(), ["filler"], "{left} KiB left");
            }
            Err(error) => panic!("{left} KiB left, and the store says: {error}"),
        }
        fs::remove_file(filler).unwrap();
        let mut store = open_sqlite(&disk.store(), None).unwrap();
        Ledger::default().check(&mut *store).unwrap();
    }
}

#[test]
fn a_disk_that_cannot_be_written_to_is_read() {
    let Some(disk) = Mounted::new(2_048) else { return };
    let batch = Author::new(seed()).batch(3, 6);
    let mut ledger = Ledger::default();
    let call = Call::Commit(batch.clone());
    ledger.asked(&call);
    let mut store = open_sqlite(&disk.store(), None).unwrap();
    all_taken(&batch, &store.commit(&batch).unwrap()).unwrap();
    ledger.acknowledged(&call);
    store.close().unwrap();
    drop(store);
    let files = disk.files();
    disk.remount("ro");
    match open_sqlite(&disk.store(), None).err() {
        Some(StoreError::ReadOnly { .. } | StoreError::CannotOpen { .. }) => {}
        other => panic!("it cannot be run, and the store says {other:?}"),
    }
    ledger.check(&mut *open_read_only(&disk.store()).unwrap()).unwrap();
    assert_eq!(disk.files(), files);
    let another = disk.path().join("another.db");
    match open_sqlite(&another, None).err() {
        Some(StoreError::ReadOnly { .. } | StoreError::CannotOpen { .. }) => {}
        other => panic!("it cannot be made, and the store says {other:?}"),
    }
    disk.remount("rw");
    ledger.check(&mut *open_sqlite(&disk.store(), None).unwrap()).unwrap();
}
