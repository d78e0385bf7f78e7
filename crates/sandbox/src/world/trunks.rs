//! Trunk interfaces and the branches that are associated with them, each under a VLAN id of its own.

use super::interfaces::token_mismatch;
use super::{InterfaceKind, Token, World};
use crate::error::{ApiError, Code};
use std::collections::BTreeMap;
use vpccni_core::ids::EniId;

/// VLAN ids that a frame can carry.
const VLANS: std::ops::RangeInclusive<u32> = 1..=4094;

/// A branch on a trunk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrunkAssociation {
    /// Its id.
    pub id: String,
    /// The trunk.
    pub trunk: EniId,
    /// The branch.
    pub branch: EniId,
    /// The VLAN id.
    pub vlan: u32,
    /// What the branch was before.
    was: InterfaceKind,
}

impl World {
    /// Associates a branch with a trunk, or finds the association that the same token made. Gives its id.
    pub fn associate_trunk(
        &mut self,
        trunk: &EniId,
        branch: &EniId,
        vlan: Option<u32>,
        token: Option<(String, String)>,
    ) -> Result<String, ApiError> {
        if let Some((token, fingerprint)) = &token
            && let Some(known) = self.trunk_tokens.get(token)
        {
            return if known.fingerprint == *fingerprint {
                Ok(known.made.clone())
            } else {
                Err(token_mismatch(token))
            };
        }
        self.check_pair(trunk, branch)?;
        let vlan = self.vlan_for(trunk, vlan)?;
        self.check_branches(trunk)?;
        let id = self.random.id("trunk-assoc");
        let entry = self.interface_mut(branch)?;
        let was = std::mem::replace(&mut entry.kind, InterfaceKind::Branch);
        entry.trunk = Some(id.clone());
        let association = TrunkAssociation {
            id: id.clone(),
            trunk: trunk.clone(),
            branch: branch.clone(),
            vlan,
            was,
        };
        self.vlans
            .entry(trunk.clone())
            .or_default()
            .insert(vlan, id.clone());
        self.trunk_associations.insert(id.clone(), association);
        if let Some((token, fingerprint)) = token {
            let made = id.clone();
            self.trunk_tokens.insert(token, Token { fingerprint, made });
        }
        Ok(id)
    }

    fn check_pair(&self, trunk: &EniId, branch: &EniId) -> Result<(), ApiError> {
        let (on, of) = (self.interface(trunk)?, self.interface(branch)?);
        if on.kind != InterfaceKind::Trunk {
            return Err(ApiError::value(format!(
                "Network interface '{trunk}' is not a trunk interface"
            )));
        }
        // The VPC resource controller makes its branches as plain interfaces; both ways are taken.
        if !matches!(of.kind, InterfaceKind::Branch | InterfaceKind::Interface) {
            return Err(ApiError::value(format!(
                "Network interface '{branch}' cannot be a branch interface"
            )));
        }
        if of.attachment.is_some() || of.trunk.is_some() {
            return Err(ApiError::new(
                Code::InvalidInterfaceInUse,
                format!("Network interface '{branch}' is currently in use."),
            ));
        }
        if on.vpc != of.vpc || on.zone != of.zone {
            return Err(ApiError::value(
                "Trunk and branch must be in one VPC and availability zone",
            ));
        }
        Ok(())
    }

    /// The VLAN id that was asked for, if it is free, or the lowest free one.
    fn vlan_for(&self, trunk: &EniId, asked: Option<u32>) -> Result<u32, ApiError> {
        let taken = self.vlans.get(trunk);
        let is_free = |vlan: &u32| taken.is_none_or(|taken| !taken.contains_key(vlan));
        match asked {
            Some(vlan) if !VLANS.contains(&vlan) => Err(ApiError::value(format!(
                "Value ({vlan}) for parameter VlanId is invalid."
            ))),
            Some(vlan) if !is_free(&vlan) => Err(ApiError::value(format!(
                "VLAN ID {vlan} is already in use on trunk interface '{trunk}'"
            ))),
            Some(vlan) => Ok(vlan),
            None => VLANS
                .into_iter()
                .find(is_free)
                .ok_or_else(|| ApiError::value(format!("Trunk interface '{trunk}' has no free VLAN ID"))),
        }
    }

    /// As many branches as the type of the trunk's instance carries. AWS documents the limit, but no code for it.
    fn check_branches(&self, trunk: &EniId) -> Result<(), ApiError> {
        let Some(attachment) = &self.interface(trunk)?.attachment else {
            return Ok(());
        };
        let limit = self.type_of(&attachment.instance)?.branch_interfaces.unwrap_or(0);
        let count = self.vlans.get(trunk).map_or(0, BTreeMap::len);
        if count < limit as usize {
            return Ok(());
        }
        Err(ApiError::new(
            Code::AttachmentLimitExceeded,
            format!("The trunk interface '{trunk}' carries at most {limit} branch interfaces"),
        ))
    }

    /// Ends an association. A token that was used before makes it the same call again.
    pub fn disassociate_trunk(&mut self, id: &str, token: Option<(String, String)>) -> Result<(), ApiError> {
        if let Some((token, fingerprint)) = &token
            && let Some(known) = self.trunk_tokens.get(token)
        {
            return if known.fingerprint == *fingerprint {
                Ok(())
            } else {
                Err(token_mismatch(token))
            };
        }
        self.trunk_association(id)?;
        self.end_association(id);
        if let Some((token, fingerprint)) = token {
            let made = id.to_owned();
            self.trunk_tokens.insert(token, Token { fingerprint, made });
        }
        Ok(())
    }

    /// An association.
    pub fn trunk_association(&self, id: &str) -> Result<&TrunkAssociation, ApiError> {
        self.trunk_associations.get(id).ok_or_else(|| {
            ApiError::new(
                Code::InvalidTrunkAssociationNotFound,
                format!("The trunk interface association ID '{id}' does not exist"),
            )
        })
    }

    fn end_association(&mut self, id: &str) {
        let Some(association) = self.trunk_associations.remove(id) else {
            return;
        };
        if let Some(taken) = self.vlans.get_mut(&association.trunk) {
            taken.remove(&association.vlan);
        }
        self.note_interface(&association.branch);
        if let Some(branch) = self.interfaces.get_mut(&association.branch) {
            branch.kind = association.was;
            branch.trunk = None;
        }
    }

    /// A trunk that goes leaves its branches behind, free.
    pub(super) fn forget_trunk(&mut self, trunk: &EniId) {
        let ended = self
            .vlans
            .get(trunk)
            .map(|taken| taken.values().cloned().collect::<Vec<_>>());
        for id in ended.unwrap_or_default() {
            self.end_association(&id);
        }
        self.vlans.remove(trunk);
    }
}
