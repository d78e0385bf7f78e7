//! UpdateNodegroupVersion: every node is replaced by one of the new image or template version. As the user guide has it
//! ("Managed node group update behavior"): more nodes are launched, twice as many as there are zones or as many as may be
//! unavailable, whichever is more; the old nodes are cordoned, drained and ended, so many at a time; then the group
//! shrinks to what it was. `MINIMAL` launches none beforehand.

use super::make::source;
use super::{Nodegroup, NodegroupStatus};
use crate::error::ApiError;
use crate::world::eks_rules::invalid;
use crate::world::updates::Issue;
use crate::world::{GroupChange, Happened, Lifecycle, Process, ScalingGroup, TemplateRef, World};
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::time::Duration;
use vpccni_core::ids::InstanceId;

/// What UpdateNodegroupVersion asks for.
#[derive(Debug, Clone, Default)]
pub struct NodegroupVersion {
    /// The Kubernetes version; none means that of the group.
    pub version: Option<String>,
    /// The release of the image; none means the newest.
    pub release: Option<String>,
    /// A version of the user's template.
    pub template: Option<TemplateRef>,
    /// Whether nodes go although pods do not.
    pub force: bool,
}

/// Where an update stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    ScaleUp,
    Replace,
    ScaleDown,
}

impl Phase {
    fn as_str(self) -> &'static str {
        match self {
            Self::ScaleUp => "scale-up",
            Self::Replace => "upgrade",
            Self::ScaleDown => "scale-down",
        }
    }
}

/// An update that replaces nodes.
#[derive(Debug, Clone)]
pub(in crate::world) struct Roll {
    update: String,
    phase: Phase,
    force: bool,
    surge: u32,
    /// What the group was before, for when it fails.
    before: Target,
    /// Since when each node is drained.
    draining: BTreeMap<InstanceId, Timestamp>,
}

/// What the instances of a node group are made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::world) struct Target {
    version: String,
    release: String,
    user_version: Option<u64>,
    template_version: u64,
    max_pods: u32,
}

impl Target {
    fn of(group: &Nodegroup) -> Self {
        Self {
            version: group.version.clone(),
            release: group.release.clone(),
            user_version: group.user_template.as_ref().map(|user| user.version),
            template_version: group.template_version,
            max_pods: group.max_pods,
        }
    }

    fn give_to(self, group: &mut Nodegroup) {
        group.version = self.version;
        group.release = self.release;
        group.template_version = self.template_version;
        group.max_pods = self.max_pods;
        if let (Some(user), Some(version)) = (&mut group.user_template, self.user_version) {
            user.version = version;
        }
    }
}

impl World {
    /// Begins to replace the nodes of a group, and gives the id of the update.
    pub fn update_nodegroup_version(
        &mut self,
        cluster: &str,
        name: &str,
        asked: &NodegroupVersion,
    ) -> Result<String, ApiError> {
        let group = self.nodegroup(cluster, name)?.clone();
        group.idle()?;
        let before = Target::of(&group);
        let mut planned = self.planned_version(&group, asked)?;
        if Target::of(&planned) == before {
            // Nothing newer: the refusal's text is the sandbox's own.
            return Err(invalid(format!(
                "Nodegroup {name} is already at release version {} and the requested launch template version",
                group.release
            )));
        }
        let user = self.user_data_of(planned.user_template.as_ref())?;
        planned.max_pods = self.max_pods_now(&planned, &user);
        let data = self.node_data(&planned, user)?;
        planned.template_version = self
            .create_template_version(&planned.template, None, None, &data, None)
            .map_err(|error| invalid(error.message()))?;
        let mut params = vec![
            ("Version", planned.version.clone()),
            ("ReleaseVersion", planned.release.clone()),
        ];
        if let Some(user) = planned
            .user_template
            .as_ref()
            .filter(|_| asked.template.is_some())
        {
            params.push(("LaunchTemplateName", user.name.clone()));
            params.push(("LaunchTemplateVersion", user.version.to_string()));
        }
        let update = self.begin_update(cluster, group.subject(), "VersionUpdate", params)?;
        let scaling = self.scaling_group(&group.scaling_group)?;
        let zones = u32::try_from(scaling.zones().len()).unwrap_or(u32::MAX);
        let (max, desired) = (scaling.max, scaling.desired);
        let surge = if group.rules.minimal || desired == 0 {
            0
        } else {
            (2 * zones).max(group.rules.max_unavailable.of(desired))
        };
        planned.roll = Some(Roll {
            update,
            phase: Phase::ScaleUp,
            force: asked.force,
            surge,
            before,
            draining: BTreeMap::new(),
        });
        planned.status = NodegroupStatus::Updating;
        let change = GroupChange {
            source: Some(source(&planned)),
            max: Some(max + surge),
            desired: Some(desired + surge),
            ..GroupChange::default()
        };
        let scaling = planned.scaling_group.clone();
        *self.nodegroup_mut(cluster, name)? = planned;
        // Rebalancing would take new nodes away again; EKS suspends it meanwhile.
        self.suspend_processes(&scaling, &[Process::AzRebalance])?;
        self.update_scaling_group(&scaling, change)?;
        self.enter_phase(cluster, name, Phase::ScaleUp);
        Ok(update_id(self.nodegroup(cluster, name)?))
    }

    /// The group with the version, release and template version that are asked for.
    fn planned_version(&self, group: &Nodegroup, asked: &NodegroupVersion) -> Result<Nodegroup, ApiError> {
        let mut planned = group.clone();
        if let Some(template) = &asked.template {
            let (user, _) = self.user_template(template)?;
            match &group.user_template {
                Some(known) if known.id == user.id => planned.user_template = Some(user),
                Some(_) => return Err(invalid("The launch template must be that of the node group")),
                None => {
                    return Err(invalid(
                        "Launch template can only be given for a node group that was created with one",
                    ));
                }
            }
        }
        let custom = self.user_data_of(planned.user_template.as_ref())?.image;
        if custom.is_some() != (group.ami_type == "CUSTOM") {
            return Err(invalid(
                "A node group cannot change between a custom AMI and one of EKS",
            ));
        }
        if let Some(image) = custom {
            if asked.version.is_some() || asked.release.is_some() {
                return Err(invalid(
                    "You cannot specify the field kubernetesVersion or releaseVersion when using custom AMIs.",
                ));
            }
            planned.release = image;
            return Ok(planned);
        }
        if let Some(version) = &asked.version {
            let minor = |version: &str| version.strip_prefix("1.").and_then(|m| m.parse::<u32>().ok());
            self.check_node_version(&group.cluster, version)?;
            if minor(version) < minor(&group.version) {
                return Err(invalid(format!(
                    "A node group cannot go back from version {} to {version}",
                    group.version
                )));
            }
            planned.version.clone_from(version);
        }
        // The guide: with a new template version alone the image stays as it is.
        if asked.template.is_none() || asked.version.is_some() || asked.release.is_some() {
            planned.release =
                self.release_asked(&group.ami_type, &planned.version, asked.release.as_deref())?;
        }
        Ok(planned)
    }

    fn enter_phase(&mut self, cluster: &str, name: &str, phase: Phase) {
        if let Ok(Some(roll)) = self.nodegroup_mut(cluster, name).map(|group| group.roll.as_mut()) {
            roll.phase = phase;
        }
        self.emit(Happened::NodegroupPhase {
            cluster: cluster.to_owned(),
            nodegroup: name.to_owned(),
            phase: phase.as_str(),
        });
        self.wake_nodegroup(Duration::ZERO, cluster, name);
        self.wait_anew(cluster, name);
    }

    /// Something went on: the time to wait for instances begins again.
    fn wait_anew(&mut self, cluster: &str, name: &str) {
        let patience = self.timings.nodegroup_patience;
        let deadline = self.now.checked_add(patience).unwrap_or(Timestamp::MAX);
        if let Ok(group) = self.nodegroup_mut(cluster, name) {
            group.deadline = deadline;
        }
        self.wake_nodegroup(patience, cluster, name);
    }

    /// What an update does now.
    pub(super) fn step_roll(&mut self, cluster: &str, name: &str) {
        let Ok(group) = self.nodegroup(cluster, name) else {
            return;
        };
        let (Some(roll), Ok(scaling)) = (&group.roll, self.scaling_group(&group.scaling_group)) else {
            return;
        };
        let fresh = |member: &crate::world::Member| {
            member.template.as_ref().map(|template| template.version) == Some(group.template_version)
        };
        let serving = scaling
            .active()
            .filter(|member| fresh(member) && member.lifecycle == Lifecycle::InService)
            .count();
        let all_serve = scaling
            .active()
            .all(|member| member.lifecycle == Lifecycle::InService)
            && scaling.active().count() == scaling.desired as usize;
        let old = scaling.active().filter(|member| !fresh(member)).count();
        let (phase, surge, joins) = (roll.phase, roll.surge as usize, group.nodes.join);
        match phase {
            Phase::ScaleUp if serving >= surge && (joins || surge == 0) => {
                self.cordon(cluster, name, true);
                self.enter_phase(cluster, name, Phase::Replace);
            }
            Phase::Replace if old == 0 && all_serve && joins => {
                self.give_back_surge(cluster, name);
                self.enter_phase(cluster, name, Phase::ScaleDown);
            }
            Phase::ScaleDown if all_serve => self.end_roll(cluster, name, Vec::new()),
            Phase::ScaleUp | Phase::ScaleDown => self.check_patience(cluster, name),
            Phase::Replace => {
                self.replace_nodes(cluster, name);
                self.check_patience(cluster, name);
            }
        }
    }

    /// Fails the update where its nodes do not come.
    fn check_patience(&mut self, cluster: &str, name: &str) {
        let Some(issue) = self.missing_nodes(cluster, name) else {
            return;
        };
        // The errors of updates have fewer codes than the health of node groups.
        let code = match issue.code.as_str() {
            "InsufficientFreeAddresses" => issue.code,
            _ => "NodeCreationFailure".to_owned(),
        };
        self.end_roll(cluster, name, vec![Issue { code, ..issue }]);
    }

    /// Old nodes are cordoned, or what is left of them is not any more.
    fn cordon(&mut self, cluster: &str, name: &str, cordoned: bool) {
        for instance in self.old_nodes(cluster, name) {
            self.emit(Happened::NodeCordoned {
                cluster: cluster.to_owned(),
                nodegroup: name.to_owned(),
                instance: instance.to_string(),
                cordoned,
            });
        }
    }

    /// The nodes that are still to be replaced.
    fn old_nodes(&self, cluster: &str, name: &str) -> Vec<InstanceId> {
        let Ok(group) = self.nodegroup(cluster, name) else {
            return Vec::new();
        };
        let members = self.scaling_group(&group.scaling_group).into_iter();
        let old = members.flat_map(ScalingGroup::active).filter(|member| {
            member.template.as_ref().map(|template| template.version) != Some(group.template_version)
        });
        old.map(|member| member.id.clone()).collect()
    }

    /// Drained nodes end, and others are drained in their place.
    fn replace_nodes(&mut self, cluster: &str, name: &str) {
        self.end_drained(cluster, name);
        let mut waiting = self.old_nodes(cluster, name);
        let Ok(group) = self.nodegroup(cluster, name) else {
            return;
        };
        let (Some(roll), Ok(scaling)) = (&group.roll, self.scaling_group(&group.scaling_group)) else {
            return;
        };
        waiting.retain(|id| !roll.draining.contains_key(id));
        let serving = scaling
            .active()
            .filter(|member| member.lifecycle == Lifecycle::InService)
            .count();
        let missing = (scaling.desired as usize).saturating_sub(serving);
        let limit = group
            .rules
            .max_unavailable
            .of(scaling.desired - roll.surge.min(scaling.desired));
        let room = (limit as usize).saturating_sub(roll.draining.len() + missing);
        for _ in 0..room.min(waiting.len()) {
            // The guide: EKS takes a node at random.
            let chosen = self.random.below(u32::try_from(waiting.len()).unwrap_or(1));
            let id = waiting.swap_remove(chosen as usize);
            self.drain(cluster, name, id);
        }
    }

    fn drain(&mut self, cluster: &str, name: &str, id: InstanceId) {
        self.emit(Happened::NodeDrainRequested {
            cluster: cluster.to_owned(),
            nodegroup: name.to_owned(),
            instance: id.to_string(),
        });
        let now = self.now;
        if let Ok(Some(roll)) = self.nodegroup_mut(cluster, name).map(|group| group.roll.as_mut()) {
            roll.draining.insert(id, now);
        }
        self.wake_nodegroup(self.timings.node_drain, cluster, name);
        self.wake_nodegroup(self.timings.node_eviction, cluster, name);
    }

    /// Nodes whose pods are gone end; where they do not go in time, the update fails, or with force the node ends.
    fn end_drained(&mut self, cluster: &str, name: &str) {
        let (now, drain, eviction) = (self.now, self.timings.node_drain, self.timings.node_eviction);
        let Ok(group) = self.nodegroup(cluster, name) else {
            return;
        };
        let Some(roll) = &group.roll else {
            return;
        };
        let (evict, force) = (group.nodes.evict, roll.force);
        let over = |since: Timestamp, delay: Duration| since.checked_add(delay).is_ok_and(|end| end <= now);
        let draining: Vec<_> = roll
            .draining
            .iter()
            .map(|(id, since)| (id.clone(), *since))
            .collect();
        for (id, since) in draining {
            if evict && over(since, drain) || force && over(since, eviction) {
                if let Ok(Some(roll)) = self.nodegroup_mut(cluster, name).map(|group| group.roll.as_mut()) {
                    roll.draining.remove(&id);
                }
                self.wait_anew(cluster, name);
                // One that died meanwhile is replaced by its group anyway.
                if let Err(error) = self.terminate_in_group(&id, false) {
                    tracing::debug!(%error, instance = %id, "a drained node was gone already");
                }
            } else if !evict && over(since, eviction) {
                let issue = Issue {
                    code: "PodEvictionFailure".to_owned(),
                    message: "Reached max retries while trying to evict pods from nodes in node group"
                        .to_owned()
                        + &format!(" {name}"),
                    resources: vec![
                        self.instances
                            .get(&id)
                            .map_or_else(String::new, |i| i.private_dns.clone()),
                    ],
                };
                self.end_roll(cluster, name, vec![issue]);
                return;
            }
        }
    }

    /// The Auto Scaling group shrinks to what it was, whatever was asked of it meanwhile.
    fn give_back_surge(&mut self, cluster: &str, name: &str) {
        let Ok(group) = self.nodegroup(cluster, name) else {
            return;
        };
        let surge = group.roll.as_ref().map_or(0, |roll| roll.surge);
        let scaling = group.scaling_group.clone();
        let Ok(now) = self.scaling_group(&scaling) else {
            return;
        };
        let change = GroupChange {
            max: Some(now.max.saturating_sub(surge)),
            desired: Some(now.desired.saturating_sub(surge).max(now.min)),
            ..GroupChange::default()
        };
        self.change_scaling(&scaling, change);
    }

    fn change_scaling(&mut self, scaling: &str, change: GroupChange) {
        if let Err(error) = self.update_scaling_group(scaling, change) {
            tracing::debug!(%error, scaling, "the Auto Scaling group of a node group did not change");
        }
    }

    /// An update ends. One that failed leaves the nodes that it has replaced, and takes back the rest.
    fn end_roll(&mut self, cluster: &str, name: &str, errors: Vec<Issue>) {
        let now = self.now;
        if !errors.is_empty() {
            self.cordon(cluster, name, false);
            self.take_back_surge(cluster, name);
        }
        let failed = !errors.is_empty();
        let Ok(group) = self.nodegroup_mut(cluster, name) else {
            return;
        };
        let Some(roll) = group.roll.take() else {
            return;
        };
        if failed {
            roll.before.give_to(group);
        }
        group.status = NodegroupStatus::Active;
        group.modified = now;
        let (scaling, before) = (group.scaling_group.clone(), source(group));
        if failed {
            let change = GroupChange {
                source: Some(before),
                ..GroupChange::default()
            };
            self.change_scaling(&scaling, change);
        }
        if let Err(error) = self.resume_processes(&scaling, &[Process::AzRebalance]) {
            tracing::debug!(%error, scaling, "the Auto Scaling group of a node group is gone");
        }
        self.close_update(cluster, &roll.update, errors);
        self.wake_nodegroup(Duration::ZERO, cluster, name);
    }

    /// Of what a failed update launched, so many end as are too many.
    fn take_back_surge(&mut self, cluster: &str, name: &str) {
        let Ok(group) = self.nodegroup(cluster, name) else {
            return;
        };
        let surge = group.roll.as_ref().map_or(0, |roll| roll.surge);
        let old = self.old_nodes(cluster, name);
        let fresh: Vec<_> = self
            .scaling_group(&group.scaling_group)
            .into_iter()
            .flat_map(ScalingGroup::active)
            .map(|member| member.id.clone())
            .filter(|id| !old.contains(id))
            .collect();
        let mut left = surge;
        for id in fresh.into_iter().take(surge as usize) {
            if self.terminate_in_group(&id, true).is_ok() {
                left -= 1;
            }
        }
        if let Ok(Some(roll)) = self.nodegroup_mut(cluster, name).map(|group| group.roll.as_mut()) {
            roll.surge = left;
        }
        // The desired capacity went down with each; the maximum did not.
        let Ok(group) = self.nodegroup(cluster, name) else {
            return;
        };
        let scaling = group.scaling_group.clone();
        self.give_back_surge(cluster, name);
        if let Ok(now) = self.scaling_group(&scaling) {
            let change = GroupChange {
                max: Some(now.max.saturating_sub(surge - left).max(now.desired)),
                ..GroupChange::default()
            };
            self.change_scaling(&scaling, change);
        }
    }
}

fn update_id(group: &Nodegroup) -> String {
    group
        .roll
        .as_ref()
        .map(|roll| roll.update.clone())
        .unwrap_or_default()
}
