//! The EKS managed add-on as carrier of the configuration: what its document can say. EKS
//! renders the document into the DaemonSet as field manager `eks`, so nothing is ever written there.

use super::setting::{SettingName, Written};
use crate::config::{Key, Place};
use crate::known::Known;
use crate::version::CniVersion;
use std::collections::BTreeMap;

/// The add-on behind a target, if any.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AddonState {
    /// There is none, or its manager never wrote here.
    Absent,
    /// It is there: only UpdateAddon may change what it renders.
    Present(String),
    /// EKS could not be asked, and its manager owns keys: treated as present.
    Unknown(String),
    /// The policy names it as the carrier of the configuration.
    Carries(AddonCarrier),
}

impl AddonState {
    /// Whether the keys that EKS owns are out of reach.
    pub(super) fn guards(&self) -> bool {
        matches!(self, Self::Present(_) | Self::Unknown(_))
    }

    /// Whether it carries the configuration and EKS takes no update now.
    pub fn is_busy(&self) -> bool {
        self.carrier().is_some_and(|addon| addon.busy.is_some())
    }

    /// The add-on, where the policy names it as the carrier.
    pub fn carrier(&self) -> Option<&AddonCarrier> {
        match self {
            Self::Carries(carrier) => Some(carrier),
            Self::Absent | Self::Present(_) | Self::Unknown(_) => None,
        }
    }
}

/// Who writes the document of an add-on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AddonWriter {
    /// The operator, by UpdateAddon.
    Operator,
    /// Somebody else: the operator reviews, says what the document should be, and waits.
    External,
}

/// What EKS says of an add-on that carries the configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddonCarrier {
    /// Cluster and add-on, for messages.
    pub name: String,
    /// Who writes it.
    pub writer: AddonWriter,
    /// Its version.
    pub version: Known<CniVersion>,
    /// An update of it under way, or another reason to wait: EKS refuses a second one meanwhile.
    pub busy: Option<String>,
    /// What EKS says is wrong with it.
    pub issues: Vec<String>,
    /// What its document sets.
    pub document: BTreeMap<SettingName, Written>,
    /// Versions EKS offers for the cluster; read only where another one is wanted.
    pub offered: Known<Vec<CniVersion>>,
}

impl AddonCarrier {
    /// The version to ask for: the one that is wanted or, where no build is named, its newest.
    pub fn offer(&self, wanted: CniVersion) -> Option<CniVersion> {
        let offered = self.offered.as_option()?;
        offered
            .iter()
            .filter(|version| version.fits(wanted))
            .max()
            .copied()
    }

    /// Whether it runs what is wanted.
    pub fn runs(&self, wanted: CniVersion) -> bool {
        self.version
            .as_option()
            .is_some_and(|version| version.fits(wanted))
    }

    /// The version to change to, where another one is wanted and offered.
    pub(super) fn next(&self, wanted: Option<CniVersion>) -> Option<CniVersion> {
        let wanted = wanted.filter(|wanted| !self.runs(*wanted))?;
        self.offer(wanted)
    }
}

/// The form of a value in the document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// A text, numbers and booleans included.
    Text,
    /// A number.
    Number,
    /// The port of an address such as `:8162`, as a text.
    Port,
}

/// Where the document of the add-on has a setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DocumentPath {
    /// A member under these names.
    Member(Vec<String>, Form),
    /// An entry of the list `extraEnv`, which has been there since v1.18.3.
    ExtraEnv(String),
}

/// Variables of aws-node in the schema of v1.23.0-eksbuild.1; others go through `extraEnv`.
const ENV: [&str; 42] = [
    "ADDITIONAL_ENI_TAGS",
    "ANNOTATE_POD_IP",
    "AWS_EC2_ENDPOINT",
    "AWS_EXTERNAL_SERVICE_CIDRS",
    "AWS_MANAGE_ENIS_NON_SCHEDULABLE",
    "AWS_VPC_CNI_NODE_PORT_SUPPORT",
    "AWS_VPC_ENI_MTU",
    "AWS_VPC_K8S_CNI_CUSTOM_NETWORK_CFG",
    "AWS_VPC_K8S_CNI_EXCLUDE_SNAT_CIDRS",
    "AWS_VPC_K8S_CNI_EXTERNALSNAT",
    "AWS_VPC_K8S_CNI_LOGLEVEL",
    "AWS_VPC_K8S_CNI_LOG_FILE",
    "AWS_VPC_K8S_CNI_RANDOMIZESNAT",
    "AWS_VPC_K8S_CNI_VETHPREFIX",
    "AWS_VPC_K8S_PLUGIN_LOG_FILE",
    "AWS_VPC_K8S_PLUGIN_LOG_LEVEL",
    "CLUSTER_ENDPOINT",
    "DISABLE_INTROSPECTION",
    "DISABLE_LEAKED_ENI_CLEANUP",
    "DISABLE_METRICS",
    "DISABLE_NETWORK_RESOURCE_PROVISIONING",
    "DISABLE_POD_V6",
    "ENABLE_BANDWIDTH_PLUGIN",
    "ENABLE_IMDS_ONLY_MODE",
    "ENABLE_MULTI_NIC",
    "ENABLE_POD_ENI",
    "ENABLE_PREFIX_DELEGATION",
    "ENABLE_SUBNET_DISCOVERY",
    "ENABLE_V4_EGRESS",
    "ENABLE_V6_EGRESS",
    "ENI_CONFIG_ANNOTATION_DEF",
    "ENI_CONFIG_LABEL_DEF",
    "INTROSPECTION_BIND_ADDRESS",
    "IP_COOLDOWN_PERIOD",
    "MAX_ENI",
    "MINIMUM_IP_TARGET",
    "NETWORK_POLICY_ENFORCING_MODE",
    "POD_MTU",
    "POD_SECURITY_GROUP_ENFORCING_MODE",
    "WARM_ENI_TARGET",
    "WARM_IP_TARGET",
    "WARM_PREFIX_TARGET",
];

/// Variables that EKS sets itself from the cluster: a second entry of the same name would be refused.
const OF_EKS: [&str; 6] = [
    "CLUSTER_NAME",
    "ENABLE_IPv4",
    "ENABLE_IPv6",
    "MY_NODE_NAME",
    "MY_POD_NAME",
    "VPC_ID",
];

/// Members outside `env` and `extraEnv`.
const MEMBERS: [(Key, &[&str], Form); 18] = [
    (
        Key::DisableTcpEarlyDemux,
        &["init", "env", "DISABLE_TCP_EARLY_DEMUX"],
        Form::Text,
    ),
    (
        Key::InitEnableV6Egress,
        &["init", "env", "ENABLE_V6_EGRESS"],
        Form::Text,
    ),
    (Key::EnableNetworkPolicy, &["enableNetworkPolicy"], Form::Text),
    (Key::NetworkPolicyController, &["enableNetworkPolicy"], Form::Text),
    (
        Key::AgentPolicyEventLogs,
        &["nodeAgent", "enablePolicyEventLogs"],
        Form::Text,
    ),
    (
        Key::AgentCloudwatchLogs,
        &["nodeAgent", "enableCloudWatchLogs"],
        Form::Text,
    ),
    (Key::AgentLogLevel, &["nodeAgent", "logLevel"], Form::Text),
    (
        Key::AgentLogFile,
        &["nodeAgent", "networkPolicyAgentLogFileLocation"],
        Form::Text,
    ),
    (
        Key::AgentConntrackCleanup,
        &["nodeAgent", "conntrackCacheCleanupPeriod"],
        Form::Number,
    ),
    (
        Key::AgentConntrackSize,
        &["nodeAgent", "conntrackCacheTableSize"],
        Form::Number,
    ),
    (
        Key::AgentMetricsAddr,
        &["nodeAgent", "metricsBindAddr"],
        Form::Port,
    ),
    (
        Key::AgentHealthAddr,
        &["nodeAgent", "healthProbeBindAddr"],
        Form::Port,
    ),
    (Key::BranchEniCooldown, &["branchENICooldown"], Form::Number),
    (Key::WindowsIpam, &["enableWindowsIpam"], Form::Text),
    (
        Key::WindowsPrefixDelegation,
        &["enableWindowsPrefixDelegation"],
        Form::Text,
    ),
    (
        Key::WindowsWarmPrefixTarget,
        &["warmWindowsPrefixTarget"],
        Form::Number,
    ),
    (Key::WindowsWarmIpTarget, &["warmWindowsIPTarget"], Form::Number),
    (
        Key::WindowsMinimumIpTarget,
        &["minimumWindowsIPTarget"],
        Form::Number,
    ),
];

/// Where the document has a setting; none where only EKS sets it, or nobody can.
pub fn document_path(name: &SettingName) -> Option<DocumentPath> {
    let text = |path: &[&str], form| {
        let path = path.iter().map(|member| (*member).to_owned()).collect();
        Some(DocumentPath::Member(path, form))
    };
    if let Some((_, path, form)) = MEMBERS.iter().find(|(key, _, _)| name.key() == Some(*key)) {
        return text(path, *form);
    }
    match name.place {
        Place::AwsNode if ENV.contains(&name.name.as_str()) => text(&["env", &name.name], Form::Text),
        Place::AwsNode if !OF_EKS.contains(&name.name.as_str()) => {
            Some(DocumentPath::ExtraEnv(name.name.clone()))
        }
        Place::AwsNode | Place::Init | Place::NodeAgent | Place::ConfigMap => None,
    }
}

/// Every setting of the table that the document has a member for, and its place there.
pub fn document_members() -> impl Iterator<Item = (SettingName, DocumentPath)> {
    let env = ENV.iter().map(|name| SettingName {
        place: Place::AwsNode,
        name: (*name).to_owned(),
    });
    let members = MEMBERS.iter().map(|(key, _, _)| SettingName::of(*key));
    env.chain(members)
        .filter_map(|name| document_path(&name).map(|path| (name, path)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_setting_has_a_place_or_none_for_a_reason() {
        let without: BTreeSet<String> = Key::all()
            .map(SettingName::of)
            .filter(|name| document_path(name).is_none())
            .map(|name| name.to_string())
            .collect();
        let expected = [
            "--enable-ipv6",
            "--enable-profiling",
            "--kubeconfig",
            "--log-file-max-backups",
            "--log-file-max-size",
            "--max-concurrent-reconciles",
            "CLUSTER_NAME",
            "ENABLE_IPv4",
            "ENABLE_IPv6",
            "MY_NODE_NAME",
            "MY_POD_NAME",
            "init ENABLE_IPv6",
            "init HOST_CNI_BIN_PATH",
            "nodeagent MY_NODE_NAME",
        ];
        assert_eq!(without, expected.map(str::to_owned).into());
    }

    #[test]
    fn a_version_without_a_build_means_its_newest() {
        let version = |text| CniVersion::parse(text).unwrap();
        let carrier = AddonCarrier {
            name: "prod/vpc-cni".to_owned(),
            writer: AddonWriter::Operator,
            version: Known::Yes(version("v1.22.4-eksbuild.3")),
            busy: None,
            issues: Vec::new(),
            document: BTreeMap::new(),
            offered: Known::Yes(vec![
                version("v1.22.4-eksbuild.3"),
                version("v1.23.0-eksbuild.1"),
                version("v1.23.0-eksbuild.2"),
            ]),
        };
        let offer = |text| carrier.offer(version(text)).map(|offer| offer.to_string());
        assert_eq!(offer("v1.23.0").as_deref(), Some("v1.23.0-eksbuild.2"));
        assert_eq!(offer("v1.23.0-eksbuild.1").as_deref(), Some("v1.23.0-eksbuild.1"));
        assert_eq!(offer("v1.23.1"), None);
        assert!(carrier.runs(version("v1.22.4")));
        assert!(!carrier.runs(version("v1.22.4-eksbuild.2")));
    }
}
