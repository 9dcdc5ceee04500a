//! The driver: a connection, and when it is trusted.
//!
//! After a failure nothing that was remembered is used. After a failure of the device the connection itself is given
//! up: what it holds of the file was perhaps never written. Its log is written back first as far as it was known to be
//! durable, so that no commit that was reported as failed comes back to life.

use std::path::Path;
use std::sync::Arc;

use rusqlite::Connection;
use uuid::Uuid;

use super::super::stored_run::HistoryEntry;
use super::super::{CheckpointStore, Commit, Refusal, RunPage, RunQuery, StoreError, StoredRun, UnixMillis};
use super::committing::{Terms, commit_batch};
use super::failure::Failure;
use super::live_runs::LiveRuns;
use super::owner_lock::OwnerLock;
use super::place::Place;
use super::{listing, loading, opening, pruning};

/// SQLite keeps records of up to 1,000,000,000 bytes; some of them are the smaller columns'.
const LONGEST_RECORD: usize = 999_999_000;

/// How a store is opened.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SqliteOptions {
    /// Only to look: takes no lock and changes nothing, also while somebody else runs the store. Default: false.
    pub read_only: bool,
    /// Whether to keep what has happened, and not only how things stand. Default: [`History::Full`].
    pub history: History,
    /// The name of a registered VFS of SQLite's, for tests of failing disks. Default: the system's.
    pub vfs: Option<String>,
}

/// What is kept of the past.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum History {
    /// Every commit, until the run is pruned.
    #[default]
    Full,
    /// Nothing.
    None,
}

/// A store in a file.
///
/// ```no_run
/// use blazen::store::{CheckpointStore, SqliteOptions, SqliteStore};
///
/// let mut store = SqliteStore::open("orders.db".as_ref(), SqliteOptions::default())?;
/// store.close()?;
/// # Ok::<(), blazen::store::StoreError>(())
/// ```
pub struct SqliteStore {
    place: Place,
    options: SqliteOptions,
    state: State,
    live: LiveRuns,
    epoch: i64,
    pub(super) longest_record: usize,
    // Dropped after the connection: whoever locks the file then finds it closed.
    lock: Option<OwnerLock>,
}

enum State {
    /// The connection is as good as the file.
    Trusted(Connection),
    /// The device has failed under it; there is none if it could not be opened again.
    Suspect(Option<Connection>),
    Closed,
}

impl SqliteStore {
    /// Opens a file, and makes it if it is not there and not only to be read.
    pub fn open(path: &Path, options: SqliteOptions) -> Result<Self, StoreError> {
        let place = Place::find(path)?;
        let (connection, lock, epoch) = if options.read_only {
            (opening::open_to_read(&place, &options)?, None, 0)
        } else {
            let owned = opening::open_to_run(&place, &options)?;
            (owned.connection, Some(owned.lock), owned.epoch)
        };
        Ok(Self {
            place,
            options,
            state: State::Trusted(connection),
            live: LiveRuns::default(),
            epoch,
            longest_record: LONGEST_RECORD,
            lock,
        })
    }

    fn call<T>(
        &mut self,
        work: impl FnOnce(&mut Connection, &mut LiveRuns) -> Result<T, Failure>,
    ) -> Result<T, StoreError> {
        self.regain_trust()?;
        let State::Trusted(connection) = &mut self.state else { return Err(StoreError::Closed) };
        work(connection, &mut self.live).map_err(|failure| {
            self.live.clear();
            if failure.is_of_the_device() {
                self.suspect();
            }
            failure.into_store_error(&self.place.given)
        })
    }

    pub(super) fn suspect(&mut self) {
        if let State::Trusted(connection) = std::mem::replace(&mut self.state, State::Suspect(None)) {
            self.state = State::Suspect(Some(connection));
        }
    }

    fn regain_trust(&mut self) -> Result<(), StoreError> {
        let State::Suspect(old) = &mut self.state else { return Ok(()) };
        if let Some(connection) = old
            && !self.options.read_only
        {
            pruning::write_log_back(connection)
                .map_err(|failure| failure.into_store_error(&self.place.given))?;
        }
        *old = None;
        let connection = if self.options.read_only {
            opening::open_to_read(&self.place, &self.options)?
        } else {
            opening::connect_to_run(&self.place, &self.options)?.0
        };
        self.state = State::Trusted(connection);
        Ok(())
    }

    fn refuse_if_read_only(&self) -> Result<(), StoreError> {
        if !self.options.read_only {
            return Ok(());
        }
        let reason = "it was opened read-only".to_owned();
        Err(StoreError::ReadOnly { path: self.place.given.clone(), reason })
    }

    /// Lets a test do to the file what a device does.
    #[cfg(test)]
    pub(super) fn connection(&self) -> &Connection {
        let State::Trusted(connection) = &self.state else { panic!("there is no connection") };
        connection
    }

    #[cfg(test)]
    pub(super) fn remembered_runs(&self) -> usize {
        self.live.len()
    }
}

impl CheckpointStore for SqliteStore {
    fn commit(&mut self, batch: &[Commit]) -> Result<Vec<Result<(), Refusal>>, StoreError> {
        self.refuse_if_read_only()?;
        let Self { epoch, longest_record, .. } = *self;
        let terms = Terms { epoch, history: self.options.history, longest_record };
        let answers = self.call(|connection, live| commit_batch(connection, live, terms, batch))?;
        // What was written to a file that is gone is found by nobody.
        if self.place.exists() { Ok(answers) } else { Err(self.place.cannot_open("its file was taken away")) }
    }

    fn load(&mut self, run: Uuid) -> Result<Option<StoredRun>, StoreError> {
        self.call(|connection, live| loading::load(connection, live, run))
    }

    fn runs(&mut self, query: &RunQuery) -> Result<RunPage, StoreError> {
        let path = self.place.given.clone();
        self.call(|connection, _| listing::list(connection, &path, query))
    }

    fn history(&mut self, run: Uuid) -> Result<Option<Vec<HistoryEntry>>, StoreError> {
        self.call(|connection, _| loading::history(connection, run))
    }

    fn stream(&mut self, run: Uuid, from: u64, at_most: usize) -> Result<Option<Vec<Arc<str>>>, StoreError> {
        self.call(|connection, _| loading::stream(connection, run, from, at_most))
    }

    fn prune(
        &mut self,
        finished_before: UnixMillis,
        at_most: usize,
        unwritten: &[Uuid],
    ) -> Result<usize, StoreError> {
        self.refuse_if_read_only()?;
        let epoch = self.epoch;
        self.call(|connection, _| pruning::prune(connection, epoch, finished_before, at_most, unwritten))
    }

    fn close(&mut self) -> Result<(), StoreError> {
        let closed = match std::mem::replace(&mut self.state, State::Closed) {
            State::Closed => return Err(StoreError::Closed),
            State::Suspect(_) => Ok(()),
            State::Trusted(connection) => connection.close().map_err(|(_, error)| Failure::from(error)),
        };
        self.live.clear();
        self.lock = None;
        closed.map_err(|failure| failure.into_store_error(&self.place.given))
    }
}
