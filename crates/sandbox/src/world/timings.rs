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
    /// An Auto Scaling group, from a request or a change to what it does about it.
    pub scaling_step: Duration,
    /// An Auto Scaling group, until it notices that EC2 says a member does not run.
    pub scaling_health_check: Duration,
    /// An Auto Scaling group, until it tries a subnet again where a launch failed; twice as long each time. Never less
    /// than a second.
    pub scaling_retry: Duration,
}

impl Timings {
    /// Everything at once.
    pub const INSTANT: Self = Self {
        instance_start: Duration::ZERO,
        instance_stop: Duration::ZERO,
        terminated_visible: Duration::ZERO,
        scaling_step: Duration::ZERO,
        scaling_health_check: Duration::ZERO,
        scaling_retry: Duration::ZERO,
    };

    /// About what AWS takes; the figures that somebody measured or promised are named beside each.
    pub const USUAL: Self = Self {
        instance_start: Duration::from_secs(8),
        instance_stop: Duration::from_secs(10),
        terminated_visible: Duration::from_hours(1),
        scaling_step: Duration::from_secs(2),
        // The interval of the EC2 health checks is not published; replacements begin within about a minute.
        scaling_health_check: Duration::from_secs(30),
        scaling_retry: Duration::from_secs(15),
    };
}
