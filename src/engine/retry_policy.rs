//! How often a step is attempted, and how long it rests in between.

use std::time::Duration;

/// What a step does about a handler that fails.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RetryPolicy {
    /// How many attempts there are, the first one included.
    pub max_attempts: u32,
    /// How long to wait after the first one.
    pub initial_delay: Duration,
    /// By how much each wait is longer than the one before: 1 or more.
    pub factor: f64,
    /// The longest wait.
    pub max_delay: Duration,
    /// Which part of a wait is left to chance, from 0 to 1, so that those who failed together do not come back together.
    pub jitter: f64,
}

/// A failed attempt, as the driver tells it.
#[derive(Clone, Copy, Debug)]
pub struct FailedAttempt {
    /// Whether another attempt could go better.
    pub retryable: bool,
    /// How long to wait, if what failed knows.
    pub retry_after: Option<Duration>,
    /// Drawn by the driver, from 0 up to 1.
    pub chance: f64,
}

impl RetryPolicy {
    /// How long to wait after a failed attempt, the first one being 1; `None` if that was the last.
    pub(super) fn wait_after(&self, attempt: u32, failed: &FailedAttempt) -> Option<Duration> {
        if !failed.retryable || attempt >= self.max_attempts {
            return None;
        }
        Some(failed.retry_after.unwrap_or_else(|| self.delay_after(attempt, failed.chance)))
    }

    fn delay_after(&self, attempt: u32, chance: f64) -> Duration {
        let growth = self.factor.powf(f64::from(attempt.saturating_sub(1)));
        let longest = self.max_delay.as_secs_f64();
        let delay = (self.initial_delay.as_secs_f64() * growth).min(longest);
        Duration::from_secs_f64(delay * (1.0 - self.jitter * chance))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: RetryPolicy = RetryPolicy {
        max_attempts: 6,
        initial_delay: Duration::from_millis(100),
        factor: 3.0,
        max_delay: Duration::from_secs(2),
        jitter: 0.0,
    };
    const FAILED: FailedAttempt = FailedAttempt { retryable: true, retry_after: None, chance: 0.0 };

    fn waits(policy: &RetryPolicy, failed: &FailedAttempt) -> Vec<u128> {
        (1..).map_while(|attempt| policy.wait_after(attempt, failed)).map(|wait| wait.as_millis()).collect()
    }

    #[test]
    fn waits_grow_up_to_the_longest() {
        assert_eq!(waits(&POLICY, &FAILED), [100, 300, 900, 2_000, 2_000]);
    }

    #[test]
    fn growth_beyond_all_numbers_is_the_longest_wait() {
        let policy = RetryPolicy { max_attempts: u32::MAX, factor: 1e300, ..POLICY };
        assert_eq!(policy.wait_after(u32::MAX - 1, &FAILED), Some(Duration::from_secs(2)));
    }

    #[test]
    fn chance_takes_up_to_its_part_of_a_wait() {
        let policy = RetryPolicy { max_attempts: 2, jitter: 0.5, ..POLICY };
        for (chance, wait) in [(0.0, 100), (0.5, 75), (1.0, 50)] {
            assert_eq!(waits(&policy, &FailedAttempt { chance, ..FAILED }), [wait]);
        }
    }

    #[test]
    fn what_failed_may_know_better() {
        let known = FailedAttempt { retry_after: Some(Duration::from_mins(1)), ..FAILED };
        assert_eq!(waits(&POLICY, &known), [60_000; 5]);
        assert_eq!(POLICY.wait_after(1, &FailedAttempt { retryable: false, ..known }), None);
    }
}
