//! What the handlers of a run do, and what those do from which nothing may be taken any more.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use blazen::engine::{Emission, EventTypeId, FailedAttempt, InvocationId, Millis, Special};
use blazen::{ExactString, NewValue};

use super::super::expected::json;
use super::super::sabotage::Sabotage;
use super::super::sights::Sight;
use super::super::workload::{Action, Emitted, Set};
use super::{Hosted, Surroundings};

impl Hosted {
    /// One of the handlers at work does its next thing.
    pub fn work(&mut self, around: &mut Surroundings<'_>) {
        if self.model.is_ended() {
            self.late.extend(self.at_work.drain(..).map(|work| work.invocation));
            return self.poke_late(around);
        }
        let index = around.chance.index(self.at_work.len());
        let Some(work) = self.at_work.get_mut(index) else { return };
        let (invocation, attempt, action) = (work.invocation, work.attempt, work.script[work.next].clone());
        work.next += 1;
        around.auditor.tell(|| format!("run {}: {invocation:?} does {action:?}", self.holder.run));
        self.model.now = around.now;
        match action {
            Action::Get(key) => _ = self.get(invocation, &key, around),
            Action::CountUp(key) => {
                let value = self.get(invocation, &key, around);
                let count = value.and_then(|value| value.parse::<u64>().ok()).unwrap_or(0);
                self.set(invocation, &key, &(count + 1).to_string().into());
            }
            Action::Set(key, value) => self.set(invocation, &key, &value),
            Action::LookAtAll => {
                let expected = self.model.keys(invocation.0);
                let found = self.run.keys(invocation).expect("the handler is at work").in_order();
                let found: BTreeSet<Arc<str>> =
                    found.into_iter().map(|(key, _)| key.as_str().unwrap_or_default().into()).collect();
                around.auditor.check(found == expected, || format!("keys are {found:?}, not {expected:?}"));
            }
            Action::Remove(key) => {
                let expected = self.model.remove(invocation.0, &key);
                let found = self.run.remove(invocation, key.as_bytes());
                around.auditor.check(found == Ok(expected), || format!("{key} was there: {found:?}"));
            }
            Action::Increment(key) => self.increment(invocation, &key, around),
            Action::Append(key, item) => self.append(invocation, &key, item, around),
            Action::Collect(set) => self.collect(index, &set, around),
            Action::Send(emitted) => {
                let emission = self.emission(&emitted);
                if !self.model.sends(invocation.0, emitted) {
                    around.auditor.sees(Sight::SentBefore);
                }
                self.run.send(invocation, emission).expect("the handler is at work");
            }
            Action::SendLater(emitted, delay) => {
                self.send_later(invocation, &emitted, around.now + delay, around);
            }
            Action::Stage(emitted) => {
                let emission = self.emission(&emitted);
                self.model.stages(invocation.0, emitted);
                self.run.stage(invocation, emission).expect("the handler is at work");
            }
            Action::Return(last) => self.returns(index, last),
            Action::ReturnIfCollected(last) => {
                let last = self.at_work[index].has_collected.then_some(last);
                self.returns(index, last);
            }
            Action::ThrowBefore(first_to_succeed) => {
                if attempt < first_to_succeed && !self.tries_again(index, true, around) {
                    // Who is waited for, to undo what it does, is not called again.
                    let is_awaited = self.model.is_undoing();
                    around.auditor.check(is_awaited, || format!("{invocation:?} failed for good"));
                    self.throws(index);
                }
            }
            Action::Throw => {
                if !self.tries_again(index, true, around) {
                    self.throws(index);
                }
            }
            Action::GiveUp(last) => {
                let retryable = !around.chance.one_in(4);
                if !self.tries_again(index, retryable, around) {
                    let emission = self.emission(&last);
                    self.model.gives_up(invocation.0, last);
                    self.run.give_up(invocation, emission).expect("the handler is at work");
                    self.is_over(index);
                }
            }
        }
        self.drain_perhaps(around);
    }

    fn returns(&mut self, index: usize, last: Option<Emitted>) {
        let invocation = self.at_work[index].invocation;
        let emission = last.as_ref().map(|emitted| self.emission(emitted));
        self.model.settles(invocation.0, last);
        self.run.settle(invocation, emission).expect("the handler is at work");
        self.is_over(index);
    }

    /// A handler has thrown for the last time.
    fn throws(&mut self, index: usize) {
        let invocation = self.at_work[index].invocation;
        self.model.throws(invocation.0);
        self.run.fail_step(invocation).expect("the handler is at work");
        self.is_over(index);
    }

    fn send_later(
        &mut self,
        invocation: InvocationId,
        emitted: &Emitted,
        due: u64,
        around: &mut Surroundings<'_>,
    ) {
        let Emitted::Event { type_name, text } = emitted else { return };
        let Emission::Event { event_type, payload } = self.emission(emitted) else { return };
        let later = Special::Later { event_type, payload, due: Millis(due - around.begun) };
        if !self.model.sends_later(invocation.0, type_name, text, due) {
            around.auditor.sees(Sight::SentBefore);
        }
        self.run.send(invocation, later.into()).expect("the handler is at work");
    }

    /// A handler has thrown. Says whether it is called again, now or later.
    fn tries_again(&mut self, index: usize, retryable: bool, around: &mut Surroundings<'_>) -> bool {
        let invocation = self.at_work[index].invocation;
        let retry_after = around.chance.one_in(5).then(|| Duration::from_millis(around.chance.below(40)));
        let failed = FailedAttempt { retryable, retry_after, chance: *around.chance.pick(&[0.0, 0.5]) };
        if around.sabotage == Some(Sabotage::KeepWhatAFailedAttemptWrote) {
            for other in self.at_work.iter().filter(|other| other.invocation != invocation) {
                _ = self.run.keys(other.invocation);
            }
        }
        let expected = self.model.tries_again(invocation.0, &failed);
        let again = self.run.try_again(invocation, &failed, around.clocks().monotonic);
        around.auditor.check(again == Ok(expected), || format!("{invocation:?} is tried again: {again:?}"));
        if expected {
            self.is_over(index);
        }
        expected
    }

    /// Handlers from which nothing may be taken do all that a handler can, and nothing comes of it.
    pub fn poke_late(&mut self, around: &mut Surroundings<'_>) {
        let index = around.chance.index(self.late.len());
        let Some(&late) = self.late.get(index) else { return };
        around.auditor.sees(Sight::LateHandlerRefused);
        let stand_in = match around.sabotage {
            Some(Sabotage::TakeALateHandler) => self.at_work.first().map(|work| work.invocation),
            _ => None,
        };
        let text = self.workload.start_event();
        let mut event = || {
            let payload = self.keep(&text);
            Emission::Event { event_type: EventTypeId::START, payload }
        };
        let (sent, staged, instead) = (event(), event(), event());
        let failed = FailedAttempt { retryable: true, retry_after: None, chance: 0.0 };
        let invocation = stand_in.unwrap_or(late);
        let refused = [
            self.run.set(invocation, b"a", NewValue::Json("\"late\"")).is_err(),
            self.run.remove(invocation, b"b").is_err(),
            self.run.stage(invocation, staged).is_err(),
            self.run.send(invocation, sent).is_err(),
            self.run.try_again(invocation, &failed, around.clocks().monotonic).is_err(),
            self.run.give_up(invocation, instead).is_err(),
            self.run.settle(invocation, None).is_err(),
            self.run.fail_step(invocation).is_err(),
            self.run.session_mut(invocation).is_err(),
        ];
        around.auditor.check(refused == [true; 9], || format!("{late:?} is late and was taken: {refused:?}"));
        for late in self.next_payload - 3..self.next_payload {
            self.texts.remove(&late);
        }
        self.drain(around);
    }

    fn get(&mut self, reader: InvocationId, key: &str, around: &mut Surroundings<'_>) -> Option<Arc<str>> {
        let expected = self.model.get(reader.0, key);
        let found = self.run.get(reader, key.as_bytes()).expect("the handler is at work").and_then(json);
        around
            .auditor
            .check(found == expected.as_deref(), || format!("{key} is {found:?}, not {expected:?}"));
        expected
    }

    /// Adds 1 to a number; anything else is left alone.
    fn increment(&mut self, writer: InvocationId, key: &Arc<str>, around: &mut Surroundings<'_>) {
        if self.has_added_before(writer, key, around) {
            return;
        }
        let found = self.get(writer, key, around);
        let number = found.as_ref().map_or(Some(0), |value| value.parse::<u64>().ok());
        if let Some(number) = number {
            let sum: Arc<str> = (number + 1).to_string().into();
            self.model.adds(writer.0, key, sum.clone(), sum.clone());
            self.run.add(writer, key.as_bytes(), NewValue::Json(&sum)).expect("the handler is at work");
        } else {
            self.is_refused(writer, key);
        }
    }

    /// Puts an item behind those of an array; anything else is left alone.
    fn append(&mut self, writer: InvocationId, key: &Arc<str>, item: u64, around: &mut Surroundings<'_>) {
        if self.has_added_before(writer, key, around) {
            return;
        }
        let item = item.to_string();
        let before = self.model.get(writer.0, key);
        let items = before.as_deref().map_or(Some(""), |array| array.strip_prefix('[')?.strip_suffix(']'));
        let appended = self.run.append(writer, key.as_bytes(), &item).ok();
        let Some(items) = items else {
            around.auditor.check(appended.is_none(), || format!("{item} was appended to {before:?}"));
            self.is_refused(writer, key);
            return;
        };
        let all: Vec<&str> = items.split(',').filter(|item| !item.is_empty()).chain([&*item]).collect();
        let is_so = appended == Some(all.len());
        around.auditor.check(is_so, || format!("{item} was appended to {before:?} as {appended:?}"));
        let array = format!("[{}]", all.join(","));
        self.model.adds(writer.0, key, array.into(), all.len().to_string().into());
    }

    /// Nothing was added to a key.
    fn is_refused(&mut self, writer: InvocationId, key: &Arc<str>) {
        self.model.is_refused(writer.0, key);
        self.run.refused(writer, key.as_bytes());
    }

    /// Whether an earlier attempt has made the next addition to a key for good.
    fn has_added_before(
        &mut self,
        writer: InvocationId,
        key: &Arc<str>,
        around: &mut Surroundings<'_>,
    ) -> bool {
        let expected = self.model.tries_to_add(writer.0, key);
        let given = self.run.remembered(writer, key.as_bytes()).expect("the handler is at work");
        let is_so = given.as_ref().map(json) == expected.as_deref().map(Some);
        around.auditor.check(is_so, || format!("adding to {key} has given {given:?}, not {expected:?}"));
        expected.is_some()
    }

    fn collect(&mut self, index: usize, set: &Set, around: &mut Surroundings<'_>) {
        let invocation = self.at_work[index].invocation;
        let event_type = self.workload.definition.event_type(&set.type_name).expect("a type of the workflow");
        let expected = self.model.collects(invocation.0, set);
        let wanted = [(event_type, set.count)];
        let found = self.run.collect(invocation, &ExactString::from(&*set.key), event_type, &wanted);
        let found = found.expect("the handler is at work");
        let texts = found.as_ref().map(|payloads| {
            let texts = payloads.iter().map(|payload| self.texts.get(&payload.0).cloned());
            texts.collect::<Option<Vec<_>>>()
        });
        let is_so = texts == expected.clone().map(Some);
        around.auditor.check(is_so, || format!("{set:?} was collected as {texts:?}, not {expected:?}"));
        self.at_work[index].has_collected = expected.is_some();
    }

    fn set(&mut self, writer: InvocationId, key: &Arc<str>, value: &Arc<str>) {
        self.model.set(writer.0, key, Some(value.clone()));
        self.run.set(writer, key.as_bytes(), NewValue::Json(value)).expect("the handler is at work");
    }

    /// A handler has returned or thrown, and nothing more is taken from it.
    fn is_over(&mut self, index: usize) {
        self.late.push(self.at_work.swap_remove(index).invocation);
    }

    fn emission(&mut self, emitted: &Emitted) -> Emission {
        match emitted {
            Emitted::Event { type_name, text } => {
                let payload = self.keep(text);
                let event_type = self.workload.definition.event_type(type_name);
                Emission::Event { event_type: event_type.expect("a type of the workflow"), payload }
            }
            Emitted::Request { id, text } => {
                let (request_id, payload) = (ExactString::from(&**id), self.keep(text));
                Special::InputRequest { request_id, payload, expiry: None }.into()
            }
            Emitted::Stop { text } => Emission::Stop { payload: self.keep(text) },
            Emitted::Unknown => Special::Unknown { event_type: "Nowhere".to_owned() }.into(),
        }
    }
}
