//! A budget of calls around the ports, and their counts. A call here is one question to a port: it may take several
//! pages, which the SDK fetches inside it.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use vpccni_core::ids::{InstanceId, InstanceType, SecurityGroupId, SubnetId, VpcId};
use vpccni_core::limits::InstanceLimits;
use vpccni_core::ports::{
    Addon, AddonUpdate, Answer, CloudError, CloudErrorKind, Ec2, Eks, Eni, Instance, Nodegroup, Reservation,
    SecurityGroup, Subnet,
};

const WINDOW: Duration = Duration::from_mins(1);

/// The code of a call that was never made.
const LOCAL_BUDGET: &str = "LocalBudget";

/// Calls by action and outcome: `ok`, the category of the error, or `over_budget` for one that was not made.
type Counts = BTreeMap<(&'static str, &'static str), u64>;

#[derive(Debug, Default)]
struct Meter {
    counts: Counts,
    /// When the calls of the last minute were made.
    recent: VecDeque<Instant>,
}

/// Ports that may be asked only so often.
#[derive(Debug)]
pub struct Metered<E> {
    inner: E,
    per_minute: usize,
    meter: Mutex<Meter>,
}

impl<E> Metered<E> {
    /// Lets through so many calls in any minute.
    pub fn new(inner: E, per_minute: usize) -> Self {
        Self {
            inner,
            per_minute,
            meter: Mutex::new(Meter::default()),
        }
    }

    /// Calls by action and outcome since the start.
    pub fn counts(&self) -> BTreeMap<(&'static str, &'static str), u64> {
        self.meter().counts.clone()
    }

    /// What it wraps.
    pub fn inner(&self) -> &E {
        &self.inner
    }

    /// Counts stay right after a panic elsewhere: each change of them is whole.
    fn meter(&self) -> MutexGuard<'_, Meter> {
        self.meter.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn admit(&self, action: &'static str, now: Instant) -> Result<(), CloudError> {
        let mut meter = self.meter();
        while meter
            .recent
            .front()
            .is_some_and(|made| now.saturating_duration_since(*made) >= WINDOW)
        {
            meter.recent.pop_front();
        }
        if meter.recent.len() < self.per_minute {
            meter.recent.push_back(now);
            return Ok(());
        }
        *meter.counts.entry((action, "over_budget")).or_default() += 1;
        Err(CloudError {
            kind: CloudErrorKind::Throttled,
            action,
            code: LOCAL_BUDGET.to_owned(),
            message: format!("the budget of {} calls a minute is used up", self.per_minute),
        })
    }

    fn record<T>(&self, action: &'static str, result: &Result<T, CloudError>) {
        let outcome = result.as_ref().map_or_else(CloudError::category, |_| "ok");
        *self.meter().counts.entry((action, outcome)).or_default() += 1;
    }

    /// Makes a call if the budget allows, and counts it.
    fn call<'a, T: Send + 'a>(
        &'a self,
        action: &'static str,
        make: impl FnOnce(&'a E) -> Answer<'a, T> + Send + 'a,
    ) -> Answer<'a, T>
    where
        E: Sync,
    {
        Box::pin(async move {
            self.admit(action, Instant::now())?;
            let result = make(&self.inner).await;
            self.record(action, &result);
            result
        })
    }
}

impl<E: Ec2> Ec2 for Metered<E> {
    fn subnets<'a>(&'a self, vpc: &'a VpcId) -> Answer<'a, Vec<Subnet>> {
        self.call("ec2:DescribeSubnets", move |inner| inner.subnets(vpc))
    }

    fn subnets_by_id<'a>(&'a self, ids: &'a [SubnetId]) -> Answer<'a, Vec<Subnet>> {
        self.call("ec2:DescribeSubnets", move |inner| inner.subnets_by_id(ids))
    }

    fn reservations<'a>(&'a self, subnet: &'a SubnetId) -> Answer<'a, Vec<Reservation>> {
        self.call("ec2:GetSubnetCidrReservations", move |inner| {
            inner.reservations(subnet)
        })
    }

    fn interfaces<'a>(&'a self, vpc: &'a VpcId) -> Answer<'a, Vec<Eni>> {
        self.call("ec2:DescribeNetworkInterfaces", move |inner| {
            inner.interfaces(vpc)
        })
    }

    fn security_groups<'a>(&'a self, vpc: &'a VpcId) -> Answer<'a, Vec<SecurityGroup>> {
        self.call("ec2:DescribeSecurityGroups", move |inner| {
            inner.security_groups(vpc)
        })
    }

    fn security_groups_by_id<'a>(&'a self, ids: &'a [SecurityGroupId]) -> Answer<'a, Vec<SecurityGroup>> {
        self.call("ec2:DescribeSecurityGroups", move |inner| {
            inner.security_groups_by_id(ids)
        })
    }

    fn instances<'a>(&'a self, ids: &'a [InstanceId]) -> Answer<'a, Vec<Instance>> {
        self.call("ec2:DescribeInstances", move |inner| inner.instances(ids))
    }

    fn instance_types<'a>(
        &'a self,
        types: &'a [InstanceType],
    ) -> Answer<'a, BTreeMap<InstanceType, InstanceLimits>> {
        self.call("ec2:DescribeInstanceTypes", move |inner| {
            inner.instance_types(types)
        })
    }
}

impl<E: Eks> Eks for Metered<E> {
    fn addon<'a>(&'a self, cluster: &'a str, name: &'a str) -> Answer<'a, Option<Addon>> {
        self.call("eks:DescribeAddon", move |inner| inner.addon(cluster, name))
    }

    fn addon_versions<'a>(&'a self, name: &'a str, kubernetes: &'a str) -> Answer<'a, Vec<String>> {
        self.call("eks:DescribeAddonVersions", move |inner| {
            inner.addon_versions(name, kubernetes)
        })
    }

    fn update_addon<'a>(&'a self, update: &'a AddonUpdate) -> Answer<'a, String> {
        self.call("eks:UpdateAddon", move |inner| inner.update_addon(update))
    }

    fn nodegroups<'a>(&'a self, cluster: &'a str) -> Answer<'a, Vec<String>> {
        self.call("eks:ListNodegroups", move |inner| inner.nodegroups(cluster))
    }

    fn nodegroup<'a>(&'a self, cluster: &'a str, name: &'a str) -> Answer<'a, Option<Nodegroup>> {
        self.call("eks:DescribeNodegroup", move |inner| {
            inner.nodegroup(cluster, name)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_minute_has_at_most_so_many_calls() {
        let metered = Metered::new((), 2);
        let start = Instant::now();
        let admit = |seconds| {
            metered
                .admit("ec2:X", start + Duration::from_secs(seconds))
                .map_err(|e| e.code)
        };
        assert_eq!(admit(0), Ok(()));
        assert_eq!(admit(30), Ok(()));
        assert_eq!(admit(59), Err("LocalBudget".to_owned()));
        assert_eq!(admit(60), Ok(()));
        assert_eq!(admit(61), Err("LocalBudget".to_owned()));
        assert_eq!(admit(90), Ok(()));
        assert_eq!(metered.counts().get(&("ec2:X", "over_budget")), Some(&2));
    }
}
