//! What is in the file was changed: it is refused, or the run that was hit is, and nothing wrong is told.

use std::fs;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use blazen::store::query::RunOrder;
use blazen::store::{CheckpointStore, RunQuery, StoreError};

use crate::driver::{Store, open_sqlite};
use crate::expected_runs::{Author, Call, Ledger, Violation};
use crate::faulty_disk::{FaultyDisk, Image, Random};
use crate::playing::Playing;
use crate::settings::{Folder, STORE, rounds, seed};

/// Images with random damage in continuous integration.
const DAMAGED: usize = 1_500;

/// How many bytes a page has.
const PAGE: usize = 4_096;

/// No image may keep the store busy for longer.
const PATIENCE: Duration = Duration::from_secs(30);

/// A store that was closed, with all that it holds.
fn sound() -> (Image, Ledger) {
    let mut author = Author::new(seed());
    author.longest = 600;
    let mut calls: Vec<Call> = (0..6).map(|_| Call::Commit(author.batch(6, 8))).collect();
    let ending = (0..6).map(Author::run).find(|run| author.is_going(*run)).unwrap();
    calls.push(Call::Commit(vec![author.end(ending)]));
    author.longest = 20_000;
    calls.push(Call::Commit(author.batch(6, 2)));
    let (disk, folder) = (FaultyDisk::new(seed()), Folder::new());
    let ledger = Playing::new(&disk, &folder).play(&calls).unwrap();
    let content = fs::read(folder.store()).unwrap();
    assert!(!folder.path().join(format!("{STORE}-wal")).exists(), "it was closed");
    (Image { files: [(STORE.to_owned(), content)].into() }, ledger)
}

/// How the store took an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Taken {
    Refused,
    /// It opened, and of so many runs it gave an error.
    Opened {
        quarantined: usize,
    },
}

/// What damage may do without anybody's noticing.
#[derive(Clone, Copy, Debug)]
enum Runs {
    AreAllFound,
    /// A few bytes can hit just the entry of a run in the index of ids. What is found is right, and whole.
    MayBeHidden,
}

/// Opens an image, asks for everything and commits something. Errors are right, wrong answers are not.
fn take(image: &Image, ledger: &Ledger, folder: &Folder, runs: Runs) -> Result<Taken, Violation> {
    let look = |store: &mut dyn CheckpointStore| match runs {
        Runs::AreAllFound => ledger.quarantined(store),
        Runs::MayBeHidden => ledger.quarantined_or_hidden(store),
    };
    image.restore_into(folder.path());
    let mut store = match open_sqlite(&folder.store(), None) {
        Ok(store) => store,
        Err(StoreError::Broken(words)) => {
            return Err(Violation::Wrong(format!("it calls itself broken: {words}")));
        }
        Err(_) => return Ok(Taken::Refused),
    };
    let quarantined = look(&mut *store)?;
    check_list(ledger, &mut store)?;
    let mut author = Author::new(7);
    let stranger = author.commit(Author::run(999));
    if let Err(StoreError::Broken(words)) = store.commit(&[stranger]) {
        return Err(Violation::Wrong(format!("it calls itself broken: {words}")));
    }
    look(&mut *store)?;
    Ok(Taken::Opened { quarantined })
}

/// Whatever is listed is so; what is damaged may be missing.
fn check_list(ledger: &Ledger, store: &mut Store) -> Result<(), Violation> {
    let query =
        RunQuery { workflow: None, status: None, order: RunOrder::OldestFirst, after: None, limit: 100 };
    let Ok(page) = store.runs(&query) else { return Ok(()) };
    match page.runs.iter().find(|listed| !ledger.newest().any(|run| run.summary() == **listed)) {
        None => Ok(()),
        Some(wrong) => Err(Violation::Wrong(format!("listed is {wrong:?}"))),
    }
}

/// Damages many images in one way each, and counts how they were taken. A store that hangs is given up.
fn many(count: usize, runs: Runs, damage: fn(&mut [u8], &mut Random) -> String) {
    let (image, ledger) = sound();
    let (send, receive) = mpsc::channel();
    let worker = thread::spawn(move || {
        let folder = Folder::new();
        for number in 0..count {
            let mut random = Random::of(seed(), u64::try_from(number).unwrap());
            let mut image = image.clone();
            let words = damage(image.files.get_mut(STORE).unwrap(), &mut random);
            send.send((words, None)).unwrap();
            let taken = take(&image, &ledger, &folder, runs);
            send.send((String::new(), Some(taken))).unwrap();
        }
    });
    let (mut refused, mut quarantined, mut sound) = (0, 0, 0);
    let mut wrong_answers = Vec::new();
    let mut image = String::new();
    loop {
        match receive.recv_timeout(PATIENCE) {
            Ok((words, None)) => image = words,
            Ok((_, Some(Ok(Taken::Refused)))) => refused += 1,
            Ok((_, Some(Ok(Taken::Opened { quarantined: 0 })))) => sound += 1,
            Ok((_, Some(Ok(Taken::Opened { .. })))) => quarantined += 1,
            Ok((_, Some(Err(wrong)))) => wrong_answers.push(format!("{image}: {wrong}")),
            Err(mpsc::RecvTimeoutError::Timeout) => panic!("{image}: the store hangs"),
            Err(mpsc::RecvTimeoutError::Disconnected) => break,
        }
    }
    assert!(worker.join().is_ok(), "{image}: the store panics");
    println!("{count} images: {refused} refused, {quarantined} with runs in quarantine, {sound} unharmed");
    let count = wrong_answers.len();
    wrong_answers.truncate(5);
    assert!(count == 0, "BLAZEN_CRASH_SEED={}: {count} wrong answers: {wrong_answers:#?}", seed());
}

#[test]
fn a_file_with_another_beginning_is_refused() {
    let (image, ledger) = sound();
    let folder = Folder::new();
    for byte in 0..16 {
        let mut image = image.clone();
        image.files.get_mut(STORE).unwrap()[byte] ^= 0x20;
        let before = image.clone();
        assert_eq!(take(&image, &ledger, &folder, Runs::AreAllFound), Ok(Taken::Refused), "byte {byte}");
        assert_eq!(fs::read(folder.store()).unwrap(), before.files[STORE], "it stays as it was");
    }
}

#[test]
fn a_file_of_a_newer_version_is_refused() {
    let (image, _) = sound();
    let folder = Folder::new();
    let known = image.files[STORE][60..64].try_into().map(u32::from_be_bytes).unwrap();
    for version in [known + 1, known + 2, 1_000, i32::MAX.cast_unsigned()] {
        let mut image = image.clone();
        image.files.get_mut(STORE).unwrap()[60..64].copy_from_slice(&version.to_be_bytes());
        image.restore_into(folder.path());
        let error = open_sqlite(&folder.store(), None).err();
        let Some(StoreError::NewerSchema { found, .. }) = error else {
            panic!("version {version}: {error:?}")
        };
        assert_eq!(found, version);
    }
}

#[test]
fn a_file_that_was_cut_short_is_refused() {
    let (image, ledger) = sound();
    let folder = Folder::new();
    let content = &image.files[STORE];
    let length = content.len();
    // An empty file is a store to be, and what ends behind the last byte that says something is whole.
    let last = content.iter().rposition(|byte| *byte != 0).unwrap();
    let lengths = (1..=last).filter(|cut| cut % 512 == 0 || cut % 509 == 0 || *cut < 101);
    let mut count = 0;
    for cut in lengths {
        let mut image = image.clone();
        image.files.get_mut(STORE).unwrap().truncate(cut);
        match take(&image, &ledger, &folder, Runs::AreAllFound) {
            Ok(Taken::Refused) => {}
            Ok(Taken::Opened { quarantined }) if quarantined > 0 => {}
            taken => panic!("cut at byte {cut} of {length}: {taken:?}"),
        }
        count += 1;
    }
    println!("{count} images");
}

#[test]
fn a_page_of_noise_tells_nothing_wrong() {
    many(DAMAGED / 3 * rounds(), Runs::AreAllFound, |content, random| {
        let page = random.below(content.len() / PAGE);
        content[page * PAGE..(page + 1) * PAGE].fill_with(|| random.next().to_le_bytes()[0]);
        format!("page {} is noise", page + 1)
    });
}

#[test]
fn a_page_of_zeros_tells_nothing_wrong() {
    let pages = sound().0.files[STORE].len() / PAGE;
    many(pages, Runs::AreAllFound, |content, random| {
        let page = random.below(content.len() / PAGE);
        content[page * PAGE..(page + 1) * PAGE].fill(0);
        format!("page {} is zero", page + 1)
    });
}

fn put_noise_into_a_few_bytes(content: &mut [u8], random: &mut Random) -> String {
    let length = 1 + random.below(64);
    let begin = random.below(content.len() - length);
    content[begin..begin + length].fill_with(|| random.next().to_le_bytes()[0]);
    format!("{length} bytes from {begin} on are noise")
}

fn flip_a_bit(content: &mut [u8], random: &mut Random) -> String {
    let (byte, bit) = (random.below(content.len()), random.below(8));
    content[byte] ^= 1 << bit;
    format!("bit {bit} of byte {byte}, page {}, is flipped", byte / PAGE + 1)
}

#[test]
fn a_few_noisy_bytes_tell_nothing_wrong() {
    many(DAMAGED / 3 * rounds(), Runs::MayBeHidden, put_noise_into_a_few_bytes);
}

#[test]
fn a_flipped_bit_tells_nothing_wrong() {
    many(DAMAGED / 3 * rounds(), Runs::MayBeHidden, flip_a_bit);
}
