//! The sandbox through the real Rust SDKs: one test a rule, in the smallest world that shows it, and the invariants
//! after each.

#![expect(clippy::expect_used, reason = "a world that cannot be made fails the test")]

mod addresses;
mod attachments;
mod control;
mod describes;
mod eks;
mod faults;
mod fleets;
mod hostile;
mod iam;
mod instances;
mod interfaces;
mod ipv6;
mod journal;
mod lab;
mod limits;
mod metadata;
mod model;
mod networks;
mod parameters;
mod power;
mod protocol;
mod scaling;
mod scaling_lab;
mod scaling_members;
mod scaling_refresh;
mod speed;
mod sts;
mod templates;
mod trunks;
mod wire;
