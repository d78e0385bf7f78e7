//! What a controller is to the supervisor, and the loop that most of them are. Nothing here knows what is reconciled.

mod pace;
mod reconcile_loop;
mod wake;

pub use pace::Pace;
pub use reconcile_loop::{Loop, Next, Reconcile};
pub use wake::{AnyOf, Wake};

use crate::context::Context;
use crate::write::WriteError;
use async_trait::async_trait;
use std::error::Error;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use vpccni_core::ports::{CloudError, CloudErrorKind};

/// An error of one step, sorted by what can be done about it.
pub trait Categorised: Error + Send + Sync {
    /// A bounded label for metrics.
    fn category(&self) -> &'static str;

    /// How long the other side asks to be left alone.
    fn retry_after(&self) -> Option<Duration> {
        None
    }
}

/// Why a reconcile failed, whatever the step.
pub type Failure = Box<dyn Categorised>;

impl<E: Categorised + 'static> From<E> for Failure {
    fn from(error: E) -> Self {
        Box::new(error)
    }
}

impl Categorised for WriteError {
    fn category(&self) -> &'static str {
        self.category()
    }

    fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Throttled { retry_after, .. } => *retry_after,
            _ => None,
        }
    }
}

impl Categorised for CloudError {
    fn category(&self) -> &'static str {
        self.category()
    }

    fn retry_after(&self) -> Option<Duration> {
        // The buckets of EC2 refill by the second; half a minute lets even an empty one recover.
        (self.kind == CloudErrorKind::Throttled).then_some(Duration::from_secs(30))
    }
}

/// Something that runs while this replica leads.
#[async_trait]
pub trait Controller: Send + Sync {
    /// Its name, in logs, metrics and heartbeats.
    fn name(&self) -> &'static str;

    /// Runs until `stop` is cancelled, and finishes what it has begun. Ending before that, with or without an error,
    /// ends the process.
    async fn run(self: Arc<Self>, ctx: Arc<Context>, stop: CancellationToken) -> Result<(), Failure>;

    /// Gives up what it holds, leaving everything as it is, and puts back what it changed for a while: for
    /// `vpc-cni-operator release`. Runs while no replica leads; must be safe to run again.
    async fn release(&self, _ctx: &Context) -> Result<(), Failure> {
        Ok(())
    }
}
