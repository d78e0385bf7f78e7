//! The shortest time that any scheduler could need: the list schedule of what was recorded, under the same budget.

use std::time::Duration;

/// What one replacement took by itself, whoever asks for it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Job {
    /// From the launch of the instance to the Ready node.
    pub(super) ready: Duration,
    /// From the first eviction on the old node to the last pod that left.
    pub(super) evicted: Duration,
    /// From the end of the old instance to the end of its node.
    pub(super) ended: Duration,
}

impl Job {
    fn whole(self) -> Duration {
        self.ready + self.evicted + self.ended
    }
}

/// The end of the last job, where each starts as soon as one of `slots` is free.
pub(super) fn list_schedule(jobs: &[Job], slots: usize) -> Duration {
    let mut free = vec![Duration::ZERO; slots.max(1)];
    for job in jobs {
        // The slot that is free first; there is at least one.
        if let Some(slot) = free.iter_mut().min() {
            *slot += job.whole();
        }
    }
    free.into_iter().max().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_job_starts_when_a_slot_is_free() {
        let job = |seconds| Job {
            ready: Duration::from_secs(seconds),
            ..Job::default()
        };
        let jobs = [4, 2, 2, 3, 1].map(job);
        assert_eq!(list_schedule(&jobs, 2), Duration::from_secs(7));
        assert_eq!(list_schedule(&jobs, 1), Duration::from_secs(12));
        assert_eq!(list_schedule(&jobs, 9), Duration::from_secs(4));
        assert_eq!(list_schedule(&[], 0), Duration::ZERO);
    }
}
