//! The words of the table of settings: where a setting lives, its type and bounds, and what a change of it needs.

/// Where a setting is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Place {
    /// Environment of the container `aws-node`.
    AwsNode,
    /// Environment of the init container `aws-vpc-cni-init`.
    Init,
    /// A flag in the argument list of the container `aws-eks-nodeagent`.
    NodeAgent,
    /// A key of the ConfigMap `amazon-vpc-cni`; read by the control plane, not by aws-node.
    ConfigMap,
}

/// What it takes for a change to have its full effect; `vpc-cni-behaviour.md` §1.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ChangeClass {
    /// Not read by any supported version.
    None,
    /// Read by the control plane at once; no pod restarts.
    ControlPlane,
    /// The aws-node pods restart, nothing else is needed (P).
    Restart,
    /// Only workload pods created afterwards see it (P+pods).
    RecyclePods,
    /// Only network interfaces created afterwards see it (P+eni).
    NewEnis,
    /// Nodes must be replaced for a correct result (N).
    ReplaceNodes,
    /// Nodes must be replaced and the kubelet's max-pods must change with it (N, K).
    ReplaceNodesMaxPods,
    /// Fixed when the cluster is created.
    ClusterLifetime,
}

/// The type of a setting and what upstream accepts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Go's `strconv.ParseBool`.
    Bool,
    /// A whole number in an inclusive range.
    Int {
        /// The least value upstream takes as it is.
        min: i64,
        /// The greatest.
        max: i64,
    },
    /// One of these words.
    Enum(&'static [&'static str]),
    /// Free text of at most so many characters.
    Text {
        /// The greatest length.
        max: usize,
    },
    /// A comma separated list of IPv4 networks.
    Cidrs,
    /// A JSON object of strings: tags.
    Tags,
    /// Filled by Kubernetes from the pod itself; never written by us.
    FieldRef,
}
