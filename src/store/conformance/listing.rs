//! Looking for runs.

use uuid::Uuid;

use super::super::commit::{Again, Parent, PendingDelivery, Wait};
use super::super::query::{RunOrder, RunSummary};
use super::super::{CheckpointStore, Commit, GoesOn, RunPage, RunQuery, Status, StatusKind, UnixMillis};
use super::Stores;
use super::samples::{after, first, must_take, pending, request, run_id, settled};

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

/// What makes the runs go on.
fn goes_on(store: &mut dyn CheckpointStore) -> Vec<Option<GoesOn>> {
    page(store, &all()).runs.iter().map(|run| run.goes_on).collect()
}

pub(super) fn waiting(stores: &mut dyn Stores) {
    let mut store = stores.create();
    let mut works = first(run_id(1), "orders");
    works.queued = vec![pending(1, "charge", "{}")];
    works.opened = vec![request("approve")];
    let mut waits = first(run_id(2), "orders");
    waits.opened = vec![request("approve")];
    let mut ended = first(run_id(3), "orders");
    ended.status = Status::Completed { result: None };
    let mut expires = first(run_id(4), "orders");
    expires.opened = vec![request("approve"), Wait { due: Some(UnixMillis(0)), ..request("sign") }];
    must_take(&mut *store, &[works, waits, ended, expires.clone()]);
    let (at_once, when_told) = (Some(GoesOn::AtOnce), Some(GoesOn::WhenTold));
    let found = goes_on(&mut *store);
    assert_eq!(found, [at_once, when_told, None, Some(GoesOn::At(UnixMillis(0)))]);
    let mut closed = after(&expires);
    closed.closed = Some("sign".into());
    must_take(&mut *store, &[closed]);
    assert_eq!(goes_on(&mut *store)[3], when_told, "nothing expires any more");
}

pub(super) fn sleeping(stores: &mut dyn Stores) {
    let mut store = stores.create();
    let due =
        |delivery, due| PendingDelivery { due: Some(UnixMillis(due)), ..pending(delivery, "charge", "{}") };
    let mut delayed = first(run_id(1), "orders");
    delayed.queued = vec![due(1, 70), due(2, 50), due(3, 60)];
    let mut expires_before = first(run_id(2), "orders");
    expires_before.queued = vec![due(1, 50)];
    expires_before.opened = vec![Wait { due: Some(UnixMillis(-40)), ..request("approve") }];
    let mut works = first(run_id(3), "orders");
    works.queued = vec![due(1, 50), pending(2, "charge", "{}")];
    let mut paused = first(run_id(4), "orders");
    paused.queued = vec![due(1, 50)];
    paused.status = Status::Paused;
    must_take(&mut *store, &[delayed.clone(), expires_before, works.clone(), paused]);
    let at = |due| Some(GoesOn::At(UnixMillis(due)));
    assert_eq!(goes_on(&mut *store), [at(50), at(-40), Some(GoesOn::AtOnce), at(50)]);
    let mut one_is_received = after(&delayed);
    one_is_received.settled = Some(settled(2));
    let mut fails = after(&works);
    fails.again = vec![Again { delivery: 2, attempt: 2, sent: 0, due: Some(UnixMillis(45)) }];
    must_take(&mut *store, &[one_is_received, fails]);
    assert_eq!(goes_on(&mut *store)[..3], [at(60), at(-40), at(45)]);
}

pub(super) fn settled_deliveries(stores: &mut dyn Stores) {
    let mut store = stores.create();
    let mut begun = first(run_id(1), "orders");
    begun.queued = vec![pending(1, "charge", "{}"), pending(2, "collect", "{}")];
    let mut charged = after(&begun);
    (charged.settled, charged.done) = (Some(settled(1)), Some(1));
    let mut collected = after(&charged);
    (collected.settled, collected.held) = (Some(settled(2)), Some("set".into()));
    must_take(&mut *store, &[begun, charged, collected.clone()]);
    assert_eq!(goes_on(&mut *store), [Some(GoesOn::WhenTold)]);
    let mut fails = after(&collected);
    fails.ending = Some("{}".into());
    must_take(&mut *store, &[fails]);
    assert_eq!(goes_on(&mut *store), [Some(GoesOn::AtOnce)], "it undoes what it has done");
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
        goes_on: None,
        created_at: UnixMillis(1_000),
        updated_at: UnixMillis(1_010),
        finished_at: Some(UnixMillis(1_010)),
    };
    assert_eq!(page(&mut *store, &all()).runs, [expected]);
}
