//! A small EC2 that keeps its state in memory, can fail each action and counts what it is asked. For tests only.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::Mutex;
use vpccni_core::ids::{EniId, InstanceId, InstanceType, SecurityGroupId, SubnetId, VpcId, Zone};
use vpccni_core::limits::InstanceLimits;
use vpccni_core::net::Ipv4Prefix;
use vpccni_core::ports::{
    Addon, AddonUpdate, Answer, Attachment, CloudError, CloudErrorKind, Ec2, Eks, Eni, EniKind, Instance,
    Nodegroup, Reservation, SecurityGroup, Subnet,
};

/// EC2 in memory: what it has, what it fails, what it was asked.
#[derive(Debug, Default)]
pub(super) struct Memory {
    enis: Vec<Eni>,
    pub(super) subnets: Vec<Subnet>,
    groups: Vec<SecurityGroup>,
    instances: Vec<Instance>,
    pub(super) nodegroups: Vec<Nodegroup>,
    pub(super) failing: Vec<&'static str>,
    calls: Mutex<Vec<&'static str>>,
}

impl Memory {
    fn answer<T: Send + 'static>(&self, action: &'static str, found: T) -> Answer<'_, T> {
        self.calls.lock().unwrap().push(action);
        let answer = if self.failing.contains(&action) {
            Err(CloudError {
                kind: CloudErrorKind::Denied,
                action,
                code: "UnauthorizedOperation".to_owned(),
                message: "no policy allows it".to_owned(),
            })
        } else {
            Ok(found)
        };
        Box::pin(std::future::ready(answer))
    }

    pub(super) fn tag(&mut self, id: &str, key: &str, value: &str) {
        let mut all = self.instances.iter_mut();
        let instance = all.find(|instance| instance.id.as_str() == id).unwrap();
        instance.tags.insert(key.to_owned(), value.to_owned());
    }

    pub(super) fn asked(&self, action: &str) -> usize {
        self.calls
            .lock()
            .unwrap()
            .iter()
            .filter(|call| **call == action)
            .count()
    }
}

fn picked<T: Clone>(all: &[T], keep: impl Fn(&T) -> bool) -> Vec<T> {
    all.iter().filter(|item| keep(item)).cloned().collect()
}

impl Eks for Memory {
    fn addon<'a>(&'a self, _cluster: &'a str, _name: &'a str) -> Answer<'a, Option<Addon>> {
        self.answer("eks:DescribeAddon", None)
    }

    fn addon_versions<'a>(&'a self, _name: &'a str, _kubernetes: &'a str) -> Answer<'a, Vec<String>> {
        self.answer("eks:DescribeAddonVersions", Vec::new())
    }

    fn update_addon<'a>(&'a self, _update: &'a AddonUpdate) -> Answer<'a, String> {
        self.answer("eks:UpdateAddon", String::new())
    }

    fn nodegroups<'a>(&'a self, _cluster: &'a str) -> Answer<'a, Vec<String>> {
        let names = self.nodegroups.iter().map(|group| group.name.clone());
        self.answer("eks:ListNodegroups", names.collect())
    }

    fn nodegroup<'a>(&'a self, _cluster: &'a str, name: &'a str) -> Answer<'a, Option<Nodegroup>> {
        let found = self.nodegroups.iter().find(|group| group.name == name);
        self.answer("eks:DescribeNodegroup", found.cloned())
    }
}

impl Ec2 for Memory {
    fn subnets<'a>(&'a self, vpc: &'a VpcId) -> Answer<'a, Vec<Subnet>> {
        self.answer("ec2:DescribeSubnets", picked(&self.subnets, |s| s.vpc == *vpc))
    }

    fn subnets_by_id<'a>(&'a self, ids: &'a [SubnetId]) -> Answer<'a, Vec<Subnet>> {
        self.answer(
            "ec2:DescribeSubnets",
            picked(&self.subnets, |s| ids.contains(&s.id)),
        )
    }

    fn reservations<'a>(&'a self, _subnet: &'a SubnetId) -> Answer<'a, Vec<Reservation>> {
        self.answer("ec2:GetSubnetCidrReservations", Vec::new())
    }

    fn interfaces<'a>(&'a self, _vpc: &'a VpcId) -> Answer<'a, Vec<Eni>> {
        self.answer("ec2:DescribeNetworkInterfaces", self.enis.clone())
    }

    fn interfaces_of<'a>(&'a self, instances: &'a [InstanceId]) -> Answer<'a, Vec<Eni>> {
        let of = |eni: &Eni| {
            eni.attachment
                .as_ref()
                .is_some_and(|at| instances.contains(&at.instance))
        };
        self.answer("ec2:DescribeNetworkInterfaces", picked(&self.enis, of))
    }

    fn security_groups<'a>(&'a self, vpc: &'a VpcId) -> Answer<'a, Vec<SecurityGroup>> {
        self.answer(
            "ec2:DescribeSecurityGroups",
            picked(&self.groups, |g| g.vpc == *vpc),
        )
    }

    fn security_groups_by_id<'a>(&'a self, ids: &'a [SecurityGroupId]) -> Answer<'a, Vec<SecurityGroup>> {
        self.answer(
            "ec2:DescribeSecurityGroups",
            picked(&self.groups, |g| ids.contains(&g.id)),
        )
    }

    fn instances<'a>(&'a self, ids: &'a [InstanceId]) -> Answer<'a, Vec<Instance>> {
        self.answer(
            "ec2:DescribeInstances",
            picked(&self.instances, |i| ids.contains(&i.id)),
        )
    }

    fn instance_types<'a>(
        &'a self,
        types: &'a [InstanceType],
    ) -> Answer<'a, BTreeMap<InstanceType, InstanceLimits>> {
        let known = types.iter().filter(|name| name.as_str() == "x9.large");
        let found = known.map(|name| (name.clone(), limits(4))).collect();
        self.answer("ec2:DescribeInstanceTypes", found)
    }
}

fn limits(max_enis: u32) -> InstanceLimits {
    InstanceLimits {
        max_enis,
        ipv4_per_eni: 10,
        prefix_delegation: true,
        nitro: true,
        bare_metal: false,
        trunk: None,
        branches: None,
        vcpus: None,
    }
}

pub(super) fn subnet(id: &str, vpc: &str) -> Subnet {
    Subnet {
        id: SubnetId::parse(id).unwrap(),
        vpc: VpcId::parse(vpc).unwrap(),
        zone: Zone::parse("us-west-2a").unwrap(),
        cidr: "10.0.0.0/24".parse().unwrap(),
        available: 200,
        tags: [
            ("kubernetes.io/role/cni".to_owned(), "1".to_owned()),
            ("Name".to_owned(), "x".to_owned()),
        ]
        .into(),
        owner: "1".to_owned(),
    }
}

fn group(id: &str, vpc: &str) -> SecurityGroup {
    SecurityGroup {
        id: SecurityGroupId::parse(id).unwrap(),
        vpc: VpcId::parse(vpc).unwrap(),
        tags: BTreeMap::new(),
    }
}

fn eni(id: &str, kind: EniKind, subnet: &str, at: Option<(&str, u32, u32)>) -> Eni {
    Eni {
        id: EniId::parse(id).unwrap(),
        kind,
        subnet: SubnetId::parse(subnet).unwrap(),
        attachment: at.map(|(instance, device_index, network_card)| Attachment {
            instance: InstanceId::parse(instance).unwrap(),
            device_index,
            network_card,
        }),
        primary_ip: Some(Ipv4Addr::new(10, 0, 0, 4)),
        secondary_ips: Vec::new(),
        prefixes: Vec::new(),
        tags: BTreeMap::new(),
        security_groups: Vec::new(),
    }
}

fn with(mut eni: Eni, secondary: u8, prefixes: u8, tag: Option<(&str, &str)>) -> Eni {
    eni.secondary_ips = (0..secondary).map(|n| Ipv4Addr::new(10, 0, 0, 10 + n)).collect();
    eni.prefixes = (0..prefixes)
        .map(|n| Ipv4Prefix::containing(Ipv4Addr::new(10, 0, 1, n * 16)))
        .collect();
    eni.tags
        .extend(tag.map(|(key, value)| (key.to_owned(), value.to_owned())));
    eni
}

/// One instance with a bit of everything, and a stranger in the same VPC.
pub(super) fn memory() -> Memory {
    let (ours, other) = (EniKind::Interface, EniKind::Other);
    let no_manage = Some(("node.k8s.amazonaws.com/no_manage", "true"));
    let trunk = Some(("vpcresources.k8s.aws/trunk-eni-id", "eni-04"));
    Memory {
        enis: vec![
            with(
                eni("eni-01", ours, "subnet-0a", Some(("i-01", 0, 0))),
                2,
                0,
                no_manage,
            ),
            with(eni("eni-02", ours, "subnet-0b", Some(("i-01", 1, 0))), 3, 1, None),
            with(
                eni("eni-03", ours, "subnet-0b", Some(("i-01", 2, 0))),
                5,
                5,
                no_manage,
            ),
            eni("eni-04", EniKind::Trunk, "subnet-0b", Some(("i-01", 3, 0))),
            with(eni("eni-05", EniKind::Branch, "subnet-0b", None), 0, 0, trunk),
            eni("eni-06", EniKind::EfaOnly, "subnet-0a", Some(("i-01", 4, 0))),
            eni("eni-07", EniKind::EfaOnly, "subnet-0a", Some(("i-01", 1, 1))),
            with(
                eni("eni-08", other, "subnet-0a", Some(("i-09", 0, 0))),
                9,
                9,
                None,
            ),
            eni("eni-09", ours, "subnet-0f", Some(("i-02", 0, 0))),
        ],
        subnets: vec![
            subnet("subnet-0a", "vpc-01"),
            subnet("subnet-0b", "vpc-01"),
            subnet("subnet-0c", "vpc-02"),
        ],
        groups: vec![
            group("sg-01", "vpc-01"),
            group("sg-02", "vpc-02"),
            group("sg-03", "vpc-02"),
        ],
        instances: vec![Instance {
            id: InstanceId::parse("i-01").unwrap(),
            instance_type: InstanceType::parse("m5.large").unwrap(),
            vpc: VpcId::parse("vpc-01").unwrap(),
            subnet: SubnetId::parse("subnet-0a").unwrap(),
            tags: BTreeMap::new(),
        }],
        ..Memory::default()
    }
}
