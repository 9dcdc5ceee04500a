//! What a store is asked to do, one call after the other.

use blazen::store::UnixMillis;
use blazen::store::commit::Commit;

use super::Author;
use crate::faulty_disk::Random;

/// A call of a store.
#[derive(Clone, Debug)]
pub enum Call {
    Commit(Vec<Commit>),
    /// Of all that ended before.
    Prune {
        finished_before: UnixMillis,
    },
    /// It is closed and opened again.
    Reopen,
}

/// The scripts of which every operation is put to the test, by name.
pub fn scripts(seed: u64) -> Vec<(&'static str, Vec<Call>)> {
    vec![
        ("one run begins", one_run_begins(seed)),
        ("runs take turns", runs_take_turns(seed)),
        ("large values come and go", large_values_come_and_go(seed)),
        ("runs end and are pruned", runs_end_and_are_pruned(seed)),
        ("the store is closed and opened", the_store_is_closed_and_opened(seed)),
    ]
}

/// Anything, in any order.
pub fn random_script(seed: u64) -> Vec<Call> {
    let mut author = Author::new(seed);
    let mut random = Random::of(seed, 0x5C1);
    author.longest = [40, 400, 4_000][random.below(3)];
    let runs = 1 + random.below(4);
    let mut calls = vec![Call::Commit(author.batch(runs, 1 + random.below(3)))];
    for _ in 0..10 + random.below(10) {
        let run = Author::run(random.below(runs));
        calls.push(match random.below(12) {
            0 => Call::Reopen,
            1 => Call::Prune { finished_before: author.now() },
            2 if author.is_going(run) => {
                let end = author.end(run);
                let mut batch = author.batch(runs, random.below(3));
                batch.insert(0, end);
                Call::Commit(batch)
            }
            _ => Call::Commit(author.batch(runs, 1 + random.below(5))),
        });
    }
    // An author of whom all runs have ended writes no more.
    calls.retain(|call| !matches!(call, Call::Commit(batch) if batch.is_empty()));
    calls
}

fn one_run_begins(seed: u64) -> Vec<Call> {
    let mut author = Author::new(seed);
    (0..3).map(|_| Call::Commit(author.batch(1, 1))).collect()
}

fn runs_take_turns(seed: u64) -> Vec<Call> {
    let mut author = Author::new(seed.wrapping_add(1));
    let lengths = [1, 5, 2, 1, 9, 3];
    (0..18).map(|number| Call::Commit(author.batch(4, lengths[number % lengths.len()]))).collect()
}

fn large_values_come_and_go(seed: u64) -> Vec<Call> {
    let mut author = Author::new(seed.wrapping_add(2));
    author.longest = 9_000;
    (0..8).map(|_| Call::Commit(author.batch(2, 2))).collect()
}

fn runs_end_and_are_pruned(seed: u64) -> Vec<Call> {
    let mut author = Author::new(seed.wrapping_add(3));
    author.longest = 2_000;
    let mut calls = vec![Call::Commit((0..5).map(|number| author.commit(Author::run(number))).collect())];
    for ended in 0..3 {
        calls.push(Call::Commit(author.batch(5, 3)));
        let mut batch = author.batch(5, 2);
        batch.push(author.end(Author::run(ended)));
        calls.push(Call::Commit(batch));
        calls.push(Call::Commit(author.batch(5, 1)));
        calls.push(Call::Prune { finished_before: author.now() });
    }
    calls.push(Call::Commit(author.batch(5, 3)));
    calls
}

fn the_store_is_closed_and_opened(seed: u64) -> Vec<Call> {
    let mut author = Author::new(seed.wrapping_add(4));
    let mut calls = Vec::new();
    for _ in 0..3 {
        calls.push(Call::Commit(author.batch(3, 4)));
        calls.push(Call::Commit(author.batch(3, 1)));
        calls.push(Call::Reopen);
    }
    calls.push(Call::Commit(author.batch(3, 2)));
    calls
}
