//! The checkpoint as JSON. Names are the stock agent's; what it writes and does not know is left out here, too.

use serde::{Deserialize, Serialize, Serializer};
use std::cell::Cell;
use std::net::IpAddr;
use vpccni_core::assign::{Entry, Key, Lease, PodRef};

/// The only version there is.
pub(super) const VERSION: &str = "vpc-cni-ipam/1";

/// The version alone: that much can be read of any version.
#[derive(Debug, Deserialize)]
pub(super) struct Version {
    #[serde(default)]
    pub(super) version: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct Document {
    /// The stock agent writes `null` for none.
    #[serde(default)]
    pub(super) allocations: Option<Vec<Allocation>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Allocation {
    #[serde(default)]
    network_name: String,
    #[serde(rename = "containerID", default)]
    container_id: String,
    #[serde(default)]
    if_name: String,
    #[serde(default)]
    ipv4: String,
    #[serde(default)]
    ipv6: String,
    #[serde(rename = "allocationTimestamp", default)]
    timestamp: i64,
    #[serde(default)]
    metadata: Metadata,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Metadata {
    #[serde(default)]
    k8s_pod_namespace: String,
    #[serde(default)]
    k8s_pod_name: String,
    #[serde(default)]
    interfaces_count: i64,
}

/// An allocation that holds no address.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("the entry of container {container:?} holds no address")]
pub(super) struct NoAddress {
    container: String,
}

impl Allocation {
    pub(super) fn into_entry(self) -> Result<Entry, NoAddress> {
        let Self {
            network_name,
            container_id,
            if_name,
            ipv4,
            ipv6,
            timestamp,
            metadata,
        } = self;
        let text = if ipv4.is_empty() { ipv6 } else { ipv4 };
        let address: IpAddr = text.parse().map_err(|_| NoAddress {
            container: container_id.clone(),
        })?;
        let since = jiff::Timestamp::from_nanosecond(i128::from(timestamp));
        let pod = (!metadata.k8s_pod_name.is_empty()).then_some(PodRef {
            namespace: metadata.k8s_pod_namespace,
            name: metadata.k8s_pod_name,
        });
        Ok(Entry {
            key: Key {
                container: container_id,
                interface: if_name,
                network: network_name,
            },
            address,
            since: since.unwrap_or(jiff::Timestamp::UNIX_EPOCH),
            pod,
            // Files from before network cards have none; such a pod has one interface.
            interfaces: u32::try_from(metadata.interfaces_count).unwrap_or(0).max(1),
        })
    }
}

/// What is written: borrowed, because it is written at every change.
#[derive(Serialize)]
#[serde(bound(serialize = "Leases<I>: Serialize"))]
struct Written<I> {
    version: &'static str,
    allocations: Leases<I>,
}

/// Leases that are walked through once.
struct Leases<I>(Cell<Option<I>>);

impl<'a, I: Iterator<Item = Lease<'a>>> Serialize for Leases<I> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.take().into_iter().flatten().map(WrittenAllocation))
    }
}

struct WrittenAllocation<'a>(Lease<'a>);

impl Serialize for WrittenAllocation<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Lease {
            key,
            address,
            since,
            pod,
            interfaces,
        } = self.0;
        let row = Row {
            network_name: &key.network,
            container_id: &key.container,
            if_name: &key.interface,
            ipv4: address.is_ipv4().then_some(address),
            ipv6: address.is_ipv6().then_some(address),
            allocation_timestamp: i64::try_from(since.as_nanosecond()).unwrap_or(i64::MAX),
            metadata: RowMetadata {
                k8s_pod_namespace: pod.map_or("", |pod| &pod.namespace),
                k8s_pod_name: pod.map_or("", |pod| &pod.name),
                interfaces_count: interfaces,
            },
        };
        row.serialize(serializer)
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Row<'a> {
    network_name: &'a str,
    #[serde(rename = "containerID")]
    container_id: &'a str,
    if_name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    ipv4: Option<IpAddr>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ipv6: Option<IpAddr>,
    allocation_timestamp: i64,
    metadata: RowMetadata<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RowMetadata<'a> {
    #[serde(skip_serializing_if = "str::is_empty")]
    k8s_pod_namespace: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    k8s_pod_name: &'a str,
    interfaces_count: u32,
}

/// Writes the text of a checkpoint into a buffer that is used again and again.
pub(super) fn render<'a>(
    buffer: &mut Vec<u8>,
    allocations: impl Iterator<Item = Lease<'a>>,
) -> Result<(), serde_json::Error> {
    buffer.clear();
    serde_json::to_writer(
        buffer,
        &Written {
            version: VERSION,
            allocations: Leases(Cell::new(Some(allocations))),
        },
    )
}
