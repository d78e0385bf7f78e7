//! How a group launches: in the zone and subnet with the fewest members, and elsewhere where that fails.

use super::activity::{ActivityStatus, Subject};
use super::group::{Process, ScalingGroup};
use super::invalid;
use super::leave::{GROUP_TAG, details};
use super::members::{Lifecycle, Member, MemberTemplate};
use super::source::LaunchSource;
use crate::error::ApiError;
use crate::world::{LaunchAt, Tags, TemplateRef, World};
use std::collections::BTreeMap;
use std::time::Duration;
use vpccni_core::ids::{InstanceId, InstanceType, SubnetId, Zone};

/// The retry is never sooner, or a world without delays would not come to rest.
const SOONEST_RETRY: Duration = Duration::from_secs(1);
/// The retry is put off twofold for each failure, at most so often.
const DOUBLINGS: u32 = 6;

impl World {
    /// Launches until there are as many as there shall be, or nowhere is room.
    pub(super) fn scale_out(&mut self, name: &str) {
        let Some(group) = self.scaling.groups.get(name) else {
            return;
        };
        if group.is_suspended(Process::Launch) || group.deleting {
            return;
        }
        let (active, target) = (group.active_count(), group.target());
        for count in active..target {
            if !self.launch_member(name, count) {
                break;
            }
        }
    }

    /// Launches one, wherever there is room. Whether it did.
    fn launch_member(&mut self, name: &str, count: u32) -> bool {
        let Some(group) = self.scaling.groups.get(name) else {
            return false;
        };
        let source = group.launch_source().clone();
        let cause = self.cause_of_launch(group, count);
        // A rebalance wants the emptiest zone; elsewhere it would only move members about.
        let tries = if group.rebalancing { 1 } else { usize::MAX };
        for (zone, subnet) in group.places().into_iter().take(tries) {
            match self.launch_in(name, &source, &subnet) {
                Ok(launched) => {
                    self.admit(name, launched, &zone, subnet, cause);
                    return true;
                }
                Err(error) => self.record_failure(name, &zone, &subnet, &cause, &error),
            }
        }
        false
    }

    fn cause_of_launch(&self, group: &ScalingGroup, count: u32) -> String {
        let stamp = self.stamp();
        if group.replacing > 0 {
            return format!(
                "At {stamp} an instance was launched in response to an unhealthy instance needing to be replaced."
            );
        }
        let request = group.request.as_ref().map(|request| format!("{request}  "));
        format!(
            "{}At {stamp} an instance was started in response to a difference between desired and actual capacity, \
             increasing the capacity from {count} to {}.",
            request.unwrap_or_default(),
            count + 1
        )
    }

    /// Tries the ways of launching there are, in the order of their priority.
    fn launch_in(
        &mut self,
        name: &str,
        source: &LaunchSource,
        subnet: &SubnetId,
    ) -> Result<(InstanceId, MemberTemplate), ApiError> {
        let group = self.scaling_group(name)?;
        let tags: Tags = group
            .tags
            .iter()
            .filter(|(key, _)| group.propagated.contains(*key))
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect();
        let spot = group.wants_spot(source);
        let mut refused = None;
        for (template, instance_type) in source.ways() {
            let known = self.resolve_template(&template)?;
            let at = LaunchAt {
                instance_type,
                spot,
                instance_tags: tags.clone(),
                system_tags: Tags::from([(GROUP_TAG.to_owned(), name.to_owned())]),
                ..LaunchAt::in_subnet(subnet.clone())
            };
            match self.launch_from(&template, &at) {
                Ok(id) => return Ok((id, known)),
                Err(error) => refused = Some(error),
            }
        }
        Err(refused.unwrap_or_else(|| invalid("There is no way to launch an instance")))
    }

    fn admit(
        &mut self,
        name: &str,
        (id, template): (InstanceId, MemberTemplate),
        zone: &Zone,
        subnet: SubnetId,
        cause: String,
    ) {
        let number = self.begin_activity(Subject {
            group: name,
            description: format!("Launching a new EC2 instance: {id}"),
            cause,
            details: details(&subnet, zone),
            instance: Some(id.clone()),
        });
        self.advance_activity(Some(number), ActivityStatus::PreInService, None);
        let now = self.now;
        let (Some(group), Some(instance)) = (self.scaling.groups.get_mut(name), self.instances.get(&id))
        else {
            return;
        };
        let member = Member {
            id: id.clone(),
            zone: instance.zone.clone(),
            subnet,
            instance_type: instance.instance_type.clone(),
            template: Some(template),
            spot: instance.spot_request.is_some(),
            lifecycle: Lifecycle::Pending,
            unhealthy: None,
            protected: group.protect_new,
            since: now,
            in_service: None,
            waits: BTreeMap::new(),
            generation: group.generation,
            activity: Some(number),
        };
        group.members.insert(id.clone(), member);
        group.replacing = group.replacing.saturating_sub(1);
        group.failures = 0;
        self.scaling.owners.insert(id, name.to_owned());
    }

    fn record_failure(&mut self, name: &str, zone: &Zone, subnet: &SubnetId, cause: &str, error: &ApiError) {
        let message = format!(
            "{} - {} Launching EC2 instance failed.",
            error.code(),
            error.message()
        );
        let number = self.begin_activity(Subject {
            group: name,
            description: format!("Launching a new EC2 instance.  Status Reason: {message}"),
            cause: cause.to_owned(),
            details: details(subnet, zone),
            instance: None,
        });
        self.advance_activity(Some(number), ActivityStatus::Failed, Some(message));
        let now = self.now;
        let first = self.timings.scaling_retry.max(SOONEST_RETRY);
        if let Some(group) = self.scaling.groups.get_mut(name) {
            let wait = first * 2u32.pow(group.failures.min(DOUBLINGS));
            group.failures = group.failures.saturating_add(1);
            group.rebalancing = false;
            let until = now.checked_add(wait).unwrap_or(jiff::Timestamp::MAX);
            group.avoided.insert(subnet.clone(), until);
        }
    }

    /// What a template means now: its version may be `$Latest` or `$Default`.
    pub(super) fn resolve_template(&self, template: &TemplateRef) -> Result<MemberTemplate, ApiError> {
        let (known, version) = self.template_version(template)?;
        Ok(MemberTemplate {
            id: known.id.clone(),
            name: known.name.clone(),
            version: version.number,
        })
    }

    /// The templates are there, and so are the types.
    pub(super) fn check_source(&self, source: &LaunchSource) -> Result<(), ApiError> {
        for (template, instance_type) in source.ways() {
            self.resolve_template(&template).map_err(|error| {
                invalid(format!(
                    "You must use a valid fully-formed launch template. {}",
                    error.message()
                ))
            })?;
            let unknown = instance_type.filter(|t| self.types.get(t.as_str()).is_none());
            if let Some(unknown) = unknown {
                return Err(invalid(format!("The instance type {unknown} does not exist")));
            }
        }
        Ok(())
    }

    /// Time has made a subnet worth another try.
    pub(super) fn forgive_subnets(&mut self, name: &str) {
        let now = self.now;
        if let Some(group) = self.scaling.groups.get_mut(name) {
            group.avoided.retain(|_, until| now < *until);
        }
    }
}

impl LaunchSource {
    /// Template and type of each way to launch, the first is the best.
    fn ways(&self) -> Vec<(TemplateRef, Option<InstanceType>)> {
        let overrides = self.mixed.iter().flat_map(|mixed| &mixed.overrides);
        let mut ways: Vec<_> = overrides
            .map(|way| {
                let template = way.template.as_ref().unwrap_or(&self.template);
                (template.clone(), way.instance_type.clone())
            })
            .collect();
        if ways.is_empty() {
            ways.push((self.template.clone(), None));
        }
        ways
    }

    /// Whether a member is what would be launched now.
    pub(super) fn matches(&self, world: &World, member: &Member) -> bool {
        self.ways().iter().any(|(template, instance_type)| {
            world.resolve_template(template).ok() == member.template
                && instance_type.as_ref().is_none_or(|t| *t == member.instance_type)
        })
    }
}

impl ScalingGroup {
    /// Whether the next member is a spot instance: what is beyond the base and the share of on-demand ones is.
    fn wants_spot(&self, source: &LaunchSource) -> bool {
        let Some(how) = source.mixed.as_ref().map(|mixed| &mixed.distribution) else {
            return false;
        };
        let on_demand = self.active().filter(|member| !member.spot).count() as u64;
        let above = u64::from((self.active_count() + 1).saturating_sub(how.on_demand_base));
        let share = (above * u64::from(how.on_demand_percentage)).div_ceil(100);
        on_demand >= u64::from(how.on_demand_base) + share
    }

    /// Where to launch, the best place first: in the zone with the fewest members, and there in the subnet with the
    /// fewest. Where a launch failed lately is left out.
    pub(super) fn places(&self) -> Vec<(Zone, SubnetId)> {
        let in_zones = self.by_zone();
        let mut in_subnets: BTreeMap<&SubnetId, usize> = BTreeMap::new();
        for member in self.active() {
            *in_subnets.entry(&member.subnet).or_default() += 1;
        }
        let count_in = |subnet| in_subnets.get(subnet).copied().unwrap_or(0);
        let mut places: Vec<(usize, usize, usize, Zone, SubnetId)> = self
            .subnets
            .iter()
            .enumerate()
            .filter(|(_, (subnet, _))| !self.avoided.contains_key(subnet))
            .map(|(index, (subnet, zone))| {
                let in_zone = in_zones.get(zone).copied().unwrap_or(0);
                (in_zone, count_in(subnet), index, zone.clone(), subnet.clone())
            })
            .collect();
        places.sort();
        places
            .into_iter()
            .map(|(_, _, _, zone, subnet)| (zone, subnet))
            .collect()
    }
}
