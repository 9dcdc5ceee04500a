//! Places where no store can be, and a store whose file is taken away.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use blazen::store::StoreError;

use crate::driver::{open_read_only, open_sqlite};
use crate::expected_runs::{Author, Call, Ledger, all_taken};
use crate::settings::{Folder, STORE, seed};

fn names_in(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

fn cannot_be_opened(path: &Path) {
    for error in [open_sqlite(path, None).err(), open_read_only(path).err()] {
        let Some(StoreError::CannotOpen { reason, .. }) = error else {
            panic!("{}: {error:?}", path.display())
        };
        assert!(!reason.is_empty());
    }
}

#[test]
fn a_folder_is_no_store() {
    let folder = Folder::new();
    fs::create_dir(folder.store()).unwrap();
    cannot_be_opened(&folder.store());
    assert_eq!(names_in(folder.path()), [STORE]);
    assert!(names_in(&folder.store()).is_empty());
}

#[test]
fn a_folder_that_is_not_there_is_not_made() {
    let folder = Folder::new();
    cannot_be_opened(&folder.path().join("missing").join(STORE));
    assert!(names_in(folder.path()).is_empty());
}

#[test]
fn a_file_that_is_not_there_is_not_made_for_reading() {
    let folder = Folder::new();
    assert!(matches!(open_read_only(&folder.store()).err(), Some(StoreError::CannotOpen { .. })));
    assert!(names_in(folder.path()).is_empty());
}

#[test]
fn a_folder_without_permission_is_respected() {
    let folder = Folder::new();
    let closed = folder.path().join("closed");
    fs::create_dir(&closed).unwrap();
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o500)).unwrap();
    if fs::write(closed.join("probe"), "").is_ok() {
        println!("permissions do not bind this user; the read-only disk of tests/mounted_disk stands alone");
        return;
    }
    let error = open_sqlite(&closed.join(STORE), None).err();
    assert!(matches!(error, Some(StoreError::ReadOnly { .. } | StoreError::CannotOpen { .. })), "{error:?}");
    assert!(names_in(&closed).is_empty());
}

/// Commits, takes something away, and commits again. What is acknowledged then must be found in that place.
fn acknowledges_nothing_that_is_not_found(take_away: fn(&Folder)) {
    let folder = Folder::new();
    let mut author = Author::new(seed());
    let mut store = open_sqlite(&folder.store(), None).unwrap();
    let batch = author.batch(3, 6);
    all_taken(&batch, &store.commit(&batch).unwrap()).unwrap();
    take_away(&folder);
    let mut later = Ledger::default();
    let batch: Vec<_> = (10..13).map(|run| author.commit(Author::run(run))).collect();
    let call = Call::Commit(batch.clone());
    later.asked(&call);
    if store.commit(&batch).is_ok() {
        later.acknowledged(&call);
    }
    let _may_fail = store.close();
    drop(store);
    match open_sqlite(&folder.store(), None) {
        Ok(mut store) => {
            for commit in &batch {
                later.check_run(&mut *store, commit.run).unwrap();
            }
        }
        Err(error) => panic!("it does not open any more: {error}"),
    }
}

#[test]
fn a_store_whose_file_is_removed_acknowledges_nothing_more() {
    acknowledges_nothing_that_is_not_found(|folder| fs::remove_file(folder.store()).unwrap());
}

#[test]
fn a_store_whose_log_is_removed_acknowledges_nothing_more() {
    acknowledges_nothing_that_is_not_found(|folder| {
        fs::remove_file(folder.path().join(format!("{STORE}-wal"))).unwrap();
    });
}

#[test]
fn a_store_whose_file_is_replaced_acknowledges_nothing_more() {
    acknowledges_nothing_that_is_not_found(|folder| {
        let other = Folder::new();
        drop(open_sqlite(&other.store(), None).unwrap());
        fs::copy(other.store(), folder.path().join("other")).unwrap();
        fs::rename(folder.path().join("other"), folder.store()).unwrap();
    });
}
