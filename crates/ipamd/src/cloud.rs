//! EC2 and the metadata service as the agent calls them: every call is timed and counted, and a missing permission is
//! told to whoever looks at the cluster.

use crate::metrics::Metrics;
use crate::notice::{Notice, Notices};
use std::sync::Arc;
use std::time::Instant;
use vpccni_core::ports::node::{Imds, NodeEc2};
use vpccni_core::ports::{Answer, CloudError, CloudErrorKind};

/// The ports to AWS.
#[derive(Debug, Clone)]
pub struct Cloud {
    /// EC2.
    pub ec2: Arc<dyn NodeEc2>,
    /// The metadata service.
    pub imds: Arc<dyn Imds>,
    metrics: Metrics,
    notices: Notices,
}

impl Cloud {
    /// Over these ports.
    pub fn new(ec2: Arc<dyn NodeEc2>, imds: Arc<dyn Imds>, metrics: Metrics, notices: Notices) -> Self {
        Self {
            ec2,
            imds,
            metrics,
            notices,
        }
    }

    /// The counters.
    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// The way to tell people.
    pub fn notices(&self) -> &Notices {
        &self.notices
    }

    /// Waits for the answer of a call, and counts it.
    pub async fn call<T>(&self, action: &'static str, answer: Answer<'_, T>) -> Result<T, CloudError> {
        let begun = Instant::now();
        let result = answer.await;
        let error = result.as_ref().err();
        self.metrics.called(action, begun.elapsed(), error);
        if let Some(error) = error {
            tracing::warn!(action, %error, "a call to AWS failed");
            if error.kind == CloudErrorKind::Denied {
                self.notices.tell(Notice::MissingPermissions { action });
            }
        }
        result
    }
}
