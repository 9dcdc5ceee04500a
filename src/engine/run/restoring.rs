//! A paused run to a snapshot, and a run at rest to a running one.

use std::sync::Arc;

use thiserror::Error;

use super::super::child_at_rest::ChildAtRest;
use super::super::clock::{Millis, Now, TimeLimit, WallMillis};
use super::super::definition::Definition;
use super::super::delivery::Delivery;
use super::super::fan_in::Held;
use super::super::ids::{EventTypeId, PayloadRef};
use super::super::journal::Journal;
use super::super::outcome::Outcome;
use super::super::run_at_rest::{Origin, PendingDelivery, RestingWait, ResumeError, RunAtRest, WaitKind};
use super::super::run_state::RunState;
use super::super::session_policy::{SessionNotEmpty, SessionPausePolicy};
use super::super::snapshot::{SnapshotWriter, type_in_text};
use super::super::waits::{Arrived, Awaited, Expiry, OpenWait};
use super::{Run, RunOptions};
use crate::exact_string::ExactString;

/// Why a run cannot be taken as a snapshot.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum SnapshotRefusal {
    /// It still moves.
    #[error("the run is not paused; pause() it first")]
    NotPaused,
    /// Its session stands in the way.
    #[error(transparent)]
    Session(#[from] SessionNotEmpty),
    /// The driver did not hand over one text for each payload.
    #[error("{expected} events are pending, and {found} were written out")]
    PayloadsMissing {
        /// How many texts there must be.
        expected: usize,
        /// How many there are.
        found: usize,
    },
    /// The driver did not say why the run is about to end.
    #[error("the run undoes what it has done, and it was not said why")]
    EndingMissing,
}

impl Run {
    /// The payloads whose texts [`Run::snapshot`] needs, in that order.
    #[must_use]
    pub fn pending_payloads(&self) -> Vec<PayloadRef> {
        let events = self.pending_events().into_iter().map(|event| event[0].delivery.payload);
        let open = self.waits.iter_open().flat_map(OpenWait::payloads);
        events.chain(open).chain(self.waits.iter_arrived().map(|arrived| arrived.payload)).collect()
    }

    /// The paused run as a JSON document; its time stops. `payloads` are the JSON texts of [`Run::pending_payloads`].
    pub fn snapshot(
        &mut self,
        payloads: &[String],
        policy: SessionPausePolicy,
        timestamp: &str,
        now: Now,
    ) -> Result<String, SnapshotRefusal> {
        if !self.is_paused() {
            return Err(SnapshotRefusal::NotPaused);
        }
        policy.check(&self.session)?;
        if self.undoing.as_ref().is_some_and(|undoing| undoing.error.is_none()) {
            return Err(SnapshotRefusal::EndingMissing);
        }
        self.time_limit = self.time_limit.stopped(now.monotonic);
        let events = self.pending_events();
        let of_waits = self.waits.iter_open().flat_map(OpenWait::payloads).count();
        let expected = events.len() + of_waits + self.waits.iter_arrived().count();
        if payloads.len() != expected {
            return Err(SnapshotRefusal::PayloadsMissing { expected, found: payloads.len() });
        }
        let (event_texts, wait_texts) = payloads.split_at(events.len());
        Ok(self.write_snapshot(&events, event_texts, wait_texts, timestamp, now))
    }

    /// Says which children the run rests with. One that was resumed has those that it came with.
    pub fn rest_with(&mut self, children: Vec<ChildAtRest>) {
        self.children = children;
    }

    /// Goes on with a run at rest. The driver must keep [`RunAtRest::payload_texts`] as payloads 0, 1, 2, ...
    pub fn resume(
        definition: Arc<Definition>,
        at_rest: RunAtRest,
        options: RunOptions,
        now: Now,
    ) -> Result<Self, ResumeError> {
        check_fit(&definition, &at_rest)?;
        let is_ending = at_rest.ending.is_some();
        let time_limit = match at_rest.ending {
            Some(_) => TimeLimit::None,
            None => TimeLimit::starting(options.time_limit, at_rest.time_remaining, now.monotonic),
        };
        let mut run = Self::empty(definition, at_rest.id, time_limit, options);
        run.children = at_rest.children;
        run.last_delivery = at_rest.last_delivery.0;
        run.workflow_version = at_rest.workflow_version;
        let stored = match at_rest.origin {
            Origin::Snapshot => 0,
            Origin::Store { changes, .. } => changes,
        };
        run.journal = options.durability.map(|durability| Box::new(Journal::new(durability, stored)));
        let lost = matches!(at_rest.origin, Origin::Store { paused: false, .. });
        // Whoever has rewritten the run has counted what may have begun.
        let is_uncounted = lost && !at_rest.origin.is_unwritten();
        let mut asleep = Vec::new();
        let mut undoing_sleeps = None;
        let mut next_payload = (0..).map(PayloadRef);
        for mut event in at_rest.pending_events {
            let payload = next_payload.next().expect("a payload number for each of fewer than 2^32 events");
            event.deliveries.retain(|delivery| !is_ending || delivery.done.is_some());
            match u32::try_from(event.deliveries.len()) {
                Ok(0) => run.release(payload),
                Ok(1) => {}
                uses => _ = run.shared_payloads.insert(payload, uses.expect("fewer than 2^32 steps")),
            }
            for mut delivery in event.deliveries {
                let (due, held, done) = (delivery.due, delivery.held.take(), delivery.done);
                let mut delivery = run.delivery_at_rest(delivery, payload, at_rest.origin)?;
                if let Some(number) = done {
                    run.done.put_back(number, delivery);
                    undoing_sleeps = due.map(|due| (number, now.to_monotonic(due))).max(undoing_sleeps);
                    continue;
                }
                if let Some(held) = held {
                    run.go_on_holding(delivery, held);
                    continue;
                }
                if let Some(due) = due {
                    asleep.push((due, delivery));
                    continue;
                }
                if is_uncounted {
                    delivery.attempt = delivery.attempt.saturating_add(1);
                    run.note_again(&delivery, None, None);
                }
                run.queue.push_back(delivery);
            }
        }
        run.go_on_sleeping(asleep, now);
        for wait in at_rest.waits {
            if is_ending {
                let unused = wait.payload_texts().count();
                next_payload.by_ref().take(unused).for_each(|payload| run.release(payload));
                continue;
            }
            run.go_on_waiting(wait, &mut next_payload, at_rest.origin, now);
        }
        run.state = RunState::restored(at_rest.state);
        if let Some(ending) = at_rest.ending {
            run.go_on_undoing(ending, undoing_sleeps, lost, is_uncounted);
        }
        match at_rest.origin {
            Origin::Snapshot => {
                run.write_whole_first();
                run.go_on(now.monotonic);
            }
            Origin::Store { paused: true, rewritten, .. } => {
                run.stay_paused(now.monotonic);
                if rewritten {
                    run.write_whole_first();
                }
            }
            Origin::Store { paused: false, rewritten, .. } => {
                if rewritten {
                    run.write_whole_first();
                } else {
                    run.note_change(); // that somebody has it again, even if nothing is pending
                }
                run.go_on(now.monotonic);
            }
        }
        Ok(run)
    }

    /// Writes all that a store does not know, before anything of it happens again.
    fn write_whole_first(&mut self) {
        if let Some(journal) = &mut self.journal {
            journal.begin_after_next();
        }
        self.write_whole();
    }

    fn delivery_at_rest(
        &mut self,
        pending: PendingDelivery,
        payload: PayloadRef,
        origin: Origin,
    ) -> Result<Delivery, ResumeError> {
        let PendingDelivery { seq, step: name, attempt, sent, gathered, done, added, .. } = pending;
        let found = self.definition.step_named(&name);
        let can_be_undone = |step| self.definition.step_options(step).compensation.is_some();
        if done.is_some() && !found.is_some_and(can_be_undone) {
            return Err(ResumeError::CannotUndo {
                origin,
                workflow: self.definition.name().to_owned(),
                step: name.to_string(),
                is_there: found.is_some(),
            });
        }
        let Some(step) = found else {
            return Err(ResumeError::StepGone {
                origin,
                workflow: self.definition.name().to_owned(),
                nearest: self.definition.nearest_step(&name).map(str::to_owned),
                step: name.to_string(),
            });
        };
        let caused_by = self.next_change();
        let turn = self.next_turn();
        let (sent_before, added_before) = (sent, added.map(Box::new));
        Ok(Delivery { seq, turn, step, payload, attempt, gathered, sent_before, added_before, caused_by })
    }

    /// Every delivery that is to survive: what is queued, asleep, held or done. Of a run that undoes only the last.
    pub(super) fn resting(&self) -> impl Iterator<Item = Resting<'_>> {
        let current = self.undoing.as_ref().and_then(|undoing| undoing.current);
        let resting = move |delivery| Resting { delivery, due: None, held: None, done: current };
        let queued = self.queue.iter().map(resting);
        let asleep =
            self.sleeping.iter().map(move |(due, delivery)| Resting { due: Some(due), ..resting(delivery) });
        let held =
            self.fan_in.held().map(move |held| Resting { held: Some(held), ..resting(&held.delivery) });
        let done = self
            .done
            .iter()
            .map(move |(number, delivery)| Resting { done: Some(number), ..resting(delivery) });
        queued.chain(asleep).chain(held).chain(done)
    }

    /// The same, cut where one event ends and the next begins.
    fn pending_events(&self) -> Vec<Vec<Resting<'_>>> {
        let mut pending: Vec<_> = self.resting().collect();
        pending.sort_by_key(|one| one.delivery.seq);
        let mut events: Vec<Vec<Resting<'_>>> = Vec::new();
        for one in pending {
            match events.last_mut() {
                Some(event) if event[0].delivery.payload == one.delivery.payload => event.push(one),
                _ => events.push(vec![one]),
            }
        }
        events
    }

    fn write_snapshot(
        &self,
        events: &[Vec<Resting<'_>>],
        event_texts: &[String],
        wait_texts: &[String],
        timestamp: &str,
        now: Now,
    ) -> String {
        let version = self.workflow_version.as_deref();
        let mut document = SnapshotWriter::new(self.definition.name(), version, self.id, timestamp);
        document.state(self.state.values());
        document.list_of_objects(
            "pending_events",
            events.iter().zip(event_texts),
            |event, (deliveries, json)| {
                event.field("event", json);
                event.list_of_objects("deliveries", deliveries, |object, resting| {
                    let Resting { delivery, due, held, done } = resting;
                    let step = self.definition.step_name(delivery.step);
                    object.field("delivery", &delivery.seq.0.to_string());
                    object.field("step", &ExactString::from(step).to_json());
                    object.field("attempt", &delivery.attempt.to_string());
                    object.field("sent", &delivery.sent_before.to_string());
                    if let Some(due) = due {
                        object.field("due", &now.to_wall(*due).0.to_string());
                    }
                    if let Some(held) = held {
                        object.field("held", &held.key.to_json());
                    }
                    if delivery.gathered {
                        object.field("gathered", "true");
                    }
                    if let Some(number) = done {
                        object.field("done", &number.to_string());
                    }
                    if let Some(added) = &delivery.added_before {
                        object.field("added", added);
                    }
                });
            },
        );
        document.object_field("metadata", |metadata| {
            self.write_waits(metadata, wait_texts, now);
            let remaining = self.time_limit.remaining().map(|time| time.as_millis().to_string());
            metadata.field("last_delivery", &self.last_delivery.to_string());
            if !self.children.is_empty() {
                metadata.list_of_objects("children", &self.children, SnapshotWriter::child);
            }
            metadata.field("time_remaining_ms", remaining.as_deref().unwrap_or("null"));
            if let Some(undoing) = self.undoing.as_deref() {
                metadata.object_field("ending", |ending| {
                    ending
                        .field("aborted", if undoing.outcome == Outcome::Aborted { "true" } else { "false" });
                    ending.field("error", undoing.error.as_deref().unwrap_or("{}"));
                });
            }
        });
        document.finish()
    }
}

impl Run {
    /// These slept. What has come due since is behind what is queued, in the order of the times.
    fn go_on_sleeping(&mut self, mut asleep: Vec<(WallMillis, Delivery)>, now: Now) {
        asleep.sort_by_key(|(due, delivery)| (*due, delivery.seq));
        let mut last = now.monotonic;
        for (due, delivery) in asleep {
            // Times that have passed are one time here, and keep their order by the turns that they were given.
            last = last.max(now.to_monotonic(due));
            let turn = self.next_turn();
            self.sleeping.put(last, Delivery { turn, ..delivery });
        }
    }

    /// A run at rest waited for this; its payloads come next.
    fn go_on_waiting(
        &mut self,
        wait: RestingWait,
        payloads: &mut impl Iterator<Item = PayloadRef>,
        origin: Origin,
        now: Now,
    ) {
        let mut next = || payloads.next().expect("a payload number for each of fewer than 2^32 events");
        let RestingWait { id, kind, json, due, expiry } = wait;
        // A type that the workflow does not know any more is wanted by nobody.
        let type_of = |text: &str| self.definition.event_type(&type_in_text(text));
        let awaited = match kind {
            WaitKind::Input => Awaited::Answer(next()),
            WaitKind::Expected => Awaited::Event(type_of(&json).unwrap_or(EventTypeId(u32::MAX))),
            WaitKind::Arrived => {
                let event_type = type_of(&json).unwrap_or(EventTypeId(u32::MAX));
                self.waits.keep(Arrived { id, event_type, payload: next() });
                return;
            }
        };
        let event = expiry.map(|text| (type_of(&text).unwrap_or(EventTypeId(u32::MAX)), next()));
        let expiry = due.map(|due| Expiry { due: now.to_monotonic(due), event });
        self.waits.open(OpenWait { id, awaited, expiry });
        if let Awaited::Answer(request) = awaited {
            self.publish_again(request, origin);
        }
    }

    /// `texts` are those of the payloads, wait by wait.
    fn write_waits(&self, metadata: &mut SnapshotWriter, texts: &[String], now: Now) {
        let mut texts = texts.iter();
        let mut next = || texts.next().expect("one text for each payload");
        let open: Vec<_> = self
            .waits
            .iter_open()
            .map(|wait| {
                let request = matches!(wait.awaited, Awaited::Answer(_)).then(&mut next);
                (wait, request, wait.expiry_payload().map(|_| next()))
            })
            .collect();
        let arrived: Vec<_> = self.waits.iter_arrived().map(|arrived| (arrived, next())).collect();
        let write_expiry = |object: &mut SnapshotWriter, wait: &OpenWait, event: Option<&String>| {
            if let Some(expiry) = wait.expiry {
                object.field("due", &now.to_wall(expiry.due).0.to_string());
            }
            if let Some(event) = event {
                object.field("expiry", event);
            }
        };
        let requests = open.iter().filter_map(|(wait, request, expiry)| Some((wait, (*request)?, expiry)));
        metadata.list_of_objects("input_requests", requests, |object, (wait, request, expiry)| {
            object.field("request_id", &wait.id.to_json());
            object.field("event", request);
            write_expiry(object, wait, *expiry);
        });
        let expected = open.iter().filter_map(|(wait, _, expiry)| match wait.awaited {
            Awaited::Event(event_type) => Some((wait, event_type, expiry)),
            Awaited::Answer(_) => None,
        });
        metadata.list_of_objects("expected_events", expected, |object, (wait, event_type, expiry)| {
            let name = self.definition.event_type_name(event_type).unwrap_or("?");
            object.field("id", &wait.id.to_json());
            object.field("type", &ExactString::from(name).to_json());
            write_expiry(object, wait, *expiry);
        });
        metadata.list_of_objects("arrived_events", arrived, |object, (arrived, event)| {
            object.field("id", &arrived.id.to_json());
            object.field("event", event);
        });
    }
}

/// A delivery of a paused run.
#[derive(Clone, Copy)]
pub(super) struct Resting<'a> {
    pub(super) delivery: &'a Delivery,
    pub(super) due: Option<Millis>,
    /// How its event waits for others.
    pub(super) held: Option<&'a Held>,
    /// The number of one that can be undone.
    pub(super) done: Option<u64>,
}

fn check_fit(definition: &Definition, at_rest: &RunAtRest) -> Result<(), ResumeError> {
    if at_rest.workflow_name != definition.name() {
        return Err(ResumeError::OtherWorkflow {
            origin: at_rest.origin,
            expected: definition.name().to_owned(),
            found: at_rest.workflow_name.clone(),
        });
    }
    if at_rest.ending.is_some() {
        return Ok(()); // it waits for nothing any more
    }
    at_rest.waits.iter().try_for_each(|wait| check_wait(definition, at_rest.origin, wait))
}

fn check_wait(definition: &Definition, origin: Origin, wait: &RestingWait) -> Result<(), ResumeError> {
    let workflow = || definition.name().to_owned();
    let accepts = |event_type: EventTypeId| !definition.routes(event_type).is_empty();
    if wait.kind == WaitKind::Input && !accepts(EventTypeId::INPUT_RESPONSE) {
        let request_id = wait.id.clone();
        return Err(ResumeError::NobodyTakesAnswers { origin, workflow: workflow(), request_id });
    }
    let expected = (wait.kind == WaitKind::Expected).then_some(&wait.json);
    for event_type in expected.into_iter().chain(&wait.expiry).map(|text| type_in_text(text)) {
        if !definition.event_type(&event_type).is_some_and(accepts) {
            let event_type = event_type.to_string();
            return Err(ResumeError::NobodyAccepts { origin, workflow: workflow(), event_type });
        }
    }
    Ok(())
}
