//! Starting, stopping and rebooting instances, and what of them can be changed after their launch.

use super::instances::not_permitted;
use super::{Due, Happened, InstanceState, MetadataOptions, Settings, World};
use crate::error::{ApiError, Code};
use vpccni_core::ids::{EniId, InstanceId, InstanceType, SecurityGroupId};

/// States before and after a call, by instance.
pub type Changes = Vec<(InstanceId, InstanceState, InstanceState)>;

impl World {
    /// Stops instances, or none of them if one cannot be stopped.
    pub fn stop(&mut self, ids: &[InstanceId]) -> Result<Changes, ApiError> {
        for id in ids {
            let instance = self.instance(id)?;
            match instance.state {
                InstanceState::Running | InstanceState::Stopping | InstanceState::Stopped => {}
                InstanceState::Pending | InstanceState::ShuttingDown | InstanceState::Terminated => {
                    return Err(wrong_state(id, "stopped"));
                }
            }
            if instance.spot_request.is_some() {
                return Err(ApiError::unsupported(format!(
                    "You can't stop the Spot Instance '{id}' because it is associated with a one-time Spot Instance \
                     request. You can only stop Spot Instances associated with persistent Spot Instance requests."
                )));
            }
            if instance.settings.is_on("DisableApiStop") {
                return Err(not_permitted(id, "stopped", "disableApiStop"));
            }
        }
        let delay = self.timings.instance_stop;
        Ok(self.move_on(ids, InstanceState::Running, InstanceState::Stopping, delay))
    }

    /// Starts stopped instances, or none of them if one cannot be started.
    pub fn start(&mut self, ids: &[InstanceId]) -> Result<Changes, ApiError> {
        for id in ids {
            let instance = self.instance(id)?;
            match instance.state {
                InstanceState::Stopped | InstanceState::Pending | InstanceState::Running => {}
                InstanceState::Stopping | InstanceState::ShuttingDown | InstanceState::Terminated => {
                    return Err(wrong_state(id, "started"));
                }
            }
            self.check_capacity(&instance.zone, &instance.instance_type)?;
        }
        let now = self.now;
        for id in ids {
            if let Some(instance) = self.instances.get_mut(id)
                && instance.state == InstanceState::Stopped
            {
                instance.launch_time = now;
            }
        }
        let delay = self.timings.instance_start;
        Ok(self.move_on(ids, InstanceState::Stopped, InstanceState::Pending, delay))
    }

    /// Those in one state go on to the next, and from there by themselves; the others stay as they are.
    fn move_on(
        &mut self,
        ids: &[InstanceId],
        from: InstanceState,
        to: InstanceState,
        delay: std::time::Duration,
    ) -> Changes {
        let mut changes = Changes::new();
        for id in ids {
            let Some(before) = self.instances.get(id).map(|instance| instance.state) else {
                continue;
            };
            if before == from {
                self.enter(id, to);
                self.after(delay, Due::Instance(id.clone(), to));
            }
            changes.push((id.clone(), before, if before == from { to } else { before }));
        }
        changes
    }

    /// Reboots instances: their state stays, whoever follows them is told.
    pub fn reboot(&mut self, ids: &[InstanceId]) -> Result<(), ApiError> {
        for id in ids {
            if self.instance(id)?.state != InstanceState::Running {
                return Err(wrong_state(id, "rebooted"));
            }
        }
        for id in ids {
            let instance = id.to_string();
            self.emit(Happened::InstanceRebooted { instance });
        }
        Ok(())
    }

    /// Changes the options of the metadata service; what is not said stays.
    pub fn set_metadata(
        &mut self,
        id: &InstanceId,
        settings: &Settings,
    ) -> Result<MetadataOptions, ApiError> {
        self.check_alive(id)?;
        self.note_instance(id);
        let instance = self.instances.get_mut(id).ok_or_else(ApiError::internal)?;
        instance.metadata = instance.metadata.changed(settings);
        Ok(instance.metadata)
    }

    /// Changes a setting that is only kept and shown, or asked for when the instance is to end.
    pub fn set_setting(&mut self, id: &InstanceId, name: &str, value: &str) -> Result<(), ApiError> {
        self.check_alive(id)?;
        if matches!(name, "UserData" | "EbsOptimized") {
            self.check_stopped(id)?;
        }
        if let Some(instance) = self.instances.get_mut(id) {
            instance.settings.0.insert(name.to_owned(), value.to_owned());
        }
        Ok(())
    }

    /// Gives a stopped instance another type, on which its interfaces and addresses must fit.
    pub fn set_type(&mut self, id: &InstanceId, name: &InstanceType) -> Result<(), ApiError> {
        self.check_stopped(id)?;
        let kind = self
            .types
            .get(name.as_str())
            .ok_or_else(|| ApiError::value(format!("Invalid value '{name}' for InstanceType.")))?;
        let instance = self.instance(id)?;
        if let Some(image) = self.images.get(&instance.image) {
            image.check_runs_on(kind)?;
        }
        for (card, _) in instance.interfaces.keys() {
            let count = instance.on_card(*card);
            if count > kind.card_limit(*card).unwrap_or(0) {
                return Err(ApiError::new(
                    Code::AttachmentLimitExceeded,
                    format!("Interface count {count} exceeds the limit for {name}"),
                ));
            }
        }
        for interface in instance
            .interfaces
            .values()
            .filter_map(|eni| self.interfaces.get(eni))
        {
            Self::check_fits(kind, interface.slots(), !interface.prefixes.is_empty())?;
        }
        if let Some(instance) = self.instances.get_mut(id) {
            instance.instance_type = name.clone();
        }
        Ok(())
    }

    /// Gives the primary interface of an instance other groups.
    pub fn set_instance_groups(
        &mut self,
        id: &InstanceId,
        groups: &[SecurityGroupId],
    ) -> Result<(), ApiError> {
        let primary = self.primary_of(id)?;
        self.set_interface_groups(&primary, groups)
    }

    /// Says whether the primary interface checks source and destination.
    pub fn set_instance_check(&mut self, id: &InstanceId, check: bool) -> Result<(), ApiError> {
        let primary = self.primary_of(id)?;
        self.interface_mut(&primary)?.source_dest_check = check;
        Ok(())
    }

    fn primary_of(&self, id: &InstanceId) -> Result<EniId, ApiError> {
        self.check_alive(id)?;
        let primary = self.instance(id)?.interfaces.values().next().cloned();
        primary.ok_or_else(ApiError::internal)
    }

    fn check_alive(&self, id: &InstanceId) -> Result<(), ApiError> {
        match self.instance(id)?.state {
            InstanceState::ShuttingDown | InstanceState::Terminated => Err(wrong_state(id, "modified")),
            _ => Ok(()),
        }
    }

    fn check_stopped(&self, id: &InstanceId) -> Result<(), ApiError> {
        if self.instance(id)?.state == InstanceState::Stopped {
            return Ok(());
        }
        Err(ApiError::new(
            Code::IncorrectInstanceState,
            format!("The instance '{id}' is not in the 'stopped' state."),
        ))
    }
}

fn wrong_state(id: &InstanceId, what: &str) -> ApiError {
    ApiError::new(
        Code::IncorrectInstanceState,
        format!("The instance '{id}' is not in a state from which it can be {what}."),
    )
}
