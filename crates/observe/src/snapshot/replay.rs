//! Ports that answer from what AWS said while a snapshot was taken.

use super::cloud::{
    ADDON, ADDON_VERSIONS, Answers, INSTANCE_TYPES, INSTANCES, INTERFACES, NODEGROUP, NODEGROUPS,
    RESERVATIONS, SECURITY_GROUPS, SUBNETS, Said, UPDATE_ADDON, both,
};
use super::wire::Form;
use std::collections::BTreeMap;
use vpccni_core::ids::{InstanceId, InstanceType, SecurityGroupId, SubnetId, VpcId};
use vpccni_core::limits::InstanceLimits;
use vpccni_core::ports::{
    Addon, AddonUpdate, Answer, CloudError, CloudErrorKind, Ec2, Eks, Eni, Instance, Nodegroup, Reservation,
    SecurityGroup, Subnet,
};

/// What AWS said, and why it says nothing else.
#[derive(Debug)]
pub(super) struct Replay {
    said: Said,
    kind: CloudErrorKind,
    code: &'static str,
    why: String,
}

impl Replay {
    /// Of what was said; `why` tells what to do about a question that was not asked then.
    pub(super) fn new(said: Said, why: impl Into<String>) -> Self {
        Self {
            said,
            kind: CloudErrorKind::Unreachable,
            code: "NotInSnapshot",
            why: why.into(),
        }
    }

    /// Of nobody: there is no AWS to ask, and `why` tells the reason.
    pub(super) fn nobody(why: &str) -> Self {
        Self {
            said: Said::default(),
            kind: CloudErrorKind::Denied,
            code: "NotConfigured",
            why: why.to_owned(),
        }
    }

    fn unasked(&self, action: &'static str) -> CloudError {
        CloudError {
            kind: self.kind,
            action,
            code: self.code.to_owned(),
            message: self.why.clone(),
        }
    }

    fn one<F, D>(&self, answers: &Answers<F>, about: &str, action: &'static str) -> Result<D, CloudError>
    where
        F: Form<D> + Clone,
    {
        match answers.get(about) {
            Some(heard) => heard.answer(action),
            None => Err(self.unasked(action)),
        }
    }

    /// Those that were found; the first that nobody asked about, or that failed, fails them all.
    fn several<F, D, I: ToString>(
        &self,
        answers: &Answers<Option<F>>,
        ids: &[I],
        action: &'static str,
    ) -> Result<Vec<D>, CloudError>
    where
        F: Form<D> + Clone,
    {
        let mut found = Vec::new();
        for id in ids {
            let one: Option<D> = self.one(answers, &id.to_string(), action)?;
            found.extend(one);
        }
        Ok(found)
    }
}

fn ready<'a, T: Send + 'a>(answer: Result<T, CloudError>) -> Answer<'a, T> {
    Box::pin(std::future::ready(answer))
}

impl Ec2 for Replay {
    fn subnets<'a>(&'a self, vpc: &'a VpcId) -> Answer<'a, Vec<Subnet>> {
        ready(self.one(&self.said.subnets, vpc.as_str(), SUBNETS))
    }

    fn subnets_by_id<'a>(&'a self, ids: &'a [SubnetId]) -> Answer<'a, Vec<Subnet>> {
        ready(self.several(&self.said.subnets_elsewhere, ids, SUBNETS))
    }

    fn reservations<'a>(&'a self, subnet: &'a SubnetId) -> Answer<'a, Vec<Reservation>> {
        ready(self.one(&self.said.reservations, subnet.as_str(), RESERVATIONS))
    }

    fn interfaces<'a>(&'a self, vpc: &'a VpcId) -> Answer<'a, Vec<Eni>> {
        ready(self.one(&self.said.interfaces, vpc.as_str(), INTERFACES))
    }

    fn interfaces_of<'a>(&'a self, instances: &'a [InstanceId]) -> Answer<'a, Vec<Eni>> {
        let vpcs = self.said.interfaces.values();
        let all: Result<Vec<Vec<Eni>>, CloudError> = vpcs.map(|heard| heard.answer(INTERFACES)).collect();
        let of = |eni: &Eni| {
            eni.attachment
                .as_ref()
                .is_some_and(|at| instances.contains(&at.instance))
        };
        ready(all.map(|all| all.into_iter().flatten().filter(of).collect()))
    }

    fn security_groups<'a>(&'a self, vpc: &'a VpcId) -> Answer<'a, Vec<SecurityGroup>> {
        ready(self.one(&self.said.security_groups, vpc.as_str(), SECURITY_GROUPS))
    }

    fn security_groups_by_id<'a>(&'a self, ids: &'a [SecurityGroupId]) -> Answer<'a, Vec<SecurityGroup>> {
        ready(self.several(&self.said.security_groups_elsewhere, ids, SECURITY_GROUPS))
    }

    fn instances<'a>(&'a self, ids: &'a [InstanceId]) -> Answer<'a, Vec<Instance>> {
        ready(self.several(&self.said.instances, ids, INSTANCES))
    }

    fn instance_types<'a>(
        &'a self,
        types: &'a [InstanceType],
    ) -> Answer<'a, BTreeMap<InstanceType, InstanceLimits>> {
        let mut found = BTreeMap::new();
        for name in types {
            match self.one(&self.said.instance_types, name.as_str(), INSTANCE_TYPES) {
                Ok(Some(limits)) => drop(found.insert(name.clone(), limits)),
                Ok(None) => {}
                Err(error) => return ready(Err(error)),
            }
        }
        ready(Ok(found))
    }
}

impl Eks for Replay {
    fn nodegroups<'a>(&'a self, cluster: &'a str) -> Answer<'a, Vec<String>> {
        ready(self.one(&self.said.nodegroup_names, cluster, NODEGROUPS))
    }

    fn nodegroup<'a>(&'a self, cluster: &'a str, name: &'a str) -> Answer<'a, Option<Nodegroup>> {
        ready(self.one(&self.said.nodegroups, &both(cluster, name), NODEGROUP))
    }

    fn addon<'a>(&'a self, cluster: &'a str, name: &'a str) -> Answer<'a, Option<Addon>> {
        ready(self.one(&self.said.addons, &both(cluster, name), ADDON))
    }

    fn addon_versions<'a>(&'a self, name: &'a str, kubernetes: &'a str) -> Answer<'a, Vec<String>> {
        ready(self.one(&self.said.addon_versions, &both(name, kubernetes), ADDON_VERSIONS))
    }

    fn update_addon<'a>(&'a self, _update: &'a AddonUpdate) -> Answer<'a, String> {
        ready(Err(self.unasked(UPDATE_ADDON)))
    }
}
