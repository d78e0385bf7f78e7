//! Stories of the node data plane on a real kernel. They need root and the programs that `bed` names; where these are
//! missing, each story says so and is counted as skipped.

#![expect(clippy::unwrap_used, reason = "in a test it is the assertion")]
#![expect(clippy::panic, reason = "in a test it is a failure with a reason")]
#![expect(clippy::print_stdout, reason = "skips are counted by `cargo xtask test`")]

mod api_server;
mod bed;
mod cards;
mod cluster;
mod fabric;
mod faults;
mod growth;
mod kubelet;
mod modes;
mod pods;
mod real_pods;
mod services;
mod six;
mod stand_in;
mod steady;
mod stock;
mod translation;
mod upgrade;
mod words;
