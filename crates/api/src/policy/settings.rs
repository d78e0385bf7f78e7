//! Every variable, flag and ConfigMap key as a typed field: one line per field, with the keys it sets.
//!
//! Bounds, units, defaults and descriptions are in `vpccni_core::config::FIELDS`, and get into the schema from there.

use super::custom_networking::EniConfigEntry;
use crate::setting::{Collector, Setting};
use std::collections::BTreeMap;
use vpccni_core::config::{Key, Value};

words! {
    /// The IP family of the cluster, fixed when it is created.
    IpFamily {
        /// pods have IPv4 addresses.
        IPv4,
        /// pods have IPv6 addresses.
        IPv6,
    }

    /// How a node holds addresses.
    AllocationMode {
        /// one address per slot of an interface.
        SecondaryIp,
        /// a /28 prefix per slot.
        Prefix,
    }

    /// How security groups for pods are enforced.
    PodSecurityGroupMode {
        /// only the pod's own groups apply.
        Strict,
        /// also the rules of the node.
        Standard,
    }

    /// How network policies are enforced on new pods.
    NetworkPolicyMode {
        /// the plugin does not wait for policies.
        None,
        /// all is denied until the policies of the pod are programmed.
        Strict,
        /// all is allowed until then.
        Standard,
    }

    /// How source ports are chosen by SNAT.
    RandomizeSnat {
        /// fully at random.
        Prng,
        /// by a hash.
        HashRandom,
        /// not at random.
        None,
    }

    /// A log level of ipamd and the plugins.
    LogLevel {
        /// everything.
        Debug,
        /// what happens.
        Info,
        /// what looks wrong.
        Warn,
        /// what failed.
        Error,
        /// what ended the program.
        Fatal,
    }

    /// A log level of the node agent.
    AgentLogLevel {
        /// everything.
        Debug,
        /// what happens.
        Info,
        /// what looks wrong.
        Warn,
        /// what failed.
        Error,
    }
}

settings! {
    /// How many addresses a node keeps, and in which form.
    IpAllocation {
        mode: AllocationMode => [EnablePrefixDelegation],
        warm_eni_target: i64 => [WarmEniTarget],
        warm_ip_target: i64 => [WarmIpTarget],
        minimum_ip_target: i64 => [MinimumIpTarget],
        warm_prefix_target: i64 => [WarmPrefixTarget],
        max_enis: i64 => [MaxEni],
        ip_cooldown_seconds: i64 => [IpCooldownPeriod],
    }

    /// Pod addresses from other subnets than those of the nodes.
    CustomNetworking {
        enabled: bool => [CustomNetworkCfg],
        label_key: String => [EniConfigLabelDef],
        annotation_key: String => [EniConfigAnnotationDef],
        @other {
            /// The ENIConfigs the operator writes; where absent it validates those it finds.
            #[schemars(length(max = 64), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"]))]
            eni_configs: Vec<EniConfigEntry>,
        }
    }

    /// Security groups for pods.
    PodSecurityGroups {
        enabled: bool => [EnablePodEni],
        enforcing_mode: PodSecurityGroupMode => [PodSecurityGroupEnforcingMode],
        disable_tcp_early_demux: bool => [DisableTcpEarlyDemux],
        branch_eni_cooldown_seconds: i64 => [BranchEniCooldown],
    }

    /// Network policies and the node agent that enforces them.
    NetworkPolicy {
        enabled: bool => [EnableNetworkPolicy],
        enforcing_mode: NetworkPolicyMode => [NetworkPolicyEnforcingMode],
        controller_enabled: bool => [NetworkPolicyController],
        @nested {
            /// The node agent.
            agent: NodeAgent,
        }
    }

    /// The flags of the node agent.
    NodeAgent {
        policy_event_logs: bool => [AgentPolicyEventLogs],
        cloud_watch_logs: bool => [AgentCloudwatchLogs],
        log_level: AgentLogLevel => [AgentLogLevel],
        log_file: String => [AgentLogFile],
        log_file_max_size_megabytes: i64 => [AgentLogFileMaxSize],
        log_file_max_backups: i64 => [AgentLogFileMaxBackups],
        max_concurrent_reconciles: i64 => [AgentMaxConcurrentReconciles],
        conntrack_cache_cleanup_period_seconds: i64 => [AgentConntrackCleanup],
        conntrack_cache_table_size: i64 => [AgentConntrackSize],
        profiling: bool => [AgentProfiling],
        kubeconfig: String => [AgentKubeconfig],
        metrics_bind_address: String => [AgentMetricsAddr],
        health_probe_bind_address: String => [AgentHealthAddr],
    }

    /// How packets leave the node.
    Egress {
        external_snat: bool => [ExternalSnat],
        randomize_snat: RandomizeSnat => [RandomizeSnat],
        exclude_snat_cidrs: Vec<String> => [ExcludeSnatCidrs],
        external_service_cidrs: Vec<String> => [ExternalServiceCidrs],
        node_port_support: bool => [NodePortSupport],
        connmark: i64 => [Connmark],
        v6_egress: bool => [EnableV6Egress, InitEnableV6Egress],
        v4_egress: bool => [EnableV4Egress],
    }

    /// Network interfaces and pod links.
    Interfaces {
        mtu: i64 => [EniMtu],
        pod_mtu: i64 => [PodMtu],
        veth_prefix: String => [VethPrefix],
        additional_tags: BTreeMap<String, String> => [AdditionalEniTags],
        manage_non_schedulable: bool => [ManageEnisNonSchedulable],
        manage_untagged: bool => [ManageUntaggedEni],
        subnet_discovery: bool => [EnableSubnetDiscovery],
        disable_leaked_cleanup: bool => [DisableLeakedEniCleanup],
        disable_provisioning: bool => [DisableResourceProvisioning],
        imds_only: bool => [EnableImdsOnlyMode],
        multi_nic: bool => [EnableMultiNic],
    }

    /// Plugins chained after the CNI plugin.
    Plugins {
        bandwidth: bool => [EnableBandwidthPlugin],
        annotate_pod_ip: bool => [AnnotatePodIp],
        disable_pod_v6: bool => [DisablePodV6],
    }

    /// Logs of ipamd and of the plugins.
    Logging {
        level: LogLevel => [LogLevel],
        file: String => [LogFile],
        plugin_level: LogLevel => [PluginLogLevel],
        plugin_file: String => [PluginLogFile],
        egress_v4_plugin_file: String => [EgressV4PluginLogFile],
        egress_v6_plugin_file: String => [EgressV6PluginLogFile],
    }

    /// What ipamd tells about itself.
    Observability {
        introspection_bind_address: String => [IntrospectionBindAddress],
        disable_introspection: bool => [DisableIntrospection],
        disable_metrics: bool => [DisableMetrics],
    }

    /// How ipamd reaches AWS and the API server.
    Aws {
        cluster_name: String => [ClusterName],
        cluster_endpoint: String => [ClusterEndpoint],
        ec2_endpoint: String => [Ec2Endpoint],
        http_timeout_seconds: i64 => [HttpTimeout],
    }

    /// Paths on the host.
    Host {
        cni_bin_path: String => [CniBinPath, InitCniBinPath],
        cni_conf_dir: String => [CniConfDir],
        checkpoint_file: String => [BackingStore],
        nftables: bool => [EnableNftables],
    }

    /// Windows nodes: read by the VPC resource controller in the control plane.
    Windows {
        ipam: bool => [WindowsIpam],
        prefix_delegation: bool => [WindowsPrefixDelegation],
        warm_prefix_target: i64 => [WindowsWarmPrefixTarget],
        warm_ip_target: i64 => [WindowsWarmIpTarget],
        minimum_ip_target: i64 => [WindowsMinimumIpTarget],
    }
}

impl Setting for AllocationMode {
    fn value(&self) -> Result<Value, String> {
        Ok(Value::Bool(*self == Self::Prefix))
    }
}

impl Setting for PodSecurityGroupMode {
    fn value(&self) -> Result<Value, String> {
        Ok(Value::Text(self.as_str().to_lowercase()))
    }
}

impl Setting for NetworkPolicyMode {
    fn value(&self) -> Result<Value, String> {
        Ok(Value::Text(self.as_str().to_lowercase()))
    }
}

impl Setting for RandomizeSnat {
    fn value(&self) -> Result<Value, String> {
        Ok(Value::Text(self.as_str().to_lowercase()))
    }
}

impl Setting for LogLevel {
    fn value(&self) -> Result<Value, String> {
        Ok(Value::Text(self.as_str().to_uppercase()))
    }
}

impl Setting for AgentLogLevel {
    fn value(&self) -> Result<Value, String> {
        Ok(Value::Text(self.as_str().to_lowercase()))
    }
}

impl IpFamily {
    /// The family is four keys: exactly one of the two variables of aws-node is true, and init container and agent agree.
    pub(crate) fn collect(self, into: &mut Collector) {
        let v6 = self == Self::IPv6;
        into.set(Key::EnableIpv4, Value::Bool(!v6));
        for key in [Key::EnableIpv6, Key::InitEnableIpv6, Key::AgentEnableIpv6] {
            into.set(key, Value::Bool(v6));
        }
    }
}
