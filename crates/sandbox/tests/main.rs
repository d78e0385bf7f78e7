//! The sandbox through the real Rust SDKs: one test a rule, in the smallest world that shows it, and the invariants
//! after each.

#![expect(clippy::expect_used, reason = "a world that cannot be made fails the test")]

mod addresses;
mod attachments;
mod describes;
mod eks;
mod faults;
mod hostile;
mod instances;
mod interfaces;
mod lab;
mod networks;
mod protocol;
mod speed;
mod templates;
