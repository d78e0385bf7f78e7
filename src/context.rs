//! What every controller gets: the client to read with, the one funnel to write with, Events, metrics, settings and
//! the clock. A controller reads no environment and no clock otherwise.

use crate::events::Recorder;
use crate::lease::HandOver;
use crate::metrics::Metrics;
use crate::write::Writer;
use jiff::Timestamp;
use std::sync::Arc;
use std::time::Duration;
use vpccni_core::ports::groups::{AutoScaling, LaunchTemplates, NodeGroups};
use vpccni_core::ports::{Ec2, Eks};
use vpccni_observe::Stores;
use vpccni_observe::migration::Groups;
use vpccni_telemetry::health::Health;

/// What the operator was told at start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The namespace the operator runs in: of its Lease and its admission parameters.
    pub namespace: String,
    /// Who this replica is in the Lease and in Events.
    pub identity: String,
    /// The name of the cluster, where it is given.
    pub cluster_name: Option<String>,
    /// The region, where it is given; otherwise the standard environment and the instance metadata decide.
    pub aws_region: Option<String>,
    /// How many EC2 calls a minute all controllers together may make.
    pub ec2_calls_per_minute: u32,
    /// How often EC2 is read as a whole.
    pub inventory_interval: Duration,
    /// The ConfigMap the admission policies read.
    pub admission_parameters_name: String,
}

/// What every controller gets.
#[derive(Clone)]
pub struct Context {
    /// For live reads. Writes go through `writer` only.
    pub client: kube::Client,
    /// The one funnel of writes.
    pub writer: Arc<Writer>,
    /// By which the Lease is given to another replica.
    pub hand_over: HandOver,
    /// Events.
    pub events: Arc<Recorder>,
    /// Metrics.
    pub metrics: Arc<Metrics>,
    /// Readiness checks and heartbeats.
    pub health: Health,
    /// What the operator was told at start.
    pub settings: Arc<Settings>,
    /// What the API server has, kept up to date by watches.
    pub stores: Stores,
    /// EC2.
    pub ec2: Arc<dyn Ec2>,
    /// EKS.
    pub eks: Arc<dyn Eks>,
    /// Auto Scaling groups.
    pub scaling: Arc<dyn AutoScaling>,
    /// Launch templates.
    pub templates: Arc<dyn LaunchTemplates>,
    /// EKS managed node groups.
    pub node_groups: Arc<dyn NodeGroups>,
    /// The time.
    pub clock: fn() -> Timestamp,
}

impl Context {
    /// Where groups of nodes are read from.
    pub(crate) fn groups<'a>(&'a self, cluster: Option<&'a str>) -> Groups<'a> {
        Groups {
            client: &self.client,
            scaling: self.scaling.as_ref(),
            templates: self.templates.as_ref(),
            node_groups: self.node_groups.as_ref(),
            cluster,
            now: self.now(),
        }
    }

    /// The time now.
    pub fn now(&self) -> Timestamp {
        (self.clock)()
    }
}

impl std::fmt::Debug for Context {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Context")
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}
