//! Attaching interfaces to instances and detaching them.

use super::{
    Attachment, AttachmentStatus, Due, Happened, Instance, InstanceState, Interface, InterfaceKind, World,
};
use crate::error::{ApiError, Code};
use vpccni_core::ids::{EniId, InstanceId};

impl World {
    /// Attaches an interface; gives the id of the attachment.
    pub fn attach(
        &mut self,
        id: &EniId,
        instance: &InstanceId,
        device_index: u32,
        network_card: u32,
    ) -> Result<String, ApiError> {
        self.check_attach(id, instance, device_index, network_card)?;
        let delay = self.timings.attach;
        let status = if delay.is_zero() {
            AttachmentStatus::Attached
        } else {
            AttachmentStatus::Attaching
        };
        let attachment = self.place_attachment(id, instance, (network_card, device_index), status, false)?;
        if !delay.is_zero() {
            self.after(delay, Due::Attached(attachment.clone()));
        }
        Ok(attachment)
    }

    fn check_attach(
        &self,
        id: &EniId,
        instance: &InstanceId,
        device_index: u32,
        network_card: u32,
    ) -> Result<(), ApiError> {
        let interface = self.interface(id)?;
        let target = self.instance(instance)?;
        if !matches!(target.state, InstanceState::Running | InstanceState::Stopped) {
            return Err(ApiError::new(
                Code::IncorrectState,
                format!("Instance '{instance}' is not in a valid state for this operation."),
            ));
        }
        if interface.attachment.is_some() || interface.trunk.is_some() {
            return Err(ApiError::new(
                Code::InvalidInterfaceInUse,
                format!("Network interface '{id}' is currently in use."),
            ));
        }
        if interface.zone != target.zone {
            return Err(ApiError::value(format!(
                "You may not attach a network interface to an instance if they are not in the same availability \
                 zone: {} and {}",
                interface.zone, target.zone
            )));
        }
        if interface.kind == InterfaceKind::Branch {
            return Err(ApiError::new(
                Code::UnsupportedOperation,
                "A branch interface is associated with a trunk, not attached",
            ));
        }
        if target.interfaces.contains_key(&(network_card, device_index)) {
            return Err(ApiError::value(format!(
                "Instance '{instance}' already has an interface attached at device index '{device_index}'."
            )));
        }
        self.check_type(interface, target, network_card)
    }

    /// What the instance's type says: trunks, cards, interfaces of a card, addresses.
    fn check_type(
        &self,
        interface: &Interface,
        target: &Instance,
        network_card: u32,
    ) -> Result<(), ApiError> {
        let kind = self.type_of(&target.id)?;
        if interface.kind == InterfaceKind::Trunk && kind.trunk_compatible != Some(true) {
            return Err(ApiError::new(
                Code::UnsupportedOperation,
                format!(
                    "The instance type {} does not support trunk interfaces",
                    target.instance_type
                ),
            ));
        }
        let limit = kind.card_limit(network_card).ok_or_else(|| {
            ApiError::value(format!(
                "Value ({network_card}) for parameter NetworkCardIndex is invalid."
            ))
        })?;
        let count = target.on_card(network_card) + 1;
        if count > limit {
            return Err(ApiError::new(
                Code::AttachmentLimitExceeded,
                format!(
                    "Interface count {count} exceeds the limit for {}",
                    target.instance_type
                ),
            ));
        }
        Self::check_fits(kind, interface.slots(), !interface.prefixes.is_empty())
    }

    /// The interface of an attachment.
    pub(crate) fn attached_as(&self, attachment: &str) -> Option<&EniId> {
        self.attachments.get(attachment)
    }

    /// Writes the attachment down on both sides.
    pub(super) fn place_attachment(
        &mut self,
        id: &EniId,
        instance_id: &InstanceId,
        (network_card, device_index): (u32, u32),
        status: AttachmentStatus,
        delete_on_termination: bool,
    ) -> Result<String, ApiError> {
        let attachment = Attachment {
            id: self.random.id("eni-attach"),
            instance: instance_id.clone(),
            device_index,
            network_card,
            delete_on_termination,
            time: self.now,
            status,
        };
        let key = attachment.id.clone();
        let interface = self.interface_mut(id)?;
        interface.attachment = Some(attachment);
        self.note_instance(instance_id);
        if let Some(instance) = self.instances.get_mut(instance_id) {
            instance
                .interfaces
                .insert((network_card, device_index), id.clone());
        }
        self.attachments.insert(key.clone(), id.clone());
        if status == AttachmentStatus::Attached {
            self.emit_attached(id);
        }
        Ok(key)
    }

    fn emit_attached(&mut self, id: &EniId) {
        let Some(interface) = self.interfaces.get(id) else {
            return;
        };
        let Some(attachment) = &interface.attachment else {
            return;
        };
        let event = Happened::InterfaceAttached {
            interface: id.to_string(),
            instance: attachment.instance.to_string(),
            network_card: attachment.network_card,
            device_index: attachment.device_index,
            mac: interface.mac.clone(),
        };
        self.emit(event);
    }

    /// An attachment that took its time is there, if nobody detached it meanwhile.
    pub(super) fn finish_attach(&mut self, attachment: &str) {
        let Some(id) = self.attachments.get(attachment).cloned() else {
            return;
        };
        self.note_interface(&id);
        let found = self.interfaces.get_mut(&id).and_then(|i| i.attachment.as_mut());
        if let Some(found) = found.filter(|a| a.status == AttachmentStatus::Attaching) {
            found.status = AttachmentStatus::Attached;
            self.emit_attached(&id);
        }
    }

    /// An attachment that took its time to end is gone.
    pub(super) fn finish_detach(&mut self, attachment: &str) {
        if let Some(id) = self.attachments.get(attachment).cloned() {
            self.remove_attachment(&id);
        }
    }

    /// Detaches an interface; the primary one of an instance stays. By force it takes no time.
    pub fn detach(&mut self, attachment: &str, force: bool) -> Result<(), ApiError> {
        let id = self.attachments.get(attachment).cloned().ok_or_else(|| {
            ApiError::new(
                Code::InvalidAttachmentNotFound,
                format!("The attachment ID '{attachment}' does not exist"),
            )
        })?;
        let primary = self
            .interface(&id)?
            .attachment
            .as_ref()
            .is_some_and(|a| a.device_index == 0);
        if primary {
            return Err(ApiError::new(
                Code::OperationNotPermitted,
                "The network interface at device index 0 cannot be detached.",
            ));
        }
        let delay = self.timings.detach;
        if force || delay.is_zero() {
            self.remove_attachment(&id);
            return Ok(());
        }
        let found = self.interface_mut(&id)?.attachment.as_mut();
        let found = found.ok_or_else(ApiError::internal)?;
        if found.status == AttachmentStatus::Detaching {
            return Err(ApiError::new(
                Code::IncorrectState,
                format!("The attachment '{attachment}' is in the state detaching."),
            ));
        }
        found.status = AttachmentStatus::Detaching;
        self.after(delay, Due::Detached(attachment.to_owned()));
        Ok(())
    }

    /// Forgets an attachment on both sides.
    pub(super) fn remove_attachment(&mut self, id: &EniId) {
        self.note_interface(id);
        let attached = self.interfaces.get_mut(id);
        let Some(attachment) = attached.and_then(|interface| interface.attachment.take()) else {
            return;
        };
        self.note_instance(&attachment.instance);
        self.attachments.remove(&attachment.id);
        if let Some(instance) = self.instances.get_mut(&attachment.instance) {
            instance
                .interfaces
                .remove(&(attachment.network_card, attachment.device_index));
        }
        self.emit(Happened::InterfaceDetached {
            interface: id.to_string(),
            instance: attachment.instance.to_string(),
        });
    }

    /// Says whether the interface goes with its instance.
    pub fn set_delete_on_termination(
        &mut self,
        id: &EniId,
        attachment: &str,
        delete: bool,
    ) -> Result<(), ApiError> {
        match self.interface_mut(id)?.attachment.as_mut() {
            Some(found) if found.id == attachment => {
                found.delete_on_termination = delete;
                Ok(())
            }
            _ => Err(ApiError::new(
                Code::InvalidAttachmentNotFound,
                format!("The attachment ID '{attachment}' does not exist"),
            )),
        }
    }
}
