//! What stands before and after every write. The product's gate is the fence of the leader election; tests wrap it
//! to put an error, a conflict, a time-out or a kill before or after the effect.

use crate::write::{WriteError, WriteSite};
use async_trait::async_trait;
use std::fmt::Debug;
use std::time::Duration;

/// Decides whether a write may go on. A gate that wraps another one hands all three questions on.
#[async_trait]
pub trait Gate: Send + Sync + Debug {
    /// Asked before the request is sent; an error means that nothing was sent.
    async fn before(&self, site: WriteSite) -> Result<(), WriteError>;

    /// Told after the API server has accepted the write; an error is what the caller sees instead of the answer.
    async fn after(&self, site: WriteSite) -> Result<(), WriteError>;

    /// For how long a write may still be under way: no request outlives the right to make it.
    fn time_left(&self, _site: WriteSite) -> Option<Duration> {
        None
    }
}

/// Lets everything through: for a process that is alone by construction.
#[derive(Debug, Clone, Copy, Default)]
pub struct OpenGate;

#[async_trait]
impl Gate for OpenGate {
    async fn before(&self, _site: WriteSite) -> Result<(), WriteError> {
        Ok(())
    }

    async fn after(&self, _site: WriteSite) -> Result<(), WriteError> {
        Ok(())
    }
}
