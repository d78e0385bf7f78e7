//! Launching instances: what the launch was told is completed and checked, then made whole or not at all.

use super::interface_create::NewInterface;
use super::interfaces::token_mismatch;
use super::launch_data::{LaunchData, NetworkSpec};
use super::{
    AttachmentStatus, Due, Image, Instance, InstanceState, InterfaceKind, MetadataOptions, Tags, Token,
    TypeInfo, Volume, World, tags,
};
use crate::error::{ApiError, Code};
use std::collections::BTreeMap;
use vpccni_core::ids::{EniId, InstanceId, InstanceType, SubnetId, Zone};

/// What AWS launches when no type is named.
const DEFAULT_TYPE: &str = "m1.small";

/// What RunInstances asks for.
#[derive(Debug, Clone, Default)]
pub struct NewInstances {
    /// What each is to be.
    pub data: LaunchData,
    /// At least so many, or none.
    pub min: u32,
    /// At most so many.
    pub max: u32,
    /// Tags that AWS itself sets: their keys may begin with `aws:`.
    pub system_tags: Tags,
    /// A client token, and the request it stands for.
    pub token: Option<(String, String)>,
}

/// One interface of a launch, complete.
#[derive(Debug)]
struct Network {
    place: (u32, u32),
    new: NewInterface,
    delete_on_termination: bool,
}

/// A launch that was checked.
#[derive(Debug)]
struct Plan {
    image: Image,
    instance_type: InstanceType,
    /// The primary one first.
    networks: Vec<Network>,
}

impl World {
    /// Launches between `min` and `max` instances, or none.
    pub fn run_instances(&mut self, new: &NewInstances) -> Result<Vec<InstanceId>, ApiError> {
        if let Some((token, fingerprint)) = &new.token
            && let Some(known) = self.launch_tokens.get(token)
        {
            return if known.fingerprint == *fingerprint {
                Ok(known.made.clone())
            } else {
                Err(token_mismatch(token))
            };
        }
        let plan = self.plan_launch(new)?;
        let launch = self.random.id("r");
        let mut made = Vec::new();
        for index in 0..new.max {
            match self.launch_one(new, &plan, &launch, index) {
                Ok(id) => made.push(id),
                Err(_) if index >= new.min => break,
                Err(error) => {
                    for id in made.iter().rev() {
                        self.forget_instance(id);
                    }
                    return Err(error);
                }
            }
        }
        if let Some((token, fingerprint)) = new.token.clone() {
            let made = made.clone();
            self.launch_tokens.insert(token, Token { fingerprint, made });
        }
        Ok(made)
    }

    /// Everything that can be said before the first address is taken.
    fn plan_launch(&self, new: &NewInstances) -> Result<Plan, ApiError> {
        let data = &new.data;
        for tags in data.tags.values() {
            tags::check(tags)?;
        }
        let image = data.image.as_ref().ok_or_else(|| ApiError::missing("ImageId"))?;
        let image = self.images.find(image)?.clone();
        let instance_type = match &data.instance_type {
            Some(instance_type) => instance_type.clone(),
            None => InstanceType::parse(DEFAULT_TYPE).map_err(|_| ApiError::internal())?,
        };
        let kind = self
            .types
            .get(instance_type.as_str())
            .ok_or_else(|| ApiError::value(format!("Invalid value '{instance_type}' for InstanceType.")))?;
        if new.min == 0 || new.max < new.min {
            return Err(ApiError::value(
                "MinCount must be at least 1 and at most MaxCount",
            ));
        }
        image.check_runs_on(kind)?;
        let networks = complete(data, kind)?;
        self.check_places(&networks, kind, &instance_type)?;
        if let Some(zone) = data.settings.get("Placement.AvailabilityZone")
            && let Some(primary) = networks.first()
            && self.subnet(&primary.new.subnet)?.zone.as_str() != zone
        {
            return Err(ApiError::value(format!(
                "The availability zone {zone} is not that of the subnet {}",
                primary.new.subnet
            )));
        }
        Ok(Plan {
            image,
            instance_type,
            networks,
        })
    }

    /// A zone may be out of capacity, for everything or for one type.
    pub(super) fn check_capacity(&self, zone: &Zone, name: &InstanceType) -> Result<(), ApiError> {
        let out = |name: Option<InstanceType>| self.capacity_out.contains(&(zone.clone(), name));
        if !out(None) && !out(Some(name.clone())) {
            return Ok(());
        }
        let others = self.zones.iter().filter(|other| other.name != *zone);
        let others: Vec<&str> = others.map(|other| other.name.as_str()).collect();
        Err(ApiError::new(
            Code::InsufficientInstanceCapacity,
            format!(
                "We currently do not have sufficient {name} capacity in the Availability Zone you requested ({zone}). \
                 Our system will be working on provisioning additional capacity. You can currently get {name} capacity \
                 by not specifying an Availability Zone in your request or choosing {}.",
                others.join(", ")
            ),
        ))
    }

    /// One zone, one interface a place, no more on a card than it carries, no more addresses than fit.
    fn check_places(
        &self,
        networks: &[Network],
        kind: &TypeInfo,
        name: &InstanceType,
    ) -> Result<(), ApiError> {
        let mut on_card: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
        let mut zones = Vec::new();
        for network in networks {
            let (card, device) = network.place;
            let devices = on_card.entry(card).or_default();
            if devices.contains(&device) {
                return Err(ApiError::value(format!(
                    "Each network interface requires a unique device index: {device}"
                )));
            }
            devices.push(device);
            zones.push(&self.subnet(&network.new.subnet)?.zone);
            let want = &network.new.want;
            let prefixes = want.prefixes.len() + want.prefix_count as usize;
            let slots = want.addresses.len() + want.count as usize + prefixes;
            Self::check_fits(kind, slots, prefixes > 0)?;
            let want6 = &network.new.want6;
            let prefixes = !want6.prefixes.is_empty() || want6.prefix_count > 0;
            if !want6.is_empty() {
                Self::check_fits_ipv6(kind, want6.slots(), prefixes)?;
            }
        }
        if zones.windows(2).any(|pair| pair.first() != pair.last()) {
            return Err(ApiError::value(
                "All network interfaces must be in one availability zone",
            ));
        }
        for (card, devices) in on_card {
            let count = devices.len();
            if count > kind.card_limit(card).unwrap_or(0) as usize {
                return Err(ApiError::new(
                    Code::AttachmentLimitExceeded,
                    format!("Interface count {count} exceeds the limit for {name}"),
                ));
            }
        }
        Ok(())
    }

    fn launch_one(
        &mut self,
        new: &NewInstances,
        plan: &Plan,
        launch: &str,
        index: u32,
    ) -> Result<InstanceId, ApiError> {
        let id = self.new_id("i", InstanceId::parse)?;
        let made = self.place_networks(plan)?;
        let Some(primary) = made.first().and_then(|eni| self.interfaces.get(eni)) else {
            return Err(ApiError::internal());
        };
        let (zone, vpc, subnet) = (primary.zone.clone(), primary.vpc.clone(), primary.subnet.clone());
        let private_ip = primary.primary;
        let data = &new.data;
        let mut tags = data.tags_of("instance");
        tags.extend(new.system_tags.clone());
        let spot = data.settings.get("InstanceMarketOptions.MarketType") == Some("spot");
        let instance = Instance {
            id: id.clone(),
            launch: launch.to_owned(),
            launch_index: index,
            image: plan.image.id.clone(),
            instance_type: plan.instance_type.clone(),
            zone,
            vpc,
            subnet,
            private_ip,
            private_dns: self.dns_name(private_ip),
            state: InstanceState::Pending,
            launch_time: self.now,
            interfaces: BTreeMap::new(),
            owner: self.caller.account.clone(),
            tags,
            client_token: new.token.as_ref().map(|(token, _)| token.clone()),
            metadata: MetadataOptions::of_image(plan.image.imds_v2).changed(&data.settings),
            settings: data.settings.clone(),
            volumes: self.volumes_of(data, &plan.image),
            spot_request: spot.then(|| self.random.id("sir")),
        };
        self.note_instance(&id);
        self.instances.insert(id.clone(), instance);
        for (eni, network) in made.iter().zip(&plan.networks) {
            let status = AttachmentStatus::Attached;
            self.place_attachment(eni, &id, network.place, status, network.delete_on_termination)?;
        }
        self.enter(&id, InstanceState::Pending);
        self.after(
            self.timings.instance_start,
            Due::Instance(id.clone(), InstanceState::Pending),
        );
        Ok(id)
    }

    /// The interfaces of one instance, or none of them.
    fn place_networks(&mut self, plan: &Plan) -> Result<Vec<EniId>, ApiError> {
        let mut made: Vec<EniId> = Vec::new();
        for network in &plan.networks {
            match self.place_interface(network.new.clone()) {
                Ok(eni) => made.push(eni),
                Err(error) => {
                    for eni in &made {
                        self.remove_interface(eni);
                    }
                    return Err(error);
                }
            }
        }
        Ok(made)
    }

    /// The volumes of the image, as the launch changes them, and those that it adds.
    fn volumes_of(&mut self, data: &LaunchData, image: &Image) -> Vec<Volume> {
        let tags = data.tags_of("volume");
        let of_image = image.volumes.iter().map(|(device, _)| (*device, true));
        let mut devices: BTreeMap<&str, bool> = of_image.collect();
        for device in &data.devices {
            if device.none || device.ebs.is_none() {
                devices.remove(device.device.as_str());
            } else if let Some(ebs) = &device.ebs {
                devices.insert(&device.device, ebs.get("DeleteOnTermination") != Some("false"));
            }
        }
        let volumes = devices.into_iter().map(|(device, delete_on_termination)| Volume {
            id: self.random.id("vol"),
            device: device.to_owned(),
            delete_on_termination,
            tags: tags.clone(),
        });
        volumes.collect()
    }

    /// A launch that failed half-way leaves nothing.
    fn forget_instance(&mut self, id: &InstanceId) {
        let Some(instance) = self.instances.remove(id) else {
            return;
        };
        for eni in instance.interfaces.values() {
            self.remove_attachment(eni);
            self.remove_interface(eni);
        }
    }
}

/// The interfaces of a launch with everything that was left open: without a list, the primary one of what the top says.
fn complete(data: &LaunchData, kind: &TypeInfo) -> Result<Vec<Network>, ApiError> {
    let tags = data.tags_of("network-interface");
    if data.networks.is_empty() {
        let primary = NetworkSpec {
            device_index: Some(0),
            ..data.top.clone()
        };
        return Ok(vec![complete_one(&primary, kind, tags)?]);
    }
    if data.top != NetworkSpec::default() {
        return Err(ApiError::combination(
            "Network interfaces and an instance-level subnet ID or security groups may not be specified on the same \
             request",
        ));
    }
    let mut networks: Vec<Network> = data
        .networks
        .iter()
        .map(|spec| complete_one(spec, kind, tags.clone()))
        .collect::<Result<_, _>>()?;
    networks.sort_by_key(|network| (network.place.1, network.place.0));
    if networks.first().is_none_or(|network| network.place.1 != 0) {
        return Err(ApiError::value(
            "A network interface with device index 0 is required",
        ));
    }
    Ok(networks)
}

fn complete_one(spec: &NetworkSpec, kind: &TypeInfo, tags: Tags) -> Result<Network, ApiError> {
    // There is no default VPC here, so the subnet must be named.
    let subnet: SubnetId = spec.subnet.clone().ok_or_else(|| ApiError::missing("SubnetId"))?;
    let device = spec
        .device_index
        .ok_or_else(|| ApiError::missing("NetworkInterface.DeviceIndex"))?;
    Ok(Network {
        place: (spec.network_card.unwrap_or(kind.default_network_card), device),
        new: NewInterface {
            subnet,
            kind: spec.kind.unwrap_or(InterfaceKind::Interface),
            description: spec.description.clone().unwrap_or_default(),
            groups: spec.groups.clone(),
            primary: spec.primary,
            want: spec.want.clone(),
            want6: spec.want6.clone(),
            primary_ipv6: spec.primary_ipv6,
            tracking: spec.tracking.clone(),
            tags,
            token: None,
        },
        delete_on_termination: spec.delete_on_termination.unwrap_or(true),
    })
}
