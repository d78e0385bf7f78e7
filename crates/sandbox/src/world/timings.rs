//! How long things take. All of it is nothing in tests that do not ask for more; `serve` takes what users see on AWS.

use std::time::Duration;

/// The delays of the world, one field for each transition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Timings {
    /// An instance from pending to running.
    pub instance_start: Duration,
    /// An instance from stopping to stopped, and from shutting-down to terminated.
    pub instance_stop: Duration,
    /// How long a terminated instance stays visible; AWS says about an hour, and nothing means for ever.
    pub terminated_visible: Duration,
}

impl Timings {
    /// Everything at once.
    pub const INSTANT: Self = Self {
        instance_start: Duration::ZERO,
        instance_stop: Duration::ZERO,
        terminated_visible: Duration::ZERO,
    };

    /// About what AWS takes; the figures that somebody measured or promised are named beside each.
    pub const USUAL: Self = Self {
        instance_start: Duration::from_secs(8),
        instance_stop: Duration::from_secs(10),
        terminated_visible: Duration::from_hours(1),
    };
}
