//! A run as a driver has it. It does what bytes say, and what a driver is promised is asserted.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use blazen::durable::Recorder;
use blazen::engine::{
    Definition, DeliverySeq, Effect, Emission, EventTypeId, Expiry, Incoming, Invocation, InvocationId,
    Millis, Now, PayloadRef, ResumeError, Run, RunAtRest, RunId, RunOptions, SessionPausePolicy, Special,
    WaitKind,
};
use blazen::store::{Commit, UnixMillis};
use blazen::{ExactString, NewValue};

use super::bytes::Bytes;

const WORK: &str = r#"{"type":"Work"}"#;
const POLICY: SessionPausePolicy = SessionPausePolicy::PickleOrError;

/// How often a run may emit several events at once, so that it comes to an end.
const GENEROSITY: u32 = 24;

pub struct Driven {
    pub run: Run,
    /// What is to be written, in order.
    pub unwritten: VecDeque<Commit>,
    recorder: Recorder,
    /// By payload: what the run may still name.
    texts: BTreeMap<PayloadRef, Arc<str>>,
    next_payload: u32,
    at_work: Vec<Invocation>,
    /// Invocations from which nothing may be taken any more.
    late: Vec<InvocationId>,
    /// What was cut short and must be attempted again, in this order, before anything else.
    cut_short: VecDeque<DeliverySeq>,
    /// By payload: questions that are to be put.
    asked: BTreeMap<PayloadRef, ExactString>,
    /// Questions that were put.
    open: Vec<ExactString>,
    /// Those of them that nobody may answer after a time.
    expires: BTreeSet<ExactString>,
    last_invocation: InvocationId,
    last_change: u64,
    /// How many names have been given.
    names: u32,
    was_told_of_its_end: bool,
    generosity: u32,
    now: u64,
}

/// `work` begins, `watch` sees the work of others, `read` takes answers.
pub fn workshop() -> Arc<Definition> {
    let mut definition = Definition::new("w").expect("a name");
    let steps: [(&str, &[&str]); 3] = [
        ("work", &["blazen::StartEvent", "Work"]),
        ("watch", &["Work"]),
        ("read", &["blazen::InputResponseEvent"]),
    ];
    for (step, accepts) in steps {
        let accepts: Vec<String> = accepts.iter().map(|name| (*name).to_owned()).collect();
        definition.add_step(step, &accepts).expect("a step");
    }
    Arc::new(definition)
}

impl Driven {
    pub fn start(definition: &Arc<Definition>, id: RunId, options: RunOptions, now: u64) -> Self {
        let start: Arc<str> = r#"{"type":"blazen::StartEvent"}"#.into();
        let mut recorder = Recorder::new(id, definition.clone());
        recorder.keep_text(PayloadRef(0), start.clone());
        let run = Run::start(definition.clone(), id, PayloadRef(0), options, Millis(now));
        Self::new(run, recorder, vec![start], now, 0)
    }

    pub fn resume(
        definition: &Arc<Definition>,
        at_rest: RunAtRest,
        options: RunOptions,
        now: u64,
        stored: u64,
    ) -> Result<Self, ResumeError> {
        let mut recorder = Recorder::new(at_rest.id, definition.clone());
        let texts: Vec<Arc<str>> = at_rest.payload_texts().cloned().collect();
        for (payload, text) in (0..).map(PayloadRef).zip(&texts) {
            recorder.keep_text(payload, text.clone());
        }
        let asked = questions(&at_rest);
        let expiring = at_rest.waits.iter().filter(|wait| wait.due.is_some());
        let expires = expiring.map(|wait| wait.id.clone()).collect();
        let run = Run::resume(definition.clone(), at_rest, options, Now::virtually(Millis(now)))?;
        Ok(Self { asked, expires, ..Self::new(run, recorder, texts, now, stored) })
    }

    fn new(run: Run, recorder: Recorder, texts: Vec<Arc<str>>, now: u64, stored: u64) -> Self {
        Self {
            run,
            unwritten: VecDeque::new(),
            recorder,
            next_payload: u32::try_from(texts.len()).expect("few events"),
            texts: (0..).map(PayloadRef).zip(texts).collect(),
            at_work: Vec::new(),
            late: Vec::new(),
            cut_short: VecDeque::new(),
            asked: BTreeMap::new(),
            open: Vec::new(),
            expires: BTreeSet::new(),
            last_invocation: InvocationId(0),
            last_change: stored,
            names: 0,
            was_told_of_its_end: false,
            generosity: GENEROSITY,
            now,
        }
    }

    /// Asks for everything that is to be done, and does it.
    pub fn drain(&mut self) {
        self.record();
        while let Some(effect) = self.run.poll_effect() {
            match effect {
                Effect::Release(payload) | Effect::Stream(payload) => {
                    assert!(self.texts.remove(&payload).is_some(), "{payload:?} is released twice");
                }
                Effect::Publish(payload) => {
                    assert!(self.texts.contains_key(&payload), "{payload:?} is published after its release");
                    self.open.extend(self.asked.remove(&payload));
                }
                Effect::Invoke(invocation) => self.invoke(invocation),
                Effect::Compensate(_) | Effect::Undoing => unreachable!("no step can be undone"),
                Effect::Paused => assert!(self.run.is_paused()),
                Effect::Ended => {
                    assert!(self.run.outcome().is_some() && !self.was_told_of_its_end);
                    self.was_told_of_its_end = true;
                }
            }
            self.record();
        }
    }

    fn invoke(&mut self, invocation: Invocation) {
        assert!(
            self.texts.contains_key(&invocation.payload),
            "{invocation:?} after the release of its event"
        );
        assert!(invocation.id > self.last_invocation, "{invocation:?} has an earlier number");
        self.last_invocation = invocation.id;
        if let Some(first) = self.cut_short.pop_front() {
            assert_eq!(invocation.delivery, first, "{invocation:?} before {first:?}");
        }
        self.recorder.begins(invocation.id, UnixMillis(0));
        self.at_work.push(invocation);
    }

    fn record(&mut self) {
        while let Some(change) = self.run.poll_change() {
            assert_eq!(change.number, self.last_change + 1, "changes have no gaps");
            self.last_change = change.number;
            self.unwritten.push_back(self.recorder.record(change, Now::virtually(Millis(self.now))));
        }
    }

    /// Does one thing.
    pub fn act(&mut self, bytes: &mut Bytes<'_>) {
        match bytes.below(16) {
            0 => self.pause(),
            1 => self.interrupt(),
            2 => self.go_on(),
            3 if bytes.flag() => self.answer(bytes),
            3 => _ = self.receive(bytes.flag()),
            4 => {
                self.now = self.now.saturating_add(bytes.number());
                self.run.time_is_now(Millis(self.now));
            }
            5 => self.is_late(bytes),
            6 => self.with_work(bytes, |driven, invocation, _| {
                driven.run.fail_step(invocation).expect("it is at work");
            }),
            7 | 8 => self.with_work(bytes, |driven, invocation, bytes| {
                let emission = driven.emission(bytes);
                driven.run.send(invocation, emission).expect("it is at work");
            }),
            9 => self.with_work(bytes, |driven, invocation, bytes| {
                let emission = driven.emission(bytes);
                driven.run.stage(invocation, emission).expect("it is at work");
            }),
            10 => self.with_work(bytes, |driven, invocation, bytes| {
                let value = if bytes.flag() { NewValue::Json("[1]") } else { NewValue::Bytes(b"1") };
                let key = any_key(bytes);
                driven.run.set(invocation, key.as_wtf8(), value).expect("it is at work");
            }),
            11 => self.with_work(bytes, |driven, invocation, bytes| {
                let key = any_key(bytes);
                let was_there = driven.run.get(invocation, key.as_wtf8()).expect("it goes on").is_some();
                assert_eq!(driven.run.remove(invocation, key.as_wtf8()), Ok(was_there));
            }),
            _ => self.settle(bytes),
        }
    }

    pub fn pause(&mut self) {
        let paused = self.run.pause(POLICY);
        assert_eq!(paused.is_err(), self.run.outcome().is_some());
    }

    pub fn interrupt(&mut self) {
        let interrupted = self.run.interrupt();
        if !interrupted.is_empty() {
            assert!(interrupted.iter().eq(self.at_work.iter().map(|invocation| &invocation.id)));
            // They are called before those of an earlier interruption that have not been called since.
            let mut cut_short: VecDeque<_> =
                self.at_work.drain(..).map(|invocation| invocation.delivery).collect();
            cut_short.append(&mut self.cut_short);
            self.cut_short = cut_short;
            self.late.extend(interrupted);
        }
    }

    pub fn go_on(&mut self) {
        _ = self.run.resume_in_place(Millis(self.now)); // refused unless it is paused or pausing
    }

    pub fn abort(&mut self) {
        assert!(self.run.abort() || self.run.outcome().is_some());
    }

    fn answer(&mut self, bytes: &mut Bytes<'_>) {
        if self.open.is_empty() {
            return;
        }
        let at = bytes.below(self.open.len());
        let payload = self.keep(r#"{"type":"blazen::InputResponseEvent"}"#);
        if self.run.respond(self.open[at].clone(), payload).is_ok() {
            self.open.remove(at);
        } else {
            let is_late = self.expires.contains(&self.open[at]);
            let is_closed = self.run.is_paused() || self.run.outcome().is_some();
            assert!(is_late || is_closed, "the answer was refused");
            self.texts.remove(&payload);
            if !is_closed {
                self.open.remove(at);
            }
        }
    }

    /// As a UUID would be, one that nothing in the run or in its store has: it is longer than what the bytes give.
    fn new_name(&mut self) -> ExactString {
        self.names += 1;
        ExactString::from(format!("by the driver {}.{}", self.last_change, self.names).as_str())
    }

    /// An event comes from outside. Says whether steps receive it.
    fn receive(&mut self, at_once: bool) -> bool {
        let payload = self.keep(WORK);
        let id = self.new_name();
        let incoming = Incoming { id, event_type: self.work(), payload, at_once };
        self.run.receive(incoming).unwrap_or_else(|_| {
            assert!(self.run.is_paused() || self.run.outcome().is_some(), "the event was refused");
            self.texts.remove(&payload);
            false
        })
    }

    fn work(&self) -> EventTypeId {
        self.run.definition().event_type("Work").expect("two steps take it")
    }

    fn is_late(&mut self, bytes: &mut Bytes<'_>) {
        if !self.late.is_empty() {
            let late = self.late[bytes.below(self.late.len())];
            assert!(self.run.settle(late, None).is_err(), "an attempt that was cut short has settled");
        }
    }

    fn settle(&mut self, bytes: &mut Bytes<'_>) {
        self.with_work(bytes, |driven, invocation, bytes| {
            let emission = if bytes.below(4) == 0 { None } else { Some(driven.emission(bytes)) };
            driven.at_work.retain(|at_work| at_work.id != invocation);
            driven.run.settle(invocation, emission).expect("it is at work");
            driven.late.push(invocation);
        });
    }

    fn with_work(
        &mut self,
        bytes: &mut Bytes<'_>,
        then: impl FnOnce(&mut Self, InvocationId, &mut Bytes<'_>),
    ) {
        if self.run.outcome().is_none() && !self.at_work.is_empty() {
            let invocation = self.at_work[bytes.below(self.at_work.len())].id;
            then(self, invocation, bytes);
        }
    }

    fn emission(&mut self, bytes: &mut Bytes<'_>) -> Emission {
        let kind = bytes.below(32);
        self.generosity = self.generosity.saturating_sub(1);
        match kind {
            _ if self.generosity == 0 => Emission::Stop { payload: self.keep("{}") },
            0 => Emission::Stop { payload: self.keep("{}") },
            1 => {
                let event_type = String::from_utf8_lossy(bytes.some(6)).into_owned();
                Special::Unknown { event_type }.into()
            }
            2 => {
                let id = self.new_name();
                Special::Expect { id, event_type: self.work(), expiry: self.expiry(bytes) }.into()
            }
            3..8 => {
                // Seldom one that is open already.
                let request_id = ExactString::from(format!("{}", self.generosity / 2).as_str());
                let payload = self.keep(r#"{"type":"blazen::InputRequestEvent"}"#);
                self.asked.insert(payload, request_id.clone());
                let expiry = self.expiry(bytes);
                if expiry.is_some() {
                    self.expires.insert(request_id.clone());
                }
                Special::InputRequest { request_id, payload, expiry }.into()
            }
            _ => {
                let event_type = self.work();
                Emission::Event { event_type, payload: self.keep(WORK) }
            }
        }
    }

    fn expiry(&mut self, bytes: &mut Bytes<'_>) -> Option<Expiry> {
        let due = Millis(self.now.saturating_add(u64::from(bytes.small_number())));
        match bytes.below(8) {
            0 => Some(Expiry { due, event: None }),
            1 | 2 => Some(Expiry { due, event: Some((self.work(), self.keep(WORK))) }),
            _ => None,
        }
    }

    fn keep(&mut self, text: &str) -> PayloadRef {
        let payload = PayloadRef(self.next_payload);
        self.next_payload += 1;
        let text: Arc<str> = text.into();
        self.texts.insert(payload, text.clone());
        self.recorder.keep_text(payload, text);
        payload
    }

    /// Settles one handler, answers one question, lets time pass until something wakes, or sends what is expected: as long as
    /// there is any of that, the run goes on.
    pub fn come_closer_to_the_end(&mut self) {
        if let Some(invocation) = self.at_work.pop() {
            self.run.settle(invocation.id, None).expect("it is at work");
        } else if !self.open.is_empty() {
            self.answer(&mut Bytes(&[]));
        } else if let Some(due) = self.run.wake_at() {
            self.now = self.now.max(due.0);
            self.run.time_is_now(Millis(self.now));
        } else {
            assert!(self.receive(false), "the run hangs: {:?}", self.run);
        }
    }

    /// The run as a document. It must be paused.
    pub fn snapshot(&mut self) -> String {
        let payloads = self.run.pending_payloads();
        let texts: Vec<String> = payloads.iter().map(|payload| self.texts[payload].to_string()).collect();
        let taken =
            self.run.snapshot(&texts, POLICY, "2026-01-01T00:00:00.000Z", Now::virtually(Millis(self.now)));
        taken.expect("the run is paused")
    }
}

/// The questions of a run, by the numbers that their payloads will have.
fn questions(at_rest: &RunAtRest) -> BTreeMap<PayloadRef, ExactString> {
    let mut asked = BTreeMap::new();
    let mut payload = PayloadRef(u32::try_from(at_rest.pending_events.len()).expect("few events"));
    for wait in &at_rest.waits {
        if wait.kind == WaitKind::Input {
            asked.insert(payload, wait.id.clone());
        }
        payload.0 += u32::try_from(wait.payload_texts().count()).expect("few events");
    }
    asked
}

/// A limit that is never reached, if there is one: what is left of it is written down exactly.
pub fn limit(is_limited: bool) -> Option<Duration> {
    is_limited.then_some(Duration::from_millis(u64::MAX))
}

/// A key of up to two units of a JavaScript string, halves of pairs included.
fn any_key(bytes: &mut Bytes<'_>) -> ExactString {
    let pairs = bytes.some(4).chunks_exact(2);
    let units: Vec<u16> = pairs.map(|pair| u16::from_le_bytes([pair[0], pair[1]])).collect();
    ExactString::from_utf16(&units)
}
