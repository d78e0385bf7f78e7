//! Whose a key is, and whether the policy may take it.

use super::addon::AddonState;
use super::manager::{ManagerClass, named_in};
use super::setting::{Owner, Seen};

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
