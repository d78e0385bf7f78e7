//! Instances: what is known of them, and how they go from state to state. How they are launched is in `launch`.

use super::{ACCOUNT, Due, Happened, InstanceState, MetadataOptions, Settings, Tags, World};
use crate::error::{ApiError, Code};
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use vpccni_core::ids::{EniId, InstanceId, InstanceType, SubnetId, VpcId, Zone};

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
    /// The account that launched it.
    pub owner: String,
    /// Its tags.
    pub tags: Tags,
    /// The token it was launched with.
    pub client_token: Option<String>,
    /// Its metadata service.
    pub metadata: MetadataOptions,
    /// Everything with one value that its launch was told, by AWS's names.
    pub settings: Settings,
    /// Its EBS volumes.
    pub volumes: Vec<Volume>,
    /// The spot request it fulfils; none on demand.
    pub spot_request: Option<String>,
}

/// An EBS volume of an instance: an id and a name, there are no bytes.
#[derive(Debug, Clone)]
pub struct Volume {
    /// Its id.
    pub id: String,
    /// Its device.
    pub device: String,
    /// Whether it goes with the instance.
    pub delete_on_termination: bool,
    /// Its tags.
    pub tags: Tags,
}

impl Instance {
    /// Interfaces on a card.
    pub fn on_card(&self, card: u32) -> u32 {
        let count = self.interfaces.keys().filter(|(c, _)| *c == card).count();
        u32::try_from(count).unwrap_or(u32::MAX)
    }

    /// The ARN of its instance profile.
    pub fn profile_arn(&self) -> Option<String> {
        let by_name = self.settings.get("IamInstanceProfile.Name");
        let of_name = |name| format!("arn:aws:iam::{ACCOUNT}:instance-profile/{name}");
        let arn = self.settings.get("IamInstanceProfile.Arn").map(str::to_owned);
        arn.or_else(|| by_name.map(of_name))
    }

    /// What it was given to run at its first start, in base 64.
    pub fn user_data(&self) -> Option<&str> {
        self.settings.get("UserData")
    }
}

impl World {
    /// Terminates instances: interfaces marked for it are deleted, the others stay behind as `available`.
    /// Gives the state of each before.
    pub fn terminate(&mut self, ids: &[InstanceId]) -> Result<Vec<(InstanceId, InstanceState)>, ApiError> {
        for id in ids {
            if self.instance(id)?.settings.is_on("DisableApiTermination") {
                return Err(not_permitted(id, "terminated", "disableApiTermination"));
            }
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
                let due = Due::Instance(id.clone(), InstanceState::ShuttingDown);
                self.after(self.timings.instance_stop, due);
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
        self.tell_group(id, state);
    }

    /// What an instance does by itself: it starts, ends, and is forgotten.
    pub(super) fn step_instance(&mut self, id: &InstanceId, from: InstanceState) {
        // Another call may have moved it on meanwhile: then its own step follows.
        let state = self.instances.get(id).map(|instance| instance.state);
        match state.filter(|state| *state == from) {
            Some(InstanceState::Pending) => self.enter(id, InstanceState::Running),
            Some(InstanceState::Stopping) => self.enter(id, InstanceState::Stopped),
            Some(InstanceState::ShuttingDown) => {
                self.let_go_of_interfaces(id);
                self.enter(id, InstanceState::Terminated);
                let visible = self.timings.terminated_visible;
                if !visible.is_zero() {
                    self.after(visible, Due::Instance(id.clone(), InstanceState::Terminated));
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

    /// An instance of the caller.
    pub(crate) fn instance(&self, id: &InstanceId) -> Result<&Instance, ApiError> {
        let found = self.instances.get(id).filter(|i| i.owner == self.caller.account);
        found.ok_or_else(|| {
            ApiError::new(
                Code::InvalidInstanceNotFound,
                format!("The instance ID '{id}' does not exist"),
            )
        })
    }
}

/// The refusal where an attribute of the instance protects it.
pub(super) fn not_permitted(id: &InstanceId, what: &str, attribute: &str) -> ApiError {
    ApiError::new(
        Code::OperationNotPermitted,
        format!(
            "The instance '{id}' may not be {what}. Modify its '{attribute}' instance attribute and try again."
        ),
    )
}
