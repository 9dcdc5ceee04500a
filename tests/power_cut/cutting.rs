//! The power is cut at every line of a log, and the driver looks at what is left.

use std::collections::HashSet;

use crate::driver::open_sqlite;
use crate::expected_runs::{Call, Ledger, Violation};
use crate::faulty_disk::{Cut, Entry, FaultyDisk, Image, OperationLog, Platter, Random};
use crate::recording::Recording;
use crate::settings::Folder;

/// How the power is cut, and what was found.
pub struct Cutting {
    seed: u64,
    /// How many cuts of each kind are drawn at a line.
    draws: usize,
    folder: Folder,
    looked_at: HashSet<(u64, u64)>,
    /// How many different images the driver was given.
    pub points: usize,
}

impl Cutting {
    pub fn new(seed: u64, draws: usize) -> Self {
        Self { seed, draws, folder: Folder::new(), looked_at: HashSet::new(), points: 0 }
    }

    /// Cuts the power at every line. The first violation ends it.
    pub fn everywhere(&mut self, recording: &Recording) -> Result<(), Violation> {
        let mut platter = Platter::before(&recording.log);
        let mut ledger = Ledger::default();
        let mut marks = 0;
        self.here(0, &platter, &ledger, marks, recording)?;
        for (line, entry) in recording.log.entries.iter().enumerate() {
            match entry {
                Entry::Did(operation) => platter.apply(operation),
                Entry::Mark(mark) => {
                    marks += 1;
                    ledger.told_by(*mark, &recording.calls);
                }
            }
            self.here(line + 1, &platter, &ledger, marks, recording)?;
        }
        Ok(())
    }

    fn here(
        &mut self,
        line: usize,
        platter: &Platter,
        ledger: &Ledger,
        marks: u64,
        recording: &Recording,
    ) -> Result<(), Violation> {
        for cut in self.cuts(line, platter) {
            let image = platter.cut(cut);
            if !self.looked_at.insert((image.fingerprint(), marks)) {
                continue;
            }
            self.points += 1;
            let looked = match self.points {
                point if point.is_multiple_of(500) => self.cut_again(&image, ledger),
                point if point.is_multiple_of(8) => self.go_on(&image, ledger, &recording.calls),
                _ => self.look(&image, ledger),
            };
            looked.map_err(|wrong| wrong.at(&format!("line {line} of the log, {cut:?}")))?;
        }
        Ok(())
    }

    fn cuts(&self, line: usize, platter: &Platter) -> Vec<Cut> {
        let mut cuts = vec![Cut::NothingUnsynced];
        if !platter.is_all_synced() {
            cuts.push(Cut::AllUnsynced);
            let mut random = Random::of(self.seed, u64::try_from(line).unwrap());
            for _ in 0..self.draws {
                cuts.push(Cut::FirstWrites { seed: random.next() });
                cuts.push(Cut::SomeWrites { seed: random.next() });
                cuts.push(Cut::SomeSectors { seed: random.next() });
                cuts.push(Cut::NoiseAtTheEnd { seed: random.next() });
            }
        }
        cuts
    }

    /// The driver finds what it must.
    fn look(&self, image: &Image, ledger: &Ledger) -> Result<(), Violation> {
        image.restore_into(self.folder.path());
        let mut store = open_sqlite(&self.folder.store(), None)?;
        ledger.check(&mut *store)
    }

    /// The driver finds what it must, takes what is missing, and finds that too when it is opened again.
    fn go_on(&self, image: &Image, ledger: &Ledger, calls: &[Call]) -> Result<(), Violation> {
        image.restore_into(self.folder.path());
        let mut store = open_sqlite(&self.folder.store(), None)?;
        ledger.check(&mut *store)?;
        let mut ledger = ledger.clone();
        for call in calls {
            if let Call::Commit(batch) = call
                && batch.iter().all(|commit| !ledger.may_be_pruned(commit.run))
            {
                ledger.asked(call);
                ledger.finish(&mut *store, batch)?;
            }
        }
        ledger.check(&mut *store)?;
        drop(store);
        let mut store = open_sqlite(&self.folder.store(), None)?;
        ledger.check(&mut *store)
    }

    /// The power is cut once more while the driver opens what the first cut has left, at every line.
    fn cut_again(&mut self, image: &Image, ledger: &Ledger) -> Result<(), Violation> {
        image.restore_into(self.folder.path());
        let disk = FaultyDisk::new(self.seed);
        let mut store = open_sqlite(&self.folder.store(), Some(disk.vfs()))?;
        ledger.check(&mut *store)?;
        let mut log: OperationLog = disk.log();
        drop(store);
        log.found.retain(|(_, name, _)| image.files.contains_key(name));
        let mut platter = Platter::before(&log);
        for (line, entry) in log.entries.iter().enumerate() {
            let Entry::Did(operation) = entry else { continue };
            platter.apply(operation);
            for cut in self.cuts(line, &platter) {
                let image = platter.cut(cut);
                self.points += 1;
                let looked = self.look(&image, ledger);
                looked.map_err(|wrong| wrong.at(&format!("cut again at line {line} of opening, {cut:?}")))?;
            }
        }
        Ok(())
    }
}
