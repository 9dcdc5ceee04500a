//! The VFS: forwards everything to the system's own, and counts, records and fails what changes files.
//!
//! It knows what `SQLite`'s unix VFS does beyond what it is asked: the first sync of a journal or WAL that was opened
//! to be created also syncs the directory. Files for temporary data are forwarded and not recorded, and so is the
//! shared memory of the WAL index, which is made anew after a loss of power.

#![allow(unsafe_code)] // SQLite calls a VFS through C function pointers and hands raw memory to it

use std::collections::HashMap;
use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::path::Path;
use std::ptr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use rusqlite::ffi;

use super::{AfterFailedSync, Entry, Fault, FileId, Operation, OperationLog, Platter, Random};

/// A disk that `SQLite` reaches under [`FaultyDisk::vfs`]. One folder of the real one lies under it.
#[derive(Debug)]
pub struct FaultyDisk {
    name: CString,
    registered: *mut ffi::sqlite3_vfs,
    shared: Arc<Shared>,
}

/// Syncs that a disk acknowledges and does not do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Disobedience {
    EverySync,
    /// Those of the WAL and of journals.
    SyncsOfTheLog,
    /// Those of the file with the tables.
    SyncsOfTheDatabase,
}

#[derive(Debug)]
struct Shared(Mutex<State>);

#[derive(Debug)]
struct State {
    log: OperationLog,
    names: HashMap<String, FileId>,
    next_file: usize,
    counted: u64,
    reads: u64,
    failing_read: Option<u64>,
    fault: Option<Fault>,
    faults_hit: u64,
    ignores: Option<Disobedience>,
    log_pages: Option<u32>,
    random: Random,
}

/// What `SQLite` keeps for an open file: this, and right behind it the file of the system's VFS.
#[repr(C)]
struct OpenFile {
    base: ffi::sqlite3_file,
    tracked: *mut Tracked,
}

struct Tracked {
    shared: Arc<Shared>,
    /// `None` for temporary files.
    file: Option<FileId>,
    /// The next sync also makes names durable.
    syncs_directory: bool,
    /// It is a journal or WAL.
    is_log: bool,
}

static DISKS: AtomicUsize = AtomicUsize::new(0);

impl FaultyDisk {
    /// A disk without faults, the dice of which fall as the seed says.
    pub fn new(seed: u64) -> Self {
        let name = format!("faulty-disk-{}", DISKS.fetch_add(1, Ordering::Relaxed));
        let name = CString::new(name).expect("there is no zero byte in it");
        let shared = Arc::new(Shared(Mutex::new(State {
            log: OperationLog::default(),
            names: HashMap::new(),
            next_file: 0,
            counted: 0,
            reads: 0,
            failing_read: None,
            fault: None,
            faults_hit: 0,
            ignores: None,
            log_pages: None,
            random: Random::of(seed, 0x000D_15C5),
        })));
        let system = system_vfs();
        // SAFETY: the system's VFS is registered for as long as the process runs.
        let mut vfs = unsafe { *system };
        let own = c_int::try_from(size_of::<OpenFile>()).expect("it is a few bytes");
        vfs.szOsFile += own;
        vfs.pNext = ptr::null_mut();
        vfs.zName = name.as_ptr();
        // What SQLite may call after `self` is gone finds the state alive: it is never freed, a few bytes a disk.
        vfs.pAppData = Arc::into_raw(Arc::clone(&shared)).cast_mut().cast();
        vfs.xOpen = Some(open);
        vfs.xDelete = Some(delete);
        let registered = Box::into_raw(Box::new(vfs));
        // SAFETY: the struct and its name outlive the registration, which ends in `drop`.
        let answer = unsafe { ffi::sqlite3_vfs_register(registered, 0) };
        assert_eq!(answer, ffi::SQLITE_OK);
        Self { name, registered, shared }
    }

    /// A disk that says that it has synced and has not.
    pub fn that_ignores(syncs: Disobedience, seed: u64) -> Self {
        let disk = Self::new(seed);
        disk.state().ignores = Some(syncs);
        disk
    }

    /// A disk on which the log is written back into the file after so many pages, whatever a connection asks for: so
    /// that a short script sees it happen.
    pub fn with_short_log(seed: u64, pages: u32) -> Self {
        let disk = Self::new(seed);
        disk.state().log_pages = Some(pages);
        disk
    }

    /// The name under which a connection is opened on this disk.
    pub fn vfs(&self) -> String {
        self.name.to_str().expect("it was made from a string").to_owned()
    }

    /// From now on this goes wrong.
    pub fn plan(&self, fault: Fault) {
        self.state().fault = Some(fault);
    }

    /// From the n-th read on, reading fails; the first one is 1.
    pub fn plan_failing_reads(&self, from: u64) {
        self.state().failing_read = Some(from);
    }

    /// Everything works again.
    pub fn lift_faults(&self) {
        let mut state = self.state();
        state.fault = None;
        state.failing_read = None;
    }

    /// How many operations have failed.
    pub fn faults_hit(&self) -> u64 {
        self.state().faults_hit
    }

    /// How many operations there were, failed ones included.
    pub fn operations(&self) -> u64 {
        self.state().counted
    }

    /// How many reads there were, failed ones included.
    pub fn reads(&self) -> u64 {
        self.state().reads
    }

    /// Something that the test wants to find again in the log.
    pub fn mark(&self, mark: u64) {
        self.state().log.entries.push(Entry::Mark(mark));
    }

    /// All that has happened.
    pub fn log(&self) -> OperationLog {
        self.state().log.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.shared.state()
    }
}

impl Drop for FaultyDisk {
    fn drop(&mut self) {
        // SAFETY: it was registered by `new` and is unregistered once. The struct itself stays for connections that
        // are still open.
        unsafe { ffi::sqlite3_vfs_unregister(self.registered) };
        // The name is found through the struct, which is looked at no more; keep it all the same.
        std::mem::forget(std::mem::take(&mut self.name));
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().expect("no test panics while it holds the disk")
    }
}

impl State {
    /// Counts an operation and says how it fails, if it does.
    fn begin(&mut self, operation: &Operation) -> Option<(Fault, c_int)> {
        self.counted += 1;
        let fault = self.fault.filter(|fault| fault.hits(self.counted))?;
        let answer = fault.failure.answer_to(operation)?;
        self.faults_hit += 1;
        Some((fault, answer))
    }

    fn did(&mut self, operation: Operation) {
        self.log.entries.push(Entry::Did(operation));
    }

    fn new_file(&mut self, name: &str) -> FileId {
        let file = FileId(self.next_file);
        self.next_file += 1;
        self.names.insert(name.to_owned(), file);
        file
    }
}

fn system_vfs() -> *mut ffi::sqlite3_vfs {
    // SAFETY: a null name asks for the default VFS, and SQLite makes itself ready first.
    let system = unsafe { ffi::sqlite3_vfs_find(ptr::null()) };
    assert!(!system.is_null());
    system
}

/// # Safety
/// `vfs` is one that `FaultyDisk::new` has registered.
unsafe fn shared_of(vfs: *mut ffi::sqlite3_vfs) -> Arc<Shared> {
    // SAFETY: `pAppData` is what `Arc::into_raw` gave, and that count is never given back.
    unsafe {
        let shared: *const Shared = (*vfs).pAppData.cast_const().cast();
        Arc::increment_strong_count(shared);
        Arc::from_raw(shared)
    }
}

/// The last part of a path; temporary files have none.
///
/// # Safety
/// `path` is null or a C string.
unsafe fn name_of(path: *const c_char) -> Option<String> {
    if path.is_null() {
        return None;
    }
    // SAFETY: the caller's promise.
    let path = unsafe { CStr::from_ptr(path) };
    let path = Path::new(path.to_str().ok()?);
    Some(path.file_name()?.to_str()?.to_owned())
}

/// # Safety
/// `path` is a C string.
unsafe fn is_there(path: *const c_char) -> bool {
    let system = system_vfs();
    let mut found: c_int = 0;
    // SAFETY: the system's VFS has all functions of its version, and `found` outlives the call.
    unsafe {
        let access = (*system).xAccess.expect("every VFS has xAccess");
        access(system, path, ffi::SQLITE_ACCESS_EXISTS, &raw mut found);
    }
    found != 0
}

unsafe extern "C" fn open(
    vfs: *mut ffi::sqlite3_vfs,
    path: ffi::sqlite3_filename,
    file: *mut ffi::sqlite3_file,
    flags: c_int,
    flags_out: *mut c_int,
) -> c_int {
    const RECORDED: c_int = ffi::SQLITE_OPEN_MAIN_DB | ffi::SQLITE_OPEN_MAIN_JOURNAL | ffi::SQLITE_OPEN_WAL;
    const JOURNALS: c_int = ffi::SQLITE_OPEN_MAIN_JOURNAL | ffi::SQLITE_OPEN_WAL;
    // SAFETY: SQLite hands over memory of `szOsFile` bytes, which begins with room for an `OpenFile` and has room for
    // the system's file behind it; `path` is a C string that lives as long as the file, or null.
    unsafe {
        let opened = file.cast::<OpenFile>();
        (*opened).base.pMethods = ptr::null();
        let shared = shared_of(vfs);
        let name = name_of(path).filter(|_| flags & RECORDED != 0);
        let creates = flags & ffi::SQLITE_OPEN_CREATE != 0;
        let is_new = name.is_some() && !is_there(path);
        if let Some(name) = name.as_ref().filter(|_| is_new && creates) {
            let operation = Operation::Create { file: FileId(usize::MAX), name: name.clone() };
            if let Some((_, answer)) = shared.state().begin(&operation) {
                return answer;
            }
        }
        let system = system_vfs();
        let open = (*system).xOpen.expect("every VFS has xOpen");
        let answer = open(system, path, real(file), flags, flags_out);
        if answer != ffi::SQLITE_OK {
            if !(*real(file)).pMethods.is_null() {
                real_methods(file).xClose.expect("every file has xClose")(real(file));
            }
            return answer;
        }
        let id = name.map(|name| {
            let mut state = shared.state();
            if is_new {
                let id = state.new_file(&name);
                state.did(Operation::Create { file: id, name });
                return id;
            }
            if let Some(known) = state.names.get(&name) {
                return *known;
            }
            let id = state.new_file(&name);
            let content = read_all(file);
            state.log.found.push((id, name, content));
            id
        });
        let is_log = flags & JOURNALS != 0;
        let tracked = Tracked { shared, file: id, syncs_directory: creates && is_log, is_log };
        (*opened).tracked = Box::into_raw(Box::new(tracked));
        (*opened).base.pMethods = &raw const METHODS;
        answer
    }
}

unsafe extern "C" fn delete(vfs: *mut ffi::sqlite3_vfs, path: *const c_char, sync_directory: c_int) -> c_int {
    // SAFETY: SQLite hands over the VFS that it was asked for, and a C string.
    unsafe {
        let shared = shared_of(vfs);
        let name = name_of(path).unwrap_or_default();
        let mut state = shared.state();
        let recorded = state.names.contains_key(&name) && is_there(path);
        let operation = Operation::Delete { name: name.clone(), directory_too: sync_directory != 0 };
        if recorded && let Some((_, answer)) = state.begin(&operation) {
            return answer;
        }
        let system = system_vfs();
        let answer = (*system).xDelete.expect("every VFS has xDelete")(system, path, sync_directory);
        if recorded && answer == ffi::SQLITE_OK {
            state.names.remove(&name);
            state.did(operation);
        }
        answer
    }
}

/// # Safety
/// `file` is one that `open` has been given.
unsafe fn real(file: *mut ffi::sqlite3_file) -> *mut ffi::sqlite3_file {
    // SAFETY: the system's file lies right behind the `OpenFile`, whose size is a multiple of its alignment.
    unsafe { file.cast::<OpenFile>().add(1).cast() }
}

/// # Safety
/// `file` is one that the system's VFS has opened.
unsafe fn real_methods(file: *mut ffi::sqlite3_file) -> &'static ffi::sqlite3_io_methods {
    // SAFETY: the tables of the system's VFS are static.
    unsafe { &*(*real(file)).pMethods }
}

/// # Safety
/// `file` is one that `open` has opened, and nobody else uses it now.
unsafe fn tracked<'a>(file: *mut ffi::sqlite3_file) -> &'a mut Tracked {
    // SAFETY: `open` has put a box there, which `close` frees; SQLite uses a file from one thread at a time.
    unsafe { &mut *(*file.cast::<OpenFile>()).tracked }
}

/// # Safety
/// `file` is one that the system's VFS has opened.
unsafe fn read_all(file: *mut ffi::sqlite3_file) -> Vec<u8> {
    // SAFETY: each piece is as long as the read.
    unsafe {
        let mut size: i64 = 0;
        let answer = real_methods(file).xFileSize.expect("every file has it")(real(file), &raw mut size);
        assert_eq!(answer, ffi::SQLITE_OK);
        let mut content = vec![0_u8; usize::try_from(size).expect("a length is not negative")];
        let read = real_methods(file).xRead.expect("every file has it");
        for (number, piece) in content.chunks_mut(MOST_AT_ONCE).enumerate() {
            let (length, at) = length_and_place(number, piece);
            assert_eq!(read(real(file), piece.as_mut_ptr().cast(), length, at), ffi::SQLITE_OK);
        }
        content
    }
}

unsafe extern "C" fn close(file: *mut ffi::sqlite3_file) -> c_int {
    // SAFETY: SQLite closes an open file once, and uses it no more.
    unsafe {
        drop(Box::from_raw((*file.cast::<OpenFile>()).tracked));
        real_methods(file).xClose.expect("every file has it")(real(file))
    }
}

unsafe extern "C" fn read(file: *mut ffi::sqlite3_file, to: *mut c_void, amount: c_int, at: i64) -> c_int {
    // SAFETY: SQLite hands over an open file and room for `amount` bytes.
    unsafe {
        let tracked = tracked(file);
        if tracked.file.is_some() {
            let mut state = tracked.shared.state();
            state.reads += 1;
            if state.failing_read.is_some_and(|from| state.reads >= from) {
                state.faults_hit += 1;
                return ffi::SQLITE_IOERR_READ;
            }
        }
        forward_read(file, to, amount, at)
    }
}

unsafe extern "C" fn write(
    file: *mut ffi::sqlite3_file,
    from: *const c_void,
    amount: c_int,
    at: i64,
) -> c_int {
    // SAFETY: SQLite hands over an open file and `amount` bytes.
    unsafe {
        let tracked = tracked(file);
        let write = real_methods(file).xWrite.expect("every file has it");
        let Some(id) = tracked.file else { return write(real(file), from, amount, at) };
        let length = usize::try_from(amount).expect("a length is not negative");
        let offset = usize::try_from(at).expect("an offset is not negative");
        let bytes = std::slice::from_raw_parts(from.cast::<u8>(), length);
        let mut state = tracked.shared.state();
        let operation = Operation::Write { file: id, offset, bytes: bytes.into() };
        let Some((_, failed)) = state.begin(&operation) else {
            let answer = write(real(file), from, amount, at);
            if answer == ffi::SQLITE_OK {
                state.did(operation);
            }
            return answer;
        };
        let half = &bytes[..length / 2];
        let amount = c_int::try_from(half.len()).expect("it is less than it was");
        if !half.is_empty() && write(real(file), half.as_ptr().cast(), amount, at) == ffi::SQLITE_OK {
            state.did(Operation::Write { file: id, offset, bytes: half.into() });
        }
        failed
    }
}

unsafe extern "C" fn truncate(file: *mut ffi::sqlite3_file, size: i64) -> c_int {
    // SAFETY: SQLite hands over an open file.
    unsafe {
        let tracked = tracked(file);
        let truncate = real_methods(file).xTruncate.expect("every file has it");
        let Some(id) = tracked.file else { return truncate(real(file), size) };
        let length = usize::try_from(size).expect("a length is not negative");
        let mut state = tracked.shared.state();
        let operation = Operation::Truncate { file: id, length };
        if let Some((_, failed)) = state.begin(&operation) {
            return failed;
        }
        let answer = truncate(real(file), size);
        if answer == ffi::SQLITE_OK {
            state.did(operation);
        }
        answer
    }
}

unsafe extern "C" fn sync(file: *mut ffi::sqlite3_file, flags: c_int) -> c_int {
    // SAFETY: SQLite hands over an open file.
    unsafe {
        let tracked = tracked(file);
        let sync = real_methods(file).xSync.expect("every file has it");
        let Some(id) = tracked.file else { return sync(real(file), flags) };
        let mut state = tracked.shared.state();
        let operation = Operation::Sync { file: id, directory_too: tracked.syncs_directory };
        if let Some((fault, failed)) = state.begin(&operation) {
            let seed = state.random.next();
            if fault.after_failed_sync != AfterFailedSync::StaysUnsynced {
                state.did(Operation::SyncFailed { file: id, seed });
            }
            if fault.after_failed_sync == AfterFailedSync::CacheIsDropped {
                drop_cache(file, id, &state.log);
            }
            return failed;
        }
        let ignored = match state.ignores {
            None => false,
            Some(Disobedience::EverySync) => true,
            Some(Disobedience::SyncsOfTheLog) => tracked.is_log,
            Some(Disobedience::SyncsOfTheDatabase) => !tracked.is_log,
        };
        if ignored {
            return ffi::SQLITE_OK;
        }
        let answer = sync(real(file), flags);
        if answer == ffi::SQLITE_OK {
            tracked.syncs_directory = false;
            state.did(operation);
        }
        answer
    }
}

/// The file is again what is on the disk.
///
/// # Safety
/// `file` is one that the system's VFS has opened.
unsafe fn drop_cache(file: *mut ffi::sqlite3_file, id: FileId, log: &OperationLog) {
    let mut platter = Platter::before(log);
    for entry in &log.entries {
        if let Entry::Did(operation) = entry {
            platter.apply(operation);
        }
    }
    let content = platter.synced(id);
    let length = i64::try_from(content.len()).expect("test files are small");
    // SAFETY: the file is open, and each piece is as long as the write.
    unsafe {
        let methods = real_methods(file);
        let answer = methods.xTruncate.expect("every file has it")(real(file), length);
        assert_eq!(answer, ffi::SQLITE_OK);
        let write = methods.xWrite.expect("every file has it");
        for (number, piece) in content.chunks(MOST_AT_ONCE).enumerate() {
            let (length, at) = length_and_place(number, piece);
            assert_eq!(write(real(file), piece.as_ptr().cast(), length, at), ffi::SQLITE_OK);
        }
    }
}

/// The unix VFS takes less than 128 KiB in one call.
const MOST_AT_ONCE: usize = 1 << 16;

fn length_and_place(number: usize, piece: &[u8]) -> (c_int, i64) {
    let length = c_int::try_from(piece.len()).expect("it is no more than `MOST_AT_ONCE`");
    (length, i64::try_from(number * MOST_AT_ONCE).expect("test files are small"))
}

/// Hands a call over to the system's file as it is.
macro_rules! forward {
    ($own:ident, $method:ident, ($($argument:ident: $type:ty),*) -> $answer:ty) => {
        unsafe extern "C" fn $own(file: *mut ffi::sqlite3_file $(, $argument: $type)*) -> $answer {
            // SAFETY: SQLite hands over an open file, and what the system's own method asks for.
            unsafe { real_methods(file).$method.expect("the unix VFS has it")(real(file) $(, $argument)*) }
        }
    };
}

forward!(forward_read, xRead, (to: *mut c_void, amount: c_int, at: i64) -> c_int);
forward!(file_size, xFileSize, (size: *mut i64) -> c_int);
forward!(lock, xLock, (level: c_int) -> c_int);
forward!(unlock, xUnlock, (level: c_int) -> c_int);
forward!(check_reserved_lock, xCheckReservedLock, (found: *mut c_int) -> c_int);
forward!(sector_size, xSectorSize, () -> c_int);
forward!(device_characteristics, xDeviceCharacteristics, () -> c_int);
forward!(shm_map, xShmMap, (page: c_int, size: c_int, extend: c_int, at: *mut *mut c_void) -> c_int);
forward!(shm_lock, xShmLock, (offset: c_int, count: c_int, flags: c_int) -> c_int);
forward!(shm_barrier, xShmBarrier, () -> ());
forward!(shm_unmap, xShmUnmap, (delete: c_int) -> c_int);
forward!(fetch, xFetch, (at: i64, amount: c_int, memory: *mut *mut c_void) -> c_int);
forward!(unfetch, xUnfetch, (at: i64, memory: *mut c_void) -> c_int);

unsafe extern "C" fn file_control(
    file: *mut ffi::sqlite3_file,
    request: c_int,
    argument: *mut c_void,
) -> c_int {
    // Both would change the length of a file behind the log's back. A VFS need not know them.
    if matches!(request, ffi::SQLITE_FCNTL_CHUNK_SIZE | ffi::SQLITE_FCNTL_SIZE_HINT) {
        return ffi::SQLITE_NOTFOUND;
    }
    if request == ffi::SQLITE_FCNTL_PRAGMA {
        // SAFETY: with this request the argument is a row of C strings.
        unsafe { shorten_log(file, argument.cast()) };
    }
    // SAFETY: SQLite hands over an open file, and what the request asks for.
    unsafe { real_methods(file).xFileControl.expect("every file has it")(real(file), request, argument) }
}

/// Puts another number into `PRAGMA wal_autocheckpoint = 4000` before it is carried out.
///
/// # Safety
/// `file` is one that `open` has opened, and `pragma` what comes with `SQLITE_FCNTL_PRAGMA`: room for an answer, the
/// name, and the value or null, both in memory that `SQLite` has made for this statement.
unsafe fn shorten_log(file: *mut ffi::sqlite3_file, pragma: *mut *mut c_char) {
    // SAFETY: the caller's promise. No more bytes are written than the value has.
    unsafe {
        let (name, value) = (*pragma.add(1), *pragma.add(2));
        let pages = tracked(file).shared.state().log_pages;
        let (Some(pages), false) = (pages, value.is_null()) else { return };
        if CStr::from_ptr(name) == c"wal_autocheckpoint" {
            let length = CStr::from_ptr(value).count_bytes();
            let shorter = format!("{pages:0length$}");
            assert_eq!(shorter.len(), length, "the log is asked to be shorter than {pages} pages");
            ptr::copy_nonoverlapping(shorter.as_ptr().cast(), value, length);
        }
    }
}

static METHODS: ffi::sqlite3_io_methods = ffi::sqlite3_io_methods {
    iVersion: 3,
    xClose: Some(close),
    xRead: Some(read),
    xWrite: Some(write),
    xTruncate: Some(truncate),
    xSync: Some(sync),
    xFileSize: Some(file_size),
    xLock: Some(lock),
    xUnlock: Some(unlock),
    xCheckReservedLock: Some(check_reserved_lock),
    xFileControl: Some(file_control),
    xSectorSize: Some(sector_size),
    xDeviceCharacteristics: Some(device_characteristics),
    xShmMap: Some(shm_map),
    xShmLock: Some(shm_lock),
    xShmBarrier: Some(shm_barrier),
    xShmUnmap: Some(shm_unmap),
    xFetch: Some(fetch),
    xUnfetch: Some(unfetch),
};
