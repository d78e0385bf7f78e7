//! How long to wait between two rounds: a pure function of what the last one said.

use std::time::Duration;

/// The waits of one loop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// After a good round, without any trigger.
    pub resync: Duration,
    /// After the first failure; doubled with each further one.
    pub first_retry: Duration,
    /// The longest wait after failures.
    pub longest_retry: Duration,
    /// How long to wait after a trigger for others that come with it: a `kubectl apply` of several objects is one
    /// change to people.
    pub debounce: Duration,
}

impl Pace {
    /// The usual pace with this re-sync interval.
    pub const fn resync(resync: Duration) -> Self {
        Self {
            resync,
            first_retry: Duration::from_secs(1),
            // Long enough to leave a broken API server alone, short enough that a person who mends something need
            // not restart the operator.
            longest_retry: Duration::from_mins(2),
            debounce: Duration::from_millis(50),
        }
    }

    /// The wait after `failures` failures in a row (at least one); `chance` between 0 and 1 spreads it by a fifth to
    /// both sides, so that replicas and controllers do not knock in step.
    pub fn after_failure(&self, failures: u32, asked: Option<Duration>, chance: f64) -> Duration {
        let doublings = failures.saturating_sub(1).min(31);
        let wait = self
            .first_retry
            .saturating_mul(1 << doublings)
            .min(self.longest_retry);
        wait.mul_f64(0.8 + 0.4 * chance).max(asked.unwrap_or_default())
    }

    /// The wait after a good round, up to a tenth longer.
    pub fn after_success(&self, asked: Option<Duration>, chance: f64) -> Duration {
        asked.unwrap_or_else(|| self.resync.mul_f64(1.0 + 0.1 * chance))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_after_failures_double_up_to_the_longest() {
        let pace = Pace::resync(Duration::from_mins(5));
        let waits: Vec<_> = (1..=9)
            .map(|n| pace.after_failure(n, None, 0.5).as_secs())
            .collect();
        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 64, 120, 120]);
        assert_eq!(pace.after_failure(u32::MAX, None, 0.5), Duration::from_mins(2));
    }

    #[test]
    fn jitter_is_a_fifth_to_both_sides_and_never_shorter_than_asked() {
        let pace = Pace::resync(Duration::from_mins(5));
        assert_eq!(pace.after_failure(1, None, 0.0), Duration::from_millis(800));
        assert_eq!(pace.after_failure(1, None, 1.0), Duration::from_millis(1200));
        let asked = Some(Duration::from_secs(30));
        assert_eq!(pace.after_failure(1, asked, 0.0), Duration::from_secs(30));
        assert_eq!(pace.after_failure(8, asked, 0.5), Duration::from_mins(2));
    }

    #[test]
    fn a_good_round_waits_for_the_resync_or_as_long_as_it_asks() {
        let pace = Pace::resync(Duration::from_secs(100));
        assert_eq!(pace.after_success(None, 0.0), Duration::from_secs(100));
        assert_eq!(pace.after_success(None, 1.0), Duration::from_secs(110));
        assert_eq!(
            pace.after_success(Some(Duration::from_secs(3)), 1.0),
            Duration::from_secs(3)
        );
    }
}
