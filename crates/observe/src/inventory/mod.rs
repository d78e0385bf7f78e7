//! One central reading of EC2: every interface, subnet and group the rules ask about, reduced at once to facts.
//!
//! A part that cannot be read is Unknown with a sentence, and the others are still read.

mod cache;
mod interfaces;
mod nodegroups;
mod subnets;

pub use cache::{Budget, InventoryCache};

use crate::groups;
use crate::seen::NodeSeen;
use crate::stores::Stores;
use interfaces::Interfaces;
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use vpccni_core::ids::{EniId, InstanceId, InstanceType, SecurityGroupId, SubnetId, VpcId};
use vpccni_core::known::Known;
use vpccni_core::limits::{self, InstanceLimits};
use vpccni_core::ports::{CloudError, CloudErrorKind, Ec2, Eks, Nodegroups};
use vpccni_core::safety::{EniFacts, NodeGroup, Provider, SecurityGroupFacts, SubnetFacts};

/// Instances the VPC is learnt from: one would do, and a node may just have been terminated.
const SAMPLE: usize = 3;

/// Where a reading is taken from.
#[derive(Debug, Clone, Copy)]
pub struct Clouds<'a> {
    /// EC2.
    pub ec2: &'a dyn Ec2,
    /// EKS.
    pub eks: &'a dyn Eks,
}

/// What a reading is about.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ask {
    /// The name of the cluster, where it is known: its node groups are read.
    pub cluster: Option<String>,
    /// The VPC, where somebody configured it; learnt from the instances otherwise.
    pub vpc: Option<VpcId>,
    /// The instances of the cluster's nodes.
    pub instances: BTreeSet<InstanceId>,
    /// Those of them whose labels name no group: the tags of the instance may.
    pub ungrouped: BTreeSet<InstanceId>,
    /// Their types.
    pub types: BTreeSet<InstanceType>,
    /// Subnets somebody names, in whatever VPC they are.
    pub subnets: BTreeSet<SubnetId>,
    /// Security groups somebody names, in whatever VPC they are.
    pub security_groups: BTreeSet<SecurityGroupId>,
}

impl Ask {
    /// About the nodes that take part, the node groups of the cluster, and what its ENIConfigs name.
    pub fn of(stores: &Stores, cluster: Option<String>) -> Self {
        let mut ask = Self {
            cluster,
            ..Self::default()
        };
        for node in stores.nodes.all() {
            let NodeSeen {
                instance,
                instance_type,
                group,
                ..
            } = node.as_ref();
            if node.takes_part() {
                ask.instances.extend(instance.clone());
                if group.provider == Provider::SelfManaged {
                    ask.ungrouped.extend(instance.clone());
                }
                ask.types.extend(instance_type.clone());
            }
        }
        for config in stores.eni_configs.all() {
            ask.subnets.extend(SubnetId::parse(&config.subnet));
            ask.security_groups.extend(
                config
                    .security_groups
                    .iter()
                    .flat_map(|id| SecurityGroupId::parse(id)),
            );
        }
        ask
    }
}

/// What EC2 said.
#[derive(Debug, Clone, PartialEq)]
pub struct Inventory {
    /// When it was asked.
    pub at: Timestamp,
    /// The VPC of the nodes.
    pub vpc: Known<VpcId>,
    /// The interfaces of the cluster's instances, by instance.
    pub interfaces: Known<BTreeMap<InstanceId, EniFacts>>,
    /// Subnets of the VPC, and those somebody names.
    pub subnets: Known<BTreeMap<SubnetId, SubnetFacts>>,
    /// Security groups of the VPC, and those somebody names.
    pub security_groups: Known<BTreeMap<SecurityGroupId, SecurityGroupFacts>>,
    /// The limits of the types in use.
    pub limits: BTreeMap<InstanceType, Known<InstanceLimits>>,
    /// The groups of instances whose labels name none, by their tags: also that nobody we know makes one. What is not
    /// here could not be read.
    pub groups: BTreeMap<InstanceId, NodeGroup>,
    /// The managed node groups of the cluster.
    pub nodegroups: Nodegroups,
    /// Interfaces of the cluster whose subnet could not be seen.
    pub invisible: Vec<EniId>,
    /// Calls that failed, for conditions and metrics.
    pub failures: Vec<CloudError>,
}

impl Inventory {
    /// The reading that did not take place: without AWS access the operator works on what Kubernetes knows.
    pub fn not_read(reason: &str, ask: &Ask, now: Timestamp) -> Self {
        let unknown = || reason.to_owned();
        Self {
            at: now,
            vpc: Known::Unknown(unknown()),
            interfaces: Known::Unknown(unknown()),
            subnets: Known::Unknown(unknown()),
            security_groups: Known::Unknown(unknown()),
            limits: from_table(&ask.types, &unknown),
            groups: BTreeMap::new(),
            nodegroups: Known::Unknown(unknown()),
            invisible: Vec::new(),
            failures: Vec::new(),
        }
    }

    /// Reads all of it, part by part. `reservations` is the number of subnets whose reservations may be asked for: that
    /// call is one per subnet.
    pub async fn read(clouds: Clouds<'_>, ask: &Ask, reservations: usize, now: Timestamp) -> Self {
        let mut reader = Reader {
            ec2: clouds.ec2,
            eks: clouds.eks,
            ask,
            failures: Vec::new(),
        };
        let vpc = reader.vpc().await;
        let limits = reader.limits().await;
        let groups = reader.groups().await;
        let security_groups = reader.security_groups(&vpc).await;
        let described = reader.subnets(&vpc).await;
        let interfaces = reader.interfaces(&vpc).await;
        let nodegroups = reader.nodegroups().await;
        let known = described.as_option();
        let invisible = interfaces
            .as_option()
            .zip(known)
            .map(|(i, s)| i.outside(s))
            .unwrap_or_default();
        let subnets = match described {
            Known::Yes(found) => Known::Yes(reader.blocks(found, &interfaces, reservations).await),
            Known::Unknown(why) => Known::Unknown(why),
        };
        Self {
            at: now,
            vpc,
            interfaces: match interfaces {
                Known::Yes(Interfaces { by_instance, .. }) => Known::Yes(by_instance),
                Known::Unknown(why) => Known::Unknown(why),
            },
            subnets,
            security_groups,
            limits,
            groups,
            nodegroups,
            invisible,
            failures: reader.failures,
        }
    }

    /// The same with the interfaces and groups of more instances as they are now; none where that says nothing new.
    async fn with(&self, clouds: Clouds<'_>, ask: &Ask) -> Option<Self> {
        let mut reader = Reader {
            ec2: clouds.ec2,
            eks: clouds.eks,
            ask,
            failures: Vec::new(),
        };
        let groups = reader.groups().await;
        let instances: Vec<_> = ask.instances.iter().cloned().collect();
        let answer = clouds.ec2.interfaces_of(&instances).await;
        let read = reader.heard(answer);
        let mut more = self.clone();
        if let (Known::Yes(all), Known::Yes(enis)) = (&mut more.interfaces, &read) {
            all.extend(Interfaces::reduce(enis, &ask.instances).by_instance);
        }
        more.groups.extend(groups);
        // What failed is asked again by the next whole reading, which tells it.
        (more != *self).then_some(more)
    }

    /// An instance stays in its group: what was known of it outlives a reading that failed.
    pub(super) fn keep_groups(&mut self, before: Option<&Self>, ask: &Ask) {
        for (instance, group) in before.iter().flat_map(|before| &before.groups) {
            if ask.ungrouped.contains(instance) && !self.groups.contains_key(instance) {
                self.groups.insert(instance.clone(), group.clone());
            }
        }
    }

    /// The interfaces of one instance; one that joined after the reading is not known yet.
    pub fn of_instance(&self, instance: &InstanceId) -> Known<EniFacts> {
        match &self.interfaces {
            Known::Unknown(why) => Known::Unknown(why.clone()),
            Known::Yes(found) => found.get(instance).cloned().map_or_else(
                || {
                    Known::Unknown(format!(
                        "{instance} had no interface when EC2 was read at {}",
                        self.at
                    ))
                },
                Known::Yes,
            ),
        }
    }
}

/// A failed call in a sentence that says what somebody can do about it.
pub fn sentence(error: &CloudError) -> String {
    let happened = match error.kind {
        CloudErrorKind::Denied => "denied",
        CloudErrorKind::Throttled => "throttled",
        CloudErrorKind::TimedOut => "timed out",
        CloudErrorKind::Unreachable => "did not reach its endpoint",
        CloudErrorKind::NotFound => "found nothing",
        CloudErrorKind::Invalid => "refused as invalid",
        CloudErrorKind::Internal => "failed inside AWS",
    };
    format!("{} {happened}: {}: {}", error.action, error.code, error.message)
}

fn from_table(
    types: &BTreeSet<InstanceType>,
    otherwise: &dyn Fn() -> String,
) -> BTreeMap<InstanceType, Known<InstanceLimits>> {
    let limits =
        |name: &InstanceType| limits::find(name).map_or_else(|| Known::Unknown(otherwise()), Known::Yes);
    types.iter().map(|name| (name.clone(), limits(name))).collect()
}

/// Reads part by part and remembers what failed.
struct Reader<'a> {
    ec2: &'a dyn Ec2,
    eks: &'a dyn Eks,
    ask: &'a Ask,
    failures: Vec<CloudError>,
}

impl Reader<'_> {
    /// The answer, or a sentence; the failure is remembered.
    fn heard<T>(&mut self, answer: Result<T, CloudError>) -> Known<T> {
        match answer {
            Ok(found) => Known::Yes(found),
            Err(error) => {
                let sentence = sentence(&error);
                self.failures.push(error);
                Known::Unknown(sentence)
            }
        }
    }

    async fn vpc(&mut self) -> Known<VpcId> {
        if let Some(vpc) = &self.ask.vpc {
            return Known::Yes(vpc.clone());
        }
        let sample: Vec<_> = self.ask.instances.iter().take(SAMPLE).cloned().collect();
        if sample.is_empty() {
            return Known::Unknown("no node tells the VPC: none runs on an EC2 instance yet".to_owned());
        }
        let answer = self.ec2.instances(&sample).await;
        let found = match self.heard(answer) {
            Known::Yes(found) => found,
            Known::Unknown(why) => return Known::Unknown(why),
        };
        let vpcs: BTreeSet<_> = found.into_iter().map(|instance| instance.vpc).collect();
        let names: Vec<_> = vpcs.iter().map(VpcId::as_str).collect();
        match names.as_slice() {
            [] => Known::Unknown(format!("EC2 does not know the instance {} of a node", sample[0])),
            [_] => vpcs
                .into_iter()
                .next()
                .map_or_else(|| Known::not_read("the VPC"), Known::Yes),
            several => Known::Unknown(format!("the nodes are in several VPCs: {}", several.join(", "))),
        }
    }

    /// Auto Scaling groups name themselves in the tags of their instances.
    async fn groups(&mut self) -> BTreeMap<InstanceId, NodeGroup> {
        let ungrouped: Vec<_> = self.ask.ungrouped.iter().cloned().collect();
        if ungrouped.is_empty() {
            return BTreeMap::new();
        }
        let answer = self.ec2.instances(&ungrouped).await;
        let found = self.heard(answer);
        let named = |instance: &vpccni_core::ports::Instance| {
            (
                instance.id.clone(),
                groups::group(&BTreeMap::new(), &instance.tags),
            )
        };
        found.as_option().into_iter().flatten().map(named).collect()
    }

    async fn limits(&mut self) -> BTreeMap<InstanceType, Known<InstanceLimits>> {
        let missing: Vec<_> = self
            .ask
            .types
            .iter()
            .filter(|name| limits::find(name).is_none())
            .cloned()
            .collect();
        let mut limits = from_table(&self.ask.types, &|| {
            "EC2 does not know this instance type".to_owned()
        });
        if missing.is_empty() {
            return limits;
        }
        let answer = self.ec2.instance_types(&missing).await;
        match self.heard(answer) {
            Known::Yes(found) => {
                limits.extend(found.into_iter().map(|(name, limit)| (name, Known::Yes(limit))));
            }
            Known::Unknown(why) => {
                limits.extend(
                    missing
                        .into_iter()
                        .map(|name| (name, Known::Unknown(why.clone()))),
                );
            }
        }
        limits
    }

    async fn security_groups(
        &mut self,
        vpc: &Known<VpcId>,
    ) -> Known<BTreeMap<SecurityGroupId, SecurityGroupFacts>> {
        let vpc = match vpc {
            Known::Yes(vpc) => vpc,
            Known::Unknown(why) => return Known::Unknown(why.clone()),
        };
        let answer = self.ec2.security_groups(vpc).await;
        let mut found = match self.heard(answer) {
            Known::Yes(found) => found,
            Known::Unknown(why) => return Known::Unknown(why),
        };
        let seen: BTreeSet<_> = found.iter().map(|group| group.id.clone()).collect();
        let elsewhere: Vec<_> = self.ask.security_groups.difference(&seen).cloned().collect();
        if !elsewhere.is_empty() {
            let answer = self.ec2.security_groups_by_id(&elsewhere).await;
            match self.heard(answer) {
                Known::Yes(more) => found.extend(more),
                Known::Unknown(why) => return Known::Unknown(why),
            }
        }
        let facts = found.into_iter().map(|group| {
            let facts = SecurityGroupFacts {
                id: group.id.clone(),
                vpc: group.vpc,
            };
            (group.id, facts)
        });
        Known::Yes(facts.collect())
    }

    async fn interfaces(&mut self, vpc: &Known<VpcId>) -> Known<Interfaces> {
        let vpc = match vpc {
            Known::Yes(vpc) => vpc,
            Known::Unknown(why) => return Known::Unknown(why.clone()),
        };
        let answer = self.ec2.interfaces(vpc).await;
        match self.heard(answer) {
            Known::Yes(enis) => Known::Yes(Interfaces::reduce(&enis, &self.ask.instances)),
            Known::Unknown(why) => Known::Unknown(why),
        }
    }
}

#[cfg(test)]
mod memory;
#[cfg(test)]
mod tests;
