//! The thread that writes, with stores that wait, fail and panic.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use super::*;
use crate::store::conformance::samples::{first, run_id};
use crate::store::{MemoryStore, Status};

/// Generous: when it is over, something hangs.
const FOR_EVER: Duration = Duration::from_mins(1);

/// A store that says when it is asked to commit, and does it when it is told what to do.
struct Gated {
    kept: MemoryStore,
    batches: Sender<usize>,
    orders: Receiver<Order>,
}

enum Order {
    Commit,
    Fail,
    Panic,
}

impl CheckpointStore for Gated {
    fn commit(&mut self, batch: &[Commit]) -> Result<Vec<Result<(), Refusal>>, StoreError> {
        self.batches.send(batch.len()).unwrap();
        match self.orders.recv_timeout(FOR_EVER).unwrap() {
            Order::Commit => self.kept.commit(batch),
            Order::Fail => Err(StoreError::Failed("asked to fail".to_owned())),
            Order::Panic => panic!("asked to panic"),
        }
    }

    fn load(&mut self, run: Uuid) -> Result<Option<StoredRun>, StoreError> {
        self.kept.load(run)
    }

    fn runs(&mut self, query: &RunQuery) -> Result<RunPage, StoreError> {
        self.kept.runs(query)
    }

    fn history(&mut self, run: Uuid) -> Result<Option<Vec<HistoryEntry>>, StoreError> {
        self.kept.history(run)
    }

    fn stream(&mut self, run: Uuid, from: u64, at_most: usize) -> Result<Option<Vec<Arc<str>>>, StoreError> {
        self.kept.stream(run, from, at_most)
    }

    fn prune(
        &mut self,
        finished_before: UnixMillis,
        at_most: usize,
        unwritten: &[Uuid],
    ) -> Result<usize, StoreError> {
        self.kept.prune(finished_before, at_most, unwritten)
    }

    fn close(&mut self) -> Result<(), StoreError> {
        self.kept.close()
    }
}

struct Story {
    writer: Option<Writer>,
    batches: Receiver<usize>,
    orders: Sender<Order>,
    reports: Receiver<Vec<Report>>,
}

impl Story {
    fn begin() -> Self {
        let (batches_to, batches) = channel();
        let (orders, orders_from) = channel();
        let (reports_to, reports) = channel();
        let store = Gated { kept: MemoryStore::new(), batches: batches_to, orders: orders_from };
        let listener = Box::new(move |told| _ = reports_to.send(told));
        let writer = Some(Writer::start(Box::new(store), listener).unwrap());
        Self { writer, batches, orders, reports }
    }

    fn commits(&self, run: u64) {
        assert!(self.writer.as_ref().unwrap().commit(run, Box::new(first_commit(run, Status::Running))));
    }

    fn asks(&self, ticket: Ticket, question: Question) {
        assert!(self.writer.as_ref().unwrap().ask(ticket, question));
    }

    /// Waits until the store is asked, and tells it what to do.
    fn the_store_is_to(&self, order: Order) -> usize {
        let batch = self.batches.recv_timeout(FOR_EVER).unwrap();
        self.orders.send(order).unwrap();
        batch
    }

    fn told(&self) -> Vec<String> {
        self.reports.recv_timeout(FOR_EVER).unwrap().iter().map(in_words).collect()
    }
}

fn first_commit(run: u64, status: Status) -> Commit {
    Commit { status, ..first(run_id(run.into()), "orders") }
}

fn in_words(report: &Report) -> String {
    match report {
        Report::Committed(ticket, version) => format!("{ticket} has version {version}"),
        Report::Refused(ticket, Refusal::Exists { .. }) => format!("{ticket} exists"),
        Report::Refused(ticket, _) => format!("{ticket} is refused"),
        Report::Failed(ticket, error) => format!("{ticket} failed: {error}"),
        Report::Answered(ticket, Ok(answer)) => format!("{ticket}: {answer:?}"),
        Report::Answered(ticket, Err(error)) => format!("{ticket} is not answered: {error}"),
    }
}

#[test]
fn what_queues_up_while_the_store_is_busy_is_one_batch_and_told_at_once() {
    let story = Story::begin();
    story.commits(1);
    let first = story.batches.recv_timeout(FOR_EVER).unwrap();
    for run in 2..=5 {
        story.commits(run);
    }
    story.orders.send(Order::Commit).unwrap();
    assert_eq!(first, 1);
    assert_eq!(story.told(), ["1 has version 1"]);
    assert_eq!(story.the_store_is_to(Order::Commit), 4);
    assert_eq!(story.told(), ["2 has version 1", "3 has version 1", "4 has version 1", "5 has version 1"]);
}

#[test]
fn a_refused_commit_is_told_to_its_run_alone() {
    let story = Story::begin();
    story.commits(1);
    story.the_store_is_to(Order::Commit);
    story.told();
    story.commits(1);
    story.the_store_is_to(Order::Commit);
    assert_eq!(story.told(), ["1 exists"]);
}

#[test]
fn a_batch_that_fails_is_told_to_all_of_it_and_the_next_is_taken() {
    let story = Story::begin();
    story.commits(1);
    story.the_store_is_to(Order::Fail);
    assert_eq!(story.told(), ["1 failed: asked to fail"]);
    story.commits(2);
    story.the_store_is_to(Order::Commit);
    assert_eq!(story.told(), ["2 has version 1"]);
}

#[test]
fn a_driver_that_panics_is_asked_nothing_more_and_everybody_is_told() {
    let story = Story::begin();
    story.commits(1);
    story.the_store_is_to(Order::Panic);
    let broken =
        "the store stopped working: asked to panic; this is a bug in blazen or in the store's driver";
    assert_eq!(story.told(), [format!("1 failed: {broken}")]);
    story.commits(2);
    assert_eq!(story.told(), [format!("2 failed: {broken}")]);
    story.asks(3, Question::Close);
    assert_eq!(story.told(), [format!("3 is not answered: {broken}")]);
}

#[test]
fn a_question_is_answered_after_the_commits_that_came_before_it() {
    let story = Story::begin();
    story.commits(1);
    story.asks(9, Question::Load(run_id(1)));
    story.the_store_is_to(Order::Commit);
    assert_eq!(story.told(), ["1 has version 1"]);
    assert!(story.told()[0].starts_with("9: Loaded(Some("));
}

#[test]
fn a_closed_store_takes_nothing_more_and_says_so() {
    let story = Story::begin();
    story.asks(1, Question::Close);
    assert_eq!(story.told(), ["1: Closed"]);
    story.commits(2);
    assert_eq!(story.told(), ["2 failed: the store is closed"]);
}

#[test]
fn whoever_drops_the_writer_waits_until_what_was_asked_is_done() {
    let mut story = Story::begin();
    story.commits(1);
    story.commits(2);
    for _ in 0..2 {
        story.orders.send(Order::Commit).unwrap();
    }
    drop(story.writer.take());
    let told: Vec<String> = story.reports.iter().flatten().map(|report| in_words(&report)).collect();
    assert_eq!(told, ["1 has version 1", "2 has version 1"]);
}

#[test]
fn more_runs_are_pruned_than_go_at_once() {
    let story = Story::begin();
    let ended = 3 * PRUNED_AT_ONCE as u64 + 1;
    for run in 1..=ended {
        let commit = first_commit(run, Status::Completed { result: None });
        assert!(story.writer.as_ref().unwrap().commit(run, Box::new(commit)));
        story.the_store_is_to(Order::Commit);
        story.told();
    }
    story.asks(0, Question::Prune(UnixMillis(2_000), Vec::new()));
    assert_eq!(story.told(), [format!("0: Pruned({ended})")]);
}
