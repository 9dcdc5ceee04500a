//! What comes back from a store to a JavaScript thread.
//!
//! Whoever writes leaves its reports here, and JavaScript is woken once for all that it finds. No user code runs in that
//! call, and nothing in it can fail: JavaScript comes back and collects.
//!
//! The event loop is held while something is awaited, and only then.

use std::cell::{Cell, RefCell};
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use napi::threadsafe_function::{ThreadsafeFunction, ThreadsafeFunctionCallMode};
use napi::{Env, Status};
use parking_lot::Mutex;

use super::registry::RunKey;
use crate::error_code::{Coded, ErrorCode};
use crate::store::StoreError;
use crate::store::writer::{Answer, Listener, Report, Ticket};

/// Called when there is something to collect.
pub(super) type Wake = ThreadsafeFunction<(), (), (), Status, false, true>;

/// Where a JavaScript thread finds what has become of its requests.
pub(super) struct Mailbox {
    /// How many requests have not been reported on.
    awaited: Cell<usize>,
    /// Holds the event loop; `None` once the environment is going away.
    hold: RefCell<Option<(Env, Arc<Mutex<Wake>>)>>,
    arrived: Arc<Mutex<Arrived>>,
    collected: RefCell<Collected>,
}

/// What has come in, from whatever thread.
#[derive(Default)]
struct Arrived {
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

impl Mailbox {
    pub(super) fn new(env: Env, wake: Wake) -> Self {
        Self {
            awaited: Cell::new(0),
            hold: RefCell::new(Some((env, Arc::new(Mutex::new(wake))))),
            arrived: Arc::default(),
            collected: RefCell::default(),
        }
    }

    /// Puts reports in, from the thread that writes.
    pub(super) fn listener(&self) -> Listener {
        let arrived = self.arrived.clone();
        let wake = self.hold.borrow().as_ref().map(|(_, wake)| wake.clone());
        Box::new(move |reports| {
            arrived.lock().reports.extend(reports);
            if let Some(wake) = &wake {
                wake_once(&arrived, wake);
            }
        })
    }

    /// Puts a report in, from this thread.
    pub(super) fn put(&self, report: Report) {
        self.arrived.lock().reports.push(report);
        self.wake();
    }

    /// JavaScript is to come back, once it has done what it is at.
    pub(super) fn wake(&self) {
        if let Some((_, wake)) = self.hold.borrow().as_ref() {
            wake_once(&self.arrived, wake);
        }
    }

    /// The next news, if there are any. Runs are told of what is durable on the way.
    pub(super) fn next_news(&self) -> Option<News> {
        let mut collected = self.collected.borrow_mut();
        if collected.news.is_empty() {
            let mut arrived = self.arrived.lock();
            arrived.woken = false;
            let reports = std::mem::take(&mut arrived.reports);
            drop(arrived);
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

    /// A request has been made, and will be reported on.
    #[allow(deprecated)] // what is suggested instead, to clone and to drop, does not hold the loop
    pub(super) fn awaits_one_more(&self) {
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

    /// The environment is going away: nobody is woken from here, and nothing holds it.
    pub(super) fn let_go(&self) {
        drop(self.hold.borrow_mut().take());
    }
}

/// Wakes JavaScript, unless it knows already that there is something.
fn wake_once(arrived: &Mutex<Arrived>, wake: &Mutex<Wake>) {
    let sleeps = !std::mem::replace(&mut arrived.lock().woken, true);
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
