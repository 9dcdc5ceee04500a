//! Forgetting runs.

use super::super::commit::Parent;
use super::super::{Status, UnixMillis};
use super::Stores;
use super::samples::{after, first, full, must_load, must_take, run_id};

pub(super) fn earliest_first(stores: &mut dyn Stores) {
    let mut store = stores.create();
    // The order of their ends is not that of their creation.
    for (n, ended_at) in [(1, 500), (2, 300), (3, 400), (4, 900)] {
        let commit = full(run_id(n));
        let mut end = after(&commit);
        end.at = UnixMillis(ended_at);
        end.status = Status::Completed { result: None };
        must_take(&mut *store, &[commit, end]);
    }
    assert_eq!(
        store.prune(UnixMillis(300), 10, &[]),
        Ok(0),
        "a run that ended at that time did not end before it"
    );
    assert_eq!(store.prune(UnixMillis(900), 0, &[]), Ok(0));
    assert_eq!(store.prune(UnixMillis(900), 2, &[]), Ok(2));
    for (n, is_there) in [(1, true), (2, false), (3, false), (4, true)] {
        assert_eq!(store.load(run_id(n)).map(|run| run.is_some()), Ok(is_there));
        assert_eq!(store.history(run_id(n)).map(|history| history.is_some()), Ok(is_there));
    }
    assert_eq!(store.prune(UnixMillis(900), 2, &[]), Ok(1));
    assert_eq!(must_load(&mut *store, run_id(4)).state.len(), 2);
}

pub(super) fn unfinished(stores: &mut dyn Stores) {
    let mut store = stores.create();
    let running = full(run_id(1));
    let mut paused = full(run_id(2));
    paused.status = Status::Paused;
    must_take(&mut *store, &[running.clone(), paused]);
    assert_eq!(store.prune(UnixMillis(i64::MAX), usize::MAX, &[]), Ok(0));
    must_take(&mut *store, &[after(&running)]);
}

pub(super) fn children_of_unfinished(stores: &mut dyn Stores) {
    let mut store = stores.create();
    let parent = full(run_id(1));
    let mut child = full(run_id(2));
    child.parent = Some(Parent { run: parent.run, depth: 1 });
    child.status = Status::Completed { result: None };
    let mut grandchild = full(run_id(3));
    grandchild.parent = Some(Parent { run: child.run, depth: 2 });
    grandchild.status = Status::Completed { result: None };
    let mut lost = full(run_id(4));
    lost.parent = Some(Parent { run: run_id(5), depth: 1 });
    lost.status = Status::Completed { result: None };
    must_take(&mut *store, &[parent.clone(), child.clone(), grandchild, lost]);
    assert_eq!(
        store.prune(UnixMillis(i64::MAX), usize::MAX, &[]),
        Ok(2),
        "a parent that has ended asks no more"
    );
    assert!(must_load(&mut *store, child.run).finished_at.is_some());
    let mut end = after(&parent);
    end.status = Status::Completed { result: None };
    must_take(&mut *store, &[end]);
    assert_eq!(store.prune(UnixMillis(i64::MAX), usize::MAX, &[]), Ok(2));
}

pub(super) fn children_of_unwritten(stores: &mut dyn Stores) {
    let mut store = stores.create();
    let commits = [(1, 3), (2, 4), (5, 3)].map(|(child, parent)| {
        let mut child = full(run_id(child));
        child.parent = Some(Parent { run: run_id(parent), depth: 1 });
        child.status = Status::Completed { result: None };
        child
    });
    must_take(&mut *store, &commits);
    let unwritten = [run_id(3)];
    assert_eq!(store.prune(UnixMillis(i64::MAX), 1, &unwritten), Ok(1), "it is not the first of them");
    assert_eq!(store.prune(UnixMillis(i64::MAX), 1, &unwritten), Ok(0));
    assert_eq!(store.load(run_id(2)), Ok(None));
    assert_eq!(store.prune(UnixMillis(i64::MAX), usize::MAX, &[]), Ok(2));
}

pub(super) fn same_id_again(stores: &mut dyn Stores) {
    let mut store = stores.create();
    let mut ended = full(run_id(1));
    ended.status = Status::Completed { result: Some("1".to_owned()) };
    must_take(&mut *store, &[ended]);
    assert_eq!(store.prune(UnixMillis(i64::MAX), 1, &[]), Ok(1));
    must_take(&mut *store, &[first(run_id(1), "others")]);
    let run = must_load(&mut *store, run_id(1));
    assert_eq!((run.workflow.as_str(), run.status, run.state.len()), ("others", Status::Running, 0));
    let history = store.history(run_id(1)).expect("the store tells histories").expect("the run is there");
    assert_eq!(history.len(), usize::from(stores.keep_history()));
}
