//! What a store must hold, told by somebody who is not a store.
//!
//! An [`Author`] writes commits that runs could make, a script is a row of [`Call`]s, and the [`Ledger`] is told of
//! each call when it begins and when it is acknowledged. At any moment the ledger can look at a store and say whether
//! it holds what it must and nothing that it must not: of each run all that was acknowledged, whole, and of what
//! was only asked for any first part.
//!
//! It shares no code with the drivers: what a commit does to a run stands here a second time, in [`Expected::after`].

// Each test takes what it needs of this.
#![allow(dead_code, unused_imports)]

mod author;
mod expected;
mod ledger;
mod scripts;

pub use author::Author;
pub use expected::Expected;
pub use ledger::{Ledger, Violation, all_taken};
pub use scripts::{Call, random_script, scripts};
