//! What a disk may hold when its power is cut.
//!
//! Always true of what is built here:
//! 1. What was written to a file before a sync of that file, and is not overwritten since, is in every image.
//! 2. Of later writes each 512-byte sector may be there or not, whatever became of those before and after it; so a
//!    sector may hold any version since the last sync, and a later write may be there without an earlier one.
//! 3. Names come and go in the order in which they were created and deleted: of those changes that no directory sync
//!    has made durable, any number of the last may be missing. That is what journaling file systems promise.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use super::{FileId, Operation, OperationLog, Random};

/// What a disk writes whole or not at all.
pub const SECTOR: usize = 512;

/// The disk at one moment.
#[derive(Clone, Debug, Default)]
pub struct Platter {
    files: BTreeMap<FileId, File>,
    names: BTreeMap<String, FileId>,
    unsynced_names: Vec<NameChange>,
}

/// What becomes of that which was not synced when the power is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    NothingUnsynced,
    AllUnsynced,
    /// The first so many writes of each file, and of the next one some sectors.
    FirstWrites {
        seed: u64,
    },
    /// Some writes, whole.
    SomeWrites {
        seed: u64,
    },
    /// Some sectors of some writes.
    SomeSectors {
        seed: u64,
    },
    /// Some sectors, in files that have their new length already: what is not written there is noise.
    NoiseAtTheEnd {
        seed: u64,
    },
}

/// Files as they are found when the power is back.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Image {
    pub files: BTreeMap<String, Vec<u8>>,
}

#[derive(Clone, Debug, Default)]
struct File {
    synced: Vec<u8>,
    unsynced: Vec<Change>,
}

#[derive(Clone, Debug)]
enum Change {
    Write { offset: usize, bytes: Arc<[u8]> },
    Truncate { length: usize },
}

#[derive(Clone, Debug)]
enum NameChange {
    Created(String, FileId),
    Deleted(String),
}

impl Platter {
    /// The disk before the first line of the log.
    pub fn before(log: &OperationLog) -> Self {
        let mut platter = Self::default();
        for (file, name, content) in &log.found {
            platter.files.insert(*file, File { synced: content.clone(), unsynced: Vec::new() });
            platter.names.insert(name.clone(), *file);
        }
        platter
    }

    /// One operation later.
    pub fn apply(&mut self, operation: &Operation) {
        match operation {
            Operation::Create { file, name } => {
                self.files.entry(*file).or_default();
                self.unsynced_names.push(NameChange::Created(name.clone(), *file));
            }
            Operation::Delete { name, directory_too } => {
                self.unsynced_names.push(NameChange::Deleted(name.clone()));
                self.sync_names(*directory_too);
            }
            Operation::Write { file, offset, bytes } => {
                let change = Change::Write { offset: *offset, bytes: Arc::clone(bytes) };
                self.file(*file).unsynced.push(change);
            }
            Operation::Truncate { file, length } => {
                self.file(*file).unsynced.push(Change::Truncate { length: *length });
            }
            Operation::Sync { file, directory_too } => {
                let file = self.file(*file);
                file.synced = file.cut(Cut::AllUnsynced, FileId(0));
                file.unsynced.clear();
                self.sync_names(*directory_too);
            }
            Operation::SyncFailed { file: id, seed } => {
                let file = self.file(*id);
                file.synced = file.cut(Cut::SomeSectors { seed: *seed }, *id);
                file.unsynced.clear();
            }
        }
    }

    /// Whether a cut could lose anything.
    pub fn is_all_synced(&self) -> bool {
        self.unsynced_names.is_empty() && self.files.values().all(|file| file.unsynced.is_empty())
    }

    /// What is found after the power was cut now.
    pub fn cut(&self, cut: Cut) -> Image {
        let mut names = self.names.clone();
        let kept = match cut {
            Cut::NothingUnsynced => 0,
            Cut::AllUnsynced => self.unsynced_names.len(),
            Cut::FirstWrites { seed }
            | Cut::SomeWrites { seed }
            | Cut::SomeSectors { seed }
            | Cut::NoiseAtTheEnd { seed } => Random::of(seed, 1).below(self.unsynced_names.len() + 1),
        };
        self.unsynced_names[..kept].iter().for_each(|change| change.apply(&mut names));
        let files = names.into_iter().map(|(name, id)| (name, self.files[&id].cut(cut, id))).collect();
        Image { files }
    }

    /// What a program reads from the file now, were it read from the disk itself.
    pub(super) fn synced(&self, file: FileId) -> &[u8] {
        &self.files[&file].synced
    }

    fn file(&mut self, file: FileId) -> &mut File {
        self.files.get_mut(&file).expect("a file is found or created before it is changed")
    }

    fn sync_names(&mut self, synced: bool) {
        if synced {
            let changes = std::mem::take(&mut self.unsynced_names);
            for change in &changes {
                change.apply(&mut self.names);
            }
        }
    }
}

impl File {
    /// What of the file is found. `id` keeps two files from being cut alike.
    fn cut(&self, cut: Cut, id: FileId) -> Vec<u8> {
        let part = u64::try_from(id.0).expect("a usize fits") + 2;
        let mut content = self.synced.clone();
        match cut {
            Cut::NothingUnsynced => {}
            Cut::AllUnsynced => self.unsynced.iter().for_each(|change| change.apply(&mut content)),
            Cut::FirstWrites { seed } => {
                let mut random = Random::of(seed, part);
                let whole = random.below(self.unsynced.len() + 1);
                self.unsynced[..whole].iter().for_each(|change| change.apply(&mut content));
                if let Some(torn) = self.unsynced.get(whole) {
                    torn.apply_sectors(&mut content, &mut random, 50);
                }
            }
            Cut::SomeWrites { seed } => {
                let mut random = Random::of(seed, part);
                let chance = [15, 50, 85][random.below(3)];
                for change in &self.unsynced {
                    if random.percent(chance) {
                        change.apply(&mut content);
                    }
                }
            }
            Cut::SomeSectors { seed } => {
                let mut random = Random::of(seed, part);
                let chance = [15, 50, 95][random.below(3)];
                for change in &self.unsynced {
                    change.apply_sectors(&mut content, &mut random, chance);
                }
            }
            Cut::NoiseAtTheEnd { seed } => {
                let mut random = Random::of(seed, part);
                let ends = self.unsynced.iter().map(Change::end);
                let end = ends.fold(content.len(), usize::max);
                let old_end = content.len();
                content.resize_with(end, || random.next().to_le_bytes()[0]);
                for change in &self.unsynced {
                    // A sector that was there before holds what was written before, or later, never noise.
                    if random.percent(50) || change.begins() < old_end {
                        change.apply_sectors(&mut content, &mut random, 50);
                    }
                }
            }
        }
        content
    }
}

impl Change {
    fn begins(&self) -> usize {
        match self {
            Self::Write { offset, .. } => *offset,
            Self::Truncate { .. } => 0,
        }
    }

    fn end(&self) -> usize {
        match self {
            Self::Write { offset, bytes } => offset + bytes.len(),
            Self::Truncate { .. } => 0,
        }
    }

    fn apply(&self, content: &mut Vec<u8>) {
        match self {
            Self::Write { offset, bytes } => write_at(content, *offset, bytes),
            Self::Truncate { length } => content.resize(*length, 0),
        }
    }

    fn apply_sectors(&self, content: &mut Vec<u8>, random: &mut Random, chance: usize) {
        match self {
            Self::Write { offset, bytes } => {
                let mut rest: &[u8] = bytes;
                let mut at = *offset;
                while !rest.is_empty() {
                    let (piece, later) = rest.split_at(rest.len().min(SECTOR - at % SECTOR));
                    if random.percent(chance) {
                        write_at(content, at, piece);
                    }
                    at += piece.len();
                    rest = later;
                }
            }
            Self::Truncate { length } => {
                if random.percent(chance) {
                    content.resize(*length, 0);
                }
            }
        }
    }
}

fn write_at(content: &mut Vec<u8>, offset: usize, bytes: &[u8]) {
    let end = offset + bytes.len();
    if content.len() < end {
        content.resize(end, 0);
    }
    content[offset..end].copy_from_slice(bytes);
}

impl NameChange {
    fn apply(&self, names: &mut BTreeMap<String, FileId>) {
        match self {
            Self::Created(name, file) => names.insert(name.clone(), *file),
            Self::Deleted(name) => names.remove(name),
        };
    }
}

impl Image {
    /// Puts the files into a folder, and takes out whatever else is there.
    pub fn restore_into(&self, folder: &Path) {
        fs::create_dir_all(folder).expect("the folder can be made");
        for entry in fs::read_dir(folder).expect("the folder can be listed") {
            let path = entry.expect("the folder can be listed").path();
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            if !self.files.contains_key(name) {
                fs::remove_file(&path).expect("the file can be removed");
            }
        }
        for (name, content) in &self.files {
            fs::write(folder.join(name), content).expect("the file can be written");
        }
    }

    /// The same for the same files.
    pub fn fingerprint(&self) -> u64 {
        let mut fingerprint = 0;
        for (name, content) in &self.files {
            let checksum = crc32fast::hash(name.as_bytes()) ^ crc32fast::hash(content);
            let length = u64::try_from(content.len()).expect("a usize fits");
            fingerprint = Random::of(fingerprint ^ u64::from(checksum), length).next();
        }
        fingerprint
    }
}
