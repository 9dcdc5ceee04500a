//! What was stored comes back as it was.

use std::sync::Arc;

use super::super::commit::{Added, Again, Code, Parent, Sent, Wait, WaitKind, Written};
use super::super::stored_run::StoredValue;
use super::super::{CheckpointStore, Status, StoredRun, UnixMillis};
use super::Stores;
use super::samples::{
    after, first, full, keys, must_load, must_take, pending, request, run_id, set, settled, taken_out,
};
use crate::{ExactString, StateValue};

pub(super) fn whole_run(stores: &mut dyn Stores) {
    let mut store = stores.create();
    let commit = full(run_id(1));
    must_take(&mut *store, std::slice::from_ref(&commit));
    let expected = StoredRun {
        id: run_id(1),
        workflow: "orders".to_owned(),
        parent: commit.parent,
        code: commit.code.clone(),
        version: 1,
        status: Status::Running,
        ending: None,
        created_at: UnixMillis(1_000),
        updated_at: UnixMillis(1_000),
        finished_at: None,
        last_delivery: 2,
        time_remaining: Some(60_000),
        streamed: 0,
        pending: commit.queued.clone(),
        waits: commit.opened.clone(),
        state: vec![
            StoredValue { key: "n".into(), place: 0, value: StateValue::Json("{ \"n\" : 1e2 }".to_owned()) },
            StoredValue { key: "blob".into(), place: 1, value: StateValue::Bytes(vec![0, 255, 10]) },
        ],
    };
    assert_eq!(must_load(&mut *store, run_id(1)), expected);

    let mut paused = after(&commit);
    paused.status = Status::Paused;
    paused.time_remaining = None;
    must_take(&mut *store, &[paused]);
    let expected = StoredRun {
        version: 2,
        status: Status::Paused,
        updated_at: UnixMillis(1_010),
        time_remaining: None,
        ..expected
    };
    assert_eq!(must_load(&mut *store, run_id(1)), expected);
}

pub(super) fn exact_strings(stores: &mut dyn Stores) {
    let rows: [&[u16]; 8] = [
        &[],
        &[0],
        &[0x61],
        &[0x61, 0, 0x62],
        &[0x61, 0xD800, 0x62],
        &[0x61, 0xFFFD, 0x62],
        &[0xDC00, 0xD800],
        &[0xD83D, 0xDE00],
    ];
    let mut store = stores.create();
    let mut commit = first(run_id(1), "naïve \u{0} \"workflow\"");
    for (place, units) in (0..).zip(rows) {
        let key = ExactString::from_utf16(units);
        let value = StateValue::Json(format!("\"{place} \u{0} \u{1F600}\""));
        commit.written.push(Written { key: key.clone(), place, before: None, after: Some(value) });
        let event: Arc<str> = "{\"\u{0}\":\"\\ud800\"}".into();
        let expiry = Some(event.clone());
        commit.opened.push(Wait { id: key, event, expiry, ..request("") });
    }
    commit.queued = vec![pending(1, "", "{\"\u{0}\":\"\\ud800\"}"), pending(2, "sté\u{0}p", "1")];
    must_take(&mut *store, std::slice::from_ref(&commit));
    let run = must_load(&mut *store, run_id(1));
    assert_eq!(run.workflow, "naïve \u{0} \"workflow\"");
    assert_eq!(run.pending, commit.queued);
    assert_eq!(run.waits, commit.opened);
    let written: Vec<_> = commit.written.iter().map(|written| &written.key).collect();
    assert_eq!(keys(&run), written);
    let mut next = after(&commit);
    next.closed = Some(ExactString::from_utf16(rows[4]));
    next.written = vec![Written { after: None, ..commit.written[4].clone() }];
    must_take(&mut *store, &[next]);
    let run = must_load(&mut *store, run_id(1));
    assert_eq!((run.state.len(), run.waits.len()), (7, 7));
    assert!(!keys(&run).contains(&&commit.written[4].key));
    assert!(!run.waits.iter().any(|request| request.id == commit.written[4].key));
}

pub(super) fn large_values(stores: &mut dyn Stores) {
    const SIZE: usize = 1 << 20;
    let mut store = stores.create();
    let mut commit = first(run_id(1), "orders");
    let text = format!("\"{}\"", "é".repeat(SIZE / 2));
    let bytes: Vec<u8> = (0..SIZE).map(|index| (index % 251).to_le_bytes()[0]).collect();
    commit.queued = vec![pending(1, "charge", &text)];
    commit.opened = vec![Wait { event: text.as_str().into(), ..request("large") }];
    let value = Written { after: Some(StateValue::Bytes(bytes)), ..set("bytes", 1, None, "") };
    commit.written = vec![set("text", 0, None, &text), value];
    must_take(&mut *store, std::slice::from_ref(&commit));
    let run = must_load(&mut *store, run_id(1));
    assert!(run.pending == commit.queued && run.waits == commit.opened);
    let values = commit.written.iter().map(|written| written.after.as_ref());
    assert!(run.state.iter().map(|stored| Some(&stored.value)).eq(values));
    let mut end = after(&commit);
    end.status = Status::Completed { result: Some(text.clone()) };
    must_take(&mut *store, &[end]);
    assert!(must_load(&mut *store, run_id(1)).status == Status::Completed { result: Some(text) });
}

pub(super) fn extreme_numbers(stores: &mut dyn Stores) {
    let mut store = stores.create();
    let mut commit = first(run_id(1), "orders");
    commit.at = UnixMillis(-1);
    commit.time_remaining = Some(u64::MAX);
    commit.last_delivery = i64::MAX.cast_unsigned();
    commit.queued = vec![pending(commit.last_delivery, "charge", "0")];
    commit.queued[0].attempt = u32::MAX;
    commit.queued[0].sent = u32::MAX;
    commit.written = vec![set("last", i64::MAX.cast_unsigned(), None, "0")];
    must_take(&mut *store, std::slice::from_ref(&commit));
    let run = must_load(&mut *store, run_id(1));
    assert_eq!((run.created_at, run.time_remaining), (commit.at, Some(u64::MAX)));
    assert_eq!((run.last_delivery, &run.pending), (commit.last_delivery, &commit.queued));
    assert_eq!(run.state[0].place, commit.written[0].place);
}

pub(super) fn unknown_run(stores: &mut dyn Stores) {
    let mut store = stores.create();
    assert_eq!(store.load(run_id(1)), Ok(None));
    assert_eq!(store.history(run_id(1)), Ok(None));
    must_take(&mut *store, &[first(run_id(1), "orders")]);
    assert_eq!(store.load(run_id(2)), Ok(None));
}

pub(super) fn order_of_pending(stores: &mut dyn Stores) {
    let mut store = stores.create();
    let mut commit = first(run_id(1), "orders");
    commit.queued = [300, 2, 70_000].map(|delivery| pending(delivery, "charge", "{}")).to_vec();
    let mut next = after(&commit);
    next.queued = vec![pending(5, "audit", "{}")];
    must_take(&mut *store, &[commit, next]);
    let run = must_load(&mut *store, run_id(1));
    let deliveries: Vec<_> = run.pending.iter().map(|pending| pending.delivery).collect();
    assert_eq!(deliveries, [2, 5, 300, 70_000]);
}

pub(super) fn order_of_waits(stores: &mut dyn Stores) {
    let mut store = stores.create();
    let mut commit = first(run_id(1), "orders");
    commit.opened = ["z", "a", "m"].map(request).to_vec();
    let mut other = first(run_id(2), "orders");
    other.opened = vec![request("z")];
    let mut next = after(&commit);
    next.closed = Some("m".into());
    next.opened = vec![request("b"), request("m")];
    must_take(&mut *store, &[commit, other, next]);
    let run = must_load(&mut *store, run_id(1));
    assert_eq!(run.waits, ["z", "a", "b", "m"].map(request));
}

pub(super) fn order_of_state(stores: &mut dyn Stores) {
    let mut store = stores.create();
    let mut commit = first(run_id(1), "orders");
    commit.written = vec![set("z", 4, None, "1"), set("a", 9, None, "2"), set("m", 2, None, "3")];
    let mut next = after(&commit);
    next.written = vec![set("z", 4, Some("1"), "4"), set("b", 3, None, "5")];
    must_take(&mut *store, &[commit, next]);
    let run = must_load(&mut *store, run_id(1));
    assert_eq!(keys(&run), ["m", "b", "z", "a"].map(ExactString::from).iter().collect::<Vec<_>>());
    assert_eq!(run.state[2].value, StateValue::Json("4".to_owned()));
}

pub(super) fn settled_delivery(stores: &mut dyn Stores) {
    let mut store = stores.create();
    let commit = full(run_id(1));
    let mut next = after(&commit);
    next.settled = Some(settled(1));
    next.queued = vec![pending(3, "ship", "{}")];
    next.last_delivery = 3;
    must_take(&mut *store, &[commit.clone(), next]);
    let run = must_load(&mut *store, run_id(1));
    assert_eq!(run.pending, [commit.queued[1].clone(), pending(3, "ship", "{}")]);
    assert_eq!(run.last_delivery, 3);
}

pub(super) fn sent(stores: &mut dyn Stores) {
    let mut store = stores.create();
    let commit = full(run_id(1));
    let mut next = after(&commit);
    next.sent = Some(Sent { delivery: 1, count: 1 });
    next.queued = vec![pending(3, "ship", "{}")];
    must_take(&mut *store, &[commit.clone(), next]);
    let mut expected = vec![commit.queued[0].clone(), commit.queued[1].clone(), pending(3, "ship", "{}")];
    expected[0].sent = 1;
    assert_eq!(must_load(&mut *store, run_id(1)).pending, expected);
}

pub(super) fn added(stores: &mut dyn Stores) {
    let mut store = stores.create();
    let results = |text: &str| Some(Arc::from(text));
    let added = |delivery, results: &str| Added { delivery, results: results.into() };
    let mut commit = full(run_id(1));
    commit.queued.push(pending(3, "ship", "{}"));
    commit.queued[2].added = results("[[\"k\", [1]]]");
    let mut next = after(&commit);
    next.sent = Some(Sent { delivery: 1, count: 1 });
    next.added = vec![added(2, "[[\"\\ud800\",[{\"json\":\"\u{1F600}\"}]]]"), added(1, "[]"), added(9, "[]")];
    next.again = vec![Again { delivery: 2, attempt: 4, sent: 0, due: None }];
    must_take(&mut *store, &[commit.clone(), next.clone()]);
    let mut expected = commit.queued.clone();
    (expected[0].sent, expected[0].added) = (1, results("[]"));
    (expected[1].attempt, expected[1].sent) = (4, 0);
    expected[1].added = Some(next.added[0].results.clone());
    assert_eq!(must_load(&mut *store, run_id(1)).pending, expected);

    let mut more = after(&next);
    more.settled = Some(settled(3));
    more.added = vec![added(1, "[[\"\",[2]]]")];
    let mut held = after(&more);
    (held.settled, held.held) = (Some(settled(1)), Some("".into()));
    let mut done = after(&held);
    (done.settled, done.done) = (Some(settled(2)), Some(1));
    must_take(&mut *store, std::slice::from_ref(&more));
    (expected[0].added, _) = (results("[[\"\",[2]]]"), expected.pop());
    assert_eq!(must_load(&mut *store, run_id(1)).pending, expected);
    must_take(&mut *store, &[held, done]);
    let left = must_load(&mut *store, run_id(1)).pending;
    assert_eq!(left.iter().map(|pending| &pending.added).collect::<Vec<_>>(), [&None, &None]);
}

pub(super) fn again(stores: &mut dyn Stores) {
    let mut store = stores.create();
    let commit = full(run_id(1));
    let mut next = after(&commit);
    let again = |delivery, attempt, sent| Again { delivery, attempt, sent, due: None };
    next.again = vec![again(2, 4, 0), again(1, 2, 7)];
    must_take(&mut *store, &[commit.clone(), next]);
    let mut expected = commit.queued.clone();
    (expected[0].attempt, expected[0].sent) = (2, 7);
    (expected[1].attempt, expected[1].sent) = (4, 0);
    assert_eq!(must_load(&mut *store, run_id(1)).pending, expected);
}

pub(super) fn due(stores: &mut dyn Stores) {
    let mut store = stores.create();
    let mut commit = full(run_id(1));
    commit.queued[0].due = Some(UnixMillis(i64::MAX));
    let mut asleep = after(&commit);
    asleep.again = vec![Again { delivery: 2, attempt: 2, sent: 0, due: Some(UnixMillis(-1)) }];
    must_take(&mut *store, &[commit.clone(), asleep.clone()]);
    let due = |store: &mut dyn CheckpointStore| {
        must_load(store, run_id(1)).pending.iter().map(|pending| pending.due).collect::<Vec<_>>()
    };
    assert_eq!(due(&mut *store), [Some(UnixMillis(i64::MAX)), Some(UnixMillis(-1))]);
    let mut awake = after(&asleep);
    awake.again = vec![Again { delivery: 1, attempt: 1, sent: 0, due: None }];
    must_take(&mut *store, &[awake]);
    assert_eq!(due(&mut *store), [None, Some(UnixMillis(-1))]);
}

pub(super) fn held(stores: &mut dyn Stores) {
    let mut store = stores.create();
    let commit = full(run_id(1));
    let keys = [ExactString::from_utf16(&[0xD800, 0]), ExactString::from("")];
    let mut one = after(&commit);
    (one.settled, one.held) = (Some(settled(1)), Some(keys[0].clone()));
    let mut other = after(&one);
    (other.settled, other.held) = (Some(settled(2)), Some(keys[1].clone()));
    must_take(&mut *store, &[commit.clone(), one, other.clone()]);
    let mut expected = commit.queued.clone();
    for (pending, key) in expected.iter_mut().zip(keys) {
        pending.held = Some(key);
    }
    assert_eq!(must_load(&mut *store, run_id(1)).pending, expected);

    let mut gathering = after(&other);
    gathering.queued = vec![pending(3, "ship", "{}"), pending(4, "ship", "{}")];
    gathering.gathered = vec![1];
    let mut gathered = after(&gathering);
    (gathered.settled, gathered.gathered) = (Some(settled(3)), vec![4]);
    must_take(&mut *store, &[gathering.clone(), gathered]);
    let mut at_work = gathering.queued[1].clone();
    at_work.gathered = true;
    let run = must_load(&mut *store, run_id(1));
    assert_eq!(run.pending, [expected[1].clone(), at_work], "one that is at work stays");
}

pub(super) fn closed(stores: &mut dyn Stores) {
    let mut store = stores.create();
    let commit = full(run_id(1));
    let mut next = after(&commit);
    next.closed = Some("approve".into());
    must_take(&mut *store, &[commit, next]);
    assert_eq!(must_load(&mut *store, run_id(1)).waits, [request("sign")]);
}

pub(super) fn kinds_of_waits(stores: &mut dyn Stores) {
    let mut store = stores.create();
    let mut commit = first(run_id(1), "orders");
    for (at, kind) in WaitKind::ALL.into_iter().enumerate() {
        let due = [None, Some(UnixMillis(i64::MIN)), Some(UnixMillis(i64::MAX))][at];
        let expiry = (at == 1).then(|| "{\"type\":\"Late\"}".into());
        commit.opened.push(Wait { kind, due, expiry, ..request(kind.name()) });
    }
    must_take(&mut *store, std::slice::from_ref(&commit));
    assert_eq!(must_load(&mut *store, run_id(1)).waits, commit.opened);
    let mut next = after(&commit);
    next.closed = Some("expected".into());
    must_take(&mut *store, &[next]);
    commit.opened.remove(1);
    assert_eq!(must_load(&mut *store, run_id(1)).waits, commit.opened);
}

pub(super) fn done(stores: &mut dyn Stores) {
    let mut store = stores.create();
    let commit = full(run_id(1));
    let mut settling = after(&commit);
    (settling.settled, settling.done) = (Some(settled(2)), Some(u64::MAX >> 1));
    must_take(&mut *store, &[commit.clone(), settling.clone()]);
    let mut expected = commit.queued.clone();
    (expected[1].done, expected[1].attempt, expected[1].sent) = (settling.done, 1, 0);
    assert_eq!(must_load(&mut *store, run_id(1)).pending, expected);

    let mut ending = after(&settling);
    ending.ending = Some("{\"code\":\"E\"}".into());
    ending.again = vec![Again { delivery: 2, attempt: 2, sent: 0, due: Some(UnixMillis(5)) }];
    must_take(&mut *store, std::slice::from_ref(&ending));
    let run = must_load(&mut *store, run_id(1));
    (expected[1].attempt, expected[1].due) = (2, Some(UnixMillis(5)));
    assert_eq!((&run.status, &run.ending, &run.pending), (&Status::Running, &ending.ending, &expected));
    let mut paused = after(&ending);
    (paused.status, paused.ending) = (Status::Paused, Some("{}".into()));
    must_take(&mut *store, std::slice::from_ref(&paused));
    assert_eq!(must_load(&mut *store, run_id(1)).ending, paused.ending);

    let mut undone = after(&paused);
    (undone.status, undone.settled) = (Status::Failed { error: "{}".to_owned() }, Some(settled(2)));
    must_take(&mut *store, &[undone]);
    let run = must_load(&mut *store, run_id(1));
    assert_eq!((run.ending, run.pending.len()), (None, 0));
}

pub(super) fn parent_and_code(stores: &mut dyn Stores) {
    let mut store = stores.create();
    let mut commit = first(run_id(1), "orders");
    commit.parent = Some(Parent { run: run_id(9), depth: u32::MAX });
    must_take(&mut *store, std::slice::from_ref(&commit));
    let run = must_load(&mut *store, run_id(1));
    assert_eq!((run.parent, run.code), (commit.parent, None));
    let code = |version: &str| Some(Code { version: version.into(), steps: "[\"\u{0}\"]".into() });
    let mut migrated = after(&commit);
    (migrated.code, migrated.replaces) = (code("2"), true);
    let later = after(&migrated);
    let mut begun = first(run_id(2), "orders");
    begun.code = code("");
    must_take(&mut *store, &[migrated, later.clone(), begun]);
    let run = must_load(&mut *store, run_id(1));
    assert_eq!((run.parent, run.code, run.version), (commit.parent, code("2"), 3));
    assert_eq!(must_load(&mut *store, run_id(2)).code, code(""));
    must_take(&mut *store, &[after(&later)]);
}

pub(super) fn key_taken_out(stores: &mut dyn Stores) {
    let mut store = stores.create();
    let commit = full(run_id(1));
    let mut next = after(&commit);
    next.written = vec![taken_out("n", 0, "{ \"n\" : 1e2 }"), taken_out("never", 9, "0")];
    must_take(&mut *store, &[commit, next]);
    let run = must_load(&mut *store, run_id(1));
    assert_eq!(keys(&run), [&ExactString::from("blob")]);
}

pub(super) fn replaced(stores: &mut dyn Stores) {
    let mut store = stores.create();
    let commit = full(run_id(1));
    let mut whole = after(&commit);
    whole.replaces = true;
    whole.settled = Some(settled(1));
    whole.queued = vec![pending(2, "audit", "2"), pending(9, "ship", "9")];
    whole.opened = vec![request("other"), request("sign")];
    whole.written = vec![set("n", 3, None, "7")];
    must_take(&mut *store, &[commit, whole.clone()]);
    let run = must_load(&mut *store, run_id(1));
    assert_eq!((&run.pending, &run.waits), (&whole.queued, &whole.opened));
    assert_eq!(keys(&run), [&ExactString::from("n")]);
    assert_eq!((run.version, run.state[0].place), (2, 3));
}

pub(super) fn separate_runs(stores: &mut dyn Stores) {
    let mut store = stores.create();
    let (one, other) = (full(run_id(1)), full(run_id(2)));
    let mut end = after(&one);
    end.status = Status::Completed { result: None };
    end.written = vec![taken_out("n", 0, "0")];
    must_take(&mut *store, &[one, other.clone(), end]);
    let run = must_load(&mut *store, run_id(2));
    assert_eq!((&run.pending, &run.waits), (&other.queued, &other.opened));
    assert_eq!((run.version, run.state.len()), (1, 2));
}
