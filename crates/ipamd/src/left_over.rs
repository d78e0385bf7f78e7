//! The hourly clean-up of interfaces that an agent made and that no instance has: those of agents that were ended
//! between two calls.
//!
//! How old one is its tag tells, and the clocks of two machines may be hours apart: by a clock that is ahead, every
//! interface that another node is about to attach is old. So nothing is deleted that was not there, free and old, at
//! two looks with the whole age between them by a clock that nobody sets.

use crate::ops::Tools;
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use vpccni_core::ids::EniId;
use vpccni_core::node_enis::{CREATED_TAG, LeakVerdict, Stray, is_leaked};
use vpccni_core::ports::node::{LeftOver, NodeEni};

/// Every run begins after a random part of this, so that nodes do not ask together.
const SPREAD: Duration = Duration::from_mins(5);

fn judge(eni: &NodeEni, cluster: Option<&str>, now: Timestamp) -> LeakVerdict {
    let stray = Stray {
        description: &eni.description,
        status: if eni.attachment.is_some() {
            "in-use"
        } else {
            "available"
        },
        tags: &eni.tags,
    };
    is_leaked(stray, cluster, now)
}

/// Cleans up until the end.
pub async fn clean_up(tools: Tools, stop: CancellationToken) -> Result<(), Infallible> {
    if tools.node.settings.effective.leaked_eni_cleanup_disabled() {
        stop.cancelled().await;
        return Ok(());
    }
    tokio::select! {
        () = stop.cancelled() => {}
        () = run(&tools) => {}
    }
    Ok(())
}

async fn run(tools: &Tools) {
    loop {
        tokio::time::sleep(tools.pace.left_over.min(SPREAD).mul_f64(fastrand::f64())).await;
        let once = looked_at(tools).await;
        if !once.is_empty() {
            tokio::time::sleep(tools.pace.left_over_age).await;
            let again = looked_at(tools).await;
            delete(tools, again.intersection(&once)).await;
        }
        tokio::time::sleep(tools.pace.left_over).await;
    }
}

/// What is left over by its tags. What has no age that can be read, or one to come, gets one.
async fn looked_at(tools: &Tools) -> BTreeSet<EniId> {
    let (cloud, node) = (&tools.cloud, &tools.node);
    let which = LeftOver {
        vpc: &node.vpc,
        cluster: node.settings.effective.cluster_name(),
    };
    let found = cloud
        .call(
            "ec2:DescribeNetworkInterfaces",
            cloud.ec2.left_over(which.clone()),
        )
        .await;
    let mut leaked = BTreeSet::new();
    // What failed is in the log and in the metrics, and the next run is in an hour.
    for eni in found.unwrap_or_default() {
        let now = Timestamp::now();
        match judge(&eni, which.cluster, now) {
            LeakVerdict::Keep => {}
            LeakVerdict::TagNow => {
                let date = now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
                let tags = BTreeMap::from([(CREATED_TAG.to_owned(), date)]);
                cloud
                    .call("ec2:CreateTags", cloud.ec2.tag(&eni.id, &tags))
                    .await
                    .ok();
            }
            LeakVerdict::Leaked => {
                leaked.insert(eni.id);
            }
        }
    }
    leaked
}

async fn delete(tools: &Tools, leaked: impl Iterator<Item = &EniId>) {
    for eni in leaked {
        tracing::info!(%eni, "deleting an interface that was left over");
        let cloud = &tools.cloud;
        cloud
            .call("ec2:DeleteNetworkInterface", cloud.ec2.delete_interface(eni))
            .await
            .ok();
    }
}
