//! What a run asks for: changes to be written, handlers to be called, news to be told.

use blazen::engine::{Durability, Effect, Invocation, Outcome, PayloadRef, SessionPausePolicy};
use blazen::store::UnixMillis;

use super::super::auditor::Call;
use super::super::expected::{Standing, json};
use super::super::sabotage::Sabotage;
use super::super::sights::Sight;
use super::{Hosted, Surroundings, Work};

impl Hosted {
    /// Asks for everything that there is to do, and does it.
    pub fn drain(&mut self, around: &mut Surroundings<'_>) {
        if self.is_lost {
            return;
        }
        loop {
            self.write(around);
            if around.sabotage == Some(Sabotage::InvokeBeforeDurable) {
                self.run.durable(self.run.last_change());
            }
            match self.run.poll_effect() {
                Some(effect) => self.act(effect, around),
                None => break,
            }
        }
        if around.sabotage == Some(Sabotage::AnnounceBeforeDurable)
            && self.model.is_ended()
            && !self.has_ended
        {
            self.act(Effect::Ended, around);
        }
    }

    /// A driver that has no time asks later. What is to be written it always asks for.
    pub(super) fn drain_perhaps(&mut self, around: &mut Surroundings<'_>) {
        if around.chance.one_in(6) {
            around.auditor.sees(Sight::EffectsLeftForLater);
            self.write(around);
        } else {
            self.drain(around);
        }
    }

    pub(super) fn write(&mut self, around: &mut Surroundings<'_>) {
        for sight in self.model.seen.drain(..) {
            around.auditor.sees(sight);
        }
        if self.model.is_undoing() {
            let (awaited, dropped) = std::mem::take(&mut self.at_work)
                .into_iter()
                .partition(|work: &Work| self.model.has_at_work(work.invocation.0));
            self.at_work = awaited;
            self.late.extend(dropped.into_iter().map(|work: Work| work.invocation));
        }
        while let Some(change) = self.run.poll_change() {
            let number = change.number;
            let commit = self.recorder.record(change, around.clocks());
            around.auditor.tell(|| format!("run {}: writes {number}", self.holder.run));
            around.auditor.made(self.holder.run, self.model.expected.pop_front(), &commit);
            let struck = around.sabotage.filter(|sabotage| sabotage.strikes(around.chance));
            match struck {
                None => around.writer.push(self.holder, commit),
                Some(sabotage) => {
                    let visible = self.run.state().ok().and_then(|state| {
                        let last = state.in_order().into_iter().next_back()?;
                        Some((last.0.as_str()?.to_owned(), json(last.1)?.to_owned()))
                    });
                    for commit in sabotage.spoils(commit, visible) {
                        around.writer.push(self.holder, commit);
                    }
                }
            }
        }
        let missing = self.model.expected.front();
        around
            .auditor
            .check(missing.is_none(), || format!("run {} did not write {missing:?}", self.holder.run));
    }

    pub(super) fn act(&mut self, effect: Effect, around: &mut Surroundings<'_>) {
        around.auditor.tell(|| format!("run {}: {effect:?}", self.holder.run));
        match effect {
            Effect::Release(payload) | Effect::Stream(payload) => {
                let was_there = self.texts.remove(&payload.0).is_some();
                around.auditor.check(was_there, || format!("{payload:?} is released twice"));
            }
            Effect::Publish(payload) => self.publish(payload, around),
            Effect::Invoke(invocation) | Effect::Compensate(invocation) => {
                let is_compensation = matches!(effect, Effect::Compensate(_));
                let Some(text) = self.texts.get(&invocation.payload.0).cloned() else {
                    return around.auditor.check(false, || format!("{invocation:?} after its release"));
                };
                let next = self.model.next_delivery().map(|(delivery, waiting)| (delivery, waiting.clone()));
                let call = Call { invocation, is_compensation, event: &text };
                around.auditor.invoked(self.holder.run, call, next, around.now);
                let expected = self.model.is_undoing();
                around.auditor.check(is_compensation == expected, || format!("called so: {effect:?}"));
                self.model.begins(invocation.id.0, invocation.delivery.0);
                self.recorder.begins(invocation.id, UnixMillis(0));
                let script = if is_compensation {
                    self.workload.compensation(invocation.step, &text)
                } else {
                    self.workload.script(invocation.step, &text)
                };
                let Invocation { id, attempt, .. } = invocation;
                self.at_work.push(Work { invocation: id, attempt, script, next: 0, has_collected: false });
            }
            Effect::Undoing => {
                let ending = self.model.is_undoing() || self.model.is_ended();
                around.auditor.check(ending, || "it undoes, and need not".to_owned());
            }
            Effect::Paused => self.is_paused(around),
            Effect::Ended => {
                self.is_announced("the end", around);
                around.auditor.check(!self.has_ended, || "the end was announced twice".to_owned());
                let ended = self.model.is_ended();
                around.auditor.check(ended, || "the end was announced before it came".to_owned());
                self.has_ended = true;
                self.late.extend(self.at_work.drain(..).map(|work| work.invocation));
                let names_its_result = match self.run.outcome() {
                    Some(Outcome::Completed { stop }) => self.texts.contains_key(&stop.0),
                    _ => true,
                };
                around.auditor.check(names_its_result, || "the result was released".to_owned());
            }
        }
    }

    pub(super) fn is_paused(&mut self, around: &mut Surroundings<'_>) {
        self.is_announced("the pause", around);
        around.auditor.sees(Sight::Paused);
        let pending = self.run.pending_payloads();
        around.auditor.check(pending.len() == self.texts.len(), || {
            format!("{} events are pending, and {:?} are kept", pending.len(), self.texts)
        });
        let texts: Vec<String> = pending.iter().map(|payload| self.texts[&payload.0].to_string()).collect();
        if let Some(ending) = &self.model.rest.ending {
            let code = if *ending == Standing::Cancelled { "ABORTED" } else { "STEP_FAILED" };
            self.run.keep_ending(format!("{{\"code\":\"ERR_BLAZEN_{code}\",\"message\":\"\"}}").into());
        }
        let policy = SessionPausePolicy::PickleOrError;
        match self.run.snapshot(&texts, policy, "now", around.clocks()) {
            Ok(snapshot) => self.snapshot = Some(snapshot),
            Err(refusal) => {
                return around.auditor.check(false, || format!("a pause without snapshot: {refusal}"));
            }
        }
        self.model.now = around.now;
        self.model.stop_clock();
        if self.workload.durability == Durability::Exit {
            for payload in pending {
                self.recorder.keep_text(payload, self.texts[&payload.0].clone());
            }
            self.model.whole();
            self.run.write_whole();
        }
    }

    /// What is told to everybody must be durable.
    pub(super) fn is_announced(&mut self, what: &str, around: &mut Surroundings<'_>) {
        let (durable, last) = (around.auditor.ledger(self.holder.run).version, self.model.version);
        around.auditor.check(durable == last, || {
            format!("run {} announced {what}, with {durable} of {last} changes durable", self.holder.run)
        });
    }

    pub(super) fn publish(&mut self, payload: PayloadRef, around: &mut Surroundings<'_>) {
        let Some(text) = self.texts.get(&payload.0).cloned() else {
            return around.auditor.check(false, || format!("{payload:?} is published after its release"));
        };
        let asked = self.model.rest.waits.iter().find(|(_, question)| *question == text).cloned();
        // A question may be put after the end of its run, which nobody will mind.
        if let Some((id, question)) = asked {
            if self.workload.durability == Durability::Sync {
                let ledger = around.auditor.ledger(self.holder.run);
                let is_durable = ledger.rest.waits.iter().any(|(durable, _)| *durable == id);
                around.auditor.check(is_durable, || format!("{id} was asked before that was durable"));
            }
            let before = self.published.insert(id.clone(), question);
            around.auditor.check(before.is_none(), || format!("{id} was asked twice"));
        }
    }
}
