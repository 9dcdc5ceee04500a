//! Who has been promised what.

use std::collections::BTreeMap;
use std::fmt::{self, Debug};

use blazen::store::commit::Commit;
use blazen::store::query::RunOrder;
use blazen::store::{CheckpointStore, Refusal, RunQuery, RunSummary, StoreError, UnixMillis};
use uuid::Uuid;

use super::{Call, Expected};

/// What a store was asked for and what it has acknowledged.
#[derive(Clone, Debug, Default)]
pub struct Ledger {
    runs: BTreeMap<Uuid, RunLedger>,
    /// Runs in the order in which they were created.
    created: Vec<Uuid>,
    /// The store keeps no history.
    pub without_history: bool,
}

/// Always true: `acknowledged <= versions.len()`.
#[derive(Clone, Debug, Default)]
struct RunLedger {
    /// The run after its first commit, its second one, ...
    versions: Vec<Expected>,
    acknowledged: usize,
    pruning: Pruning,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Pruning {
    #[default]
    NotAsked,
    Asked,
    Acknowledged,
}

/// How a store breaks its word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Violation {
    /// It gives an error where it must not.
    Error(StoreError),
    /// It gives an answer that is not so.
    Wrong(String),
}

impl Violation {
    /// Two values that should be the same, where they begin to differ.
    fn difference<F: Debug, W: Debug>(what: &str, found: &F, written: &W) -> Self {
        const SHOWN: usize = 160;
        let (found, written) = (format!("{found:?}"), format!("{written:?}"));
        let same = found.chars().zip(written.chars()).take_while(|(one, other)| one == other).count();
        let shown = |text: &str| -> String {
            text.chars().skip(same.saturating_sub(SHOWN / 2)).take(SHOWN).collect()
        };
        Self::Wrong(format!(
            "{what}: found is ...{}..., written was ...{}...",
            shown(&found),
            shown(&written)
        ))
    }

    /// The same, with the place where it was found.
    pub fn at(self, place: &str) -> Self {
        match self {
            Self::Error(error) => Self::Wrong(format!("{place}: the store gives an error: {error}")),
            Self::Wrong(words) => Self::Wrong(format!("{place}: {words}")),
        }
    }
}

impl From<StoreError> for Violation {
    fn from(error: StoreError) -> Self {
        Self::Error(error)
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Error(error) => write!(f, "the store gives an error: {error}"),
            Self::Wrong(words) => f.write_str(words),
        }
    }
}

impl Ledger {
    /// The store is about to be asked: whatever the call does may be found from now on.
    pub fn asked(&mut self, call: &Call) {
        match call {
            Call::Commit(batch) => batch.iter().for_each(|commit| self.asked_to_commit(commit)),
            Call::Prune { finished_before } => {
                for run in self.prunable(*finished_before) {
                    let run = self.runs.get_mut(&run).expect("it is listed");
                    if run.pruning == Pruning::NotAsked {
                        run.pruning = Pruning::Asked;
                    }
                }
            }
            Call::Reopen => {}
        }
    }

    /// The store has said yes: what the call does must be found from now on.
    pub fn acknowledged(&mut self, call: &Call) {
        match call {
            Call::Commit(batch) => {
                for commit in batch {
                    let run = self.runs.get_mut(&commit.run).expect("it was asked for");
                    let version = usize::try_from(commit.version).expect("versions are few");
                    run.acknowledged = run.acknowledged.max(version);
                }
            }
            Call::Prune { finished_before } => {
                for run in self.prunable(*finished_before) {
                    self.runs.get_mut(&run).expect("it is listed").pruning = Pruning::Acknowledged;
                }
            }
            Call::Reopen => {}
        }
    }

    /// The same, said by a mark in the log of a disk.
    pub fn told_by(&mut self, mark: u64, calls: &[Call]) {
        let call = &calls[usize::try_from(mark / 2).expect("calls are few")];
        if mark.is_multiple_of(2) { self.asked(call) } else { self.acknowledged(call) }
    }

    /// The mark for asking the number-th call.
    pub fn mark_of_asking(call: usize) -> u64 {
        u64::try_from(call).expect("calls are few") * 2
    }

    /// The mark for its acknowledgement.
    pub fn mark_of_acknowledging(call: usize) -> u64 {
        Self::mark_of_asking(call) + 1
    }

    /// Whether the run may be gone, since somebody has asked for that.
    pub fn may_be_pruned(&self, run: Uuid) -> bool {
        self.runs.get(&run).is_some_and(|run| run.pruning != Pruning::NotAsked)
    }

    /// Whether the store holds what it must and nothing else.
    pub fn check(&self, store: &mut dyn CheckpointStore) -> Result<(), Violation> {
        let mut found = Vec::new();
        for id in &self.created {
            if let Some(version) = self.check_run(store, *id)? {
                found.push(version.summary());
            }
        }
        check_list(store, &found)?;
        match store.load(Uuid::from_u128(404))? {
            None => Ok(()),
            Some(stranger) => Err(Violation::Wrong(format!("nobody has written {stranger:?}"))),
        }
    }

    /// Whether all that the store answers is so; it may also give errors.
    pub fn check_answers(&self, store: &mut dyn CheckpointStore) -> Result<(), Violation> {
        for id in &self.created {
            match self.check_run(store, *id) {
                Ok(_) | Err(Violation::Error(_)) => {}
                Err(wrong) => return Err(wrong),
            }
        }
        Ok(())
    }

    /// Of how many runs the store gives an error instead of an answer. An answer must be so.
    pub fn quarantined(&self, store: &mut dyn CheckpointStore) -> Result<usize, Violation> {
        let mut count = 0;
        for id in &self.created {
            match self.check_run(store, *id) {
                Ok(_) => {}
                Err(Violation::Error(StoreError::Corrupt { .. } | StoreError::Io { .. })) => count += 1,
                Err(wrong) => return Err(wrong),
            }
        }
        Ok(count)
    }

    /// The same, where a run may not be found by its id. What is found must be so, and whole.
    pub fn quarantined_or_hidden(&self, store: &mut dyn CheckpointStore) -> Result<usize, Violation> {
        let mut count = 0;
        for id in &self.created {
            match self.check_run(store, *id) {
                Ok(_) => {}
                Err(Violation::Error(StoreError::Corrupt { .. } | StoreError::Io { .. })) => count += 1,
                Err(_) if store.load(*id) == Ok(None) => count += 1,
                Err(wrong) => return Err(wrong),
            }
        }
        Ok(count)
    }

    /// The runs as they were asked to become.
    pub fn newest(&self) -> impl Iterator<Item = &Expected> {
        self.runs.values().filter_map(|run| run.versions.last())
    }

    /// The stored version of one run, if it is there and may be as it is.
    pub fn check_run(
        &self,
        store: &mut dyn CheckpointStore,
        id: Uuid,
    ) -> Result<Option<&Expected>, Violation> {
        let run = &self.runs[&id];
        let Some(stored) = store.load(id)? else {
            if run.acknowledged > 0 && run.pruning == Pruning::NotAsked {
                let version = run.acknowledged;
                return Err(Violation::Wrong(format!("run {id} is lost; it had version {version}")));
            }
            return match store.history(id)? {
                None => Ok(None),
                Some(history) => {
                    Err(Violation::Wrong(format!("run {id} is not there, but has a history: {history:?}")))
                }
            };
        };
        if run.pruning == Pruning::Acknowledged {
            return Err(Violation::Wrong(format!("run {id} was pruned and is there")));
        }
        let version = usize::try_from(stored.version).unwrap_or(usize::MAX);
        if version < run.acknowledged {
            let acknowledged = run.acknowledged;
            return Err(Violation::Wrong(format!(
                "run {id} has version {version}; {acknowledged} was acknowledged"
            )));
        }
        let Some(expected) = version.checked_sub(1).and_then(|index| run.versions.get(index)) else {
            return Err(Violation::Wrong(format!("nobody has written version {version} of run {id}")));
        };
        if stored != expected.run {
            return Err(Violation::difference(&format!("run {id}"), &stored, &expected.run));
        }
        let history =
            store.history(id)?.ok_or_else(|| Violation::Wrong(format!("run {id} has lost its history")))?;
        let written = if self.without_history { &[] } else { expected.history.as_slice() };
        if history != written {
            return Err(Violation::difference(&format!("the history of run {id}"), &history, &written));
        }
        Ok(Some(expected))
    }

    /// Asks the store to commit what it does not have yet, as somebody does who got an error: each run from the
    /// version that is stored. The store must take it all.
    pub fn finish(&mut self, store: &mut dyn CheckpointStore, batch: &[Commit]) -> Result<(), Violation> {
        let mut missing = Vec::new();
        for commit in batch {
            let stored = store.load(commit.run)?.map_or(0, |run| run.version);
            if commit.version > stored {
                missing.push(commit.clone());
            }
        }
        let answers = store.commit(&missing)?;
        all_taken(&missing, &answers)?;
        self.acknowledged(&Call::Commit(batch.to_vec()));
        Ok(())
    }

    fn asked_to_commit(&mut self, commit: &Commit) {
        if !self.created.contains(&commit.run) {
            self.created.push(commit.run);
        }
        let run = self.runs.entry(commit.run).or_default();
        let known = usize::try_from(commit.version - 1).expect("versions are few");
        // A commit that is asked for again is the same.
        if run.versions.len() == known {
            run.versions.push(Expected::after(run.versions.last(), commit));
        }
    }

    fn prunable(&self, finished_before: UnixMillis) -> Vec<Uuid> {
        let ended_before = |run: &RunLedger| {
            let finished = run.versions.last().and_then(|newest| newest.run.finished_at);
            finished.is_some_and(|finished| finished < finished_before)
        };
        self.runs.iter().filter(|(_, run)| ended_before(run)).map(|(id, _)| *id).collect()
    }
}

/// Every commit has an answer, and the answer is yes.
pub fn all_taken(batch: &[Commit], answers: &[Result<(), Refusal>]) -> Result<(), Violation> {
    if answers.len() != batch.len() {
        return Err(Violation::Wrong(format!("{} commits have {} answers", batch.len(), answers.len())));
    }
    match answers.iter().find_map(|answer| answer.as_ref().err()) {
        Some(refusal) => Err(Violation::Wrong(format!("a commit is refused that fits: {refusal}"))),
        None => Ok(()),
    }
}

/// The lists of runs agree with the runs themselves.
fn check_list(store: &mut dyn CheckpointStore, found: &[RunSummary]) -> Result<(), Violation> {
    let mut query =
        RunQuery { workflow: None, status: None, order: RunOrder::OldestFirst, after: None, limit: 3 };
    let mut listed = Vec::new();
    loop {
        let page = store.runs(&query)?;
        listed.extend(page.runs);
        query.after = page.next;
        if query.after.is_none() {
            break;
        }
    }
    if listed == found { Ok(()) } else { Err(Violation::difference("the list", &listed, &found)) }
}
