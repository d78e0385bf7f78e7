//! Migrations: what a change that needs new nodes costs, and carrying it out node by node without breaking anything.
//!
//! `plan` makes the plan a person approves; `next` says in each round what to do now, from nothing but what is recorded
//! and seen. Neither does anything itself.

mod action;
mod approval;
mod group;
mod halt;
mod next;
mod plan;
mod report;
mod settings;
mod state;
mod world;

pub use crate::ports::groups::GroupSize;
pub use action::{Action, ActionKind, PodRef};
pub use approval::{Approval, ApprovedBy, NotCovered};
pub use group::{GroupFacts, KarpenterFacts, Template};
pub use halt::{Halt, HaltReason};
pub use next::next;
pub use plan::{
    Budget, Carrier, ChangeHash, ConfigId, Direction, GroupPlan, Judge, Method, MigrationPlan, Obstacle,
    PLAN_VERSION, PlanWorld, RollbackPlan, Stage, config_id, plan, reversed,
};
pub use report::{Blocked, InFlight, Next, Phase, Progress, WaitingFor, WaitsOn};
pub use settings::{
    BudgetShare, Canary, Drain, HaltAt, OnBlocked, OnSuperseded, OnWindowEnd, Replace, Settings, Share,
};
pub use state::{Baseline, Desired, Memory, NodeStep, Record, State, Switched, Wanted};
pub use world::{
    CarrierView, GroupView, NodeView, Ours, Ourselves, Pdb, PodKind, PodView, Update, WindowView, World,
};

/// Under `spec.template.metadata.annotations` of a NodePool: another value makes its nodes drift.
pub const GENERATION: &str = "vpccni.io/generation";
