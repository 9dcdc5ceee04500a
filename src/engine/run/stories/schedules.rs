//! Random schedules against what must hold in all of them.

use std::collections::BTreeSet;

use super::*;

/// A sequence that a seed repeats (the constants are Knuth's).
pub(super) struct Dice(pub(super) u64);

impl Dice {
    pub(super) fn below(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }
}

/// `Work` goes to two steps, of which each may make more of it.
fn workshop() -> Arc<Definition> {
    let mut definition = Definition::new("workshop").unwrap();
    definition.add_step("work", &["blazen::StartEvent".to_owned(), "Work".to_owned()]).unwrap();
    definition.add_step("watch", &["Work".to_owned()]).unwrap();
    definition.add_step("read", &["blazen::InputResponseEvent".to_owned()]).unwrap();
    Arc::new(definition)
}

/// Plays one schedule: handlers settle in any order or are not called, the run is paused, cut short, moved and answered
/// at any time. In the end every delivery that was made has settled, once.
fn play(seed: u64) {
    let mut dice = Dice(seed);
    let mut story = Story::start_with(workshop(), RunOptions::default());
    let mut at_work: Vec<Invocation> = Vec::new();
    let mut late: Vec<Invocation> = Vec::new();
    let mut open: Vec<String> = Vec::new();
    let (mut made, mut settled, mut budget) = (1_u64, 0_u64, 30_u64);
    let mut last_seen = DeliverySeq(0);
    let mut put_back = BTreeSet::new();

    for _ in 0..400 {
        for (_, invocation) in std::mem::take(&mut story.invoked) {
            let is_again = invocation.attempt > 1 || put_back.contains(&invocation.delivery);
            assert!(is_again || invocation.delivery > last_seen, "seed {seed}: out of order");
            last_seen = last_seen.max(invocation.delivery);
            at_work.push(invocation);
        }
        if story.run.outcome().is_some() {
            break;
        }
        match dice.below(11) {
            0 => story.run.pause(SessionPausePolicy::PickleOrError).unwrap(),
            1 => {
                let some: Vec<_> =
                    at_work.iter().map(|invocation| invocation.id).filter(|_| dice.below(2) == 0).collect();
                let all = dice.below(2) == 0;
                let taken_back = if all { story.run.interrupt() } else { story.run.cut_short(&some) };
                let (cut_short, rest) =
                    at_work.into_iter().partition(|invocation| taken_back.contains(&invocation.id));
                at_work = rest;
                late = cut_short;
            }
            2 => _ = story.run.resume_in_place(Millis(0)),
            3 if story.run.is_paused() => {
                story = Story::moved_to(&story.snapshot(), workshop()).unwrap();
                at_work.clear(); // deliveries keep their numbers
            }
            4 if !open.is_empty() && !story.run.is_paused() => {
                let id = open.swap_remove(usize::try_from(dice.below(open.len() as u64)).unwrap());
                story.answers(&id).unwrap();
                made += 1;
            }
            5 if !at_work.is_empty() => {
                let kept = usize::try_from(dice.below(at_work.len() as u64)).unwrap();
                let unbegun: Vec<_> = at_work.drain(kept..).rev().collect();
                put_back.extend(unbegun.iter().map(|invocation| invocation.delivery));
                story.run.put_back(&unbegun.iter().map(|invocation| invocation.id).collect::<Vec<_>>());
                late = unbegun;
            }
            _ if !at_work.is_empty() => {
                let position = usize::try_from(dice.below(at_work.len() as u64)).unwrap();
                let invocation = at_work.swap_remove(position).id;
                for _ in 0..dice.below(3).min(budget) {
                    budget -= 1;
                    let emission = if dice.below(6) == 0 {
                        open.push(format!("r{budget}"));
                        story.request(&format!("r{budget}"))
                    } else {
                        made += 2; // both steps accept it
                        story.event("Work")
                    };
                    story.run.stage(invocation, emission).unwrap();
                }
                story.run.settle(invocation, None).unwrap();
                settled += 1;
            }
            _ => {}
        }
        story.drain();
        for cut_short in std::mem::take(&mut late) {
            assert!(
                story.run.settle(cut_short.id, None).is_err(),
                "seed {seed}: an attempt that is over settled"
            );
        }
    }

    // Whatever is left finishes: every event reaches each of its steps once, then the run has stalled.
    if story.run.outcome().is_none() {
        _ = story.run.resume_in_place(Millis(0)); // refused if the run was not paused
        story.drain();
    }
    while story.run.outcome().is_none() {
        at_work.extend(std::mem::take(&mut story.invoked).into_iter().map(|(_, invocation)| invocation));
        if let Some(invocation) = at_work.pop() {
            story.run.settle(invocation.id, None).unwrap();
            settled += 1;
        } else {
            let id = open.pop().unwrap_or_else(|| panic!("seed {seed}: the run hangs"));
            story.answers(&id).unwrap();
            made += 1;
        }
        story.drain();
    }
    assert!(
        matches!(story.failure(), Some(RunFailure::Stalled { .. })),
        "seed {seed}: {:?}",
        story.failure()
    );
    assert_eq!(settled, made, "seed {seed}: deliveries settled against deliveries made");
}

#[test]
fn in_any_schedule_every_delivery_settles_once_and_none_is_lost() {
    for seed in 0..5_000 {
        play(seed);
    }
}
