//! The objects of Karpenter as people write them, and what AWS must have for them.

use kube::api::{ApiResource, DynamicObject, GroupVersionKind};
use kube::{Api, Client};
use serde_json::{Value, json};
use vpccni_sandbox::WorldHandle;
use vpccni_sandbox::world::{NewRole, Tags};

use crate::cloud::{Cloud, CloudError, refused};

/// The role of the nodes.
const ROLE: &str = "node";

/// Karpenter's kind for a node that it wants.
pub fn node_claims(client: Client) -> Api<DynamicObject> {
    let kind = GroupVersionKind::gvk("karpenter.sh", "v1", "NodeClaim");
    Api::all_with(client, &ApiResource::from_gvk(&kind))
}

/// Makes the role from which Karpenter makes the instance profile of its nodes.
pub fn create_role(world: &WorldHandle) -> Result<(), CloudError> {
    let new = NewRole {
        name: ROLE.to_owned(),
        path: None,
        trust: r#"{"Version":"2012-10-17","Statement":[]}"#.to_owned(),
        description: None,
        max_session: None,
        tags: Tags::new(),
    };
    world.write(|now| now.create_role(new).map(drop).map_err(refused("create a role")))
}

/// An EC2NodeClass.
#[derive(Debug, Clone)]
pub struct NodeClass {
    /// Its name.
    pub name: &'static str,
    /// `spec.kubelet.maxPods`; none leaves it to Karpenter.
    pub max_pods: Option<u32>,
}

impl NodeClass {
    /// The object, with the subnets and the security group of nodes of a cloud.
    pub fn object(&self, cloud: &Cloud) -> Value {
        let subnets: Vec<Value> = cloud
            .zones
            .values()
            .map(|zone| json!({"id": zone.nodes.as_str()}))
            .collect();
        let mut spec = json!({
            "amiSelectorTerms": [{"alias": "al2023@latest"}],
            "role": ROLE,
            "subnetSelectorTerms": subnets,
            "securityGroupSelectorTerms": [{"id": cloud.node_group.as_str()}],
        });
        if let Some(pods) = self.max_pods {
            spec["kubelet"] = json!({"maxPods": pods});
        }
        json!({
            "apiVersion": "karpenter.k8s.aws/v1", "kind": "EC2NodeClass",
            "metadata": {"name": self.name}, "spec": spec,
        })
    }
}

/// A NodePool of m5.large, whose empty nodes go after two seconds.
#[derive(Debug, Clone)]
pub struct NodePool {
    /// Its name.
    pub name: &'static str,
    /// Its EC2NodeClass.
    pub class: &'static str,
    /// Its disruption budgets.
    pub budgets: Value,
}

impl NodePool {
    /// The object.
    pub fn object(&self) -> Value {
        let requirement = |key: &str, value: &str| json!({"key": key, "operator": "In", "values": [value]});
        json!({
            "apiVersion": "karpenter.sh/v1",
            "kind": "NodePool",
            "metadata": {"name": self.name},
            "spec": {
                "template": {"spec": {
                    "requirements": [
                        requirement("node.kubernetes.io/instance-type", "m5.large"),
                        requirement("karpenter.sh/capacity-type", "on-demand"),
                    ],
                    "nodeClassRef": {"group": "karpenter.k8s.aws", "kind": "EC2NodeClass", "name": self.class},
                    "expireAfter": "Never",
                }},
                "disruption": {
                    "consolidationPolicy": "WhenEmpty",
                    "consolidateAfter": "2s",
                    "budgets": self.budgets,
                },
            },
        })
    }
}
