//! The families and their help texts.

use super::{Counters, ExactCounter, Gauges, Labels, Metrics};
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use vpccni_telemetry::metrics::Registry;

/// The help texts of the numbers, in the order of their array.
const NUMBERS: [(&str, &str); 7] = [
    ("awscni_eni_max", "The most interfaces the node can have."),
    ("awscni_ip_max", "The most addresses the node can have."),
    ("awscni_eni_allocated", "Interfaces the agent manages."),
    (
        "awscni_total_ip_addresses",
        "Addresses on the interfaces of the node.",
    ),
    ("awscni_assigned_ip_addresses", "Addresses that pods hold."),
    (
        "awscni_ip_addresses_in_cooldown",
        "Addresses that were released a moment ago and are not given out yet.",
    ),
    ("awscni_total_ipv4_prefixes", "Prefixes of the node."),
];

/// From a millisecond to the time-out of a call.
fn milliseconds() -> Histogram {
    Histogram::new([1.0, 5.0, 10.0, 50.0, 100.0, 250.0, 500.0, 1000.0, 2500.0, 10000.0])
}

/// From a tenth of a second to minutes of waiting for the API server.
fn seconds() -> Histogram {
    Histogram::new([0.1, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0])
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Metrics {
    /// All of them, at zero.
    pub fn new() -> Self {
        let histograms = |make: fn() -> Histogram| -> Family<Labels, Histogram, fn() -> Histogram> {
            Family::new_with_constructor(make)
        };
        let metrics = Self {
            registry: Registry::default(),
            errors: Counters::default(),
            in_progress: Gauges::default(),
            reconciles: Counters::default(),
            adds: ExactCounter::default(),
            dels: Counters::default(),
            pod_eni_errors: Counters::default(),
            latency: histograms(milliseconds),
            api_errors: Counters::default(),
            utils_errors: Counters::default(),
            calls: Counters::default(),
            call_errors: Counters::default(),
            force_removed_enis: ExactCounter::default(),
            force_removed_ips: ExactCounter::default(),
            per_cidr: Gauges::default(),
            per_eni: Gauges::default(),
            no_address: ExactCounter::default(),
            started: histograms(seconds),
            initialised: histograms(seconds),
            numbers: Default::default(),
        };
        metrics.register();
        metrics
    }

    fn register(&self) {
        for ((name, help), gauge) in NUMBERS.into_iter().zip(&self.numbers) {
            self.registry.register(name, help, gauge.clone());
        }
        for (name, help, family) in self.own_counters().into_iter().chain(self.cloud_counters()) {
            self.registry.register(name, help, family.clone());
        }
        self.register_single();
        self.register_rest();
    }

    fn own_counters(&self) -> [(&'static str, &'static str, &Counters); 4] {
        [
            (
                "awscni_ipamd_error_count",
                "Errors by part of the agent.",
                &self.errors,
            ),
            (
                "awscni_reconcile_count",
                "Differences that were mended.",
                &self.reconciles,
            ),
            (
                "awscni_del_ip_req_count",
                "Addresses given back, by reason.",
                &self.dels,
            ),
            (
                "awscni_pod_eni_error_count",
                "Pods with a branch interface that were not served.",
                &self.pod_eni_errors,
            ),
        ]
    }

    fn cloud_counters(&self) -> [(&'static str, &'static str, &Counters); 4] {
        [
            (
                "awscni_aws_api_error_count",
                "Failed calls to AWS by category.",
                &self.api_errors,
            ),
            (
                "awscni_aws_utils_error_count",
                "Failed steps around AWS by category.",
                &self.utils_errors,
            ),
            ("awscni_ec2api_req_count", "Calls to EC2.", &self.calls),
            (
                "awscni_ec2api_error_count",
                "Failed calls to EC2.",
                &self.call_errors,
            ),
        ]
    }

    fn register_single(&self) {
        let registry = &self.registry;
        let single = [
            ("awscni_add_ip_req_count", "Addresses asked for.", &self.adds),
            (
                "awscni_no_available_ip_addresses",
                "Requests that found no address.",
                &self.no_address,
            ),
            (
                "awscni_force_removed_enis",
                "Interfaces taken out with pods on them.",
                &self.force_removed_enis,
            ),
            (
                "awscni_force_removed_ips",
                "Addresses taken out while pods held them.",
                &self.force_removed_ips,
            ),
        ];
        for (name, help, counter) in single {
            registry.register(name, help, counter.clone());
        }
    }

    fn register_rest(&self) {
        let registry = &self.registry;
        let gauges = [
            (
                "awscni_ipamd_action_inprogress",
                "Parts of the agent at work.",
                &self.in_progress,
            ),
            (
                "awscni_assigned_ip_per_cidr",
                "Held addresses by block.",
                &self.per_cidr,
            ),
            (
                "awscni_assigned_ip_per_eni",
                "Held addresses by interface.",
                &self.per_eni,
            ),
        ];
        for (name, help, family) in gauges {
            registry.register(name, help, family.clone());
        }
        let histograms = [
            (
                "awscni_aws_api_latency_ms",
                "Milliseconds that calls to AWS took.",
                &self.latency,
            ),
            (
                "awscni_ipamd_startup_duration_seconds",
                "Seconds from start to service.",
                &self.started,
            ),
            (
                "awscni_ipamd_node_initialization_duration_seconds",
                "Seconds to make the node ready.",
                &self.initialised,
            ),
        ];
        for (name, help, family) in histograms {
            registry.register(name, help, family.clone());
        }
        let family: Gauges = Gauges::default();
        family
            .get_or_create(&vec![("version", vpccni_rpc::VERSION.to_owned())])
            .set(1);
        registry.register("awscni_build_info", "The version of the agent.", family);
    }
}
