//! What the watches look at. It can change at run time: a policy names another target or another label key.

use std::collections::BTreeSet;

/// Where aws-node is, unless a policy says otherwise.
const NAMESPACE: &str = "kube-system";
const DAEMON_SET: &str = "aws-node";

/// Keys of labels and annotations that can name an ENIConfig in any configuration; the zone is the usual label key.
const ALWAYS: [&str; 3] = [
    "k8s.amazonaws.com/eniConfig",
    "topology.kubernetes.io/zone",
    "vpc.amazonaws.com/externalEniConfig",
];

/// The DaemonSet whose configuration is managed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TargetRef {
    /// Its namespace; also that of the ConfigMap `amazon-vpc-cni` and of the aws-node pods.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

impl Default for TargetRef {
    fn default() -> Self {
        Self {
            namespace: NAMESPACE.to_owned(),
            name: DAEMON_SET.to_owned(),
        }
    }
}

/// What the watches look at.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Scope {
    /// The DaemonSet.
    pub target: TargetRef,
    /// Keys of node labels and annotations to keep beyond those that always are: `labelKey` and `annotationKey` of the
    /// configuration that runs and of the one that is wanted.
    pub node_keys: BTreeSet<String>,
}

impl Scope {
    /// Whether the value of a node's label or annotation with this key is kept.
    pub(crate) fn keeps(&self, key: &str) -> bool {
        ALWAYS.contains(&key) || self.node_keys.contains(key)
    }
}
