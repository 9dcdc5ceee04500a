//! One owner at a time, and what becomes of a store whose owner is gone.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};
use std::sync::Barrier;
use std::thread;

use rusqlite::Connection;

use super::{Folder, open, read_only, try_open};
use crate::store::conformance::samples::{after, first, full, must_load, must_take, run_id};
use crate::store::{CheckpointStore, StoreError};

/// Set for a child process: the store that it is to open.
const STORE_OF_CHILD: &str = "BLAZEN_TEST_STORE";

/// This test again, in another process.
fn child(test: &str, store: &std::path::Path) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args([test, "--exact", "--nocapture", "--test-threads=1"]).env(STORE_OF_CHILD, store);
    command
}

/// Waits for a word of the child's.
fn wait_for(child: &mut Child, word: &str) {
    let output = BufReader::new(child.stdout.take().unwrap());
    assert!(output.lines().any(|line| line.unwrap().contains(word)));
}

#[test]
fn a_second_owner_is_refused_with_the_first_ones_number() {
    let folder = Folder::new();
    let path = folder.path("orders.db");
    let mut store = open(&path);
    let locked = StoreError::Locked { path: path.clone(), owner: Some(std::process::id()) };
    assert_eq!(try_open(&path).err(), Some(locked.clone()));
    let detour = folder.path("./orders.db");
    assert_eq!(
        try_open(&detour).err(),
        Some(StoreError::Locked { path: detour, owner: Some(std::process::id()) })
    );
    must_take(&mut store, &[first(run_id(1), "orders")]);
    store.close().unwrap();
    open(&path);
    // Dropped, and not closed.
    open(&path);
}

#[test]
fn of_many_who_open_at_once_one_gets_it() {
    let folder = Folder::new();
    for round in 0..20 {
        let path = folder.path(&format!("{round}.db"));
        let at_once = Barrier::new(4);
        let race = || {
            at_once.wait();
            try_open(&path)
        };
        let opened: Vec<_> = thread::scope(|scope| {
            let racers: Vec<_> = (0..4).map(|_| scope.spawn(race)).collect();
            racers.into_iter().map(|racer| racer.join().unwrap()).collect()
        });
        assert_eq!(opened.iter().filter(|opened| opened.is_ok()).count(), 1);
        let locked = StoreError::Locked { path: path.clone(), owner: Some(std::process::id()) };
        assert!(opened.iter().all(|opened| opened.as_ref().err().is_none_or(|error| *error == locked)));
    }
}

#[cfg(unix)]
#[test]
fn a_link_leads_to_the_same_lock() {
    let folder = Folder::new();
    let (path, link) = (folder.path("orders.db"), folder.path("link.db"));
    std::os::unix::fs::symlink(&path, &link).unwrap();
    assert!(matches!(try_open(&link).err(), Some(StoreError::CannotOpen { .. })));
    let _owner = open(&path);
    assert!(matches!(try_open(&link).err(), Some(StoreError::Locked { .. })));
}

#[test]
fn an_owner_that_was_killed_is_no_obstacle_and_loses_nothing() {
    const TEST: &str =
        "store::sqlite::tests::owning::an_owner_that_was_killed_is_no_obstacle_and_loses_nothing";
    if let Some(path) = std::env::var_os(STORE_OF_CHILD) {
        let mut store = open(path.as_ref());
        must_take(&mut store, &[full(run_id(1))]);
        println!("taken");
        std::io::stdout().flush().unwrap();
        thread::park();
    }
    let folder = Folder::new();
    let path = folder.path("orders.db");
    let mut owner = child(TEST, &path).stdout(Stdio::piped()).spawn().unwrap();
    wait_for(&mut owner, "taken");
    let locked = StoreError::Locked { path: path.clone(), owner: Some(owner.id()) };
    assert_eq!(try_open(&path).err(), Some(locked));
    assert_eq!(must_load(&mut read_only(&path).unwrap(), run_id(1)).version, 1);
    owner.kill().unwrap();
    owner.wait().unwrap();
    assert_eq!(must_load(&mut read_only(&path).unwrap(), run_id(1)).version, 1);
    assert_eq!(must_load(&mut open(&path), run_id(1)).pending.len(), 2);
}

#[test]
fn an_owner_that_lost_its_lock_writes_nothing_more() {
    let folder = Folder::new();
    let path = folder.path("orders.db");
    let mut store = open(&path);
    let commit = full(run_id(1));
    must_take(&mut store, std::slice::from_ref(&commit));
    // As on a file system whose locks mean nothing.
    std::fs::remove_file(folder.path("orders.db-lock")).unwrap();
    let mut other = open(&path);
    let taken_over = StoreError::TakenOver { path: path.clone() };
    assert_eq!(store.commit(&[after(&commit)]), Err(taken_over.clone()));
    assert_eq!(store.prune(crate::store::UnixMillis(i64::MAX), 1, &[]), Err(taken_over));
    must_take(&mut other, &[after(&commit)]);
}

#[test]
fn somebody_who_writes_by_hand_is_waited_for_and_then_told_of() {
    let folder = Folder::new();
    let path = folder.path("orders.db");
    let mut store = open(&path);
    let by_hand = Connection::open(&path).unwrap();
    by_hand.execute_batch("BEGIN IMMEDIATE").unwrap();
    let refused = store.commit(&[first(run_id(1), "orders")]);
    assert_eq!(refused, Err(StoreError::Locked { path, owner: None }));
    by_hand.execute_batch("COMMIT").unwrap();
    must_take(&mut store, &[first(run_id(1), "orders")]);
}

/// Without rights nothing is opened for running; with the right to read, it can be read. Root has every right, so
/// this is asked of a child that is nobody.
#[cfg(unix)]
#[test]
fn a_folder_or_a_file_without_rights_is_told_of_and_left_alone() {
    use std::fs::{Permissions, set_permissions};
    use std::os::unix::fs::PermissionsExt;
    use std::os::unix::process::CommandExt;

    const TEST: &str =
        "store::sqlite::tests::owning::a_folder_or_a_file_without_rights_is_told_of_and_left_alone";
    if let Some(path) = std::env::var_os(STORE_OF_CHILD) {
        let path = std::path::PathBuf::from(path);
        let new = path.with_file_name("new.db");
        for path in [&path, &new] {
            let error = try_open(path).err();
            assert!(matches!(error, Some(StoreError::ReadOnly { .. })), "{error:?}");
        }
        assert_eq!(must_load(&mut read_only(&path).unwrap(), run_id(1)).version, 1);
        let secret = try_open(&path.with_file_name("secret.db")).err();
        assert!(matches!(secret, Some(StoreError::CannotOpen { .. })), "{secret:?}");
        println!("told");
        return;
    }
    let folder = Folder::new();
    let path = folder.path("orders.db");
    for name in ["orders.db", "secret.db"] {
        let mut store = open(&folder.path(name));
        must_take(&mut store, &[full(run_id(1))]);
        store.close().unwrap();
    }
    set_permissions(folder.path("secret.db"), Permissions::from_mode(0o000)).unwrap();
    set_permissions(folder.path(""), Permissions::from_mode(0o555)).unwrap();
    let names = folder.names();
    // A copy, where nobody can run it.
    let programs = Folder::new();
    set_permissions(programs.path(""), Permissions::from_mode(0o755)).unwrap();
    let program = programs.path("test");
    std::fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
    let mut nobody = Command::new(program);
    nobody.args([TEST, "--exact", "--nocapture"]).env(STORE_OF_CHILD, &path);
    if std::fs::write(folder.path("am I root?"), "").is_ok() {
        std::fs::remove_file(folder.path("am I root?")).unwrap();
        nobody.uid(65_534).gid(65_534).current_dir("/");
    }
    let output = nobody.output().unwrap();
    assert!(String::from_utf8_lossy(&output.stdout).contains("told"), "{output:?}");
    assert_eq!(folder.names(), names);
    set_permissions(folder.path(""), Permissions::from_mode(0o755)).unwrap();
}
