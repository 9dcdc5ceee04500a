//! Looking for runs.

use uuid::Uuid;

use super::super::commit::{Parent, Rest};
use super::super::query::{RunOrder, RunSummary};
use super::super::{CheckpointStore, Commit, RunPage, RunQuery, Status, StatusKind, UnixMillis};
use super::Stores;
use super::samples::{after, first, must_take, run_id};

fn all() -> RunQuery {
    RunQuery { workflow: None, status: None, order: RunOrder::OldestFirst, after: None, limit: 1_000 }
}

fn page(store: &mut dyn CheckpointStore, query: &RunQuery) -> RunPage {
    let page = store.runs(query).expect("the store lists runs");
    assert!(page.damaged.is_empty(), "{:?}", page.damaged);
    page
}

fn ids(page: &RunPage) -> Vec<Uuid> {
    page.runs.iter().map(|run| run.id).collect()
}

/// Every page of a query.
fn pages(store: &mut dyn CheckpointStore, query: &RunQuery) -> Vec<Vec<Uuid>> {
    let mut query = query.clone();
    let mut pages = Vec::new();
    loop {
        let page = page(store, &query);
        pages.push(ids(&page));
        query.after = page.next;
        if page.next.is_none() {
            return pages;
        }
    }
}

fn status(n: u128) -> Status {
    match n % 5 {
        0 => Status::Running,
        1 => Status::Paused,
        2 => Status::Completed { result: None },
        3 => Status::Failed { error: "{}".to_owned() },
        _ => Status::Cancelled { error: "{}".to_owned() },
    }
}

pub(super) fn filters(stores: &mut dyn Stores) {
    let mut store = stores.create();
    let workflow = |n: u128| if n.is_multiple_of(3) { "orders" } else { "refunds" };
    // Ids that do not rise: it is the store's own order that counts.
    let id = |n: u128| run_id(97 * n % 101);
    for n in 0..60 {
        let commit = first(id(n), workflow(n));
        let mut next = after(&commit);
        next.status = status(n);
        must_take(&mut *store, &[commit, next]);
    }
    let kinds = StatusKind::ALL.map(Some).into_iter().chain([None]);
    for kind in kinds {
        for name in [None, Some("orders"), Some("refunds"), Some("none")] {
            let fits = |n: &u128| {
                name.is_none_or(|name| name == workflow(*n))
                    && kind.is_none_or(|kind| kind == status(*n).kind())
            };
            let mut expected: Vec<_> = (0..60).filter(fits).map(id).collect();
            let query = RunQuery { workflow: name.map(str::to_owned), status: kind, ..all() };
            assert_eq!(ids(&page(&mut *store, &query)), expected);
            assert_eq!(pages(&mut *store, &RunQuery { limit: 4, ..query.clone() }).concat(), expected);
            expected.reverse();
            let query = RunQuery { order: RunOrder::NewestFirst, ..query };
            assert_eq!(ids(&page(&mut *store, &query)), expected);
            assert_eq!(pages(&mut *store, &RunQuery { limit: 4, ..query }).concat(), expected);
        }
    }
}

pub(super) fn pages_meet(stores: &mut dyn Stores) {
    let mut store = stores.create();
    let newest_first = RunQuery { order: RunOrder::NewestFirst, limit: 3, ..all() };
    assert_eq!(pages(&mut *store, &newest_first), [Vec::<Uuid>::new()]);
    for n in 1..=6 {
        must_take(&mut *store, &[first(run_id(n), "orders")]);
    }
    assert_eq!(
        pages(&mut *store, &newest_first),
        [[6, 5, 4].map(run_id), [3, 2, 1].map(run_id)],
        "a full last page has none after it"
    );
    let page_1 = page(&mut *store, &newest_first);
    must_take(&mut *store, &[first(run_id(7), "orders")]);
    let page_2 = page(&mut *store, &RunQuery { after: page_1.next, ..newest_first });
    assert_eq!(ids(&page_2), [3, 2, 1].map(run_id));
    let oldest_first = RunQuery { limit: 5, ..all() };
    assert_eq!(
        pages(&mut *store, &oldest_first),
        [(1..=5).map(run_id).collect(), vec![run_id(6), run_id(7)]]
    );
    assert_eq!(page(&mut *store, &RunQuery { limit: usize::MAX, ..all() }).runs.len(), 7);
}

pub(super) fn rest(stores: &mut dyn Stores) {
    let mut store = stores.create();
    let rest_of = |store: &mut dyn CheckpointStore| -> Vec<Rest> {
        page(store, &all()).runs.iter().map(|run| run.rest).collect()
    };
    let commits = [Rest::Awake, Rest::Waiting, Rest::Asleep(UnixMillis(70)), Rest::Asleep(UnixMillis(-40))];
    let commits = [1, 2, 3, 4].map(|n| Commit { rest: commits[n - 1], ..first(run_id(n as u128), "orders") });
    must_take(&mut *store, &commits);
    assert_eq!(rest_of(&mut *store), commits.each_ref().map(|commit| commit.rest));
    let rests = [Rest::Asleep(UnixMillis(0)), Rest::Awake, Rest::Waiting, Rest::Asleep(UnixMillis(50))];
    let later = [0, 1, 2, 3].map(|n| Commit { rest: rests[n], ..after(&commits[n]) });
    must_take(&mut *store, &later);
    assert_eq!(rest_of(&mut *store), rests);
}

pub(super) fn summary(stores: &mut dyn Stores) {
    let mut store = stores.create();
    let parent = Some(Parent { run: run_id(9), depth: 3 });
    let commit = Commit { parent, ..first(run_id(1), "orders") };
    let mut end = after(&commit);
    end.status = Status::Failed { error: "{}".to_owned() };
    must_take(&mut *store, &[commit, end]);
    let expected = RunSummary {
        id: run_id(1),
        workflow: "orders".to_owned(),
        parent,
        status: StatusKind::Failed,
        rest: Rest::Awake,
        created_at: UnixMillis(1_000),
        updated_at: UnixMillis(1_010),
        finished_at: Some(UnixMillis(1_010)),
    };
    assert_eq!(page(&mut *store, &all()).runs, [expected]);
}
