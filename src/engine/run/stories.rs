//! Runs told as stories, on virtual time and without handlers.

mod adding;
mod answering;
mod changing;
mod collecting;
mod conflicts;
mod handling;
mod limits;
mod pausing;
mod putting_back;
mod routing;
mod schedules;
mod sleeping;
mod snapshots;
mod storing;
mod streaming;
mod taking_up;
mod time;
mod undoing;
mod waiting;
mod writing;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::super::clock::{Millis, Now};
use super::super::commit::{Emission, Special};
use super::super::definition::Definition;
use super::super::delivery::Invocation;
use super::super::ids::{DeliverySeq, EventTypeId, InvocationId, PayloadRef, RunId};
use super::super::journal::Durability;
use super::super::outcome::{Outcome, RunFailure};
use super::super::run_at_rest::{ResumeError, RunAtRest};
use super::super::session_policy::SessionPausePolicy;
use super::{DeliveryError, Effect, Run, RunOptions};
use crate::exact_string::ExactString;
use crate::state_value::NewValue;

/// A run, the payloads that a driver would keep for it, and what it has asked for so far.
struct Story {
    run: Run,
    /// By number: the text of each payload that the run may still name.
    payloads: BTreeMap<u32, String>,
    next_payload: u32,
    /// What was asked for since it was last looked at, in words.
    told: Vec<String>,
    /// Invocations that were asked for, by step, in order.
    invoked: Vec<(String, Invocation)>,
    now: u64,
}

/// `charge` starts, `ship` and `audit` take `Charged`, `close` takes `Shipped`, `read` takes answers.
fn orders() -> Arc<Definition> {
    let mut definition = Definition::new("orders").unwrap();
    for (step, accepts) in [
        ("charge", "blazen::StartEvent"),
        ("ship", "Charged"),
        ("audit", "Charged"),
        ("close", "Shipped"),
        ("read", "blazen::InputResponseEvent"),
    ] {
        definition.add_step(step, &[accepts.to_owned()]).unwrap();
    }
    Arc::new(definition)
}

impl Story {
    fn start() -> Self {
        Self::start_with(orders(), RunOptions::default())
    }

    fn limited_to_millis(limit: u64) -> Self {
        Self::start_with(
            orders(),
            RunOptions {
                time_limit: Some(Duration::from_millis(limit)),
                durability: None,
                ..RunOptions::default()
            },
        )
    }

    /// A run that is written to a store, which has nothing of it yet.
    fn stored(durability: Durability) -> Self {
        Self::start_with(
            orders(),
            RunOptions { time_limit: None, durability: Some(durability), ..RunOptions::default() },
        )
    }

    fn start_with(definition: Arc<Definition>, options: RunOptions) -> Self {
        let id = RunId(uuid::Uuid::from_u128(7));
        let run = Run::start(definition, id, PayloadRef(0), options, Millis(0));
        let payloads = BTreeMap::from([(0, text("blazen::StartEvent"))]);
        Self { run, payloads, next_payload: 1, told: Vec::new(), invoked: Vec::new(), now: 0 }.drained()
    }

    /// The same run in another process: only the snapshot goes over.
    fn moved_to(snapshot: &str, definition: Arc<Definition>) -> Result<Self, ResumeError> {
        let snapshot = RunAtRest::from_snapshot(snapshot).expect("a snapshot that this engine wrote");
        let texts: Vec<String> = snapshot.payload_texts().map(ToString::to_string).collect();
        let options = RunOptions {
            time_limit: Some(Duration::from_secs(1)),
            durability: None,
            ..RunOptions::default()
        };
        let run = Run::resume(definition, snapshot, options, Now::virtually(Millis(0)))?;
        let next_payload = u32::try_from(texts.len()).unwrap();
        let payloads = (0..).zip(texts).collect();
        Ok(Self { run, payloads, next_payload, told: Vec::new(), invoked: Vec::new(), now: 0 }.drained())
    }

    fn drained(mut self) -> Self {
        self.drain();
        self
    }

    fn drain(&mut self) {
        while let Some(effect) = self.run.poll_effect() {
            let words = match effect {
                Effect::Invoke(invocation) => {
                    let step = self.run.definition().step_name(invocation.step).to_owned();
                    let event = &self.payloads[&invocation.payload.0];
                    let again = if invocation.attempt > 1 { " again" } else { "" };
                    let words = format!("invoke {step} with {event}{again}");
                    self.invoked.push((step, invocation));
                    words
                }
                Effect::Compensate(invocation) => {
                    let step = format!("undo {}", self.run.definition().step_name(invocation.step));
                    let event = &self.payloads[&invocation.payload.0];
                    let again = if invocation.attempt > 1 { " again" } else { "" };
                    let words = format!("{step} with {event}{again}");
                    self.invoked.push((step, invocation));
                    words
                }
                Effect::Undoing => "undoing".to_owned(),
                Effect::Release(payload) => {
                    let event = self.payloads.remove(&payload.0).expect("a payload is released once");
                    format!("release {event}")
                }
                Effect::Publish(payload) => format!("publish {}", self.payloads[&payload.0]),
                Effect::Stream(payload) => {
                    let event = self.payloads.remove(&payload.0).expect("a payload is streamed once");
                    format!("stream {event}")
                }
                Effect::Paused => "paused".to_owned(),
                Effect::Ended => "ended".to_owned(),
            };
            self.told.push(words);
        }
    }

    /// What the run has asked for since the last look.
    fn told(&mut self) -> Vec<String> {
        std::mem::take(&mut self.told)
    }

    /// The last invocation of the step.
    fn invocation(&self, step: &str) -> InvocationId {
        let found = self.invoked.iter().rev().find(|(name, _)| name == step);
        found.unwrap_or_else(|| panic!("{step} was not invoked")).1.id
    }

    fn event(&mut self, event_type: &str) -> Emission {
        let payload = self.keep(event_type);
        match self.run.definition().event_type(event_type) {
            Some(EventTypeId::STOP) => Emission::Stop { payload },
            Some(event_type) => Emission::Event { event_type, payload },
            None => Special::Unknown { event_type: event_type.to_owned() }.into(),
        }
    }

    fn request(&mut self, id: &str) -> Emission {
        let payload = self.keep(&format!("request {id}"));
        Special::InputRequest { request_id: ExactString::from(id), payload, expiry: None }.into()
    }

    fn keep(&mut self, event_type: &str) -> PayloadRef {
        let payload = PayloadRef(self.next_payload);
        self.next_payload += 1;
        self.payloads.insert(payload.0, text(event_type));
        payload
    }

    /// The handler of `step` returns one event.
    fn returns(&mut self, step: &str, event_type: &str) {
        let emission = self.event(event_type);
        self.settles(step, Some(emission));
    }

    fn returns_nothing(&mut self, step: &str) {
        self.settles(step, None);
    }

    fn settles(&mut self, step: &str, emission: Option<Emission>) {
        self.run.settle(self.invocation(step), emission).expect("the handler is at work");
        self.drain();
    }

    /// The handler of `step` sends an event and goes on.
    fn sends(&mut self, step: &str, event_type: &str) {
        let emission = self.event(event_type);
        self.run.send(self.invocation(step), emission).expect("the handler is at work");
        self.drain();
    }

    fn asks(&mut self, step: &str, id: &str) {
        let request = self.request(id);
        self.settles(step, Some(request));
    }

    fn answers(&mut self, id: &str) -> Result<(), super::RespondError> {
        let payload = self.keep(&format!("answer to {id}"));
        let answered = self.run.respond(ExactString::from(id), payload);
        self.drain();
        answered
    }

    fn pauses(&mut self) {
        self.run.pause(SessionPausePolicy::PickleOrError).expect("the run goes on");
        self.drain();
    }

    fn goes_on(&mut self) {
        self.run.resume_in_place(Millis(self.now)).expect("the run is paused");
        self.drain();
    }

    fn it_is(&mut self, now: u64) {
        self.now = now;
        self.run.time_is_now(Millis(now));
        self.drain();
    }

    fn clocks(&self) -> Now {
        Now::virtually(Millis(self.now))
    }

    fn snapshot(&mut self) -> String {
        let payloads: Vec<String> =
            self.run.pending_payloads().iter().map(|payload| self.payloads[&payload.0].clone()).collect();
        let taken = self.run.snapshot(&payloads, SessionPausePolicy::PickleOrError, "now", self.clocks());
        taken.expect("the run is paused")
    }

    fn failure(&self) -> Option<&RunFailure> {
        match self.run.outcome() {
            Some(Outcome::Failed(failure)) => Some(failure),
            _ => None,
        }
    }
}

fn text(event_type: &str) -> String {
    format!("{{\"type\":\"{event_type}\"}}")
}

fn invoke(step: &str, event_type: &str) -> String {
    format!("invoke {step} with {}", text(event_type))
}

fn release(event_type: &str) -> String {
    format!("release {}", text(event_type))
}
