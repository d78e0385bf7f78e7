//! Instances: launched with their interfaces, and terminated.

use super::interfaces::{NewInterface, token_mismatch};
use super::{Due, Happened, InterfaceKind, Tags, Token, Want, World, tags};
use crate::error::{ApiError, Code};
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use vpccni_core::ids::{EniId, InstanceId, InstanceType, SecurityGroupId, SubnetId, VpcId, Zone};

/// The state of an instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are AWS's own")]
pub enum InstanceState {
    Pending,
    Running,
    ShuttingDown,
    Terminated,
    Stopping,
    Stopped,
}

impl InstanceState {
    /// The code and name as AWS writes them.
    pub fn parts(self) -> (u32, &'static str) {
        match self {
            Self::Pending => (0, "pending"),
            Self::Running => (16, "running"),
            Self::ShuttingDown => (32, "shutting-down"),
            Self::Terminated => (48, "terminated"),
            Self::Stopping => (64, "stopping"),
            Self::Stopped => (80, "stopped"),
        }
    }
}

/// An instance.
#[derive(Debug, Clone)]
pub struct Instance {
    /// Its id.
    pub id: InstanceId,
    /// The reservation it was launched in: EC2's word for one RunInstances call.
    pub launch: String,
    /// Its number in that launch.
    pub launch_index: u32,
    /// Its image.
    pub image: String,
    /// Its type.
    pub instance_type: InstanceType,
    /// Its zone.
    pub zone: Zone,
    /// Its VPC.
    pub vpc: VpcId,
    /// The subnet of its primary interface.
    pub subnet: SubnetId,
    /// Its private address.
    pub private_ip: Ipv4Addr,
    /// Its private name.
    pub private_dns: String,
    /// Its state.
    pub state: InstanceState,
    /// Since when.
    pub launch_time: Timestamp,
    /// Its interfaces by card and device index.
    pub interfaces: BTreeMap<(u32, u32), EniId>,
    /// Its tags.
    pub tags: Tags,
    /// The token it was launched with.
    pub client_token: Option<String>,
    /// Its metadata service.
    pub metadata: super::MetadataOptions,
}

impl Instance {
    /// Interfaces on a card.
    pub fn on_card(&self, card: u32) -> u32 {
        let count = self.interfaces.keys().filter(|(c, _)| *c == card).count();
        u32::try_from(count).unwrap_or(u32::MAX)
    }
}

/// One interface of a launch.
#[derive(Debug, Clone)]
pub struct NewNetwork {
    /// The device index.
    pub device_index: u32,
    /// The network card.
    pub network_card: u32,
    /// The subnet.
    pub subnet: SubnetId,
    /// Groups.
    pub groups: Vec<SecurityGroupId>,
    /// A description.
    pub description: String,
    /// The kind.
    pub kind: InterfaceKind,
    /// The primary address, if it is to be a certain one.
    pub primary: Option<Ipv4Addr>,
    /// Addresses beside it, and prefixes.
    pub want: Want,
    /// Whether it goes with the instance.
    pub delete_on_termination: bool,
}

/// What RunInstances asks for.
#[derive(Debug, Clone)]
pub struct NewInstances {
    /// The image.
    pub image: String,
    /// The type.
    pub instance_type: InstanceType,
    /// At least so many, or none.
    pub min: u32,
    /// At most so many.
    pub max: u32,
    /// Interfaces of each; one has device index 0.
    pub networks: Vec<NewNetwork>,
    /// Tags of the instances.
    pub instance_tags: Tags,
    /// Tags of their interfaces.
    pub interface_tags: Tags,
    /// A client token, and the request it stands for.
    pub token: Option<(String, String)>,
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
        self.check_launch(new)?;
        let launch = self.random.id("r");
        let mut made = Vec::new();
        for index in 0..new.max {
            match self.launch_one(new, &launch, index) {
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
            self.launch_tokens.insert(
                token,
                Token {
                    fingerprint,
                    made: made.clone(),
                },
            );
        }
        Ok(made)
    }

    fn check_launch(&self, new: &NewInstances) -> Result<(), ApiError> {
        tags::check(&new.instance_tags)?;
        tags::check(&new.interface_tags)?;
        let kind = self.types.get(new.instance_type.as_str()).ok_or_else(|| {
            ApiError::value(format!("Invalid value '{}' for InstanceType.", new.instance_type))
        })?;
        if new.min == 0 || new.max < new.min {
            return Err(ApiError::value(
                "MinCount must be at least 1 and at most MaxCount",
            ));
        }
        if !new.networks.iter().any(|n| n.device_index == 0) {
            return Err(ApiError::value(
                "A network interface with device index 0 is required",
            ));
        }
        let mut places: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
        let mut zones = Vec::new();
        for network in &new.networks {
            let on_card = places.entry(network.network_card).or_default();
            if on_card.contains(&network.device_index) {
                return Err(ApiError::value(format!(
                    "Each network interface requires a unique device index: {}",
                    network.device_index
                )));
            }
            on_card.push(network.device_index);
            zones.push(&self.subnet(&network.subnet)?.zone);
            let want = &network.want;
            let prefixes = want.prefixes.len() + want.prefix_count as usize;
            let slots = want.addresses.len() + want.count as usize + prefixes;
            Self::check_fits(kind, slots, prefixes > 0)?;
        }
        if zones.windows(2).any(|pair| pair.first() != pair.last()) {
            return Err(ApiError::value(
                "All network interfaces must be in one availability zone",
            ));
        }
        for (card, indexes) in places {
            let limit = kind.card_limit(card).unwrap_or(0) as usize;
            if indexes.len() > limit {
                return Err(ApiError::new(
                    Code::AttachmentLimitExceeded,
                    format!(
                        "Interface count {} exceeds the limit for {}",
                        indexes.len(),
                        new.instance_type
                    ),
                ));
            }
        }
        Ok(())
    }

    fn launch_one(&mut self, new: &NewInstances, launch: &str, index: u32) -> Result<InstanceId, ApiError> {
        if let Some(network) = new.networks.first() {
            let zone = &self.subnet(&network.subnet)?.zone;
            self.check_capacity(zone, &new.instance_type)?;
        }
        let id = self.new_id("i", InstanceId::parse)?;
        let mut made: Vec<(EniId, &NewNetwork)> = Vec::new();
        for network in &new.networks {
            match self.place_interface(interface_of(network, &new.interface_tags)) {
                Ok(eni) => made.push((eni, network)),
                Err(error) => {
                    for (eni, _) in &made {
                        self.remove_interface(eni);
                    }
                    return Err(error);
                }
            }
        }
        let primary = made.iter().find(|(_, n)| n.device_index == 0);
        let Some(primary) = primary.and_then(|(eni, _)| self.interfaces.get(eni)) else {
            return Err(ApiError::new(
                Code::InternalError,
                "An internal error has occurred",
            ));
        };
        let instance = Instance {
            id: id.clone(),
            launch: launch.to_owned(),
            launch_index: index,
            image: new.image.clone(),
            instance_type: new.instance_type.clone(),
            zone: primary.zone.clone(),
            vpc: primary.vpc.clone(),
            subnet: primary.subnet.clone(),
            private_ip: primary.primary,
            private_dns: self.dns_name(primary.primary),
            state: InstanceState::Pending,
            launch_time: self.now,
            interfaces: BTreeMap::new(),
            tags: new.instance_tags.clone(),
            client_token: new.token.as_ref().map(|(token, _)| token.clone()),
            metadata: super::MetadataOptions::default(),
        };
        self.note_instance(&id);
        self.instances.insert(id.clone(), instance);
        for (eni, network) in made {
            let (device, card) = (network.device_index, network.network_card);
            self.place_attachment(&eni, &id, device, card, network.delete_on_termination)?;
        }
        self.enter(&id, InstanceState::Pending);
        self.after(self.timings.instance_start, Due::Instance(id.clone()));
        Ok(id)
    }

    fn forget_instance(&mut self, id: &InstanceId) {
        let Some(instance) = self.instances.remove(id) else {
            return;
        };
        for eni in instance.interfaces.values() {
            self.remove_attachment(eni);
            self.remove_interface(eni);
        }
    }

    /// Terminates instances: interfaces marked for it are deleted, the others stay behind as `available`.
    /// Gives the state of each before.
    pub fn terminate(&mut self, ids: &[InstanceId]) -> Result<Vec<(InstanceId, InstanceState)>, ApiError> {
        for id in ids {
            self.instance(id)?;
        }
        let mut before = Vec::new();
        for id in ids {
            let Some(instance) = self.instances.get(id) else {
                continue;
            };
            let state = instance.state;
            before.push((id.clone(), state));
            if !matches!(state, InstanceState::ShuttingDown | InstanceState::Terminated) {
                self.enter(id, InstanceState::ShuttingDown);
                self.after(self.timings.instance_stop, Due::Instance(id.clone()));
            }
        }
        Ok(before)
    }

    /// The instance is in another state from now on, and whoever follows it is told.
    pub(super) fn enter(&mut self, id: &InstanceId, state: InstanceState) {
        self.note_instance(id);
        if let Some(instance) = self.instances.get_mut(id) {
            instance.state = state;
        }
        self.emit(Happened::InstanceState {
            instance: id.to_string(),
            state: state.parts().1,
        });
    }

    /// What an instance does by itself: it starts, ends, and is forgotten.
    pub(super) fn step_instance(&mut self, id: &InstanceId) {
        match self.instances.get(id).map(|instance| instance.state) {
            Some(InstanceState::Pending) => self.enter(id, InstanceState::Running),
            Some(InstanceState::Stopping) => self.enter(id, InstanceState::Stopped),
            Some(InstanceState::ShuttingDown) => {
                self.let_go_of_interfaces(id);
                self.enter(id, InstanceState::Terminated);
                let visible = self.timings.terminated_visible;
                if !visible.is_zero() {
                    self.after(visible, Due::Instance(id.clone()));
                }
            }
            Some(InstanceState::Terminated) => {
                self.instances.remove(id);
            }
            Some(InstanceState::Running | InstanceState::Stopped) | None => {}
        }
    }

    /// Interfaces marked for it go with their instance, the others stay behind as `available`.
    fn let_go_of_interfaces(&mut self, id: &InstanceId) {
        let Some(instance) = self.instances.get(id) else {
            return;
        };
        let enis: Vec<EniId> = instance.interfaces.values().cloned().collect();
        for eni in enis {
            let attachment = self.interfaces.get(&eni).and_then(|i| i.attachment.as_ref());
            let goes = attachment.is_some_and(|a| a.delete_on_termination);
            self.remove_attachment(&eni);
            if goes {
                self.remove_interface(&eni);
            }
        }
    }

    /// The name that EC2 gives an address; us-east-1 has a form of its own.
    pub(crate) fn dns_name(&self, address: Ipv4Addr) -> String {
        let dashed = address.to_string().replace('.', "-");
        match self.region.as_str() {
            "us-east-1" => format!("ip-{dashed}.ec2.internal"),
            region => format!("ip-{dashed}.{region}.compute.internal"),
        }
    }

    pub(crate) fn instance(&self, id: &InstanceId) -> Result<&Instance, ApiError> {
        self.instances.get(id).ok_or_else(|| {
            ApiError::new(
                Code::InvalidInstanceNotFound,
                format!("The instance ID '{id}' does not exist"),
            )
        })
    }
}

fn interface_of(network: &NewNetwork, tags: &Tags) -> NewInterface {
    NewInterface {
        subnet: network.subnet.clone(),
        kind: network.kind,
        description: network.description.clone(),
        groups: network.groups.clone(),
        primary: network.primary,
        want: network.want.clone(),
        tags: tags.clone(),
        token: None,
    }
}
