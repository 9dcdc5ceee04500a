//! A JavaScript thread's way to a store: what it sends, by a thread that writes or by JavaScript itself.
//!
//! Every request is reported on in the connection's [`Mailbox`], also one that does not get to the store.

use std::cell::RefCell;
use std::collections::VecDeque;

use napi::Env;
use uuid::Uuid;

use super::mailbox::{Mailbox, Wake};
use crate::store::writer::{Question, Report, Ticket, Writer};
use crate::store::{CheckpointStore, Commit, Refusal, StoreError};

/// One thread's connection to one store.
pub(super) struct Connection {
    way: RefCell<Way>,
    mailbox: Mailbox,
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
    commits: VecDeque<(Ticket, Box<Commit>)>,
    /// Taken, and not reported on: the run, its id, and the version of its commit.
    taken: Vec<(Ticket, Uuid, u64)>,
}

impl Connection {
    pub(super) fn start(env: Env, store: Box<dyn CheckpointStore>, wake: Wake) -> std::io::Result<Self> {
        let mailbox = Mailbox::new(env, wake);
        let writer = Writer::start(store, mailbox.listener())?;
        Ok(Self { way: RefCell::new(Way::Thread(writer)), mailbox })
    }

    /// The way to a store in JavaScript.
    pub(super) fn of_java_script(env: Env, wake: Wake) -> Self {
        let way = Way::JavaScript(Waiting::default());
        Self { way: RefCell::new(way), mailbox: Mailbox::new(env, wake) }
    }

    /// What has become of what was sent.
    pub(super) fn mailbox(&self) -> &Mailbox {
        &self.mailbox
    }

    pub(super) fn commit(&self, run: Ticket, commit: Box<Commit>) {
        self.mailbox.awaits_one_more();
        let taken = match &mut *self.way.borrow_mut() {
            Way::Thread(writer) => writer.commit(run, commit),
            Way::JavaScript(waiting) => {
                waiting.commits.push_back((run, commit));
                self.mailbox.wake();
                true
            }
            Way::Closed => false,
        };
        if !taken {
            self.mailbox.put(Report::Failed(run, StoreError::Closed));
        }
    }

    /// Whether a commit must be taken before the next of its run is sent. Where nobody locks the store, that could fit what
    /// somebody else has stored when the one before it does not.
    pub(super) fn sends_one_at_a_time(&self) -> bool {
        matches!(*self.way.borrow(), Way::JavaScript(_))
    }

    pub(super) fn ask(&self, ticket: Ticket, question: Question) {
        self.mailbox.awaits_one_more();
        let asked = match &*self.way.borrow() {
            Way::Thread(writer) => writer.ask(ticket, question),
            Way::JavaScript(_) | Way::Closed => false,
        };
        if !asked {
            self.mailbox.put(Report::Answered(ticket, Err(StoreError::Closed)));
        }
    }

    /// Takes commits to a store in JavaScript, in order.
    pub(super) fn take_commits(&self, at_most: usize) -> Vec<Commit> {
        let Way::JavaScript(waiting) = &mut *self.way.borrow_mut() else { return Vec::new() };
        let batch = at_most.min(waiting.commits.len());
        let taken: Vec<(Ticket, Box<Commit>)> = waiting.commits.drain(..batch).collect();
        waiting.taken = taken.iter().map(|(run, commit)| (*run, commit.run, commit.version)).collect();
        taken.into_iter().map(|(_, commit)| *commit).collect()
    }

    /// The commits taken last are durable, but for those of which the store has another version.
    pub(super) fn taken_are_durable(&self, other_version: impl Fn(usize) -> Option<u64>) {
        for (position, (ticket, run, version)) in self.reported_on().into_iter().enumerate() {
            self.mailbox.put(match other_version(position) {
                None => Report::Committed(ticket, version),
                Some(1..) if version == 1 => Report::Refused(ticket, Refusal::Exists { run }),
                Some(found) => Report::Refused(ticket, Refusal::Conflict { run, version, found }),
            });
        }
    }

    /// Whether the commits taken last are stored is not known.
    pub(super) fn taken_have_failed(&self, reason: &str) {
        for (ticket, ..) in self.reported_on() {
            self.mailbox.put(Report::Failed(ticket, StoreError::Failed(reason.to_owned())));
        }
    }

    fn reported_on(&self) -> Vec<(Ticket, Uuid, u64)> {
        match &mut *self.way.borrow_mut() {
            Way::JavaScript(waiting) => std::mem::take(&mut waiting.taken),
            _ => Vec::new(),
        }
    }

    /// The environment is going away: what was asked is done, and the thread ends.
    pub(super) fn shut_down(&self) {
        self.mailbox.let_go();
        self.end_thread();
    }

    /// The store has been given up.
    pub(super) fn end_thread(&self) {
        let way = self.way.replace(Way::Closed);
        drop(way);
    }
}
