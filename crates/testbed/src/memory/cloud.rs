//! The ports of AWS over the world of a sandbox, without HTTP: a runtime whose clock is paused cannot wait for a socket.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use tokio::time::sleep;
use vpccni_core::ids::{InstanceId, InstanceType, SecurityGroupId, SubnetId, VpcId};
use vpccni_core::limits::InstanceLimits;
use vpccni_core::ports::{
    Addon, AddonUpdate, Answer, Attachment, CloudError, CloudErrorKind, Ec2, Eks, Eni, EniKind, Instance,
    Nodegroup, Reservation, ReservationKind, SecurityGroup, Subnet,
};
use vpccni_sandbox::WorldHandle;
use vpccni_sandbox::world::{self, ACCOUNT, AddonChange, InstanceState, InterfaceKind, World};

/// How long AWS takes to answer.
pub(super) const WAY: Duration = Duration::from_millis(20);

/// EC2 and EKS as a world is.
#[derive(Debug, Clone)]
pub struct WorldPorts(pub(super) WorldHandle);

impl WorldPorts {
    /// The ports of a world.
    pub fn new(world: WorldHandle) -> Self {
        Self(world)
    }

    pub(super) fn answer<'a, T: Send + 'a>(
        &'a self,
        read: impl FnOnce(&World) -> T + Send + 'a,
    ) -> Answer<'a, T> {
        Box::pin(async move {
            sleep(WAY).await;
            Ok(self.0.read(read))
        })
    }
}

impl Ec2 for WorldPorts {
    fn subnets<'a>(&'a self, vpc: &'a VpcId) -> Answer<'a, Vec<Subnet>> {
        self.answer(move |now| {
            let all = now.subnets.values().filter(|subnet| subnet.vpc == *vpc);
            all.map(subnet).collect()
        })
    }

    fn subnets_by_id<'a>(&'a self, ids: &'a [SubnetId]) -> Answer<'a, Vec<Subnet>> {
        self.answer(move |now| {
            ids.iter()
                .filter_map(|id| now.subnets.get(id))
                .map(subnet)
                .collect()
        })
    }

    fn reservations<'a>(&'a self, subnet: &'a SubnetId) -> Answer<'a, Vec<Reservation>> {
        self.answer(move |now| {
            let all = now.subnets.get(subnet).map(|subnet| &subnet.reservations);
            all.into_iter().flatten().map(reservation).collect()
        })
    }

    fn interfaces<'a>(&'a self, vpc: &'a VpcId) -> Answer<'a, Vec<Eni>> {
        self.answer(move |now| {
            let all = now.interfaces.values().filter(|interface| interface.vpc == *vpc);
            all.map(interface).collect()
        })
    }

    fn interfaces_of<'a>(&'a self, instances: &'a [InstanceId]) -> Answer<'a, Vec<Eni>> {
        self.answer(move |now| {
            let instances = instances.iter().filter_map(|id| now.instances.get(id));
            let attached = instances.flat_map(|instance| instance.interfaces.values());
            attached
                .filter_map(|id| now.interfaces.get(id))
                .map(interface)
                .collect()
        })
    }

    fn security_groups<'a>(&'a self, vpc: &'a VpcId) -> Answer<'a, Vec<SecurityGroup>> {
        self.answer(move |now| {
            let all = now.groups.values().filter(|group| group.vpc == *vpc);
            all.map(security_group).collect()
        })
    }

    fn security_groups_by_id<'a>(&'a self, ids: &'a [SecurityGroupId]) -> Answer<'a, Vec<SecurityGroup>> {
        self.answer(move |now| {
            ids.iter()
                .filter_map(|id| now.groups.get(id))
                .map(security_group)
                .collect()
        })
    }

    fn instances<'a>(&'a self, ids: &'a [InstanceId]) -> Answer<'a, Vec<Instance>> {
        self.answer(move |now| {
            let all = ids.iter().filter_map(|id| now.instances.get(id));
            all.filter(|instance| instance.state != InstanceState::Terminated)
                .map(instance)
                .collect()
        })
    }

    fn instance_types<'a>(
        &'a self,
        types: &'a [InstanceType],
    ) -> Answer<'a, BTreeMap<InstanceType, InstanceLimits>> {
        self.answer(move |now| {
            let wanted: BTreeSet<&InstanceType> = types.iter().collect();
            let known = |name: &InstanceType| Some((name.clone(), limits(now.types.get(name.as_str())?)));
            wanted.into_iter().filter_map(known).collect()
        })
    }
}

impl WorldPorts {
    /// Asks about a cluster, which has to be there.
    fn of_cluster<'a, T: Send + 'a>(
        &'a self,
        action: &'static str,
        name: &'a str,
        ask: impl FnOnce(&world::Cluster) -> T + Send + 'a,
    ) -> Answer<'a, T> {
        Box::pin(async move {
            sleep(WAY).await;
            self.0.read(|now| match now.clusters.get(name) {
                Some(cluster) => Ok(ask(cluster)),
                None => Err(CloudError {
                    kind: CloudErrorKind::NotFound,
                    action,
                    code: "ResourceNotFoundException".to_owned(),
                    message: format!("No cluster found for name: {name}."),
                }),
            })
        })
    }
}

impl Eks for WorldPorts {
    fn nodegroups<'a>(&'a self, cluster: &'a str) -> Answer<'a, Vec<String>> {
        self.of_cluster("eks:ListNodegroups", cluster, |cluster| {
            cluster.nodegroups.keys().cloned().collect()
        })
    }

    fn nodegroup<'a>(&'a self, cluster: &'a str, name: &'a str) -> Answer<'a, Option<Nodegroup>> {
        self.of_cluster("eks:DescribeNodegroup", cluster, move |cluster| {
            cluster.nodegroups.get(name).map(|group| Nodegroup {
                name: group.name.clone(),
                subnets: group.subnets.clone(),
                max_size: group.sizes.max,
            })
        })
    }

    fn addon<'a>(&'a self, cluster: &'a str, name: &'a str) -> Answer<'a, Option<Addon>> {
        self.of_cluster("eks:DescribeAddon", cluster, move |cluster| {
            cluster.addons.get(name).map(|addon| Addon {
                version: addon.version.clone(),
                status: addon.status.as_str().to_owned(),
                configuration_values: addon.configuration_values.clone(),
                issues: Vec::new(),
            })
        })
    }

    fn addon_versions<'a>(&'a self, name: &'a str, kubernetes: &'a str) -> Answer<'a, Vec<String>> {
        self.answer(move |now| {
            let offer = now.catalogue.get(name, kubernetes);
            offer.map(|offer| offer.versions.clone()).unwrap_or_default()
        })
    }

    fn update_addon<'a>(&'a self, update: &'a AddonUpdate) -> Answer<'a, String> {
        Box::pin(async move {
            sleep(WAY).await;
            let change = AddonChange {
                version: update.version.clone(),
                configuration_values: Some(update.configuration_values.clone()),
                ..AddonChange::default()
            };
            let made = self
                .0
                .write(|now| now.update_addon(&update.cluster, &update.name, change, Vec::new()));
            made.map_err(|error| CloudError {
                kind: CloudErrorKind::Invalid,
                action: "eks:UpdateAddon",
                code: error.code().to_owned(),
                message: error.message().to_owned(),
            })
        })
    }
}

fn subnet(subnet: &world::Subnet) -> Subnet {
    Subnet {
        id: subnet.id.clone(),
        vpc: subnet.vpc.clone(),
        zone: subnet.zone.clone(),
        cidr: subnet.cidr,
        available: subnet.pool.available(),
        tags: subnet.tags.clone(),
        owner: ACCOUNT.to_owned(),
    }
}

fn reservation(reservation: &world::Reservation) -> Reservation {
    Reservation {
        cidr: reservation.cidr,
        kind: match reservation.kind {
            world::ReservationKind::Prefix => ReservationKind::Prefix,
            world::ReservationKind::Explicit => ReservationKind::Explicit,
        },
    }
}

fn interface(interface: &world::Interface) -> Eni {
    Eni {
        id: interface.id.clone(),
        kind: match interface.kind {
            InterfaceKind::Interface => EniKind::Interface,
            InterfaceKind::Trunk => EniKind::Trunk,
            InterfaceKind::Branch => EniKind::Branch,
            InterfaceKind::Efa => EniKind::Efa,
            InterfaceKind::EfaOnly => EniKind::EfaOnly,
        },
        subnet: interface.subnet.clone(),
        attachment: interface.attachment.as_ref().map(|attachment| Attachment {
            instance: attachment.instance.clone(),
            device_index: attachment.device_index,
            network_card: attachment.network_card,
        }),
        primary_ip: Some(interface.primary),
        secondary_ips: interface.secondary.clone(),
        prefixes: interface.prefixes.clone(),
        tags: interface.tags.clone(),
        security_groups: interface.groups.clone(),
    }
}

fn security_group(group: &world::SecurityGroup) -> SecurityGroup {
    SecurityGroup {
        id: group.id.clone(),
        vpc: group.vpc.clone(),
        tags: group.tags.clone(),
    }
}

fn instance(instance: &world::Instance) -> Instance {
    Instance {
        id: instance.id.clone(),
        instance_type: instance.instance_type.clone(),
        vpc: instance.vpc.clone(),
        subnet: instance.subnet.clone(),
        tags: instance.tags.clone(),
    }
}

fn limits(info: &world::TypeInfo) -> InstanceLimits {
    InstanceLimits {
        max_enis: info
            .card_limit(info.default_network_card)
            .unwrap_or(info.max_eni_all_cards),
        ipv4_per_eni: info.ipv4_per_eni,
        prefix_delegation: info.takes_prefixes(),
        nitro: info.hypervisor() == Some("nitro"),
        bare_metal: info.is_bare_metal,
        trunk: None,
        branches: None,
        vcpus: info.vcpus,
    }
}
