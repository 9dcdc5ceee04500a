//! Any text as a snapshot: it is refused, or a run goes on from it that can be written down again.

use std::sync::{Arc, LazyLock};

use blazen::engine::{Definition, RunAtRest, RunOptions, WaitKind, WallMillis};

use super::bytes::Bytes;
use super::driven::{Driven, limit, workshop};

static WORKSHOP: LazyLock<Arc<Definition>> = LazyLock::new(workshop);

/// How much a run does before it is written down a second time.
const ACTS: usize = 24;

/// The bytes as a text.
pub fn snapshot(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let Ok(read) = RunAtRest::from_snapshot(text) else { return };
    let mut decisions = Bytes(bytes);
    let options = RunOptions {
        time_limit: limit(bytes.len().is_multiple_of(2)),
        durability: None,
        ..RunOptions::default()
    };
    let at_rest = RunAtRest::from_snapshot(text).expect("it was read just now");
    let Ok(mut driven) = Driven::resume(&WORKSHOP, at_rest, options, 0, 0) else { return };
    driven.pause();
    if driven.run.outcome().is_some() {
        return; // nothing was pending
    }
    if read.waits.iter().any(|wait| wait.due.is_some_and(|due| due <= WallMillis(0))) {
        return; // it has expired
    }
    let first = driven.snapshot();
    let mut expected = read;
    if options.time_limit.is_none() {
        expected.time_remaining = None;
    } else {
        expected.time_remaining = expected.time_remaining.or(options.time_limit);
    }
    assert_same(&reread(&first), &expected);

    driven.go_on();
    driven.drain();
    for _ in 0..ACTS {
        driven.act(&mut decisions);
        driven.drain();
    }
    driven.pause();
    driven.interrupt();
    driven.drain();
    if driven.run.outcome().is_some() {
        return;
    }
    let second = driven.snapshot();
    let at_rest = reread(&second);
    let nothing_is_left =
        at_rest.pending_events.is_empty() && at_rest.waits.iter().all(|wait| wait.kind == WaitKind::Arrived);
    let mut moved = Driven::resume(&WORKSHOP, at_rest, options, 0, 0).expect("the workflow is the same");
    if nothing_is_left {
        assert!(moved.run.outcome().is_some(), "a run that could never go on");
        return;
    }
    moved.pause();
    assert_eq!(moved.snapshot(), second);
}

fn reread(snapshot: &str) -> RunAtRest {
    RunAtRest::from_snapshot(snapshot).expect("a snapshot that was written here")
}

fn assert_same(found: &RunAtRest, expected: &RunAtRest) {
    assert_eq!(format!("{found:?}"), format!("{expected:?}"));
}
