//! What a store must have of one run, told by the commits that it has taken.

use std::collections::BTreeSet;

use blazen::ExactString;
use blazen::store::{Commit, StatusKind, StoredRun};

/// How a run stands in the books.
#[derive(Debug, Default)]
pub struct Ledger {
    pending: BTreeSet<u64>,
    open: BTreeSet<ExactString>,
    last_delivery: u64,
    version: u64,
    has_ended: bool,
}

impl Ledger {
    /// Books a commit: it goes on from where the run stands, and each delivery in it is queued once and settles once.
    pub fn book(&mut self, commit: &Commit) {
        assert!(!self.has_ended, "a commit of a run that has ended: {commit:?}");
        assert_eq!(commit.version, self.version + 1);
        self.version = commit.version;
        assert_eq!(commit.creates.is_some(), commit.version == 1, "{commit:?}");
        if commit.replaces {
            self.pending.clear();
            self.open.clear();
        }
        if let Some(settled) = commit.settled {
            assert!(
                self.pending.remove(&settled.delivery),
                "{commit:?} settles what is not pending: {self:?}"
            );
        }
        let before = if commit.replaces { 0 } else { self.last_delivery };
        for queued in &commit.queued {
            let is_new = queued.delivery > before && self.pending.insert(queued.delivery);
            assert!(is_new && queued.delivery <= commit.last_delivery, "{commit:?} queues again: {self:?}");
        }
        let sent = commit.sent.iter().map(|sent| sent.delivery);
        let again = commit.again.iter().map(|again| again.delivery);
        for delivery in sent.chain(again) {
            assert!(self.pending.contains(&delivery), "{commit:?} names what is not pending: {self:?}");
        }
        if let Some(id) = &commit.closed {
            assert!(self.open.remove(id), "{commit:?} closes what is not open: {self:?}");
        }
        for opened in &commit.opened {
            assert!(self.open.insert(opened.id.clone()), "{commit:?} opens again: {self:?}");
        }
        assert!(commit.last_delivery >= self.last_delivery, "{commit:?}: {self:?}");
        self.last_delivery = commit.last_delivery;
        self.has_ended = commit.status.kind().is_ended();
        if self.has_ended {
            self.pending.clear();
            self.open.clear();
        }
    }

    /// Holds what a store has of the run against the books.
    pub fn compare(&self, stored: &StoredRun) {
        let pending: BTreeSet<u64> = stored.pending.iter().map(|pending| pending.delivery).collect();
        let open: BTreeSet<ExactString> = stored.waits.iter().map(|wait| wait.id.clone()).collect();
        assert_eq!((&pending, &open), (&self.pending, &self.open));
        assert_eq!((stored.version, stored.last_delivery), (self.version, self.last_delivery));
        assert_eq!(stored.status.kind().is_ended(), self.has_ended);
        if stored.status.kind() == StatusKind::Running {
            assert!(!pending.is_empty() || !open.is_empty(), "a run that could never go on: {stored:?}");
        }
    }

    pub fn has_ended(&self) -> bool {
        self.has_ended
    }
}
