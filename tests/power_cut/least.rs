//! How many points each test tries at least: a hundred thousand together. Most are bytes of the log, which cost least;
//! `BLAZEN_CRASH_ROUNDS` tries more of the others.

pub const OF_SCRIPTS: usize = 20_000;
pub const OF_RANDOM_SCRIPTS: usize = 12_000;
pub const OF_BYTES: usize = 70_000;

const _: () = assert!(OF_SCRIPTS + OF_RANDOM_SCRIPTS + OF_BYTES >= 100_000);
