//! What a handler adds to the state, and what each addition has given it.
//!
//! To increment, to append or to update once more counts twice. So what has been committed while its delivery has not
//! settled is remembered with the delivery: an addition is known by its delivery, its key, and its position among those to
//! that key. The next attempt's addition there gives what the earlier one has given, and changes nothing. One that was
//! refused has its position too, and is tried anew.
//!
//! Numbers that rise or fall evenly take no room, and of a JSON text only what differs from the one before does. So what
//! is kept is bounded by what the handler itself has added, and not by how large that has made the state.
//!
//! Always true:
//! 1. An attempt has come past as many results of a key as it has tried to add to it. What it adds beyond what is
//!    remembered comes last.
//! 2. When an attempt has set a key, or taken it out, nothing more is remembered of it: that is done again as well, so what
//!    was added to it is gone.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::exact_string::ExactString;
use crate::state_value::{NewValue, StateValue};

mod text;

pub use text::check as check_added;

/// What one attempt knows of its delivery's additions.
#[derive(Debug, Default)]
pub(super) struct Additions {
    keys: BTreeMap<ExactString, Results>,
    /// Whether they are others than those that are remembered.
    changed: bool,
}

impl Additions {
    /// Those that earlier attempts have left, before the next one has added anything.
    pub(super) fn remembered(text: Option<&str>) -> Self {
        // A text from outside has been checked when it came in.
        let keys = text.and_then(|text| text::read(text).ok()).unwrap_or_default();
        Self { keys, changed: false }
    }

    /// The attempt is about to add to `key`: what that gives, if an earlier attempt has done it. If not, [`Additions::add`] or
    /// [`Additions::refuse`] says what has come of it.
    pub(super) fn next(&mut self, key: &[u8]) -> Option<StateValue> {
        self.keys.get_mut(key)?.next()
    }

    /// The attempt has added to `key`, which has given it `result`.
    pub(super) fn add(&mut self, key: &[u8], result: NewValue<'_>) {
        self.changed = true;
        self.results_of(key).add(result);
    }

    /// Nothing was added to `key`.
    pub(super) fn refuse(&mut self, key: &[u8]) {
        self.results_of(key).refuse();
    }

    /// The attempt has set `key`, or taken it out.
    pub(super) fn forget_the_rest(&mut self, key: &[u8]) {
        if let Some(results) = self.keys.get_mut(key) {
            self.changed |= results.forget_the_rest();
        }
    }

    fn results_of(&mut self, key: &[u8]) -> &mut Results {
        if !self.keys.contains_key(key) {
            self.keys.insert(ExactString::from_wtf8(key), Results::default());
        }
        self.keys.get_mut(key).expect("it has just been made")
    }

    /// What is to be remembered from now on, if that has changed: a JSON array.
    pub(super) fn take_changed(&mut self) -> Option<Arc<str>> {
        std::mem::take(&mut self.changed).then(|| text::write(&self.keys).into())
    }
}

/// What the additions to one key have given, in order.
#[derive(Debug, Default)]
struct Results {
    spans: Vec<Span>,
    /// How many spans the attempt has come past.
    passed: usize,
    /// How many results of the next span it has come past.
    within: u64,
    /// The last text that it has come past of those that are kept as differences.
    text: String,
    /// What it has come past last was refused to an earlier attempt.
    is_tried_anew: bool,
}

/// One result, or several numbers.
#[derive(Debug)]
enum Span {
    Series(Series),
    Json(Edit),
    /// A JSON text that none is the difference from: it was refused at first.
    Apart(String),
    Bytes(Vec<u8>),
    Refused,
}

impl Results {
    fn next(&mut self) -> Option<StateValue> {
        self.is_tried_anew = false;
        let (result, length) = match self.spans.get(self.passed)? {
            Span::Series(series) => (StateValue::Json(series.at(self.within).to_string()), series.count),
            Span::Json(edit) => {
                self.text = edit.apply(&self.text)?;
                (StateValue::Json(self.text.clone()), 1)
            }
            Span::Apart(json) => (StateValue::Json(json.clone()), 1),
            Span::Bytes(bytes) => (StateValue::Bytes(bytes.clone()), 1),
            Span::Refused => {
                self.passed += 1;
                self.is_tried_anew = true;
                return None;
            }
        };
        self.within += 1;
        if self.within == length {
            self.passed += 1;
            self.within = 0;
        }
        Some(result)
    }

    fn add(&mut self, result: NewValue<'_>) {
        if std::mem::take(&mut self.is_tried_anew)
            && let Some(refused) = self.passed.checked_sub(1).and_then(|at| self.spans.get_mut(at))
        {
            *refused = match result {
                NewValue::Json(json) => Span::Apart(json.to_owned()),
                NewValue::Bytes(bytes) => Span::Bytes(bytes.to_owned()),
            };
            return;
        }
        self.forget_the_rest();
        match result {
            NewValue::Bytes(bytes) => self.spans.push(Span::Bytes(bytes.to_owned())),
            NewValue::Json(json) => {
                if let Some(number) = whole_number(json) {
                    self.add_number(number);
                } else {
                    self.spans.push(Span::Json(Edit::between(&self.text, json)));
                    json.clone_into(&mut self.text);
                }
            }
        }
        self.passed = self.spans.len();
    }

    fn refuse(&mut self) {
        if !std::mem::take(&mut self.is_tried_anew) && self.passed == self.spans.len() {
            self.spans.push(Span::Refused);
            self.passed += 1;
        }
    }

    fn add_number(&mut self, number: i64) {
        if let Some(Span::Series(series)) = self.spans.last_mut()
            && series.take(number)
        {
            return;
        }
        self.spans.push(Span::Series(Series { from: number, step: 0, count: 1 }));
    }

    /// Says whether there was anything left.
    fn forget_the_rest(&mut self) -> bool {
        if self.passed == self.spans.len() {
            return false;
        }
        if let Some(Span::Series(series)) = self.spans.get_mut(self.passed)
            && self.within > 0
        {
            series.count = self.within;
            self.passed += 1;
            self.within = 0;
        }
        self.spans.truncate(self.passed);
        true
    }
}

/// Whole numbers, each as much more than the one before.
#[derive(Clone, Copy, Debug)]
struct Series {
    from: i64,
    step: i64,
    /// At least 1.
    count: u64,
}

impl Series {
    fn at(self, index: u64) -> i64 {
        self.from + self.step * index.cast_signed()
    }

    /// Takes a number that goes on with it.
    fn take(&mut self, number: i64) -> bool {
        if self.count == 1 {
            self.step = number - self.from;
        }
        let is_next = self.at(self.count) == number;
        self.count += u64::from(is_next);
        is_next
    }

    /// Whether all of it are numbers that [`whole_number`] knows.
    fn is_sound(self) -> bool {
        let steps = i64::try_from(self.count).ok().and_then(|count| count.checked_sub(1));
        let last = steps.and_then(|steps| self.step.checked_mul(steps)?.checked_add(self.from));
        self.count > 0 && is_exact(self.from) && is_exact(self.step / 2) && last.is_some_and(is_exact)
    }
}

/// The number, if it is a whole one that JavaScript knows from its neighbours, and written as JavaScript does.
fn whole_number(json: &str) -> Option<i64> {
    let number = json.parse().ok().filter(|number| is_exact(*number))?;
    (number.to_string() == json).then_some(number)
}

fn is_exact(number: i64) -> bool {
    number.unsigned_abs() < 1 << 53
}

/// A text as the difference from another one.
#[derive(Debug)]
struct Edit {
    /// How many bytes at the beginning and at the end of the other it shares.
    keep: (usize, usize),
    /// What stands between.
    middle: String,
}

/// So many bytes are no more than it takes to say that they are the same.
const NOT_WORTH_KEEPING: usize = 24;

impl Edit {
    fn between(before: &str, after: &str) -> Self {
        let same = |(a, b): &(u8, u8)| a == b;
        let mut start = before.bytes().zip(after.bytes()).take_while(same).count();
        while !(before.is_char_boundary(start) && after.is_char_boundary(start)) {
            start -= 1;
        }
        let (rest_before, rest_after) = (&before[start..], &after[start..]);
        let mut end = rest_before.bytes().rev().zip(rest_after.bytes().rev()).take_while(same).count();
        while !rest_after.is_char_boundary(rest_after.len() - end) {
            end -= 1;
        }
        if start + end <= NOT_WORTH_KEEPING {
            return Self { keep: (0, 0), middle: after.to_owned() };
        }
        Self { keep: (start, end), middle: rest_after[..rest_after.len() - end].to_owned() }
    }

    /// The text, unless it is not the other one that it is different from.
    fn apply(&self, before: &str) -> Option<String> {
        let (start, end) = self.keep;
        let first_kept_at_end = before.len().checked_sub(end).filter(|at| *at >= start)?;
        let (head, tail) = (before.get(..start)?, before.get(first_kept_at_end..)?);
        Some([head, &self.middle, tail].concat())
    }
}

#[cfg(test)]
mod tests;
