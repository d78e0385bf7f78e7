//! The hourly clean-up of interfaces that an agent made and that no instance has: those of agents that were ended
//! between two calls.

use crate::node::CREATED_TAG;
use crate::ops::Tools;
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use vpccni_core::ports::node::{LeftOver, NodeEni};

/// What descriptions of agents' interfaces begin with.
const DESCRIPTION: &str = "aws-K8S-";

/// Younger ones may be about to be attached.
const OLD: SignedDuration = SignedDuration::from_mins(5);

/// Every run begins after a random part of this, so that nodes do not ask together.
const SPREAD: Duration = Duration::from_secs(300);

/// What is to be done with an interface.
#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    Keep,
    /// Nobody knows how old it is: it gets a date now, and its turn in another run.
    Date,
    Delete,
}

fn judge(eni: &NodeEni, now: Timestamp) -> Verdict {
    if !eni.description.starts_with(DESCRIPTION) || eni.attachment.is_some() {
        return Verdict::Keep;
    }
    let made: Option<Timestamp> = eni.tags.get(CREATED_TAG).and_then(|text| text.parse().ok());
    match made {
        None => Verdict::Date,
        Some(made) if now.duration_since(made) > OLD => Verdict::Delete,
        Some(_) => Verdict::Keep,
    }
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
        .call("ec2:DescribeNetworkInterfaces", cloud.ec2.left_over(which))
        .await;
    // What failed is in the log and in the metrics, and the next run is in an hour.
    for eni in found.unwrap_or_default() {
        let now = Timestamp::now();
        match judge(&eni, now) {
            Verdict::Keep => {}
            Verdict::Date => {
                let date = now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
                let tags = BTreeMap::from([(CREATED_TAG.to_owned(), date)]);
                cloud
                    .call("ec2:CreateTags", cloud.ec2.tag(&eni.id, &tags))
                    .await
                    .ok();
            }
            Verdict::Delete => {
                tracing::info!(eni = %eni.id, "deleting an interface that was left over");
                cloud
                    .call("ec2:DeleteNetworkInterface", cloud.ec2.delete_interface(&eni.id))
                    .await
                    .ok();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use vpccni_core::ids::{EniId, SubnetId};
    use vpccni_core::net::Mac;
    use vpccni_core::ports::EniKind;
    use vpccni_core::ports::node::ConnectionTracking;

    fn eni(description: &str, created: Option<&str>) -> NodeEni {
        let created = created.map(|at| (CREATED_TAG.to_owned(), at.to_owned()));
        NodeEni {
            id: EniId::parse("eni-1").unwrap(),
            mac: Mac([2, 0, 0, 0, 0, 1]),
            kind: EniKind::Interface,
            subnet: SubnetId::parse("subnet-1").unwrap(),
            description: description.to_owned(),
            attachment: None,
            primary_ip: None,
            secondary_ips: Vec::new(),
            prefixes: Vec::new(),
            ipv6: Vec::new(),
            ipv6_prefixes: Vec::new(),
            tags: created.into_iter().collect(),
            security_groups: Vec::new(),
            tracking: ConnectionTracking::default(),
        }
    }

    #[test]
    fn only_old_ones_of_agents_go() {
        let now: Timestamp = "2026-05-01T12:00:00Z".parse().unwrap();
        let judged = |description, created| judge(&eni(description, created), now);
        assert_eq!(
            judged("aws-K8S-i-1", Some("2026-05-01T11:50:00Z")),
            Verdict::Delete
        );
        assert_eq!(judged("aws-K8S-i-1", Some("2026-05-01T11:58:00Z")), Verdict::Keep);
        assert_eq!(judged("mine", Some("2026-05-01T11:00:00Z")), Verdict::Keep);
        // A date that cannot be read is no date: the interface is not deleted in the run that finds it.
        assert_eq!(judged("aws-K8S-i-1", Some("yesterday")), Verdict::Date);
        assert_eq!(judged("aws-K8S-i-1", None), Verdict::Date);
    }
}
