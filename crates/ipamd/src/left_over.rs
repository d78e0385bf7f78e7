//! The hourly clean-up of interfaces that an agent made and that no instance has: those of agents that were ended
//! between two calls.

use crate::ops::Tools;
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::time::Duration;
use tokio_util::sync::CancellationToken;
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
    loop {
        let pause = tools.pace.left_over.min(SPREAD).mul_f64(fastrand::f64());
        tokio::select! {
            () = stop.cancelled() => return Ok(()),
            () = tokio::time::sleep(pause) => {}
        }
        run(&tools).await;
        tokio::select! {
            () = stop.cancelled() => return Ok(()),
            () = tokio::time::sleep(tools.pace.left_over) => {}
        }
    }
}

async fn run(tools: &Tools) {
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
                tracing::info!(eni = %eni.id, "deleting an interface that was left over");
                cloud
                    .call("ec2:DeleteNetworkInterface", cloud.ec2.delete_interface(&eni.id))
                    .await
                    .ok();
            }
        }
    }
}
