//! Ports that ask AWS and keep what it says. They refuse to change anything: a snapshot is taken by somebody who looks.

use super::cloud::{Heard, Said, UPDATE_ADDON, both};
use super::redact;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use vpccni_core::ids::{InstanceId, InstanceType, SecurityGroupId, SubnetId, VpcId};
use vpccni_core::limits::InstanceLimits;
use vpccni_core::ports::{
    Addon, AddonUpdate, Answer, CloudError, CloudErrorKind, Ec2, Eks, Eni, Instance, Nodegroup, Reservation,
    SecurityGroup, Subnet,
};

/// Keys of tags that something here reads; other tags of instances and interfaces are nobody's business.
const TAGS: [&str; 6] = ["aws:", "eks:", "k8s", "kubernetes", "karpenter", "amazonaws.com"];

/// The ports, with what was heard so far.
#[derive(Debug)]
pub(super) struct Recorder {
    ec2: Arc<dyn Ec2>,
    eks: Arc<dyn Eks>,
    said: Mutex<Said>,
}

impl Recorder {
    pub(super) fn new(ec2: Arc<dyn Ec2>, eks: Arc<dyn Eks>) -> Self {
        Self {
            ec2,
            eks,
            said: Mutex::default(),
        }
    }

    /// What was heard.
    pub(super) fn said(&self) -> Said {
        self.said.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn note(&self, write: impl FnOnce(&mut Said)) {
        write(&mut self.said.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

/// What was asked about by id, each with its own answer; one that is not among the found is not there.
fn each<'i, T: Clone, I: ToString + 'i>(
    ids: &'i [I],
    found: &Result<Vec<T>, CloudError>,
    id_of: impl Fn(&T) -> String,
) -> Vec<(String, Result<Option<T>, CloudError>)> {
    let one = |id: &I| {
        let id = id.to_string();
        let answer = match found {
            Ok(found) => Ok(found.iter().find(|item| id_of(item) == id).cloned()),
            Err(error) => Err(error.clone()),
        };
        (id, answer)
    };
    ids.iter().map(one).collect()
}

fn kept(tags: &mut BTreeMap<String, String>) {
    tags.retain(|key, _| TAGS.iter().any(|part| key.contains(part)));
}

impl Ec2 for Recorder {
    fn subnets<'a>(&'a self, vpc: &'a VpcId) -> Answer<'a, Vec<Subnet>> {
        Box::pin(async move {
            let answer = self.ec2.subnets(vpc).await;
            self.note(|said| drop(said.subnets.insert(vpc.to_string(), Heard::of(&answer))));
            answer
        })
    }

    fn subnets_by_id<'a>(&'a self, ids: &'a [SubnetId]) -> Answer<'a, Vec<Subnet>> {
        Box::pin(async move {
            let answer = self.ec2.subnets_by_id(ids).await;
            for (id, one) in each(ids, &answer, |subnet| subnet.id.to_string()) {
                self.note(|said| drop(said.subnets_elsewhere.insert(id, Heard::of(&one))));
            }
            answer
        })
    }

    fn reservations<'a>(&'a self, subnet: &'a SubnetId) -> Answer<'a, Vec<Reservation>> {
        Box::pin(async move {
            let answer = self.ec2.reservations(subnet).await;
            self.note(|said| drop(said.reservations.insert(subnet.to_string(), Heard::of(&answer))));
            answer
        })
    }

    fn interfaces<'a>(&'a self, vpc: &'a VpcId) -> Answer<'a, Vec<Eni>> {
        Box::pin(async move {
            let mut answer = self.ec2.interfaces(vpc).await;
            for eni in answer.iter_mut().flatten() {
                kept(&mut eni.tags);
            }
            self.note(|said| drop(said.interfaces.insert(vpc.to_string(), Heard::of(&answer))));
            answer
        })
    }

    fn interfaces_of<'a>(&'a self, instances: &'a [InstanceId]) -> Answer<'a, Vec<Eni>> {
        // A snapshot has all interfaces of the VPC.
        self.ec2.interfaces_of(instances)
    }

    fn security_groups<'a>(&'a self, vpc: &'a VpcId) -> Answer<'a, Vec<SecurityGroup>> {
        Box::pin(async move {
            let answer = self.ec2.security_groups(vpc).await;
            self.note(|said| drop(said.security_groups.insert(vpc.to_string(), Heard::of(&answer))));
            answer
        })
    }

    fn security_groups_by_id<'a>(&'a self, ids: &'a [SecurityGroupId]) -> Answer<'a, Vec<SecurityGroup>> {
        Box::pin(async move {
            let answer = self.ec2.security_groups_by_id(ids).await;
            for (id, one) in each(ids, &answer, |group| group.id.to_string()) {
                self.note(|said| drop(said.security_groups_elsewhere.insert(id, Heard::of(&one))));
            }
            answer
        })
    }

    fn instances<'a>(&'a self, ids: &'a [InstanceId]) -> Answer<'a, Vec<Instance>> {
        Box::pin(async move {
            let mut answer = self.ec2.instances(ids).await;
            for instance in answer.iter_mut().flatten() {
                kept(&mut instance.tags);
            }
            for (id, one) in each(ids, &answer, |instance| instance.id.to_string()) {
                self.note(|said| drop(said.instances.insert(id, Heard::of(&one))));
            }
            answer
        })
    }

    fn instance_types<'a>(
        &'a self,
        types: &'a [InstanceType],
    ) -> Answer<'a, BTreeMap<InstanceType, InstanceLimits>> {
        Box::pin(async move {
            let answer = self.ec2.instance_types(types).await;
            for name in types {
                let one = match &answer {
                    Ok(found) => Ok(found.get(name).copied()),
                    Err(error) => Err(error.clone()),
                };
                self.note(|said| drop(said.instance_types.insert(name.to_string(), Heard::of(&one))));
            }
            answer
        })
    }
}

impl Eks for Recorder {
    fn nodegroups<'a>(&'a self, cluster: &'a str) -> Answer<'a, Vec<String>> {
        Box::pin(async move {
            let answer = self.eks.nodegroups(cluster).await;
            self.note(|said| {
                drop(
                    said.nodegroup_names
                        .insert(cluster.to_owned(), Heard::of(&answer)),
                );
            });
            answer
        })
    }

    fn nodegroup<'a>(&'a self, cluster: &'a str, name: &'a str) -> Answer<'a, Option<Nodegroup>> {
        Box::pin(async move {
            let answer = self.eks.nodegroup(cluster, name).await;
            self.note(|said| drop(said.nodegroups.insert(both(cluster, name), Heard::of(&answer))));
            answer
        })
    }

    fn addon<'a>(&'a self, cluster: &'a str, name: &'a str) -> Answer<'a, Option<Addon>> {
        Box::pin(async move {
            let mut answer = self.eks.addon(cluster, name).await;
            for addon in answer.iter_mut().flatten() {
                addon.configuration_values = addon.configuration_values.take().map(redact::document);
            }
            self.note(|said| drop(said.addons.insert(both(cluster, name), Heard::of(&answer))));
            answer
        })
    }

    fn addon_versions<'a>(&'a self, name: &'a str, kubernetes: &'a str) -> Answer<'a, Vec<String>> {
        Box::pin(async move {
            let answer = self.eks.addon_versions(name, kubernetes).await;
            self.note(|said| {
                drop(
                    said.addon_versions
                        .insert(both(name, kubernetes), Heard::of(&answer)),
                );
            });
            answer
        })
    }

    fn update_addon<'a>(&'a self, _update: &'a AddonUpdate) -> Answer<'a, String> {
        Box::pin(std::future::ready(Err(CloudError {
            kind: CloudErrorKind::Invalid,
            action: UPDATE_ADDON,
            code: "ReadOnly".to_owned(),
            message: "who takes a snapshot changes nothing".to_owned(),
        })))
    }
}
