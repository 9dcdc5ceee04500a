//! What a store must be given, and how it must have a run then.

use std::collections::BTreeMap;
use std::sync::Arc;

use blazen::engine::StepId;
use blazen::store::commit::{self, PendingDelivery};
use blazen::store::{Commit, Status, StatusKind, StoredRun, UnixMillis};
use blazen::{ExactString, StateValue};

use super::workload::{Tally, is_of_type};

/// A run as a store must have it.
#[derive(Clone, Debug, Default)]
pub struct Rest {
    pub pending: BTreeMap<u64, Waiting>,
    pub waits: Vec<(Arc<str>, Arc<str>)>,
    pub state: BTreeMap<Arc<str>, Arc<str>>,
    pub standing: Standing,
    pub last_delivery: u64,
    pub time_left: Option<u64>,
    /// How the run will end once what it has done is undone: then nothing of it counts but that.
    pub ending: Option<Standing>,
    /// What has settled so far. No store is asked for this.
    pub settled: Tally,
}

#[derive(Clone, Debug)]
pub struct Waiting {
    pub step: StepId,
    pub event: Arc<str>,
    pub attempt: u32,
    pub sent: u32,
    /// When it is attempted, if it sleeps until then.
    pub due: Option<u64>,
    /// It has settled, and its event waits for others: the key of its set.
    pub held: Option<Arc<str>>,
    /// Another delivery has had its event.
    pub gathered: bool,
    /// It has settled, and can be undone: the number that orders those.
    pub done: Option<u64>,
    /// What its attempts have added to the state for good.
    pub added: Option<Results>,
    /// The change that must be durable before the next attempt.
    pub since: u64,
}

/// What the additions to each key have given, in order; nothing if one was refused.
pub type Results = BTreeMap<Arc<str>, Vec<Option<Arc<str>>>>;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Standing {
    #[default]
    Running,
    Paused,
    Completed(Arc<str>),
    Failed,
    Cancelled,
}

/// A delivery that is attempted again: which, the number of that attempt, what was sent, and when.
pub type Again = (u64, u32, u32, Option<u64>);

/// One change: what it must hold, and how the run stands after it.
#[derive(Clone, Debug, Default)]
pub struct Expected {
    pub number: u64,
    pub is_whole: bool,
    pub settled: Option<(u64, u32, StepId, Arc<str>)>,
    /// What has settled is a compensation.
    pub is_compensation: bool,
    pub done: Option<u64>,
    pub held: Option<Arc<str>>,
    pub gathered: Vec<u64>,
    pub sent: Option<(u64, u32)>,
    /// Deliveries of which there is more now that they have added.
    pub added: Vec<u64>,
    pub again: Vec<Again>,
    pub closed: Option<Arc<str>>,
    pub queued: Vec<(u64, Waiting)>,
    pub opened: Vec<(Arc<str>, Arc<str>)>,
    pub rest: Rest,
}

impl Waiting {
    /// Whether its handler has not done its work yet.
    pub fn is_to_be_done(&self) -> bool {
        self.done.is_none() && self.held.is_none()
    }
}

impl Rest {
    pub fn new() -> Self {
        Self::default()
    }

    /// What a stored run has otherwise, if anything.
    pub fn difference(&self, stored: &StoredRun) -> Option<&'static str> {
        let is_ending = self.ending.is_some();
        let counts = |done: Option<u64>| done.is_some() || !is_ending;
        let pending = self.pending.iter().filter(|(_, waiting)| counts(waiting.done)).map(told);
        let stored_pending = stored.pending.iter().filter(|pending| counts(pending.done)).map(stored_so);
        let requests = self.waits.iter().map(|(id, event)| (Some(&**id), &**event));
        let stored_requests = stored.waits.iter().map(|wait| (wait.id.as_str(), &*wait.event));
        let stored_requests = stored_requests.filter(|_| !is_ending);
        let state: BTreeMap<_, _> =
            stored.state.iter().map(|kept| (kept.key.as_str(), json(&kept.value))).collect();
        let expected_state = self.state.iter().map(|(key, value)| (Some(&**key), Some(&**value)));
        [
            (!pending.eq(stored_pending), "what is pending"),
            (!requests.eq(stored_requests), "the open requests"),
            (!expected_state.eq(state), "the state"),
            (!self.standing.is(&stored.status), "the status"),
            (is_ending != stored.ending.is_some(), "whether it is about to end"),
            (self.last_delivery != stored.last_delivery, "the last delivery"),
            (self.time_left != stored.time_remaining, "the time that is left"),
        ]
        .into_iter()
        .find_map(|(differs, what)| differs.then_some(what))
    }
}

impl Rest {
    /// Whether anything of the run goes on at a time. What is due by then does.
    fn at_rest(&self, now: UnixMillis) -> commit::Rest {
        let on_its_way =
            self.pending.values().filter(|waiting| waiting.held.is_none() && waiting.done.is_none());
        let first = on_its_way.map(|waiting| waiting.due).map(|due| at_rest_until(due, now)).min();
        match (&self.standing, first) {
            (Standing::Running | Standing::Paused, None)
                if self.ending.is_none() && !self.waits.is_empty() =>
            {
                commit::Rest::Waiting
            }
            (Standing::Running | Standing::Paused, Some(Some(due))) if self.ending.is_none() => {
                commit::Rest::Asleep(due)
            }
            _ => commit::Rest::Awake,
        }
    }
}

fn at_rest_until(due: Option<u64>, now: UnixMillis) -> Option<UnixMillis> {
    due.and_then(|due| i64::try_from(due).ok()).map(UnixMillis).filter(|due| *due > now)
}

impl Expected {
    /// What a commit holds otherwise, if anything. What it writes is compared as a whole, by [`Told`].
    pub fn difference(&self, commit: &Commit) -> Option<&'static str> {
        let settled = self.settled.as_ref().map(|(delivery, attempt, ..)| (*delivery, *attempt));
        let mut expected_again = self.again.clone();
        expected_again.sort_unstable();
        let again =
            commit.again.iter().map(|again| (again.delivery, again.attempt, again.sent, millis(again.due)));
        let mut again: Vec<Again> = again.collect();
        again.sort_unstable();
        let added = commit.added.iter().map(|added| added.delivery);
        let queued = self.queued.iter().map(|(delivery, waiting)| told((delivery, waiting)));
        let mut pending: Vec<_> = commit.queued.iter().collect();
        if commit.replaces {
            pending.sort_by_key(|queued| queued.delivery); // what sleeps is listed by itself
        }
        let committed = pending.into_iter().map(stored_so);
        let asked = self.opened.iter().map(|(id, event)| (Some(&**id), &**event));
        let requested = commit.opened.iter().map(|asked| (asked.id.as_str(), &*asked.event));
        let answered = commit.closed.as_ref().map(|id| id.as_str().unwrap_or_default());
        let at_rest = match commit.rest {
            commit::Rest::Asleep(until) if until <= commit.at => commit::Rest::Awake,
            rest => rest,
        };
        let typed = |queued: &PendingDelivery| is_of_type(&queued.event, &queued.event_type);
        [
            (self.number != commit.version, "the number"),
            (self.is_whole != commit.replaces, "whether it is whole"),
            (commit.creates.is_some() != (self.number == 1), "whether it creates the run"),
            (
                settled != commit.settled.map(|settled| (settled.delivery, settled.attempt)),
                "what has settled",
            ),
            (self.done != commit.done, "what can be undone"),
            (self.held.as_deref() != commit.held.as_ref().and_then(ExactString::as_str), "what is held"),
            (
                sorted(self.gathered.iter().copied()) != sorted(commit.gathered.iter().copied()),
                "what was gathered",
            ),
            (sorted(self.added.iter().copied()) != sorted(added), "what was added"),
            (self.rest.ending.is_some() != commit.ending.is_some(), "whether it is about to end"),
            (self.sent != commit.sent.map(|sent| (sent.delivery, sent.count)), "what was sent"),
            (expected_again != again, "what is attempted again"),
            (self.closed.as_deref() != answered, "what was answered"),
            (!queued.eq(committed) || !commit.queued.iter().all(typed), "what is queued"),
            (!asked.eq(requested), "what is asked"),
            (!self.rest.standing.is(&commit.status), "the status"),
            (self.rest.last_delivery != commit.last_delivery, "the last delivery"),
            (self.rest.time_left != commit.time_remaining, "the time that is left"),
            (self.rest.at_rest(commit.at) != at_rest, "whether it rests"),
        ]
        .into_iter()
        .find_map(|(differs, what)| differs.then_some(what))
    }
}

/// A pending delivery, in a form in which what is expected and what is stored can be compared.
#[derive(PartialEq, Eq)]
struct Pending<'a> {
    delivery: u64,
    step: String,
    event: &'a str,
    attempt: u32,
    /// Nothing for one that is held, which never sends again.
    sent: Option<u32>,
    due: Option<u64>,
    held: Option<&'a str>,
    gathered: bool,
    done: Option<u64>,
    has_added: bool,
}

fn told<'a>((&delivery, waiting): (&u64, &'a Waiting)) -> Pending<'a> {
    let Waiting { step, ref event, attempt, sent, due, ref held, gathered, done, ref added, .. } = *waiting;
    let (step, sent, held) = (step_name(step), held.is_none().then_some(sent), held.as_deref());
    Pending { delivery, step, event, attempt, sent, due, held, gathered, done, has_added: added.is_some() }
}

fn stored_so(pending: &PendingDelivery) -> Pending<'_> {
    let PendingDelivery { delivery, ref step, ref event, attempt, sent, gathered, done, .. } = *pending;
    Pending {
        delivery,
        step: step.to_string(),
        event,
        attempt,
        sent: pending.held.is_none().then_some(sent),
        due: millis(pending.due),
        held: pending.held.as_ref().and_then(ExactString::as_str),
        gathered,
        done,
        has_added: pending.added.is_some(),
    }
}

fn sorted(deliveries: impl Iterator<Item = u64>) -> Vec<u64> {
    let mut sorted: Vec<u64> = deliveries.collect();
    sorted.sort_unstable();
    sorted
}

impl Standing {
    fn is(&self, status: &Status) -> bool {
        match self {
            Self::Completed(result) => {
                matches!(status, Status::Completed { result: Some(text) } if **text == **result)
            }
            Self::Running => status.kind() == StatusKind::Running,
            Self::Paused => status.kind() == StatusKind::Paused,
            Self::Failed => status.kind() == StatusKind::Failed,
            Self::Cancelled => status.kind() == StatusKind::Cancelled,
        }
    }
}

/// The state as commits tell it.
#[derive(Clone, Debug, Default)]
pub struct Told(BTreeMap<Arc<str>, Arc<str>>);

impl Told {
    /// What is wrong with what a commit tells, if anything.
    pub fn hears(&mut self, commit: &Commit, expected: &Rest) -> Option<&'static str> {
        if commit.replaces {
            self.0.clear();
        }
        for written in &commit.written {
            let key: Arc<str> = written.key.as_str().unwrap_or_default().into();
            let before = match written.after.as_ref().and_then(json) {
                Some(after) => self.0.insert(key, after.into()),
                None => self.0.remove(&key),
            };
            if before.as_deref() != written.before.as_ref().and_then(json) {
                return Some("what stood there before");
            }
        }
        (self.0 != expected.state).then_some("the state")
    }
}

pub fn json(value: &StateValue) -> Option<&str> {
    match value {
        StateValue::Json(text) => Some(text),
        StateValue::Bytes(_) => None,
    }
}

pub fn millis(due: Option<UnixMillis>) -> Option<u64> {
    due.map(|due| u64::try_from(due.0).expect("a time after 1970"))
}

fn step_name(step: StepId) -> String {
    format!("step {}", step.0)
}
