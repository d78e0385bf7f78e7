//! Whose a key is, and whether the policy may take it.

use super::addon::AddonState;
use super::manager::{ManagerClass, named_in};
use super::setting::{Owner, Seen, SettingName, Written};
use super::world::Target;
use std::collections::BTreeMap;

/// What the policy may do with a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Claim {
    /// Nobody else owns it: write.
    Free,
    /// Somebody does, and the policy says that it may be taken.
    TakeOver(Owner),
    /// Somebody does, and it may not.
    Blocked(Owner),
}

/// Whether a key may be written. `addon` is what stands behind the
/// keys of `eks`: an add-on that the policy does not name keeps them, one that carries the configuration gives them.
pub fn claim(seen: Option<&Seen>, take_over_from: &[String], addon: &AddonState) -> Claim {
    let Some(owner) = seen.and_then(Seen::other_owner) else {
        return Claim::Free;
    };
    let listed = || named_in(take_over_from, &owner.manager);
    match owner.class {
        ManagerClass::Released | ManagerClass::Ours => Claim::Free,
        ManagerClass::Eks if addon.carrier().is_some() => Claim::TakeOver(owner.clone()),
        ManagerClass::Eks if !addon.guards() && listed() => Claim::TakeOver(owner.clone()),
        ManagerClass::Person | ManagerClass::Other if listed() => Claim::TakeOver(owner.clone()),
        ManagerClass::Reconciler | ManagerClass::Eks | ManagerClass::Person | ManagerClass::Other => {
            Claim::Blocked(owner.clone())
        }
    }
}

/// Whose the keys of the target are when the add-on carries the configuration. What EKS renders from its own defaults
/// is free; what its document sets is ours where we recorded it, and else belongs to who wrote it there.
pub fn owners_through_addon(target: &mut Target, recorded: &BTreeMap<SettingName, Written>) {
    let AddonState::Carries(carrier) = &target.addon else {
        return;
    };
    for (name, seen) in &mut target.settings {
        let in_document = carrier.document.contains_key(name);
        if in_document && recorded.contains_key(name) {
            become_ours(seen);
        } else if !in_document {
            seen.owners.retain(|owner| owner.class != ManagerClass::Eks);
        }
    }
}

fn become_ours(seen: &mut Seen) {
    for owner in &mut seen.owners {
        if owner.class == ManagerClass::Eks {
            owner.class = ManagerClass::Ours;
        }
    }
}
