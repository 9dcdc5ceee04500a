//! A run as a JavaScript thread holds it: the engine's, and, if it has a store, the way there.

use std::ops::{Deref, DerefMut};
use std::rc::Rc;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use super::connection::Connection;
use crate::durable::Recorder;
use crate::engine::{InvocationId, Millis, Now, PayloadRef, Run, WallMillis};
use crate::store::{Commit, UnixMillis};

/// A run. It can be used as the engine's own.
pub(super) struct HostedRun {
    run: Run,
    stored: Option<Box<StoredSide>>,
}

struct StoredSide {
    recorder: Recorder,
    connection: Rc<Connection>,
    /// What JavaScript's clock said at an instant.
    clock: (Millis, Instant),
    ticket: u64,
    acceptance: Acceptance,
}

/// Whether the store has taken this holder of the run for the right one. A store tells holders apart by the versions of
/// their commits, and of one that it has refused a later commit could fit by chance.
enum Acceptance {
    /// Nothing has been sent.
    Unasked,
    /// The first commit is on its way, or any to a store that is sent one at a time; what comes after waits here.
    #[allow(clippy::vec_box)] // they go on as they are
    Asked(Vec<Box<Commit>>),
    /// All that was asked is durable.
    Accepted,
}

impl HostedRun {
    pub(super) fn in_memory(run: Run) -> Self {
        Self { run, stored: None }
    }

    /// A run that goes to a store, at a time at which JavaScript's clock says `now`.
    pub(super) fn stored(run: Run, recorder: Recorder, connection: Rc<Connection>, now: Millis) -> Self {
        let stored = StoredSide {
            recorder,
            connection,
            clock: (now, Instant::now()),
            ticket: 0,
            acceptance: Acceptance::Unasked,
        };
        Self { run, stored: Some(Box::new(stored)) }
    }

    /// The run has got its number. What its beginning has changed goes to the store.
    pub(super) fn is_called(&mut self, key: u64) {
        if let Some(stored) = &mut self.stored {
            stored.ticket = key;
        }
        self.send_changes();
    }

    /// What the recorder of a stored run needs to know.
    pub(super) fn recorder(&mut self) -> Option<&mut Recorder> {
        self.stored.as_mut().map(|stored| &mut stored.recorder)
    }

    /// The JSON text of an event, or of the result in a stop event, empty if it has none.
    pub(super) fn hand_over(&mut self, payload: PayloadRef, json: &str) {
        let Some(recorder) = self.recorder() else { return };
        if json.is_empty() {
            recorder.forget_text(payload);
        } else {
            recorder.keep_text(payload, json.into());
        }
    }

    /// The warning of the lost update that the last write was, if that is to be told.
    pub(super) fn take_warning(&mut self) -> Option<String> {
        self.run.take_conflict().map(|conflict| conflict.to_string())
    }

    /// A handler is about to be called.
    pub(super) fn begins(&mut self, invocation: InvocationId) {
        if let Some(stored) = &mut self.stored
            && !self.run.writes_whole()
        {
            stored.recorder.begins(invocation, UnixMillis(wall_clock().0));
        }
    }

    /// Sends what has changed to the store.
    pub(super) fn send_changes(&mut self) {
        let Some(stored) = &mut self.stored else { return };
        while let Some(change) = self.run.poll_change() {
            let commit = stored.recorder.record(change, stored.now());
            stored.send(Box::new(commit));
        }
    }

    /// The run ends here and not in its store: nothing goes there any more.
    pub(super) fn abandon(&mut self) {
        self.run.abandon();
        self.stored = None;
    }

    /// Changes up to `version` are durable.
    pub(super) fn is_durable(&mut self, version: u64) {
        self.run.durable(version);
        if let Some(stored) = &mut self.stored {
            stored.is_accepted();
        }
    }
}

impl StoredSide {
    fn send(&mut self, commit: Box<Commit>) {
        match &mut self.acceptance {
            Acceptance::Asked(waiting) => {
                waiting.push(commit);
                return;
            }
            Acceptance::Accepted if !self.connection.sends_one_at_a_time() => {}
            Acceptance::Unasked | Acceptance::Accepted => self.acceptance = Acceptance::Asked(Vec::new()),
        }
        self.connection.commit(self.ticket, commit);
    }

    fn is_accepted(&mut self) {
        if let Acceptance::Asked(waiting) = std::mem::replace(&mut self.acceptance, Acceptance::Accepted) {
            for commit in waiting {
                self.send(commit);
            }
        }
    }

    fn now(&self) -> Now {
        let (then, instant) = self.clock;
        let passed = u64::try_from(instant.elapsed().as_millis()).unwrap_or(u64::MAX);
        Now { monotonic: Millis(then.0.saturating_add(passed)), wall: wall_clock() }
    }
}

impl Deref for HostedRun {
    type Target = Run;

    fn deref(&self) -> &Run {
        &self.run
    }
}

impl DerefMut for HostedRun {
    fn deref_mut(&mut self) -> &mut Run {
        &mut self.run
    }
}

pub(super) fn wall_clock() -> WallMillis {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    WallMillis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}
