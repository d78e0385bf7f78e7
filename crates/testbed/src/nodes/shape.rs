//! The Node objects of EKS: managed node groups, Karpenter, Fargate, Auto Mode, hybrid nodes, Windows.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use k8s_openapi::api::core::v1::Node;
use serde_json::{Value, json};

/// Who made a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Provider {
    /// A managed node group of that name.
    ManagedNodeGroup(String),
    /// A Karpenter NodePool of that name.
    Karpenter(String),
    /// An Auto Scaling group of one's own: no label says so.
    SelfManaged,
    /// Fargate: one pod, no aws-node.
    Fargate,
    /// EKS Auto Mode: the CNI is built in, no aws-node.
    AutoMode,
    /// A machine outside AWS: another CNI.
    Hybrid,
}

/// A node to be simulated.
#[derive(Debug, Clone)]
pub struct SimNode {
    /// The name of the Node.
    pub name: String,
    /// Its zone, such as `us-west-2a`.
    pub zone: String,
    /// Its EC2 type, such as `m5.large`.
    pub instance_type: String,
    /// Its EC2 instance.
    pub instance_id: String,
    /// Its address.
    pub address: Ipv4Addr,
    /// Who made it.
    pub provider: Provider,
    /// What its kubelet was told: `status.allocatable.pods`.
    pub max_pods: u32,
    /// Whether it runs Windows.
    pub windows: bool,
    /// Whether it is an arm64 machine.
    pub arm64: bool,
    /// Whether its kubelet says that it is ready when it joins.
    pub ready: bool,
    /// The addresses its CNI has for pods; invented ones where empty.
    pub pod_addresses: Vec<Ipv4Addr>,
    labels: BTreeMap<String, String>,
    annotations: BTreeMap<String, String>,
    taints: Vec<(String, String)>,
}

impl SimNode {
    /// The `number`th m5.large of a self-managed group in a zone; 29 pods is what EKS gives that type.
    pub fn ec2(number: u16, zone: &str) -> Self {
        let [high, low] = number.to_be_bytes();
        let mut node = Self {
            name: String::new(),
            zone: zone.to_owned(),
            instance_type: "m5.large".to_owned(),
            instance_id: format!("i-{number:017x}"),
            address: Ipv4Addr::UNSPECIFIED,
            provider: Provider::SelfManaged,
            max_pods: 29,
            windows: false,
            arm64: false,
            ready: true,
            pod_addresses: Vec::new(),
            labels: BTreeMap::new(),
            annotations: BTreeMap::new(),
            taints: Vec::new(),
        };
        node.set_address(Ipv4Addr::new(10, 0, high, low));
        node
    }

    /// A Fargate node.
    pub fn fargate(number: u16, zone: &str) -> Self {
        let node = Self::ec2(number, zone);
        Self {
            name: format!("fargate-{}", node.name),
            provider: Provider::Fargate,
            max_pods: 1,
            ..node
        }
    }

    /// A node of EKS Auto Mode.
    pub fn auto_mode(number: u16, zone: &str) -> Self {
        let node = Self::ec2(number, zone);
        Self {
            name: node.instance_id.clone(),
            provider: Provider::AutoMode,
            ..node
        }
    }

    /// A hybrid node.
    pub fn hybrid(number: u16, region: &str) -> Self {
        let node = Self::ec2(number, region);
        Self {
            name: format!("mi-{number:017x}"),
            provider: Provider::Hybrid,
            max_pods: 110,
            ..node
        }
    }

    /// A Windows node of a managed group.
    pub fn windows(number: u16, zone: &str, group: &str) -> Self {
        Self {
            windows: true,
            ..Self::ec2(number, zone).managed(group)
        }
    }

    /// Makes it part of a managed node group.
    #[must_use]
    pub fn managed(self, group: &str) -> Self {
        Self {
            provider: Provider::ManagedNodeGroup(group.to_owned()),
            ..self
        }
    }

    /// Makes it part of a Karpenter NodePool.
    #[must_use]
    pub fn karpenter(self, pool: &str) -> Self {
        Self {
            provider: Provider::Karpenter(pool.to_owned()),
            ..self
        }
    }

    /// Sets its EC2 type and the pods its kubelet allows.
    #[must_use]
    pub fn instance_type(self, name: &str, max_pods: u32) -> Self {
        Self {
            instance_type: name.to_owned(),
            max_pods,
            ..self
        }
    }

    /// Tells its kubelet another max-pods.
    #[must_use]
    pub fn max_pods(self, max_pods: u32) -> Self {
        Self { max_pods, ..self }
    }

    /// Makes it a given EC2 instance; the Node is named after the address, as EKS does.
    #[must_use]
    pub fn instance(mut self, id: &str, address: Ipv4Addr) -> Self {
        id.clone_into(&mut self.instance_id);
        self.set_address(address);
        self
    }

    /// Gives its pods these addresses and no others.
    #[must_use]
    pub fn pods_from(self, addresses: Vec<Ipv4Addr>) -> Self {
        Self {
            pod_addresses: addresses,
            ..self
        }
    }

    /// Adds a label.
    #[must_use]
    pub fn label(mut self, key: &str, value: &str) -> Self {
        self.labels.insert(key.to_owned(), value.to_owned());
        self
    }

    /// Adds an annotation.
    #[must_use]
    pub fn annotation(mut self, key: &str, value: &str) -> Self {
        self.annotations.insert(key.to_owned(), value.to_owned());
        self
    }

    /// Adds a taint without a value.
    #[must_use]
    pub fn taint(mut self, key: &str, effect: &str) -> Self {
        self.taints.push((key.to_owned(), effect.to_owned()));
        self
    }

    /// Its region.
    pub fn region(&self) -> &str {
        self.zone.trim_end_matches(|last: char| last.is_ascii_lowercase())
    }

    /// The Node as its kubelet registers it, ready.
    pub fn object(&self) -> Result<Node, serde_json::Error> {
        let mut taints: Vec<Value> = self
            .taints
            .iter()
            .map(|(key, effect)| json!({"key": key, "effect": effect}))
            .collect();
        if self.provider == Provider::Fargate {
            let only_fargate = "eks.amazonaws.com/compute-type";
            taints.push(json!({"key": only_fargate, "value": "fargate", "effect": "NoSchedule"}));
        }
        serde_json::from_value(json!({
            "metadata": {"name": self.name, "labels": self.all_labels(), "annotations": self.annotations},
            "spec": {"providerID": self.provider_id(), "taints": taints},
            "status": self.status(),
        }))
    }

    fn set_address(&mut self, address: Ipv4Addr) {
        self.address = address;
        self.name = format!(
            "ip-{}.{}.compute.internal",
            address.to_string().replace('.', "-"),
            self.region()
        );
    }

    fn provider_id(&self) -> String {
        match self.provider {
            Provider::Fargate => format!(
                "aws:///{}/{:08x}-fargate/{}",
                self.zone,
                self.address.to_bits(),
                self.name
            ),
            Provider::Hybrid => format!("eks-hybrid:///{}/testbed/{}", self.region(), self.name),
            _ => format!("aws:///{}/{}", self.zone, self.instance_id),
        }
    }

    fn all_labels(&self) -> BTreeMap<String, String> {
        let os = if self.windows { "windows" } else { "linux" };
        let arch = if self.arm64 { "arm64" } else { "amd64" };
        let mut labels = vec![
            ("kubernetes.io/hostname", self.name.as_str()),
            ("kubernetes.io/os", os),
        ];
        labels.extend([
            ("kubernetes.io/arch", arch),
            ("topology.kubernetes.io/region", self.region()),
        ]);
        if self.provider != Provider::Hybrid {
            labels.push(("topology.kubernetes.io/zone", &self.zone));
        }
        if !matches!(self.provider, Provider::Hybrid | Provider::Fargate) {
            labels.push(("node.kubernetes.io/instance-type", &self.instance_type));
        }
        labels.extend(self.provider_labels());
        let own = self
            .labels
            .iter()
            .map(|(key, value)| (key.as_str(), value.as_str()));
        labels
            .into_iter()
            .chain(own)
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .collect()
    }

    fn provider_labels(&self) -> Vec<(&str, &str)> {
        const COMPUTE_TYPE: &str = "eks.amazonaws.com/compute-type";
        match &self.provider {
            Provider::ManagedNodeGroup(group) => {
                vec![
                    ("eks.amazonaws.com/nodegroup", group),
                    ("eks.amazonaws.com/capacityType", "ON_DEMAND"),
                ]
            }
            Provider::Karpenter(pool) => vec![
                ("karpenter.sh/nodepool", pool),
                ("karpenter.sh/capacity-type", "on-demand"),
                ("karpenter.sh/registered", "true"),
                ("karpenter.sh/initialized", "true"),
                ("karpenter.k8s.aws/ec2nodeclass", "default"),
            ],
            Provider::SelfManaged => Vec::new(),
            Provider::Fargate => vec![(COMPUTE_TYPE, "fargate")],
            Provider::AutoMode => vec![
                (COMPUTE_TYPE, "auto"),
                ("karpenter.sh/nodepool", "general-purpose"),
            ],
            Provider::Hybrid => vec![(COMPUTE_TYPE, "hybrid")],
        }
    }

    fn status(&self) -> Value {
        let room = json!({
            "cpu": "2", "memory": "8Gi", "ephemeral-storage": "80Gi", "pods": self.max_pods.to_string(),
        });
        let (os, image) = if self.windows {
            ("windows", "Windows Server 2022")
        } else {
            ("linux", "Amazon Linux 2023")
        };
        json!({
            "capacity": room,
            "allocatable": room,
            "conditions": [ready_condition(self.ready)],
            "addresses": [
                {"type": "InternalIP", "address": self.address},
                {"type": "Hostname", "address": self.name},
                {"type": "InternalDNS", "address": self.name},
            ],
            "nodeInfo": {
                "architecture": if self.arm64 { "arm64" } else { "amd64" },
                "bootID": self.instance_id, "machineID": self.instance_id, "systemUUID": self.instance_id,
                "containerRuntimeVersion": "containerd://2.1.5", "kernelVersion": "6.12.40", "kubeProxyVersion": "",
                "kubeletVersion": "v1.35.4-eks-0000000", "operatingSystem": os, "osImage": image,
            },
        })
    }
}

/// The condition Ready.
pub(super) fn ready_condition(ready: bool) -> Value {
    let now = super::pod_status::now();
    let (status, reason) = if ready {
        ("True", "KubeletReady")
    } else {
        ("False", "KubeletNotReady")
    };
    json!({
        "type": "Ready", "status": status, "reason": reason, "message": "the simulated kubelet says so",
        "lastHeartbeatTime": now, "lastTransitionTime": now,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(node: &SimNode) -> BTreeMap<String, String> {
        node.object().unwrap().metadata.labels.unwrap()
    }

    #[test]
    fn an_ec2_node_is_named_after_its_address() {
        let node = SimNode::ec2(258, "us-west-2b")
            .managed("blue")
            .instance_type("m5.xlarge", 58);
        let object = node.object().unwrap();
        assert_eq!(
            object.metadata.name.as_deref(),
            Some("ip-10-0-1-2.us-west-2.compute.internal")
        );
        assert_eq!(
            object.spec.unwrap().provider_id.as_deref(),
            Some("aws:///us-west-2b/i-00000000000000102")
        );
        assert_eq!(object.status.unwrap().allocatable.unwrap()["pods"].0, "58");
        let labels = labels(&node);
        assert_eq!(labels["eks.amazonaws.com/nodegroup"], "blue");
        assert_eq!(labels["topology.kubernetes.io/region"], "us-west-2");
        assert_eq!(labels["node.kubernetes.io/instance-type"], "m5.xlarge");
    }

    #[test]
    fn nodes_that_aws_node_avoids_say_so() {
        for (node, kind) in [
            (SimNode::fargate(1, "us-west-2a"), "fargate"),
            (SimNode::auto_mode(2, "us-west-2a"), "auto"),
            (SimNode::hybrid(3, "us-west-2"), "hybrid"),
        ] {
            assert_eq!(labels(&node)["eks.amazonaws.com/compute-type"], kind);
        }
        assert_eq!(
            labels(&SimNode::windows(4, "us-west-2a", "win"))["kubernetes.io/os"],
            "windows"
        );
        assert!(!labels(&SimNode::hybrid(3, "us-west-2")).contains_key("topology.kubernetes.io/zone"));
    }

    #[test]
    fn labels_of_ones_own_win() {
        let node = SimNode::ec2(1, "us-west-2a")
            .label("kubernetes.io/arch", "arm64")
            .label("team", "shop");
        assert_eq!(labels(&node)["kubernetes.io/arch"], "arm64");
        assert_eq!(labels(&node)["team"], "shop");
    }
}
