//! The plan of the pool against a model of EC2: single cases, and what holds for any sequence of events.

#![expect(
    clippy::panic,
    clippy::unwrap_used,
    reason = "the helpers of a test fail by panicking"
)]

mod cases;
mod properties;
mod sim;
