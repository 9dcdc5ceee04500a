//! From the changes of a run to the commits of a store.
//!
//! A recorder keeps what the engine does not: the texts of events, and when handlers were called.
//!
//! Always true: under the number of a payload there is a text only between its being handed over and the change that
//! uses it last, or the release of the number. The driver uses numbers again, so whatever it emits it hands over first, also
//! that there is no text.

use std::collections::HashMap;
use std::sync::Arc;

use rustc_hash::FxBuildHasher;
use serde_json::json;
use uuid::Uuid;

use crate::engine::{
    self, Awaited, Change, Definition, InvocationId, Millis, Now, Opened, Outcome, PayloadRef, Queued, RunId,
    Standing, Subject, TimeLeft, type_in_text,
};
use crate::error_code::{Coded, ErrorCode};
use crate::store::commit::{
    Added, Again, Code, Parent, PendingDelivery, Rest, Sent, Settled, Wait, WaitKind,
};
use crate::store::{Commit, Status, UnixMillis};

/// Writes one run.
#[derive(Debug)]
pub struct Recorder {
    run: Uuid,
    definition: Arc<Definition>,
    texts: HashMap<PayloadRef, Arc<str>, FxBuildHasher>,
    began: HashMap<InvocationId, UnixMillis, FxBuildHasher>,
    failure: Option<String>,
    /// The same of a run that undoes what it has done, for each of its changes.
    ending: Option<Arc<str>>,
    parent: Option<Parent>,
    code: Option<Code>,
}

impl Recorder {
    /// A recorder of a run that goes by `definition`.
    #[must_use]
    pub fn new(run: RunId, definition: Arc<Definition>) -> Self {
        Self {
            run: run.0,
            definition,
            texts: HashMap::default(),
            began: HashMap::default(),
            failure: None,
            ending: None,
            parent: None,
            code: None,
        }
    }

    /// The run is a child of another one.
    pub fn keep_parent(&mut self, parent: Parent) {
        self.parent = Some(parent);
    }

    /// The run goes by this code from its next change on.
    #[must_use]
    pub fn by_code(self, code: Code) -> Self {
        Self { code: Some(code), ..self }
    }

    /// The JSON text of an event, or of the result in a stop event. To be handed over before the engine is given the
    /// payload.
    pub fn keep_text(&mut self, payload: PayloadRef, text: Arc<str>) {
        self.texts.insert(payload, text);
    }

    /// The payload has no text, or none that is needed.
    pub fn forget_text(&mut self, payload: PayloadRef) {
        self.texts.remove(&payload);
    }

    /// Why the run is about to fail or be ended, a JSON object, where the engine does not know it. The last that is given
    /// counts.
    pub fn keep_failure(&mut self, error: String) {
        self.failure = Some(error);
    }

    /// A handler is called.
    pub fn begins(&mut self, invocation: InvocationId, at: UnixMillis) {
        self.began.insert(invocation, at);
    }

    /// A change as a store keeps it.
    pub fn record(&mut self, change: Change, now: Now) -> Commit {
        let at = UnixMillis(now.wall.0);
        let Change { number, contents, standing, ending, last_delivery, time, rest } = change;
        let due = |due: Option<Millis>| due.map(|due| UnixMillis(now.to_wall(due).0));
        for invocation in contents.again.iter().filter_map(|again| again.ended) {
            self.began.remove(&invocation);
        }
        let settled = contents.settled.map(|settled| Settled {
            delivery: settled.delivery.0,
            began: self.began.remove(&settled.invocation).unwrap_or(at),
            attempt: settled.attempt,
        });
        let queued: Vec<PendingDelivery> =
            contents.queued.iter().map(|queued| self.pending(queued, due(queued.due))).collect();
        let opened: Vec<Wait> = contents
            .opened
            .iter()
            .map(|opened| self.wait(opened, due(opened.expiry.map(|expiry| expiry.due))))
            .collect();
        let streamed = contents.streamed.iter().map(|payload| self.text(*payload)).collect();
        for payload in contents.queued.iter().map(|queued| queued.payload) {
            self.texts.remove(&payload);
        }
        for payload in &contents.streamed {
            self.texts.remove(payload);
        }
        for opened in &contents.opened {
            // What goes out later, if at all, is written once more then.
            if let Subject::Awaited(Awaited::Answer(request)) = opened.subject {
                self.texts.remove(&request);
            }
        }
        let ending = ending.as_ref().map(|outcome| self.ending(outcome));
        Commit {
            run: self.run,
            version: number,
            at,
            creates: (number == 1).then(|| self.definition.name().into()),
            parent: self.parent.filter(|_| number == 1),
            code: self.code.take(),
            replaces: contents.whole,
            settled,
            held: contents.held,
            done: contents.done,
            gathered: contents.gathered.iter().map(|delivery| delivery.0).collect(),
            sent: contents.sent.map(|(delivery, count)| Sent { delivery: delivery.0, count }),
            added: contents
                .added
                .into_iter()
                .map(|(delivery, results)| Added { delivery: delivery.0, results })
                .collect(),
            again: contents
                .again
                .iter()
                .map(|again| Again {
                    delivery: again.delivery.0,
                    attempt: again.attempt,
                    sent: again.sent,
                    due: due(again.due),
                })
                .collect(),
            closed: contents.closed,
            queued,
            opened,
            written: contents.written,
            streamed,
            status: self.status(standing),
            ending,
            last_delivery: last_delivery.0,
            time_remaining: remaining(time, now.monotonic),
            rest: match rest {
                engine::Rest::Awake => Rest::Awake,
                engine::Rest::Asleep(until) => Rest::Asleep(UnixMillis(now.to_wall(until).0)),
                engine::Rest::Waiting => Rest::Waiting,
            },
        }
    }

    fn pending(&self, queued: &Queued, due: Option<UnixMillis>) -> PendingDelivery {
        let event = self.text(queued.payload);
        let known = queued.event_type.and_then(|id| self.definition.shared_event_type_name(id));
        PendingDelivery {
            delivery: queued.delivery.0,
            step: self.definition.shared_step_name(queued.step),
            event_type: known.unwrap_or_else(|| type_in_text(&event)),
            event,
            attempt: queued.attempt,
            sent: queued.sent,
            due,
            held: queued.held.clone(),
            gathered: queued.gathered,
            done: queued.done,
            added: queued.added.clone(),
        }
    }

    fn wait(&self, opened: &Opened, due: Option<UnixMillis>) -> Wait {
        let (kind, event) = match opened.subject {
            Subject::Awaited(Awaited::Answer(request)) => (WaitKind::Input, self.text(request)),
            Subject::Awaited(Awaited::Event(event_type)) => {
                let name = self.definition.event_type_name(event_type).unwrap_or("?");
                (WaitKind::Expected, json!({ "type": name }).to_string().into())
            }
            Subject::Arrived(event) => (WaitKind::Arrived, self.text(event)),
        };
        let expiry = opened.expiry.and_then(|expiry| expiry.event).map(|(_, payload)| self.text(payload));
        Wait { id: opened.id.clone(), kind, event, due, expiry }
    }

    fn text(&self, payload: PayloadRef) -> Arc<str> {
        self.texts.get(&payload).expect("the driver hands over the text of every event that it emits").clone()
    }

    fn status(&mut self, standing: Standing) -> Status {
        match standing {
            Standing::Running => Status::Running,
            Standing::Paused => Status::Paused,
            Standing::Ended(Outcome::Completed { stop }) => {
                Status::Completed { result: self.texts.remove(&stop).map(|text| text.as_ref().to_owned()) }
            }
            Standing::Ended(outcome @ Outcome::Failed(_)) => {
                Status::Failed { error: self.ending(&outcome).as_ref().to_owned() }
            }
            Standing::Ended(outcome @ Outcome::Aborted) => {
                Status::Cancelled { error: self.ending(&outcome).as_ref().to_owned() }
            }
        }
    }

    /// Why the run ends, or is about to.
    fn ending(&mut self, outcome: &Outcome) -> Arc<str> {
        if let Some(known) = self.failure.take() {
            self.ending = Some(known.into());
        }
        let by_engine = || match outcome {
            Outcome::Failed(failure) => error_text(failure.code(), &failure.to_string()).into(),
            _ => error_text(ErrorCode::Aborted, "the run was aborted").into(),
        };
        self.ending.get_or_insert_with(by_engine).clone()
    }
}

fn error_text(code: ErrorCode, message: &str) -> String {
    json!({ "code": code.as_ref(), "message": message }).to_string()
}

fn remaining(time: TimeLeft, now: Millis) -> Option<u64> {
    match time {
        TimeLeft::Unlimited => None,
        TimeLeft::Until(due) => Some(due.0.saturating_sub(now.0)),
        TimeLeft::Stopped(left) => Some(u64::try_from(left.as_millis()).unwrap_or(u64::MAX)),
    }
}
