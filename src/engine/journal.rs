//! What a run has changed, for a store to make durable.
//!
//! A run without a store has no journal, and pays nothing for it. With one, every input that changes what must survive
//! leaves one [`Change`], and the journal says how far ahead of the store the run may go.
//!
//! Always true:
//! 1. Changes are numbered from 1 (or from where the store stands) without a gap, and handed out in that order.
//! 2. Nothing that depends on a change, and can be seen from outside, happens before the change is durable: no end and
//!    no pause is announced, and under [`Durability::Sync`] no handler is called and no question asked. What comes of a run
//!    that no store has as it is waits so under any durability, and nothing is undone before a store has that the run is
//!    about to end, unless that is only written with its end.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use smallvec::SmallVec;

use super::clock::Millis;
use super::ids::{DeliverySeq, EventTypeId, InvocationId, PayloadRef, StepId};
use super::outcome::Outcome;
use super::waits::{Arrived, Awaited, Expiry, OpenWait};
use crate::{ExactString, Written};

/// When a run is written to its store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// What a change causes waits until the change is durable.
    Sync,
    /// The run goes on at once, up to some thousand changes ahead of the store.
    Async,
    /// Only when the run is paused, and when it ends.
    Exit,
}

/// How far an asynchronous run may be ahead of its store: enough never to wait for a disk that keeps up, and little
/// enough to bound the memory that a slow one costs.
pub const MOST_AHEAD: u32 = 4_096;

/// A change of one run that is durable as one or not at all.
#[derive(Debug)]
pub struct Change {
    /// Its number: how many changes the run has with this one.
    pub number: u64,
    /// What has changed beside how the run stands.
    pub contents: Box<Contents>,
    /// How the run stands now.
    pub standing: Standing,
    /// How a run that goes on is about to end: it undoes what is done.
    pub ending: Option<Outcome>,
    /// The last delivery that has been numbered.
    pub last_delivery: DeliverySeq,
    /// What is left of the run's time.
    pub time: TimeLeft,
    /// Whether anything of the run goes on now.
    pub rest: Rest,
}

/// What a change is about. Lists are in the order in which things happened.
#[derive(Debug, Default)]
pub struct Contents {
    /// Whether it is all that the run has, and not only what is new.
    pub whole: bool,
    /// The delivery that has settled.
    pub settled: Option<Settled>,
    /// The delivery that has settled stays pending under this key: its event waits for others.
    pub held: Option<ExactString>,
    /// The delivery that has settled stays pending with this number: it can be undone.
    pub done: Option<u64>,
    /// Deliveries whose events have been had: those that are held are pending no more.
    pub gathered: Vec<DeliverySeq>,
    /// How many events a handler that is at work has sent.
    pub sent: Option<(DeliverySeq, u32)>,
    /// What handlers that have not settled have added to the state so far, of those of which that is committed.
    pub added: Vec<(DeliverySeq, Arc<str>)>,
    /// Deliveries that will be attempted again.
    pub again: Vec<Again>,
    /// The wait that is open no more.
    pub closed: Option<ExactString>,
    /// Deliveries that have been queued.
    pub queued: SmallVec<[Queued; 1]>,
    /// Waits that are open from now on, and events that have arrived before they were expected.
    pub opened: Vec<Opened>,
    /// What was written to the state, each key once.
    pub written: Vec<Written>,
    /// Events that were written to the stream, of a run that keeps it.
    pub streamed: Vec<PayloadRef>,
}

impl Contents {
    /// Keys have changed, some of them not for the first time in this change: it tells each once, with what stood there
    /// before the first time.
    pub(super) fn has_written(&mut self, written: impl Iterator<Item = Written>) {
        let earlier = self.written.len();
        self.written.extend(written);
        if earlier == 0 {
            return;
        }
        let later = self.written.drain(earlier..).map(|written| (written.key.clone(), written));
        let mut later: BTreeMap<ExactString, Written> = later.collect();
        for first in &mut self.written {
            if let Some(last) = later.remove(&first.key) {
                *first = Written { before: first.before.take(), ..last };
            }
        }
        self.written.extend(later.into_values());
        self.written.retain(|written| written.before.is_some() || written.after.is_some());
    }
}

/// How a run stands, as a store needs to know it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It goes on.
    Running,
    /// It is paused.
    Paused,
    /// It has ended.
    Ended(Outcome),
}

/// Whether anything of a run goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rest {
    /// Events are on their way, or handlers at work; or the run undoes what it has done, is about to fail, or has ended.
    Awake,
    /// Nothing before this time.
    Asleep(Millis),
    /// Nothing before something comes from outside.
    Waiting,
}

/// What is left of the time that a run may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeLeft {
    /// As much as it needs.
    Unlimited,
    /// It must end by then.
    Until(Millis),
    /// Its clock stands still with so much left.
    Stopped(Duration),
}

/// A delivery whose handler has returned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settled {
    /// Which one.
    pub delivery: DeliverySeq,
    /// The attempt that settled it.
    pub invocation: InvocationId,
    /// Which attempt that was.
    pub attempt: u32,
}

/// A delivery that goes back to the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Again {
    /// The attempt that has failed or was cut short, if there was one.
    pub ended: Option<InvocationId>,
    /// Which one.
    pub delivery: DeliverySeq,
    /// The number of its next attempt.
    pub attempt: u32,
    /// How many events its earlier attempts have sent.
    pub sent: u32,
    /// When it will be; as soon as may be if `None`.
    pub due: Option<Millis>,
}

/// A delivery that has been queued.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Queued {
    /// Its number.
    pub delivery: DeliverySeq,
    /// The step that it goes to.
    pub step: StepId,
    /// The type of its event, where the engine knows it: of an event that came with a snapshot only its text does.
    pub event_type: Option<EventTypeId>,
    /// Its event.
    pub payload: PayloadRef,
    /// The number of its next attempt.
    pub attempt: u32,
    /// How many events its earlier attempts have sent.
    pub sent: u32,
    /// When it will be attempted; as soon as may be if `None`.
    pub due: Option<Millis>,
    /// Its handler has settled, and its event waits for others under this key.
    pub held: Option<ExactString>,
    /// Another delivery has had its event.
    pub gathered: bool,
    /// It has settled and can be undone, those with the greatest number first.
    pub done: Option<u64>,
    /// What its earlier attempts have added to the state.
    pub added: Option<Arc<str>>,
}

/// A wait, or an event that has arrived before it was expected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opened {
    /// Its name.
    pub id: ExactString,
    /// What it is.
    pub subject: Subject,
    /// When it expires, if it does.
    pub expiry: Option<Expiry>,
}

/// What [`Opened`] is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// Something from outside.
    Awaited(Awaited),
    /// An event that has arrived.
    Arrived(PayloadRef),
}

impl From<&OpenWait> for Opened {
    fn from(OpenWait { id, awaited, expiry }: &OpenWait) -> Self {
        Self { id: id.clone(), subject: Subject::Awaited(*awaited), expiry: *expiry }
    }
}

impl From<&Arrived> for Opened {
    fn from(Arrived { id, payload, .. }: &Arrived) -> Self {
        Self { id: id.clone(), subject: Subject::Arrived(*payload), expiry: None }
    }
}

/// How the run stands when a change is sealed.
#[derive(Debug)]
pub(super) struct SealedAt {
    pub(super) standing: Standing,
    pub(super) ending: Option<Outcome>,
    pub(super) last_delivery: DeliverySeq,
    pub(super) time: TimeLeft,
    pub(super) rest: Rest,
}

#[derive(Debug)]
pub(super) struct Journal {
    durability: Durability,
    last: u64,
    durable: u64,
    /// What this change and later ones cause waits until it is durable, whatever the durability.
    first_durable: u64,
    /// What has changed since the last change was sealed.
    open: Option<Box<Contents>>,
    sealed: VecDeque<Change>,
}

impl Journal {
    /// The journal of a run of which a store has `stored` changes.
    pub(super) fn new(durability: Durability, stored: u64) -> Self {
        Self {
            durability,
            last: stored,
            durable: stored,
            first_durable: 0,
            open: None,
            sealed: VecDeque::new(),
        }
    }

    /// The change that is being made, unless changes are only written whole.
    pub(super) fn change(&mut self) -> Option<&mut Contents> {
        match self.durability {
            Durability::Exit => None,
            Durability::Sync | Durability::Async => Some(self.open.get_or_insert_default()),
        }
    }

    /// Begins a change that will hold all that the run has.
    pub(super) fn whole_change(&mut self) -> &mut Contents {
        let open = self.open.get_or_insert_default();
        open.whole = true;
        open
    }

    /// What the next change causes waits until it is durable, and so does what comes of later ones.
    pub(super) fn begin_after_next(&mut self) {
        self.first_durable = self.next_number();
    }

    /// The next change says that the run is about to end. If changes are written one by one, nothing is undone before a store
    /// knows that: else it could go on to a good end after a crash.
    pub(super) fn undo_after_next(&mut self) {
        if self.durability != Durability::Exit {
            self.begin_after_next();
        }
    }

    /// The number of the change that is being made, or will be next.
    pub(super) fn next_number(&self) -> u64 {
        self.last + 1
    }

    pub(super) fn writes_whole(&self) -> bool {
        self.durability == Durability::Exit
    }

    /// Whether anything has changed since the last change was sealed.
    pub(super) fn has_open(&self) -> bool {
        self.open.is_some()
    }

    /// What has changed, if anything has, is one change.
    pub(super) fn seal(&mut self, at: SealedAt) {
        let Some(contents) = self.open.take() else { return };
        let SealedAt { standing, ending, last_delivery, time, rest } = at;
        self.last += 1;
        let number = self.last;
        self.sealed.push_back(Change { number, contents, standing, ending, last_delivery, time, rest });
    }

    pub(super) fn give_room_back(&mut self) {
        self.sealed.shrink_to_fit();
    }

    pub(super) fn poll_change(&mut self) -> Option<Change> {
        self.sealed.pop_front()
    }

    pub(super) fn last(&self) -> u64 {
        self.last
    }

    pub(super) fn last_durable(&self) -> u64 {
        self.durable
    }

    /// Changes up to `number` are durable.
    pub(super) fn mark_durable(&mut self, number: u64) {
        self.durable = self.durable.max(number.min(self.last));
    }

    /// Whether everything is durable.
    pub(super) fn is_all_durable(&self) -> bool {
        self.durable == self.last
    }

    /// Whether what the change `number` has caused may begin. A change that is still being made causes nothing yet.
    pub(super) fn lets_begin(&self, number: u64) -> bool {
        if number >= self.first_durable && self.first_durable > self.durable {
            return false;
        }
        let ahead = match self.durability {
            Durability::Sync => 0,
            Durability::Async => u64::from(MOST_AHEAD),
            Durability::Exit => return true,
        };
        let is_open = number > self.last && self.has_open();
        number <= self.durable + ahead && !is_open
    }
}
