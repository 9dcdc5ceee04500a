//! A script is played on a disk that fails, as somebody plays it who wants everything stored in the end.

use blazen::store::StoreError;

use crate::driver::{Store, open_sqlite};
use crate::expected_runs::{Call, Ledger, Violation, all_taken};
use crate::faulty_disk::FaultyDisk;
use crate::settings::Folder;

/// How often somebody tries again before he gives up on a disk that works.
const PATIENCE: usize = 3;

/// Plays on a disk. After an error the call is made again, first while the fault lasts and then without it; only then
/// comes the next call.
pub struct Playing<'a> {
    pub disk: &'a FaultyDisk,
    pub folder: &'a Folder,
    pub ledger: Ledger,
    store: Option<Store>,
}

impl<'a> Playing<'a> {
    pub fn new(disk: &'a FaultyDisk, folder: &'a Folder) -> Self {
        Self { disk, folder, ledger: Ledger::default(), store: None }
    }

    /// Plays all calls, and leaves everything stored.
    pub fn play(mut self, calls: &[Call]) -> Result<Ledger, Violation> {
        self.open()?;
        for (number, call) in calls.iter().enumerate() {
            self.disk.mark(Ledger::mark_of_asking(number));
            self.ledger.asked(call);
            let done = match self.call(call) {
                Ok(()) => Ok(()),
                Err(error) => self.try_again(call, &error),
            };
            done.map_err(|wrong| wrong.at(&format!("call {number}")))?;
            self.ledger.acknowledged(call);
            self.disk.mark(Ledger::mark_of_acknowledging(number));
        }
        self.with_store(|ledger, store| ledger.check_answers(&mut **store))?;
        self.disk.lift_faults();
        let checked = self.with_store(|ledger, store| ledger.check(&mut **store));
        checked.map_err(|wrong| wrong.at("at the end"))?;
        drop(self.store.take());
        let mut store = open_sqlite(&self.folder.store(), None)?;
        self.ledger.check(&mut *store).map_err(|wrong| wrong.at("opened again at the end"))?;
        Ok(self.ledger)
    }

    fn open(&mut self) -> Result<(), Violation> {
        for attempt in 0..=PATIENCE {
            match open_sqlite(&self.folder.store(), Some(self.disk.vfs())) {
                Ok(store) => {
                    self.store = Some(store);
                    return Ok(());
                }
                Err(error) if attempt < PATIENCE => is_about_the_disk(&error)?,
                Err(error) => return Err(Violation::from(error).at("it does not open any more")),
            }
            if attempt > 0 {
                self.disk.lift_faults();
            }
        }
        Ok(())
    }

    fn try_again(&mut self, call: &Call, error: &StoreError) -> Result<(), Violation> {
        is_about_the_disk(error)?;
        for attempt in 0..=PATIENCE {
            // A store that was closed may be asked nothing.
            if self.store.is_some() {
                let answers = self.with_store(|ledger, store| ledger.check_answers(&mut **store));
                answers.map_err(|wrong| wrong.at(&format!("after {error}")))?;
            }
            if attempt > 0 {
                self.disk.lift_faults();
            }
            match self.call_again(call) {
                Ok(()) => return Ok(()),
                Err(Violation::Error(again)) if attempt < PATIENCE => is_about_the_disk(&again)?,
                Err(wrong) => return Err(wrong.at(&format!("after {error}"))),
            }
        }
        Ok(())
    }

    fn call(&mut self, call: &Call) -> Result<(), StoreError> {
        match call {
            Call::Commit(batch) => {
                let answers = self.store_mut().commit(batch)?;
                all_taken(batch, &answers).expect("commits that fit are taken");
            }
            Call::Prune { finished_before } => {
                self.store_mut().prune(*finished_before, usize::MAX, &[])?;
            }
            Call::Reopen => {
                let mut store = self.store.take().expect("it is opened first");
                let closed = store.close();
                drop(store);
                closed?;
                self.store = Some(open_sqlite(&self.folder.store(), Some(self.disk.vfs()))?);
            }
        }
        Ok(())
    }

    fn call_again(&mut self, call: &Call) -> Result<(), Violation> {
        match call {
            Call::Commit(batch) => self.with_store(|ledger, store| ledger.finish(&mut **store, batch)),
            Call::Prune { .. } => Ok(self.call(call)?),
            Call::Reopen => self.open(),
        }
    }

    fn store_mut(&mut self) -> &mut Store {
        self.store.as_mut().expect("it is opened first")
    }

    fn with_store<T>(&mut self, ask: impl FnOnce(&mut Ledger, &mut Store) -> T) -> T {
        let store = self.store.as_mut().expect("it is opened first");
        ask(&mut self.ledger, store)
    }
}

/// What is wrong with a disk must not be called a bug, a damaged file or another process.
pub fn is_about_the_disk(error: &StoreError) -> Result<(), Violation> {
    match error {
        StoreError::Full { .. }
        | StoreError::Io { .. }
        | StoreError::ReadOnly { .. }
        | StoreError::CannotOpen { .. } => Ok(()),
        wrong => Err(Violation::Wrong(format!("the disk fails, and the store says: {wrong}"))),
    }
}
