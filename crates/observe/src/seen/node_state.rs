//! A CniNodeState: what was last said of a node, to compare with what is seen now.

use crate::watching::{Kind, Scope, Watched};
use crate::wire;
use kube::core::DeserializeGuard;
use kube::{Api, Client, ResourceExt};
use vpccni_api::node_state::{CniNodeStateSpec, CniNodeStateStatus};

/// A CniNodeState.
#[derive(Debug, Clone, PartialEq)]
pub struct NodeStateSeen {
    /// Its name, which is that of its node.
    pub name: String,
    /// Its uid.
    pub uid: String,
    /// For a write that must not overtake another.
    pub resource_version: Option<String>,
    /// The uid of the Node that owns it.
    pub owner_uid: Option<String>,
    /// What the node should run.
    pub spec: CniNodeStateSpec,
    /// What it was seen to run.
    pub status: CniNodeStateStatus,
}

impl Watched for NodeStateSeen {
    type Wire = wire::NodeState;
    const KIND: Kind = Kind::NodeState;

    fn api(client: Client, _scope: &Scope) -> Api<DeserializeGuard<wire::NodeState>> {
        Api::all(client)
    }

    fn parse(wire: wire::NodeState, _scope: &Scope) -> Result<Self, String> {
        Ok(Self {
            name: wire.name_any(),
            uid: wire.uid().unwrap_or_default(),
            resource_version: wire.resource_version(),
            owner_uid: wire
                .owner_references()
                .iter()
                .find(|owner| owner.kind == "Node")
                .map(|owner| owner.uid.clone()),
            spec: wire.spec,
            status: wire.status.unwrap_or_default(),
        })
    }
}
