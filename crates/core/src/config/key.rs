//! The one table of settings: every variable, flag and ConfigMap key of the VPC CNI v1.23.1.
//!
//! A row is `Key: Place "NAME" "policy.path" kind "unit" default manifest since class "text"`. The CRD schema, both
//! parsers, the rules and `docs/reference/environment.md` are made from it. Source: amazon-vpc-cni-k8s v1.23.1.

use super::field::{ChangeClass, Kind, Place};
use crate::version::CniVersion;

/// One row of the table.
#[derive(Debug, Clone, Copy)]
pub struct Field {
    /// The key that stands for it in code.
    pub key: Key,
    /// Where it is written.
    pub place: Place,
    /// The variable, flag or ConfigMap key.
    pub name: &'static str,
    /// The field of `CniPolicy.spec`, dots between levels; empty where no field can set it.
    pub path: &'static str,
    /// Type and bounds.
    pub kind: Kind,
    /// The unit of a number: `ENIs`, `addresses`, `seconds`, `bytes`; empty otherwise.
    pub unit: &'static str,
    /// What the code takes when the variable is absent; none where absence switches a feature off.
    pub default: Option<&'static str>,
    /// What the published manifest of v1.23.1 sets, where it sets the variable at all.
    pub manifest: Option<&'static str>,
    /// The first version that reads it.
    pub since: CniVersion,
    /// What a change needs.
    pub class: ChangeClass,
    /// One or two sentences for the reference page: meaning, interactions, family and mode.
    pub doc: &'static str,
}

macro_rules! table {
    ($($key:ident: $place:ident $name:literal $path:literal $kind:expr, $unit:literal, $default:expr, $manifest:expr,
       ($maj:literal, $min:literal, $pat:literal) $class:ident $doc:literal;)*) => {
        /// A setting of the VPC CNI.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[expect(missing_docs, reason = "each is documented by its row of the table")]
        pub enum Key { $($key),* }

        /// The table, in the order of `Key`.
        pub static FIELDS: &[Field] = &[$(Field {
            key: Key::$key, place: Place::$place, name: $name, path: $path, kind: $kind, unit: $unit,
            default: $default, manifest: $manifest, since: CniVersion::new($maj, $min, $pat),
            class: ChangeClass::$class, doc: $doc,
        }),*];
    };
}

const BOOL: Kind = Kind::Bool;
const LEVELS: Kind = Kind::Enum(&["DEBUG", "INFO", "WARN", "ERROR", "FATAL"]);
const PATH: Kind = Kind::Text { max: 255 };
const LABEL: Kind = Kind::Text { max: 317 };
const COUNT: Kind = Kind::Int { min: 0, max: 16_384 };
const MTU: Kind = Kind::Int { min: 576, max: 9001 };
const F: Option<&str> = Some("false");
const T: Option<&str> = Some("true");
const N: Option<&str> = None;

table! {
    EnableIpv4: AwsNode "ENABLE_IPv4" "ipFamily" BOOL, "", F, T, (1, 10, 0) ClusterLifetime
        "IPv4 addresses for pods. The code default is false although the README says true, so removing the variable stops ipamd. Exactly one of IPv4 and IPv6.";
    EnableIpv6: AwsNode "ENABLE_IPv6" "ipFamily" BOOL, "", F, F, (1, 10, 0) ClusterLifetime
        "IPv6 addresses for pods. Needs prefix delegation, forbids custom networking.";
    InitEnableIpv6: Init "ENABLE_IPv6" "ipFamily" BOOL, "", F, F, (1, 10, 0) ClusterLifetime
        "The same for the init container: IPv6 forwarding and router advertisements on the host.";
    EnablePrefixDelegation: AwsNode "ENABLE_PREFIX_DELEGATION" "ipAllocation.mode" BOOL, "", F, F, (1, 9, 0) ReplaceNodesMaxPods
        "true is mode Prefix (a /28 per slot of an interface), false is SecondaryIp. Nodes that exist keep their old addresses and their max-pods, so they are replaced.";
    WarmEniTarget: AwsNode "WARM_ENI_TARGET" "ipAllocation.warmEniTarget" COUNT, "ENIs", Some("1"), Some("1"), (1, 0, 0) Restart
        "Free interfaces kept ready. Ignored in prefix mode, in IPv6, and when WARM_IP_TARGET or MINIMUM_IP_TARGET is not 0.";
    WarmIpTarget: AwsNode "WARM_IP_TARGET" "ipAllocation.warmIpTarget" COUNT, "addresses", Some("0"), N, (1, 0, 0) Restart
        "Free addresses kept ready; 0 is off. Overrides WARM_ENI_TARGET and WARM_PREFIX_TARGET, and makes more EC2 calls.";
    MinimumIpTarget: AwsNode "MINIMUM_IP_TARGET" "ipAllocation.minimumIpTarget" COUNT, "addresses", Some("0"), N, (1, 6, 0) Restart
        "Addresses kept in all, used or free; 0 is off. Without WARM_IP_TARGET the pool stops growing for good once it holds that many.";
    WarmPrefixTarget: AwsNode "WARM_PREFIX_TARGET" "ipAllocation.warmPrefixTarget" COUNT, "prefixes", Some("0"), Some("1"), (1, 9, 0) Restart
        "Free /28 prefixes kept ready. Only in IPv4 prefix mode and only when both address targets are 0.";
    MaxEni: AwsNode "MAX_ENI" "ipAllocation.maxEnis" Kind::Int { min: 1, max: 64 }, "ENIs", N, N, (1, 0, 0) Restart
        "The most interfaces ipamd attaches on each network card; the limit of the instance type where absent. A lower value detaches nothing that is in use.";
    IpCooldownPeriod: AwsNode "IP_COOLDOWN_PERIOD" "ipAllocation.ipCooldownSeconds" Kind::Int { min: 0, max: 3600 }, "seconds", Some("30"), N, (1, 15, 0) Restart
        "How long a released address is not given to another pod. Kept in memory only. A value that is no whole number stops the container.";
    CustomNetworkCfg: AwsNode "AWS_VPC_K8S_CNI_CUSTOM_NETWORK_CFG" "customNetworking.enabled" BOOL, "", F, F, (1, 0, 0) ReplaceNodesMaxPods
        "Pods get addresses from the subnet of an ENIConfig; the primary interface gives none, so max-pods falls by one interface. Not in IPv6.";
    EniConfigLabelDef: AwsNode "ENI_CONFIG_LABEL_DEF" "customNetworking.labelKey" LABEL, "", Some("k8s.amazonaws.com/eniConfig"), N, (1, 4, 0) ReplaceNodes
        "The node label whose value names the ENIConfig; usually topology.kubernetes.io/zone.";
    EniConfigAnnotationDef: AwsNode "ENI_CONFIG_ANNOTATION_DEF" "customNetworking.annotationKey" LABEL, "", Some("k8s.amazonaws.com/eniConfig"), N, (1, 4, 0) ReplaceNodes
        "The node annotation whose value names the ENIConfig; it beats the label.";
    EnablePodEni: AwsNode "ENABLE_POD_ENI" "podSecurityGroups.enabled" BOOL, "", F, F, (1, 7, 0) ReplaceNodes
        "Security groups for pods. Takes one interface slot of trunk-capable types. On needs a free slot on nodes that exist; off leaves the trunk until the node is replaced.";
    PodSecurityGroupEnforcingMode: AwsNode "POD_SECURITY_GROUP_ENFORCING_MODE" "podSecurityGroups.enforcingMode" Kind::Enum(&["strict", "standard"]), "", Some("strict"), N, (1, 11, 0) RecyclePods
        "strict: only the pod's own groups apply; standard: also the node's rules. Pods that exist keep the old data path.";
    DisableTcpEarlyDemux: Init "DISABLE_TCP_EARLY_DEMUX" "podSecurityGroups.disableTcpEarlyDemux" BOOL, "", F, F, (1, 7, 3) Restart
        "Needed in strict mode for TCP probes of the kubelet to reach pods on branch interfaces. Kernel 4.6 or later.";
    BranchEniCooldown: ConfigMap "branch-eni-cooldown" "podSecurityGroups.branchEniCooldownSeconds" Kind::Int { min: 30, max: 3600 }, "seconds", Some("60"), Some("60"), (1, 16, 0) ControlPlane
        "How long the VPC resource controller keeps a branch interface before it is deleted.";
    NetworkPolicyEnforcingMode: AwsNode "NETWORK_POLICY_ENFORCING_MODE" "networkPolicy.enforcingMode" Kind::Enum(&["none", "strict", "standard"]), "", N, Some("standard"), (1, 17, 1) RecyclePods
        "standard: all is allowed until the pod's policies are programmed; strict: all is denied until then. Absent: the plugin does not call the agent. Must be absent where no agent runs.";
    EnableNetworkPolicy: NodeAgent "enable-network-policy" "networkPolicy.enabled" BOOL, "", F, F, (1, 14, 0) RecyclePods
        "Whether the node agent enforces network policies. Cannot be combined with the bandwidth plugin.";
    NetworkPolicyController: ConfigMap "enable-network-policy-controller" "networkPolicy.controllerEnabled" BOOL, "", F, F, (1, 14, 0) ControlPlane
        "Whether the controller in the EKS control plane makes PolicyEndpoints.";
    AgentEnableIpv6: NodeAgent "enable-ipv6" "ipFamily" BOOL, "", F, F, (1, 14, 0) ClusterLifetime
        "The IP family of the node agent.";
    AgentPolicyEventLogs: NodeAgent "enable-policy-event-logs" "networkPolicy.agent.policyEventLogs" BOOL, "", F, F, (1, 15, 1) Restart
        "Logs each decision of the node agent.";
    AgentCloudwatchLogs: NodeAgent "enable-cloudwatch-logs" "networkPolicy.agent.cloudWatchLogs" BOOL, "", F, F, (1, 14, 0) Restart
        "Sends the decisions to CloudWatch; needs policy event logs.";
    AgentLogLevel: NodeAgent "log-level" "networkPolicy.agent.logLevel" Kind::Enum(&["debug", "info", "warn", "error"]), "", Some("debug"), Some("debug"), (1, 19, 6) Restart
        "Log level of the node agent.";
    AgentLogFile: NodeAgent "log-file" "networkPolicy.agent.logFile" PATH, "", Some("/var/log/aws-routed-eni/network-policy-agent.log"), Some("/var/log/aws-routed-eni/network-policy-agent.log"), (1, 14, 0) Restart
        "Log file of the node agent.";
    AgentLogFileMaxSize: NodeAgent "log-file-max-size" "networkPolicy.agent.logFileMaxSizeMegabytes" Kind::Int { min: 1, max: 10_240 }, "megabytes", N, N, (1, 20, 0) Restart
        "Size at which the node agent rotates its log file; its own limit where absent.";
    AgentLogFileMaxBackups: NodeAgent "log-file-max-backups" "networkPolicy.agent.logFileMaxBackups" Kind::Int { min: 0, max: 100 }, "files", N, N, (1, 20, 0) Restart
        "Rotated log files the node agent keeps; its own number where absent.";
    AgentMaxConcurrentReconciles: NodeAgent "max-concurrent-reconciles" "networkPolicy.agent.maxConcurrentReconciles" Kind::Int { min: 1, max: 100 }, "reconciles", Some("3"), N, (1, 14, 0) Restart
        "Policies the node agent works on at a time.";
    AgentConntrackCleanup: NodeAgent "conntrack-cache-cleanup-period" "networkPolicy.agent.conntrackCacheCleanupPeriodSeconds" Kind::Int { min: 1, max: 86_400 }, "seconds", Some("300"), Some("300"), (1, 15, 5) Restart
        "How often the node agent cleans its connection table.";
    AgentConntrackSize: NodeAgent "conntrack-cache-table-size" "networkPolicy.agent.conntrackCacheTableSize" Kind::Int { min: 32_768, max: 1_048_576 }, "entries", Some("524288"), N, (1, 22, 1) Restart
        "Entries of the connection table; outside the range the node agent does not start.";
    AgentProfiling: NodeAgent "enable-profiling" "networkPolicy.agent.profiling" BOOL, "", F, N, (1, 14, 0) Restart
        "Serves Go profiles on the metrics address.";
    AgentKubeconfig: NodeAgent "kubeconfig" "networkPolicy.agent.kubeconfig" PATH, "", N, N, (1, 14, 0) Restart
        "A kubeconfig file for the node agent; in the cluster where absent.";
    AgentMetricsAddr: NodeAgent "metrics-bind-addr" "networkPolicy.agent.metricsBindAddress" Kind::Text { max: 64 }, "", Some(":8162"), Some(":8162"), (1, 14, 0) Restart
        "Where the node agent serves metrics.";
    AgentHealthAddr: NodeAgent "health-probe-bind-addr" "networkPolicy.agent.healthProbeBindAddress" Kind::Text { max: 64 }, "", Some(":8163"), Some(":8163"), (1, 14, 0) Restart
        "Where the node agent answers its probes.";
    ExternalSnat: AwsNode "AWS_VPC_K8S_CNI_EXTERNALSNAT" "egress.externalSnat" BOOL, "", F, F, (1, 0, 0) Restart
        "true: the node does no SNAT, something outside does. Live flows change their source address.";
    RandomizeSnat: AwsNode "AWS_VPC_K8S_CNI_RANDOMIZESNAT" "egress.randomizeSnat" Kind::Enum(&["prng", "hashrandom", "none"]), "", Some("prng"), Some("prng"), (1, 0, 0) Restart
        "How source ports are chosen. An unknown value is taken as prng.";
    ExcludeSnatCidrs: AwsNode "AWS_VPC_K8S_CNI_EXCLUDE_SNAT_CIDRS" "egress.excludeSnatCidrs" Kind::Cidrs, "", Some(""), N, (1, 6, 0) Restart
        "Networks reached without SNAT; only where externalSnat is false. Bad entries are skipped.";
    ExternalServiceCidrs: AwsNode "AWS_EXTERNAL_SERVICE_CIDRS" "egress.externalServiceCidrs" Kind::Cidrs, "", Some(""), N, (1, 12, 6) Restart
        "Networks always reached through the main route table.";
    NodePortSupport: AwsNode "AWS_VPC_CNI_NODE_PORT_SUPPORT" "egress.nodePortSupport" BOOL, "", T, T, (1, 0, 0) Restart
        "Marks connections to node ports so that answers leave by the primary interface.";
    Connmark: AwsNode "AWS_VPC_K8S_CNI_CONNMARK" "egress.connmark" Kind::Int { min: 1, max: 4_294_967_295 }, "", Some("128"), N, (1, 0, 0) ReplaceNodes
        "The firewall mark used for that. 0, negative, too large or unparsable values are taken as 0x80.";
    EnableV6Egress: AwsNode "ENABLE_V6_EGRESS" "egress.v6Egress" BOOL, "", F, N, (1, 13, 0) RecyclePods
        "IPv6 egress in an IPv4 cluster. Only new pods see it, a reboot is advised; without a global IPv6 address it is switched off silently.";
    InitEnableV6Egress: Init "ENABLE_V6_EGRESS" "egress.v6Egress" BOOL, "", F, N, (1, 13, 0) RecyclePods
        "The same for the init container.";
    EnableV4Egress: AwsNode "ENABLE_V4_EGRESS" "egress.v4Egress" BOOL, "", T, N, (1, 15, 1) RecyclePods
        "IPv4 egress in an IPv6 cluster. Only new pods see it, a reboot is advised.";
    EniMtu: AwsNode "AWS_VPC_ENI_MTU" "interfaces.mtu" MTU, "bytes", Some("9001"), Some("9001"), (1, 6, 0) ReplaceNodes
        "MTU of the interfaces and, where podMtu is absent, of the pods; at least 1280 in IPv6. Outside the range the container exits.";
    PodMtu: AwsNode "POD_MTU" "interfaces.podMtu" MTU, "bytes", N, N, (1, 16, 4) RecyclePods
        "MTU of pods; that of the interfaces where absent. Pods that exist keep theirs.";
    VethPrefix: AwsNode "AWS_VPC_K8S_CNI_VETHPREFIX" "interfaces.vethPrefix" Kind::Text { max: 4 }, "", Some("eni"), Some("eni"), (1, 0, 0) ReplaceNodes
        "Prefix of the host side of pod links: at most 4 characters, not eth, lo or vlan. A change orphans the rules of pods that exist.";
    AdditionalEniTags: AwsNode "ADDITIONAL_ENI_TAGS" "interfaces.additionalTags" Kind::Tags, "", Some("{}"), Some("{}"), (1, 6, 0) Restart
        "Tags for every interface. Keys that contain k8s.amazonaws.com are dropped; removed tags stay on the interfaces.";
    ManageEnisNonSchedulable: AwsNode "AWS_MANAGE_ENIS_NON_SCHEDULABLE" "interfaces.manageNonSchedulable" BOOL, "", F, N, (1, 12, 6) Restart
        "Keeps the pool going on cordoned nodes. When false, pods that still land there can starve.";
    ManageUntaggedEni: AwsNode "MANAGE_UNTAGGED_ENI" "interfaces.manageUntagged" BOOL, "", T, N, (1, 8, 0) Restart
        "false: an interface without this instance's tag is left alone.";
    EnableSubnetDiscovery: AwsNode "ENABLE_SUBNET_DISCOVERY" "interfaces.subnetDiscovery" BOOL, "", T, T, (1, 18, 0) NewEnis
        "New interfaces go to the tagged subnet of the zone with most free addresses.";
    DisableLeakedEniCleanup: AwsNode "DISABLE_LEAKED_ENI_CLEANUP" "interfaces.disableLeakedCleanup" BOOL, "", F, N, (1, 13, 0) Restart
        "Switches the hourly clean-up of leaked interfaces off.";
    DisableResourceProvisioning: AwsNode "DISABLE_NETWORK_RESOURCE_PROVISIONING" "interfaces.disableProvisioning" BOOL, "", F, F, (1, 9, 1) Restart
        "ipamd neither grows nor shrinks the pool, tags nothing and does not refresh security groups.";
    EnableImdsOnlyMode: AwsNode "ENABLE_IMDS_ONLY_MODE" "interfaces.imdsOnly" BOOL, "", F, F, (1, 19, 6) Restart
        "ipamd makes no EC2 call at all; implies disableProvisioning and disableLeakedCleanup.";
    EnableMultiNic: AwsNode "ENABLE_MULTI_NIC" "interfaces.multiNic" BOOL, "", F, F, (1, 20, 0) ReplaceNodes
        "One address per network card for pods that ask for it. Turning it off, or a version before 1.20, leaks the addresses of such pods.";
    EnableBandwidthPlugin: AwsNode "ENABLE_BANDWIDTH_PLUGIN" "plugins.bandwidth" BOOL, "", F, N, (1, 10, 0) RecyclePods
        "Chains the bandwidth plugin. Cannot be combined with network policy: both use traffic control.";
    AnnotatePodIp: AwsNode "ANNOTATE_POD_IP" "plugins.annotatePodIp" BOOL, "", F, N, (1, 9, 3) RecyclePods
        "Writes the address to the pod as an annotation; needs the permission to patch pods.";
    DisablePodV6: AwsNode "DISABLE_POD_V6" "plugins.disablePodV6" BOOL, "", F, N, (1, 15, 0) RecyclePods
        "Chains the tuning plugin so that pods have no IPv6 at all.";
    LogLevel: AwsNode "AWS_VPC_K8S_CNI_LOGLEVEL" "logging.level" LEVELS, "", Some("DEBUG"), Some("DEBUG"), (1, 0, 0) Restart
        "Log level of ipamd.";
    LogFile: AwsNode "AWS_VPC_K8S_CNI_LOG_FILE" "logging.file" PATH, "", Some("/host/var/log/aws-routed-eni/ipamd.log"), Some("/host/var/log/aws-routed-eni/ipamd.log"), (1, 0, 0) Restart
        "Log file of ipamd: stdout, stderr or a path.";
    PluginLogLevel: AwsNode "AWS_VPC_K8S_PLUGIN_LOG_LEVEL" "logging.pluginLevel" LEVELS, "", Some("DEBUG"), Some("DEBUG"), (1, 0, 0) RecyclePods
        "Log level of the CNI plugin.";
    PluginLogFile: AwsNode "AWS_VPC_K8S_PLUGIN_LOG_FILE" "logging.pluginFile" PATH, "", Some("/var/log/aws-routed-eni/plugin.log"), Some("/var/log/aws-routed-eni/plugin.log"), (1, 0, 0) RecyclePods
        "Log file of the CNI plugin: stderr, a path, or empty for stderr. stdout would spoil the plugin's answer and stops the container.";
    EgressV4PluginLogFile: AwsNode "AWS_VPC_K8S_EGRESS_V4_PLUGIN_LOG_FILE" "logging.egressV4PluginFile" PATH, "", Some("/var/log/aws-routed-eni/egress-v4-plugin.log"), N, (1, 13, 0) RecyclePods
        "Log file of the IPv4 egress plugin.";
    EgressV6PluginLogFile: AwsNode "AWS_VPC_K8S_EGRESS_V6_PLUGIN_LOG_FILE" "logging.egressV6PluginFile" PATH, "", Some("/var/log/aws-routed-eni/egress-v6-plugin.log"), N, (1, 13, 0) RecyclePods
        "Log file of the IPv6 egress plugin.";
    IntrospectionBindAddress: AwsNode "INTROSPECTION_BIND_ADDRESS" "observability.introspectionBindAddress" Kind::Text { max: 128 }, "", Some("127.0.0.1:61679"), N, (1, 0, 0) Restart
        "Where ipamd answers questions about itself: host:port or unix:path.";
    DisableIntrospection: AwsNode "DISABLE_INTROSPECTION" "observability.disableIntrospection" BOOL, "", F, F, (1, 0, 0) Restart
        "Switches that off.";
    DisableMetrics: AwsNode "DISABLE_METRICS" "observability.disableMetrics" BOOL, "", F, F, (1, 0, 0) Restart
        "Switches the metrics of ipamd on port 61678 off.";
    ClusterName: AwsNode "CLUSTER_NAME" "aws.clusterName" Kind::Text { max: 100 }, "", Some(""), N, (1, 0, 0) Restart
        "Tags interfaces with the cluster and keeps the leaked clean-up to it; where absent that works on the whole VPC.";
    ClusterEndpoint: AwsNode "CLUSTER_ENDPOINT" "aws.clusterEndpoint" Kind::Text { max: 253 }, "", N, N, (1, 12, 1) Restart
        "Address of the API server. An empty text is taken as an empty host name.";
    Ec2Endpoint: AwsNode "AWS_EC2_ENDPOINT" "aws.ec2Endpoint" Kind::Text { max: 253 }, "", Some(""), N, (1, 13, 0) Restart
        "Meant to replace the EC2 endpoint; in v1.23.1 it reaches only the metadata client.";
    HttpTimeout: AwsNode "HTTP_TIMEOUT" "aws.httpTimeoutSeconds" Kind::Int { min: 10, max: 600 }, "seconds", Some("10"), N, (1, 11, 0) Restart
        "Time-out of AWS calls; values under 10 are ignored.";
    CniBinPath: AwsNode "HOST_CNI_BIN_PATH" "host.cniBinPath" PATH, "", Some("/host/opt/cni/bin"), N, (1, 0, 0) Restart
        "Where the plugins are installed.";
    InitCniBinPath: Init "HOST_CNI_BIN_PATH" "host.cniBinPath" PATH, "", Some("/host/opt/cni/bin"), N, (1, 0, 0) Restart
        "The same for the init container.";
    CniConfDir: AwsNode "HOST_CNI_CONFDIR_PATH" "host.cniConfDir" PATH, "", Some("/host/etc/cni/net.d"), N, (1, 0, 0) Restart
        "Where 10-aws.conflist is written.";
    BackingStore: AwsNode "AWS_VPC_K8S_CNI_BACKING_STORE" "host.checkpointFile" PATH, "", Some("/var/run/aws-node/ipam.json"), N, (1, 8, 0) ReplaceNodes
        "The checkpoint of ipamd. A changed path on a node with pods loses who holds which address.";
    EnableNftables: AwsNode "ENABLE_NFTABLES" "host.nftables" BOOL, "", F, N, (1, 12, 1) ReplaceNodes
        "Deprecated: not read since 1.13.2, which detects the back end.";
    WindowsIpam: ConfigMap "enable-windows-ipam" "windows.ipam" BOOL, "", F, F, (1, 14, 0) ControlPlane
        "Addresses for Windows pods from the VPC resource controller.";
    WindowsPrefixDelegation: ConfigMap "enable-windows-prefix-delegation" "windows.prefixDelegation" BOOL, "", F, F, (1, 16, 0) ControlPlane
        "Prefixes for Windows nodes.";
    WindowsWarmPrefixTarget: ConfigMap "warm-prefix-target" "windows.warmPrefixTarget" COUNT, "prefixes", Some("0"), Some("0"), (1, 16, 0) ControlPlane
        "Warm prefixes of Windows nodes. aws-node never reads it.";
    WindowsWarmIpTarget: ConfigMap "warm-ip-target" "windows.warmIpTarget" COUNT, "addresses", Some("1"), Some("1"), (1, 16, 0) ControlPlane
        "Warm addresses of Windows nodes. aws-node never reads it.";
    WindowsMinimumIpTarget: ConfigMap "minimum-ip-target" "windows.minimumIpTarget" COUNT, "addresses", Some("3"), Some("3"), (1, 16, 0) ControlPlane
        "Least addresses of Windows nodes. aws-node never reads it.";
    VpcCniVersion: AwsNode "VPC_CNI_VERSION" "" Kind::Text { max: 64 }, "", Some(""), Some("v1.23.1"), (1, 0, 0) None
        "Names the version in the user agent of AWS calls. It goes with the image and is never written alone.";
    ConfigureRpfilter: AwsNode "AWS_VPC_K8S_CNI_CONFIGURE_RPFILTER" "" BOOL, "", N, N, (1, 0, 0) None
        "Deprecated: not read since 1.12.1. It can be removed by `unset`.";
    MyNodeName: AwsNode "MY_NODE_NAME" "" Kind::FieldRef, "", N, Some("spec.nodeName"), (1, 0, 0) None
        "The node's name, filled in by Kubernetes.";
    MyPodName: AwsNode "MY_POD_NAME" "" Kind::FieldRef, "", N, Some("metadata.name"), (1, 0, 0) None
        "The pod's name, filled in by Kubernetes.";
    AgentMyNodeName: NodeAgent "MY_NODE_NAME" "" Kind::FieldRef, "", N, Some("spec.nodeName"), (1, 14, 0) None
        "The node's name for the node agent: a variable, not a flag.";
}

impl Key {
    /// Its row of the table.
    pub fn field(self) -> &'static Field {
        &FIELDS[self as usize]
    }

    /// Every key, in the order of the table.
    pub fn all() -> impl Iterator<Item = Self> {
        FIELDS.iter().map(|field| field.key)
    }

    /// The key of a variable, flag or ConfigMap key in its place.
    pub fn find(place: Place, name: &str) -> Option<Self> {
        FIELDS
            .iter()
            .find(|field| field.place == place && field.name == name)
            .map(|field| field.key)
    }
}

impl std::fmt::Display for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let field = self.field();
        match field.place {
            Place::AwsNode => f.write_str(field.name),
            Place::Init => write!(f, "init {}", field.name),
            Place::NodeAgent if matches!(field.kind, Kind::FieldRef) => write!(f, "nodeagent {}", field.name),
            Place::NodeAgent => write!(f, "--{}", field.name),
            Place::ConfigMap => write!(f, "amazon-vpc-cni/{}", field.name),
        }
    }
}
