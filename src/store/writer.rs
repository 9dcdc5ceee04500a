//! The thread that writes to a store.
//!
//! Commits queue up while the disk is busy, and whatever has queued up goes into the next transaction: batches form by
//! themselves, without a timer and without waiting for one to fill. Whoever waits is told once for a whole batch. What
//! is asked of the store is answered by the same thread, after the commits that came before it.
//!
//! Always true:
//! 1. Every request is answered once, in whatever way the thread ends.
//! 2. What is reported as committed is durable.

use std::any::Any;
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use uuid::Uuid;

use super::stored_run::HistoryEntry;
use super::{CheckpointStore, Commit, Refusal, RunPage, RunQuery, StoreError, StoredRun, UnixMillis};

/// How many commits one transaction takes at most, so that nobody waits for long.
const LARGEST_BATCH: usize = 4_096;
/// How many runs are pruned between two batches.
const PRUNED_AT_ONCE: usize = 64;

/// Chosen by whoever makes a request; comes back with the answer.
pub type Ticket = u64;

/// What can be asked of a store.
#[derive(Debug)]
pub enum Question {
    /// A run, as it stands.
    Load(Uuid),
    /// Runs that fit a query.
    Runs(RunQuery),
    /// What has happened in a run.
    History(Uuid),
    /// So many events of the stream of a run, from an offset on.
    Stream(Uuid, u64, usize),
    /// Forget the runs that ended before, but for children of those, which are at work and need not be stored yet.
    Prune(UnixMillis, Vec<Uuid>),
    /// Give the store up.
    Close,
}

/// The answer to a [`Question`].
#[derive(Debug)]
pub enum Answer {
    /// To [`Question::Load`].
    Loaded(Option<Box<StoredRun>>),
    /// To [`Question::Runs`].
    Runs(RunPage),
    /// To [`Question::History`].
    History(Option<Vec<HistoryEntry>>),
    /// To [`Question::Stream`].
    Stream(Option<Vec<Arc<str>>>),
    /// To [`Question::Prune`]: how many runs were forgotten.
    Pruned(usize),
    /// To [`Question::Close`].
    Closed,
}

/// What became of a request.
#[derive(Debug)]
pub enum Report {
    /// The commit is durable.
    Committed(Ticket, u64),
    /// The commit was not taken.
    Refused(Ticket, Refusal),
    /// Whether the commit was taken is not known.
    Failed(Ticket, StoreError),
    /// A question was answered.
    Answered(Ticket, Result<Answer, StoreError>),
}

enum Request {
    Commit(Ticket, Box<Commit>),
    Ask(Ticket, Question),
}

/// Is told what became of requests, all of a batch at once; called on the thread that writes.
pub type Listener = Box<dyn FnMut(Vec<Report>) + Send>;

/// Hands requests to the thread that writes. Dropping it waits until what was asked is done, and closes the store.
pub struct Writer {
    requests: Option<UnboundedSender<Request>>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    /// Begins to write to `store`.
    pub fn start(store: Box<dyn CheckpointStore>, listener: Listener) -> std::io::Result<Self> {
        let (requests, receiver) = unbounded_channel();
        let work =
            Work { store, listener, receiver, reports: Vec::new(), prunes: VecDeque::new(), ended: None };
        let thread = thread::Builder::new().name("blazen-store".to_owned()).spawn(move || work.run())?;
        Ok(Self { requests: Some(requests), thread: Some(thread) })
    }

    /// Queues a commit. Says whether there is anybody to take it.
    #[must_use]
    pub fn commit(&self, ticket: Ticket, commit: Box<Commit>) -> bool {
        self.request(Request::Commit(ticket, commit))
    }

    /// Asks something. Says whether there is anybody to answer.
    #[must_use]
    pub fn ask(&self, ticket: Ticket, question: Question) -> bool {
        self.request(Request::Ask(ticket, question))
    }

    fn request(&self, request: Request) -> bool {
        self.requests.as_ref().is_some_and(|requests| requests.send(request).is_ok())
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.requests = None;
        if let Some(thread) = self.thread.take() {
            // The thread catches its own panics.
            _ = thread.join();
        }
    }
}

/// Runs that are being forgotten, a few at a time.
struct Pruning {
    ticket: Ticket,
    finished_before: UnixMillis,
    unwritten: Vec<Uuid>,
    /// How many have been.
    pruned: usize,
}

struct Work {
    store: Box<dyn CheckpointStore>,
    listener: Listener,
    receiver: UnboundedReceiver<Request>,
    reports: Vec<Report>,
    prunes: VecDeque<Pruning>,
    /// Why nothing more is asked of the store.
    ended: Option<StoreError>,
}

impl Work {
    fn run(mut self) {
        let mut requests = Vec::new();
        while self.receive(&mut requests) {
            let Sorted { tickets, commits, questions } = requests.drain(..).collect();
            self.commit(tickets, &commits);
            // Nobody who waits for a commit waits for the answer to a question as well.
            self.tell();
            for (ticket, question) in questions {
                self.answer(ticket, question);
            }
            self.prune();
            self.tell();
        }
        if self.ended.is_none() {
            _ = self.guarded(|store| store.close());
        }
    }

    /// Waits for requests, unless there is something to do; false when there will be none.
    fn receive(&mut self, requests: &mut Vec<Request>) -> bool {
        if self.prunes.is_empty() {
            return self.receiver.blocking_recv_many(requests, LARGEST_BATCH) > 0;
        }
        while requests.len() < LARGEST_BATCH
            && let Ok(request) = self.receiver.try_recv()
        {
            requests.push(request);
        }
        true
    }

    fn commit(&mut self, tickets: Vec<Ticket>, batch: &[Commit]) {
        if batch.is_empty() {
            return;
        }
        match self.guarded(|store| store.commit(batch)) {
            Ok(taken) if taken.len() != batch.len() => {
                let broken = format!("it answered {} commits of {}", taken.len(), batch.len());
                let broken = StoreError::Broken(broken);
                self.ended = Some(broken.clone());
                self.reports.extend(tickets.into_iter().map(|ticket| Report::Failed(ticket, broken.clone())));
            }
            Ok(taken) => {
                let outcomes = tickets.into_iter().zip(batch).zip(taken);
                self.reports.extend(outcomes.map(|((ticket, commit), taken)| match taken {
                    Ok(()) => Report::Committed(ticket, commit.version),
                    Err(refusal) => Report::Refused(ticket, refusal),
                }));
            }
            Err(error) => {
                self.reports.extend(tickets.into_iter().map(|ticket| Report::Failed(ticket, error.clone())));
            }
        }
    }

    fn answer(&mut self, ticket: Ticket, question: Question) {
        let answer = match question {
            Question::Load(run) => {
                self.guarded(|store| store.load(run)).map(|run| Answer::Loaded(run.map(Box::new)))
            }
            Question::Runs(query) => self.guarded(|store| store.runs(&query)).map(Answer::Runs),
            Question::History(run) => self.guarded(|store| store.history(run)).map(Answer::History),
            Question::Stream(run, from, at_most) => {
                self.guarded(|store| store.stream(run, from, at_most)).map(Answer::Stream)
            }
            Question::Prune(finished_before, unwritten) => {
                self.prunes.push_back(Pruning { ticket, finished_before, unwritten, pruned: 0 });
                return;
            }
            Question::Close => self.close(),
        };
        self.reports.push(Report::Answered(ticket, answer));
    }

    /// Prunes a few runs, if any are to be, so that commits need not wait for all of them.
    fn prune(&mut self) {
        let Some(mut pruning) = self.prunes.pop_front() else { return };
        let Pruning { ticket, finished_before, ref unwritten, pruned: so_far } = pruning;
        let answer = match self.guarded(|store| store.prune(finished_before, PRUNED_AT_ONCE, unwritten)) {
            Ok(pruned) if pruned == PRUNED_AT_ONCE => {
                pruning.pruned += pruned;
                self.prunes.push_back(pruning);
                return;
            }
            Ok(pruned) => Ok(Answer::Pruned(so_far + pruned)),
            Err(error) => Err(error),
        };
        self.reports.push(Report::Answered(ticket, answer));
    }

    fn close(&mut self) -> Result<Answer, StoreError> {
        while !self.prunes.is_empty() {
            self.prune();
        }
        self.guarded(|store| store.close())?;
        self.ended = Some(StoreError::Closed);
        Ok(Answer::Closed)
    }

    fn tell(&mut self) {
        if !self.reports.is_empty() {
            (self.listener)(std::mem::take(&mut self.reports));
        }
    }

    /// Asks the store, unless it has ended. A driver that panics is asked nothing any more.
    fn guarded<T>(
        &mut self,
        ask: impl FnOnce(&mut dyn CheckpointStore) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        if let Some(ended) = &self.ended {
            return Err(ended.clone());
        }
        let store = self.store.as_mut();
        catch_unwind(AssertUnwindSafe(|| ask(store))).unwrap_or_else(|panic| {
            let broken = StoreError::Broken(message_of(panic.as_ref()));
            self.ended = Some(broken.clone());
            Err(broken)
        })
    }
}

/// Requests, commits apart from questions, each in order.
#[derive(Default)]
struct Sorted {
    /// Of the commits, one by one.
    tickets: Vec<Ticket>,
    commits: Vec<Commit>,
    questions: Vec<(Ticket, Question)>,
}

impl FromIterator<Request> for Sorted {
    fn from_iter<Requests: IntoIterator<Item = Request>>(requests: Requests) -> Self {
        let mut sorted = Self::default();
        for request in requests {
            match request {
                Request::Commit(ticket, commit) => {
                    sorted.tickets.push(ticket);
                    sorted.commits.push(*commit);
                }
                Request::Ask(ticket, question) => sorted.questions.push((ticket, question)),
            }
        }
        sorted
    }
}

fn message_of(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "a panic".to_owned())
}

#[cfg(test)]
mod tests;
