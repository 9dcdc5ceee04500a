//! A JavaScript thread's way to a store: what it sends, and what comes back.
//!
//! The thread that writes leaves its reports in a mailbox and wakes JavaScript once for all that it finds there. No
//! user code runs in that call, and nothing in it can fail: JavaScript comes back and collects.
//!
//! The event loop is held while something is awaited, and only then.

use std::cell::{Cell, RefCell};
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use napi::threadsafe_function::{ThreadsafeFunction, ThreadsafeFunctionCallMode};
use napi::{Env, Status};
use parking_lot::Mutex;
use uuid::Uuid;

use super::registry::RunKey;
use crate::error_code::{Coded, ErrorCode};
use crate::store::writer::{Answer, Question, Report, Ticket, Writer};
use crate::store::{CheckpointStore, Commit, Refusal, StoreError};

/// Called when the mailbox has got something.
pub(super) type Wake = ThreadsafeFunction<(), (), (), Status, false, true>;

/// One thread's connection to one store.
pub(super) struct Connection {
    way: RefCell<Way>,
    /// How many requests have not been reported on.
    awaited: Cell<usize>,
    /// Holds the event loop; `None` once the environment is going away.
    hold: RefCell<Option<(Env, Arc<Mutex<Wake>>)>>,
    mailbox: Arc<Mutex<Mailbox>>,
    collected: RefCell<Collected>,
}

/// How requests get to the store.
enum Way {
    /// By the thread that writes.
    Thread(Writer),
    /// They wait here until JavaScript takes them to a store of its own.
    JavaScript(Waiting),
    /// There is none any more.
    Closed,
}

/// Commits for a store in JavaScript.
#[derive(Default)]
struct Waiting {
    commits: VecDeque<(Ticket, Commit)>,
    /// Taken, and not reported on: the run, its id, and the version of its commit.
    taken: Vec<(Ticket, Uuid, u64)>,
}

#[derive(Default)]
struct Mailbox {
    reports: Vec<Report>,
    /// Whether JavaScript knows that there is something.
    woken: bool,
}

/// What has been collected and not yet been asked for.
#[derive(Default)]
struct Collected {
    news: VecDeque<News>,
    answers: HashMap<Ticket, Result<Answer, StoreError>>,
    losses: HashMap<Ticket, Loss>,
}

/// Something that JavaScript must look after.
#[derive(Clone, Copy)]
pub(super) enum News {
    /// Changes of a run are durable.
    Stored(Ticket),
    /// A change of a run is not, or may not be.
    Lost(Ticket),
    /// A question has been answered.
    Answered(Ticket),
}

/// Why a change of a run was not stored.
pub(super) struct Loss {
    pub(super) code: ErrorCode,
    pub(super) message: String,
}

impl Connection {
    pub(super) fn start(env: Env, store: Box<dyn CheckpointStore>, wake: Wake) -> std::io::Result<Self> {
        let wake = Arc::new(Mutex::new(wake));
        let hold = RefCell::new(Some((env, wake.clone())));
        let mailbox = Arc::new(Mutex::new(Mailbox::default()));
        let delivery = mailbox.clone();
        let writer = Writer::start(
            store,
            Box::new(move |reports| {
                delivery.lock().reports.extend(reports);
                wake_once(&delivery, &wake);
            }),
        )?;
        Ok(Self::by(Way::Thread(writer), hold, mailbox))
    }

    /// The way to a store in JavaScript.
    pub(super) fn of_java_script(env: Env, wake: Wake) -> Self {
        let hold = RefCell::new(Some((env, Arc::new(Mutex::new(wake)))));
        Self::by(Way::JavaScript(Waiting::default()), hold, Arc::default())
    }

    fn by(way: Way, hold: RefCell<Option<(Env, Arc<Mutex<Wake>>)>>, mailbox: Arc<Mutex<Mailbox>>) -> Self {
        let collected = RefCell::default();
        Self { way: RefCell::new(way), awaited: Cell::new(0), hold, mailbox, collected }
    }

    pub(super) fn commit(&self, run: Ticket, commit: Commit) {
        self.awaits_one_more();
        let taken = match &mut *self.way.borrow_mut() {
            Way::Thread(writer) => writer.commit(run, commit),
            Way::JavaScript(waiting) => {
                waiting.commits.push_back((run, commit));
                self.wake();
                true
            }
            Way::Closed => false,
        };
        if !taken {
            self.report(Report::Failed(run, StoreError::Closed));
        }
    }

    /// Takes commits to a store in JavaScript, in order.
    pub(super) fn take_commits(&self, at_most: usize) -> Vec<Commit> {
        let Way::JavaScript(waiting) = &mut *self.way.borrow_mut() else { return Vec::new() };
        let batch = at_most.min(waiting.commits.len());
        let taken: Vec<(Ticket, Commit)> = waiting.commits.drain(..batch).collect();
        waiting.taken = taken.iter().map(|(run, commit)| (*run, commit.run, commit.version)).collect();
        taken.into_iter().map(|(_, commit)| commit).collect()
    }

    /// The commits taken last are durable, but for those of which the store has another version.
    pub(super) fn taken_are_durable(&self, other_version: impl Fn(usize) -> Option<u64>) {
        for (position, (ticket, run, version)) in self.reported_on().into_iter().enumerate() {
            self.report(match other_version(position) {
                None => Report::Committed(ticket, version),
                Some(1..) if version == 1 => Report::Refused(ticket, Refusal::Exists { run }),
                Some(found) => Report::Refused(ticket, Refusal::Conflict { run, version, found }),
            });
        }
    }

    /// Whether the commits taken last are stored is not known.
    pub(super) fn taken_have_failed(&self, reason: &str) {
        for (ticket, ..) in self.reported_on() {
            self.report(Report::Failed(ticket, StoreError::Failed(reason.to_owned())));
        }
    }

    fn reported_on(&self) -> Vec<(Ticket, Uuid, u64)> {
        match &mut *self.way.borrow_mut() {
            Way::JavaScript(waiting) => std::mem::take(&mut waiting.taken),
            _ => Vec::new(),
        }
    }

    pub(super) fn ask(&self, ticket: Ticket, question: Question) {
        self.awaits_one_more();
        let asked = match &*self.way.borrow() {
            Way::Thread(writer) => writer.ask(ticket, question),
            Way::JavaScript(_) | Way::Closed => false,
        };
        if !asked {
            self.report(Report::Answered(ticket, Err(StoreError::Closed)));
        }
    }

    /// The next news, if there are any. Runs are told of what is durable on the way.
    pub(super) fn next_news(&self) -> Option<News> {
        let mut collected = self.collected.borrow_mut();
        if collected.news.is_empty() {
            let mut mailbox = self.mailbox.lock();
            mailbox.woken = false;
            let reports = std::mem::take(&mut mailbox.reports);
            drop(mailbox);
            self.has_got(reports.len());
            for report in reports {
                collected.take(report);
            }
        }
        collected.news.pop_front()
    }

    /// The answer to a question, once.
    pub(super) fn answer(&self, ticket: Ticket) -> Option<Result<Answer, StoreError>> {
        self.collected.borrow_mut().answers.remove(&ticket)
    }

    /// Why a run is not stored as it stands here, once.
    pub(super) fn loss(&self, run: Ticket) -> Option<Loss> {
        self.collected.borrow_mut().losses.remove(&run)
    }

    /// The environment is going away: what was asked is done, and the thread ends.
    pub(super) fn shut_down(&self) {
        drop(self.hold.borrow_mut().take());
        self.end_thread();
    }

    /// The store has been given up.
    pub(super) fn end_thread(&self) {
        let way = self.way.replace(Way::Closed);
        drop(way);
    }

    /// A report of our own.
    fn report(&self, report: Report) {
        self.mailbox.lock().reports.push(report);
        self.wake();
    }

    /// JavaScript is to come back, once it has done what it is at.
    fn wake(&self) {
        if let Some((_, wake)) = self.hold.borrow().as_ref() {
            wake_once(&self.mailbox, wake);
        }
    }

    #[allow(deprecated)] // what is suggested instead, to clone and to drop, does not hold the loop
    fn awaits_one_more(&self) {
        let awaited = self.awaited.get();
        self.awaited.set(awaited + 1);
        if awaited == 0
            && let Some((env, wake)) = self.hold.borrow().as_ref()
        {
            _ = wake.lock().refer(env);
        }
    }

    #[allow(deprecated)] // as above
    fn has_got(&self, reports: usize) {
        let awaited = self.awaited.get().saturating_sub(reports);
        if awaited == 0
            && self.awaited.get() > 0
            && let Some((env, wake)) = self.hold.borrow().as_ref()
        {
            _ = wake.lock().unref(env);
        }
        self.awaited.set(awaited);
    }
}

/// Wakes JavaScript, unless it knows already that there is something.
fn wake_once(mailbox: &Mutex<Mailbox>, wake: &Mutex<Wake>) {
    let sleeps = !std::mem::replace(&mut mailbox.lock().woken, true);
    if sleeps {
        // It fails only when the environment is going away, and then nobody waits any more.
        _ = wake.lock().call((), ThreadsafeFunctionCallMode::NonBlocking);
    }
}

impl Collected {
    fn take(&mut self, report: Report) {
        match report {
            Report::Committed(run, version) => {
                // A run that JavaScript has given up need not be told.
                let told = RunKey::new(run).with(|run| {
                    run.is_durable(version);
                    Ok(())
                });
                if told.is_ok() {
                    self.news.push_back(News::Stored(run));
                }
            }
            Report::Refused(run, refusal) => {
                self.lose(run, Loss { code: refusal.code(), message: refusal.to_string() });
            }
            Report::Failed(run, failure) => {
                self.lose(run, Loss { code: failure.code(), message: failure.to_string() });
            }
            Report::Answered(ticket, answer) => {
                self.answers.insert(ticket, answer);
                self.news.push_back(News::Answered(ticket));
            }
        }
    }

    /// Only what has gone wrong first is told: what comes after follows from it.
    fn lose(&mut self, run: Ticket, loss: Loss) {
        self.losses.entry(run).or_insert_with(|| {
            self.news.push_back(News::Lost(run));
            loss
        });
    }
}
