//! Bytes written over a store's file: it is refused, or what it gives is what was written.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use blazen::store::commit::{Code, Parent, PendingDelivery, Settled, Wait, WaitKind, Written};
use blazen::store::query::RunOrder;
use blazen::store::stored_run::HistoryEntry;
use blazen::store::{
    CheckpointStore, Commit, RunQuery, SqliteOptions, SqliteStore, Status, StoreError, StoredRun, UnixMillis,
};
use blazen::{ExactString, StateValue};
use tempfile::TempDir;
use uuid::Uuid;

use super::bytes::Bytes;

const RUNS: u128 = 6;

/// A file of which it is known what is in it.
struct Sample {
    bytes: Vec<u8>,
    known: Vec<Known>,
    folder: TempDir,
}

struct Known {
    id: Uuid,
    run: Option<StoredRun>,
    history: Option<Vec<HistoryEntry>>,
}

static SAMPLE: LazyLock<Sample> = LazyLock::new(Sample::make);

/// The bytes as places in the file and what is written there.
pub fn store_file(bytes: &[u8]) {
    let sample = &*SAMPLE;
    let mut bytes = Bytes(bytes);
    let how = bytes.byte();
    let mut file = sample.bytes.clone();
    if how & 2 != 0 {
        let end = place(&mut bytes, file.len());
        file.truncate(end);
    }
    while !bytes.is_empty() {
        let at = place(&mut bytes, file.len());
        for (old, new) in file[at..].iter_mut().zip(bytes.some(32)) {
            *old = *new;
        }
    }
    let path = sample.path();
    remove(&path);
    fs::write(&path, &file).expect("a folder to write to");
    let options = SqliteOptions { read_only: how & 1 != 0, ..SqliteOptions::default() };
    if let Ok(mut store) = SqliteStore::open(&path, options) {
        sample.compare(&mut store);
        if how & 4 != 0 {
            // Whether these are taken depends on what is damaged.
            _ = store.commit(&[after(sample.known[0].id, 3), creation(Uuid::from_u128(99))]);
            _ = store.prune(UnixMillis(i64::MAX), 2, &[]);
        }
        _ = store.close();
    }
}

/// A place in the file: anywhere in it, or where the header of a page is.
fn place(bytes: &mut Bytes<'_>, length: usize) -> usize {
    let [high, low] = [bytes.byte(), bytes.byte()];
    let place = match high {
        0..128 => usize::from(high % 64) * 4096 + usize::from(low),
        128.. => usize::from(high - 128) * 256 + usize::from(low),
    };
    place % length.max(1)
}

fn remove(path: &Path) {
    for suffix in ["", "-wal", "-shm", "-journal"] {
        let mut name = path.as_os_str().to_owned();
        name.push(suffix);
        _ = fs::remove_file(name); // seldom there
    }
}

impl Sample {
    fn make() -> Self {
        // Memory is much faster than a disk.
        let folder = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).expect("a folder");
        let mut sample = Self { bytes: Vec::new(), known: Vec::new(), folder };
        let path = sample.path();
        let mut store = SqliteStore::open(&path, SqliteOptions::default()).expect("a new store");
        for id in (1..=RUNS).map(Uuid::from_u128) {
            let taken = store.commit(&[creation(id), after(id, 2)]).expect("a store that works");
            assert_eq!(taken, [Ok(()), Ok(())]);
            let run = store.load(id).expect("a store that works");
            let history = store.history(id).expect("a store that works");
            sample.known.push(Known { id, run, history });
        }
        store.close().expect("a store that works");
        sample.bytes = fs::read(&path).expect("a file that was written");
        sample
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("store.db")
    }

    /// Whatever the store gives is what was written.
    fn compare(&self, store: &mut SqliteStore) {
        let order = RunOrder::NewestFirst;
        let all = RunQuery { workflow: None, status: None, order, after: None, limit: 20 };
        if let Ok(page) = store.runs(&all) {
            for summary in page.runs {
                let known = self.known.iter().find(|known| known.id == summary.id);
                let known = known.and_then(|known| known.run.as_ref()).expect("a run that was written");
                assert_eq!((summary.status, summary.updated_at), (known.status.kind(), known.updated_at));
            }
        }
        for Known { id, run, history } in &self.known {
            assert_known(&store.load(*id), run.as_ref());
            assert_known(&store.history(*id), history.as_ref());
        }
    }
}

/// A run that the index has lost is not there; whatever is there is right.
fn assert_known<T: PartialEq + std::fmt::Debug>(found: &Result<Option<T>, StoreError>, known: Option<&T>) {
    if let Ok(Some(found)) = found {
        assert_eq!(Some(found), known);
    }
}

fn creation(run: Uuid) -> Commit {
    let set = |key: &str, place, value| Written { key: key.into(), place, before: None, after: Some(value) };
    Commit {
        creates: Some("orders".into()),
        queued: vec![pending(1, "charge", 10), pending(2, "audit", 5_000)],
        parent: Some(Parent { run: Uuid::nil(), depth: 1 }),
        code: Some(Code { version: "1".into(), steps: "[]".into() }),
        opened: vec![Wait {
            id: ExactString::from_utf16(&[0xD800]),
            kind: WaitKind::Expected,
            event: "{}".into(),
            due: Some(UnixMillis(9_000)),
            expiry: Some("{}".into()),
        }],
        written: vec![
            set("n", 0, StateValue::Json("[1.50]".to_owned())),
            set("large", 1, StateValue::Bytes(vec![7; 6_000])),
        ],
        last_delivery: 2,
        time_remaining: Some(60_000),
        ..Commit::of_nothing(run, 1, UnixMillis(1_000))
    }
}

fn after(run: Uuid, version: u64) -> Commit {
    let ends = run.as_u128().is_multiple_of(3);
    Commit {
        version,
        at: UnixMillis(2_000),
        creates: None,
        settled: Some(Settled { delivery: 1, began: UnixMillis(1_500), attempt: 1 }),
        queued: vec![pending(version + 1, "ship", 100)],
        parent: None,
        code: None,
        opened: Vec::new(),
        written: Vec::new(),
        status: if ends { Status::Completed { result: Some("1".to_owned()) } } else { Status::Running },
        last_delivery: version + 1,
        ..creation(run)
    }
}

fn pending(delivery: u64, step: &str, length: usize) -> PendingDelivery {
    let event = format!(r#"{{"type":"Charged","text":"{}"}}"#, "x".repeat(length)).into();
    PendingDelivery::emitted(delivery, step.into(), "Charged".into(), event)
}
