//! What a node group does by itself: it waits for its instances, follows its Auto Scaling group, and goes.

use super::{Nodegroup, NodegroupStatus};
use crate::world::updates::Issue;
use crate::world::{ActivityStatus, Happened, Lifecycle, ScalingGroup, TemplateKey, World};
use vpccni_core::ids::InstanceId;

impl World {
    /// A node group looks at its instances and does what is to be done now.
    pub(in crate::world) fn step_nodegroup(&mut self, cluster: &str, name: &str) {
        let Ok(group) = self.nodegroup(cluster, name) else {
            return;
        };
        let status = group.status;
        if self.scaling_group(&group.scaling_group).is_err() {
            self.without_scaling_group(cluster, name);
            return;
        }
        self.tell_nodes(cluster, name);
        match status {
            NodegroupStatus::Creating => self.step_creation(cluster, name),
            NodegroupStatus::Updating => self.step_roll(cluster, name),
            NodegroupStatus::Active | NodegroupStatus::Degraded => self.check_health(cluster, name),
            NodegroupStatus::Deleting | NodegroupStatus::CreateFailed => {}
        }
    }

    /// Tells of instances that became nodes since.
    fn tell_nodes(&mut self, cluster: &str, name: &str) {
        let Ok(group) = self.nodegroup(cluster, name) else {
            return;
        };
        let Ok(scaling) = self.scaling_group(&group.scaling_group) else {
            return;
        };
        let serving: Vec<InstanceId> = scaling
            .active()
            .filter(|member| member.lifecycle == Lifecycle::InService)
            .map(|member| member.id.clone())
            .filter(|id| group.nodes.join && !group.told.contains(id))
            .collect();
        let members: Vec<InstanceId> = scaling.members.keys().cloned().collect();
        let max_pods = group.max_pods;
        for id in &serving {
            self.emit(Happened::NodeJoins {
                cluster: cluster.to_owned(),
                nodegroup: name.to_owned(),
                instance: id.to_string(),
                max_pods,
            });
        }
        if let Ok(group) = self.nodegroup_mut(cluster, name) {
            group.told.retain(|id| members.contains(id));
            group.told.extend(serving);
        }
    }

    fn step_creation(&mut self, cluster: &str, name: &str) {
        let issue = self.missing_nodes(cluster, name);
        let complete = self.complete(cluster, name);
        let now = self.now;
        let Ok(group) = self.nodegroup_mut(cluster, name) else {
            return;
        };
        if let Some(issue) = issue {
            group.status = NodegroupStatus::CreateFailed;
            group.issues = vec![issue];
        } else if complete {
            group.status = NodegroupStatus::Active;
            group.modified = now;
        }
    }

    /// Whether all nodes are there.
    fn complete(&self, cluster: &str, name: &str) -> bool {
        let Ok(group) = self.nodegroup(cluster, name) else {
            return false;
        };
        let serving = self.serving(group);
        let scaling = self.scaling_group(&group.scaling_group);
        scaling.is_ok_and(|scaling| serving >= scaling.desired as usize) && (group.nodes.join || serving == 0)
    }

    fn serving(&self, group: &Nodegroup) -> usize {
        let scaling = self.scaling_group(&group.scaling_group).into_iter();
        scaling
            .flat_map(ScalingGroup::active)
            .filter(|member| member.lifecycle == Lifecycle::InService)
            .count()
    }

    /// Why nodes are missing, when the time to wait for them is over. A world without delays waits only for what is
    /// still on its way.
    pub(super) fn missing_nodes(&self, cluster: &str, name: &str) -> Option<Issue> {
        let group = self.nodegroup(cluster, name).ok()?;
        if self.now < group.deadline {
            return None;
        }
        let scaling = self.scaling_group(&group.scaling_group).ok()?;
        let short = self.serving(group) < scaling.desired as usize;
        if let Some(issue) = self.launch_failure(group).filter(|_| short) {
            return Some(issue);
        }
        let waited = short && !self.timings.nodegroup_patience.is_zero();
        if waited || !short && !group.nodes.join && scaling.desired > 0 {
            return Some(Issue {
                code: "NodeCreationFailure".to_owned(),
                message: "Instances failed to join the kubernetes cluster".to_owned(),
                resources: scaling.active().map(|member| member.id.to_string()).collect(),
            });
        }
        None
    }

    /// Why the Auto Scaling group launches nothing, if its last try failed.
    fn launch_failure(&self, group: &Nodegroup) -> Option<Issue> {
        let mut activities = self.scaling.activities();
        let last = activities.find(|activity| activity.group == group.scaling_group)?;
        let message = last
            .message
            .as_deref()
            .filter(|_| last.status == ActivityStatus::Failed)?;
        let code = match message.split(" - ").next() {
            Some("InsufficientFreeAddressesInSubnet" | "InsufficientCidrBlocks") => {
                "InsufficientFreeAddresses"
            }
            Some("InstanceLimitExceeded" | "VcpuLimitExceeded" | "MaxSpotInstanceCountExceeded") => {
                "InstanceLimitExceeded"
            }
            _ => "AsgInstanceLaunchFailures",
        };
        let market = if group.spot { "Spot" } else { "On-Demand" };
        Some(Issue {
            code: code.to_owned(),
            message: format!("Could not launch {market} Instances. {message}"),
            resources: vec![group.scaling_group.clone()],
        })
    }

    /// A node group follows the desired capacity of its Auto Scaling group, and is not well while that cannot launch.
    fn check_health(&mut self, cluster: &str, name: &str) {
        let Ok(group) = self.nodegroup(cluster, name) else {
            return;
        };
        let Ok(scaling) = self.scaling_group(&group.scaling_group) else {
            return;
        };
        let desired = scaling.desired;
        let short = self.serving(group) < desired as usize;
        let issue = self.launch_failure(group).filter(|_| short);
        let Ok(group) = self.nodegroup_mut(cluster, name) else {
            return;
        };
        group.sizes.desired = desired;
        group.status = match &issue {
            Some(_) => NodegroupStatus::Degraded,
            None => NodegroupStatus::Active,
        };
        group.issues = issue.into_iter().collect();
    }

    /// The Auto Scaling group is gone: as it shall be, or by somebody else's hand.
    fn without_scaling_group(&mut self, cluster: &str, name: &str) {
        let Ok(group) = self.nodegroup_mut(cluster, name) else {
            return;
        };
        if group.status != NodegroupStatus::Deleting {
            group.status = NodegroupStatus::Degraded;
            group.issues = vec![Issue {
                code: "AutoScalingGroupNotFound".to_owned(),
                message: "We couldn't find the Auto Scaling group associated with the managed node group"
                    .to_owned(),
                resources: vec![group.scaling_group.clone()],
            }];
            return;
        }
        let (scaling, template) = (group.scaling_group.clone(), group.template.clone());
        self.nodegroup_owners.remove(&scaling);
        self.templates
            .retain(|id, _| TemplateKey::Id(id.clone()) != template);
        if let Ok(cluster) = self.cluster_mut(cluster) {
            cluster.nodegroups.remove(name);
        }
    }
}
