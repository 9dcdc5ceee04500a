//! Time as the engine sees it: a number that the driver hands in.
//!
//! A run's time limit counts only while the run is running, so what is kept across a pause is the time that
//! remains, never a point in time.

use std::time::Duration;

use super::journal::TimeLeft;

/// Milliseconds on the driver's monotonic clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Millis(pub u64);

impl Millis {
    /// The first whole millisecond that is not before the end of a wait.
    pub(super) fn after(self, wait: Duration) -> Self {
        let begun = u64::from(!wait.subsec_nanos().is_multiple_of(1_000_000));
        Self(self.0.saturating_add(whole_millis(wait)).saturating_add(begun))
    }
}

/// Milliseconds since the Unix epoch. This clock may be set, so it is asked only about what outlives the process: a
/// deadline in a store or a snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct WallMillis(pub i64);

/// One instant on both clocks.
#[derive(Clone, Copy, Debug)]
pub struct Now {
    /// On the driver's monotonic clock.
    pub monotonic: Millis,
    /// On the wall clock.
    pub wall: WallMillis,
}

impl Now {
    /// Both clocks say the same, as they do where time is made up.
    #[must_use]
    pub fn virtually(now: Millis) -> Self {
        Self { monotonic: now, wall: WallMillis(i64::try_from(now.0).unwrap_or(i64::MAX)) }
    }

    /// When a deadline of this process will be.
    #[must_use]
    pub fn to_wall(self, due: Millis) -> WallMillis {
        let ahead = i128::from(due.0) - i128::from(self.monotonic.0);
        let wall = i128::from(self.wall.0) + ahead;
        WallMillis(i64::try_from(wall).unwrap_or(i64::MAX))
    }

    /// The deadline of this process at a point in time; one that has passed is now.
    #[must_use]
    pub fn to_monotonic(self, due: WallMillis) -> Millis {
        let ahead = u64::try_from(due.0.saturating_sub(self.wall.0)).unwrap_or(0);
        Millis(self.monotonic.0.saturating_add(ahead))
    }
}

/// A limit on the time that a run may spend running.
#[derive(Clone, Copy, Debug)]
pub(super) enum TimeLimit {
    None,
    /// The run is running and must end by `due`.
    Counting {
        due: Millis,
        limit: Duration,
    },
    /// The run is paused with `remaining` left.
    Stopped {
        remaining: Duration,
        limit: Duration,
    },
}

impl TimeLimit {
    pub(super) fn starting(limit: Option<Duration>, remaining: Option<Duration>, now: Millis) -> Self {
        match limit {
            None => Self::None,
            Some(limit) => {
                Self::Stopped { remaining: remaining.map_or(limit, |left| left.min(limit)), limit }
                    .counting(now)
            }
        }
    }

    pub(super) fn counting(self, now: Millis) -> Self {
        match self {
            Self::Stopped { remaining, limit } => {
                Self::Counting { due: Millis(now.0.saturating_add(whole_millis(remaining))), limit }
            }
            other => other,
        }
    }

    pub(super) fn stopped(self, now: Millis) -> Self {
        match self {
            Self::Counting { due, limit } => {
                Self::Stopped { remaining: Duration::from_millis(due.0.saturating_sub(now.0)), limit }
            }
            other => other,
        }
    }

    pub(super) fn due(self) -> Option<Millis> {
        match self {
            Self::Counting { due, .. } => Some(due),
            _ => None,
        }
    }

    pub(super) fn expired(self, now: Millis) -> Option<Duration> {
        match self {
            Self::Counting { due, limit } if due <= now => Some(limit),
            _ => None,
        }
    }

    pub(super) fn left(self) -> TimeLeft {
        match self {
            Self::None => TimeLeft::Unlimited,
            Self::Counting { due, .. } => TimeLeft::Until(due),
            Self::Stopped { remaining, .. } => TimeLeft::Stopped(remaining),
        }
    }

    /// What is left while the limit is stopped; the limit of a running run is not asked for this.
    pub(super) fn remaining(self) -> Option<Duration> {
        match self {
            Self::Stopped { remaining, .. } => Some(remaining),
            _ => None,
        }
    }
}

fn whole_millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
