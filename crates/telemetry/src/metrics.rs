//! One Prometheus registry a program: its families are registered once, at start, and encoded as text on request.

use prometheus_client::encoding::text;
use prometheus_client::registry::{Metric, Registry as Families};
use std::sync::{Arc, Mutex, PoisonError};

/// The content type of [`Registry::encode`].
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The registry could not be written as text.
#[derive(Debug, thiserror::Error)]
#[error("failed to encode the metrics: {0}")]
pub struct EncodeError(#[source] std::fmt::Error);

/// The families of one program. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct Registry {
    families: Arc<Mutex<Families>>,
}

impl Registry {
    /// Adds a family. The name of a counter is given without `_total`, which the text format appends.
    pub fn register(&self, name: &str, help: &str, family: impl Metric) {
        // A panic while a family was added leaves the earlier ones whole, so a poisoned lock is still good.
        let mut families = self.families.lock().unwrap_or_else(PoisonError::into_inner);
        // The encoder ends the help text with a full stop of its own.
        families.register(name, help.trim_end_matches('.'), family);
    }

    /// Every family and its current values in the OpenMetrics text format.
    pub fn encode(&self) -> Result<String, EncodeError> {
        let families = self.families.lock().unwrap_or_else(PoisonError::into_inner);
        let mut out = String::new();
        text::encode(&mut out, &families).map_err(EncodeError)?;
        Ok(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use prometheus_client::metrics::counter::Counter;

    #[test]
    fn a_registered_counter_is_encoded_with_help_and_value() {
        let registry = Registry::default();
        let writes: Counter = Counter::default();
        registry
            .clone()
            .register("writes", "Writes made.", writes.clone());
        writes.inc_by(3);
        let text = registry.encode().unwrap();
        assert!(text.contains("# HELP writes Writes made.\n"), "{text}");
        assert!(text.contains("writes_total 3\n"), "{text}");
        assert!(text.ends_with("# EOF\n"), "{text}");
    }
}
