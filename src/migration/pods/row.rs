//! One pod, folded to what drains ask of it: tens of thousands of them are kept.

use crate::migration::act::pods::{keeps, kind, must_leave};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;
use std::collections::BTreeMap;
use vpccni_core::ids::NodeName;
use vpccni_core::migration::PodKind;
use vpccni_observe::deep::POD_ENI;

/// Nobody would make it again.
const ORPHAN: &str = "no controller would make it again";

/// A pod.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) uid: String,
    /// None as long as no node was found for it.
    pub(super) node: Option<NodeName>,
    pub(super) kind: PodKind,
    /// Why it may not be moved.
    pub(super) keeps: Option<&'static str>,
    /// What budgets select by.
    pub(super) labels: BTreeMap<String, String>,
    pub(super) created: Option<Timestamp>,
    pub(super) pending: bool,
    /// Whether it uses the network of the host.
    pub(super) host: bool,
    /// Whether it has an address.
    pub(super) address: bool,
    /// Whether it has a network interface of its own: its address is not one of the node's.
    pub(super) branch: bool,
    /// Whether its node may not be taken from under it.
    pub(super) stays: bool,
}

impl Row {
    pub(super) fn of(pod: &Pod) -> Self {
        let (spec, status) = (pod.spec.as_ref(), pod.status.as_ref());
        let node = spec.and_then(|spec| spec.node_name.as_deref());
        let controlled = pod
            .owner_references()
            .iter()
            .any(|owner| owner.controller == Some(true));
        Self {
            uid: pod.uid().unwrap_or_default(),
            node: node.and_then(|name| NodeName::parse(name).ok()),
            kind: kind(pod),
            keeps: keeps(pod).or_else(|| (!controlled).then_some(ORPHAN)),
            labels: pod.labels().clone(),
            created: pod.creation_timestamp().map(|time| time.0),
            pending: status.and_then(|status| status.phase.as_deref()) == Some("Pending"),
            host: spec.is_some_and(|spec| spec.host_network == Some(true)),
            address: status.is_some_and(|status| status.pod_ip.is_some()),
            branch: spec
                .and_then(|spec| spec.containers.first())
                .and_then(|first| first.resources.as_ref()?.limits.as_ref())
                .is_some_and(|limits| limits.keys().any(|name| name.starts_with(POD_ENI))),
            stays: must_leave(pod),
        }
    }
}
