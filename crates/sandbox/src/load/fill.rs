//! Instances with interfaces, made through the API itself.

use super::client::Client;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;
use tokio::task::JoinSet;

/// Eight interfaces of thirty addresses.
const TYPE: &str = "m5.4xlarge";

/// So many in one launch.
const LOT: u32 = 500;

/// A world that is full enough.
#[derive(Debug)]
pub(crate) struct Filled {
    pub(crate) seconds: f64,
    /// Interfaces that calls of the mix use, with their instance.
    pub(crate) interfaces: Vec<(String, String)>,
}

/// Makes so many instances with so many more interfaces each.
pub(crate) async fn fill(
    address: SocketAddr,
    clients: u32,
    instances: u32,
    interfaces: u32,
) -> Result<Filled, String> {
    let begun = Instant::now();
    let mut client = Client::new(address);
    let vpc = client
        .must("CreateVpc&CidrBlock=10.0.0.0/16")
        .await?
        .text("vpcId")?;
    let subnet = format!("CreateSubnet&VpcId={vpc}&CidrBlock=10.0.0.0/16");
    let subnet = client.must(&subnet).await?.text("subnetId")?;
    let mut made = Vec::new();
    while u32::try_from(made.len()).unwrap_or(u32::MAX) < instances {
        let lot = LOT.min(instances - u32::try_from(made.len()).unwrap_or(instances));
        let launch = format!(
            "RunInstances&ImageId=ami-00000000000000001&InstanceType={TYPE}&MinCount={lot}&MaxCount={lot}&SubnetId={subnet}"
        );
        made.extend(client.must(&launch).await?.texts("instanceId"));
    }
    let made = Arc::new(made);
    let next = Arc::new(AtomicUsize::new(0));
    let mut tasks = JoinSet::new();
    for _ in 0..clients {
        let (made, next, subnet) = (Arc::clone(&made), Arc::clone(&next), subnet.clone());
        tasks.spawn(async move {
            let mut client = Client::new(address);
            let mut attached = Vec::new();
            while let Some(instance) = made.get(next.fetch_add(1, Ordering::Relaxed)) {
                for index in 1..=interfaces {
                    let eni = attach(&mut client, &subnet, instance, index).await?;
                    attached.push((eni, instance.clone()));
                }
            }
            Ok::<_, String>(attached)
        });
    }
    let mut attached = Vec::new();
    while let Some(joined) = tasks.join_next().await {
        attached.extend(joined.map_err(|error| error.to_string())??);
    }
    Ok(Filled {
        seconds: begun.elapsed().as_secs_f64(),
        interfaces: attached,
    })
}

async fn attach(client: &mut Client, subnet: &str, instance: &str, index: u32) -> Result<String, String> {
    let create = format!(
        "CreateNetworkInterface&SubnetId={subnet}&TagSpecification.1.ResourceType=network-interface\
         &TagSpecification.1.Tag.1.Key=node.k8s.amazonaws.com/instance_id&TagSpecification.1.Tag.1.Value={instance}"
    );
    let eni = client.must(&create).await?.text("networkInterfaceId")?;
    let attach =
        format!("AttachNetworkInterface&NetworkInterfaceId={eni}&InstanceId={instance}&DeviceIndex={index}");
    client.must(&attach).await?;
    Ok(eni)
}
