//! What every driver of a store must hold to, as a suite.
//!
//! Whoever writes a driver implements [`Stores`] for it and calls [`check`] in a test; a promise that is broken is
//! named. The last promise is the hardest: a driver answers a long random schedule as [`MemoryStore`] does.
//!
//! ```
//! use blazen::store::conformance::{self, Stores};
//! use blazen::store::{CheckpointStore, MemoryStore};
//!
//! struct InMemory;
//!
//! impl Stores for InMemory {
//!     fn create(&mut self) -> Box<dyn CheckpointStore> {
//!         Box::new(MemoryStore::new())
//!     }
//! }
//!
//! conformance::check(&mut InMemory);
//! ```
//!
//! [`MemoryStore`]: super::MemoryStore

mod ending;
mod keeping;
mod listing;
mod past;
mod persisting;
mod pruning;
mod refusing;
pub(super) mod samples;
mod schedule;
mod streaming;

use super::CheckpointStore;

/// The driver under test.
pub trait Stores {
    /// A new store with nothing in it.
    fn create(&mut self) -> Box<dyn CheckpointStore>;

    /// The store that was created last, and has been closed since, again: `None` if the driver keeps nothing beyond
    /// its closing.
    fn reopen(&mut self) -> Option<Box<dyn CheckpointStore>> {
        None
    }

    /// Whether the stores keep a history.
    fn keep_history(&self) -> bool {
        true
    }
}

/// One promise, and what checks it: it panics if the promise is broken.
pub struct Promise {
    /// What holds.
    pub name: &'static str,
    /// Checks it.
    pub check: fn(&mut dyn Stores),
}

/// All of them.
pub const PROMISES: &[Promise] = &[
    Promise { name: "a run comes back with everything that was in it", check: keeping::whole_run },
    Promise { name: "strings come back unit by unit", check: keeping::exact_strings },
    Promise { name: "large values come back", check: keeping::large_values },
    Promise { name: "numbers come back over their whole range", check: keeping::extreme_numbers },
    Promise { name: "a run that is not there is not there", check: keeping::unknown_run },
    Promise {
        name: "what is pending comes in the order of the deliveries",
        check: keeping::order_of_pending,
    },
    Promise { name: "waits come in the order in which they were opened", check: keeping::order_of_waits },
    Promise { name: "the state comes in the order of the places", check: keeping::order_of_state },
    Promise { name: "a settled delivery is pending no more", check: keeping::settled_delivery },
    Promise { name: "what a handler has sent is counted", check: keeping::sent },
    Promise { name: "what a handler has added is kept until it settles", check: keeping::added },
    Promise { name: "a delivery goes back to the queue", check: keeping::again },
    Promise { name: "an event that waits for others stays until it is gathered", check: keeping::held },
    Promise { name: "a delivery waits for its time until it is said to wait no more", check: keeping::due },
    Promise { name: "a closed wait is open no more", check: keeping::closed },
    Promise { name: "waits come back with their kind and their time", check: keeping::kinds_of_waits },
    Promise { name: "what is done stays, until it is undone or the run ends", check: keeping::done },
    Promise {
        name: "a run keeps its parent, and the code that it was given last",
        check: keeping::parent_and_code,
    },
    Promise { name: "a key that is taken out is gone", check: keeping::key_taken_out },
    Promise { name: "a commit that replaces leaves nothing of what was", check: keeping::replaced },
    Promise { name: "runs do not meet", check: keeping::separate_runs },
    Promise { name: "a run is created once", check: refusing::created_twice },
    Promise { name: "only the next version is taken", check: refusing::wrong_version },
    Promise { name: "a refused commit changes nothing, and the others are taken", check: refusing::atomic },
    Promise { name: "a batch can have many commits of one run", check: refusing::one_run_in_a_batch },
    Promise { name: "a batch can be empty", check: refusing::empty_batch },
    Promise { name: "an ended run has nothing pending and nothing open", check: ending::nothing_left },
    Promise { name: "an ended run keeps its state and how it ended", check: ending::outcome_and_state },
    Promise { name: "a run that goes on after its end is unfinished again", check: ending::goes_on },
    Promise { name: "runs are found by workflow and status, in both orders", check: listing::filters },
    Promise { name: "pages meet without gaps, also while runs are added", check: listing::pages_meet },
    Promise { name: "a run is listed as it rests with its last commit", check: listing::rest },
    Promise { name: "a summary says what the run says", check: listing::summary },
    Promise { name: "the history tells every commit", check: past::every_commit },
    Promise { name: "the history undone gives the state at every version", check: past::undone },
    Promise { name: "ended runs are forgotten, the earliest first", check: pruning::earliest_first },
    Promise { name: "unfinished runs are never forgotten", check: pruning::unfinished },
    Promise {
        name: "a child is not forgotten before its parent has ended",
        check: pruning::children_of_unfinished,
    },
    Promise {
        name: "a child is not forgotten while its parent is at work, although nothing of that is stored",
        check: pruning::children_of_unwritten,
    },
    Promise { name: "a forgotten run leaves nothing to one of the same id", check: pruning::same_id_again },
    Promise { name: "what was taken is there after closing", check: persisting::reopened },
    Promise { name: "a closed store gives errors", check: persisting::closed },
    Promise { name: "a stream comes in the order in which it was written", check: streaming::in_order },
    Promise { name: "a stream is read from any offset, a page at a time", check: streaming::pages },
    Promise {
        name: "the events of a stream come back character by character",
        check: streaming::exact_events,
    },
    Promise {
        name: "a stream grows with the commits that are taken, and only then",
        check: streaming::atomic,
    },
    Promise {
        name: "a stream outlasts what is replaced, and the end of its run",
        check: streaming::outlasting,
    },
    Promise { name: "a stream is forgotten with its run", check: streaming::pruned },
    Promise { name: "a stream is there after closing", check: streaming::reopened },
    Promise { name: "a long random schedule is answered as by the model", check: schedule::as_the_model },
];

/// Checks every promise.
///
/// # Panics
///
/// If one is broken; its name was printed before.
pub fn check(stores: &mut dyn Stores) {
    for Promise { name, check } in PROMISES {
        println!("{name}");
        check(stores);
    }
}
