//! How many points each test tries at least: a hundred thousand together.

pub const OF_SCRIPTS: usize = 19_500;
pub const OF_RANDOM_SCRIPTS: usize = 31_500;
pub const OF_BYTES: usize = 49_000;

const _: () = assert!(OF_SCRIPTS + OF_RANDOM_SCRIPTS + OF_BYTES >= 100_000);
