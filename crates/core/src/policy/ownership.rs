//! Whose a key is, and whether the policy may take it.

use super::setting::{ManagerClass, Owner, Seen};

/// Our field manager.
const OURS: &str = "vpc-cni-operator";
/// The manager that keys are handed to when the policy no longer names them.
const RELEASED: &str = "vpc-cni-operator-released";

/// Managers that write their value again: taking a key from one of them is the start of a fight.
const RECONCILERS: &[&str] = &[
    "argocd-controller",
    "argocd-application-controller",
    "kustomize-controller",
    "helm-controller",
    "ack-",
    "crossplane",
    "provider-kubernetes",
    "apiextensions.crossplane.io",
    "aws-controllers-k8s",
    "capa",
    "cluster-api-provider-aws",
];

/// Sorts a field manager by its name.
pub fn classify_manager(manager: &str) -> ManagerClass {
    let name = manager.to_ascii_lowercase();
    if name == RELEASED {
        ManagerClass::Released
    } else if name == OURS || name.starts_with("vpc-cni-operator-") {
        ManagerClass::Ours
    } else if name == "eks" {
        ManagerClass::Eks
    } else if RECONCILERS.iter().any(|prefix| name.starts_with(prefix)) {
        ManagerClass::Reconciler
    } else {
        ManagerClass::Other
    }
}

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

/// Whether a key may be written. `addon` says that the EKS add-on is there: then the keys of `eks` are never ours.
pub fn claim(seen: Option<&Seen>, take_over_from: &[String], addon: bool) -> Claim {
    let Some(owner) = seen.and_then(Seen::other_owner) else {
        return Claim::Free;
    };
    let listed = || {
        let manager = owner.manager.to_ascii_lowercase();
        take_over_from
            .iter()
            .any(|prefix| manager.starts_with(&prefix.to_ascii_lowercase()))
    };
    match owner.class {
        ManagerClass::Released | ManagerClass::Ours => Claim::Free,
        ManagerClass::Reconciler => Claim::Blocked(owner.clone()),
        ManagerClass::Eks if addon => Claim::Blocked(owner.clone()),
        ManagerClass::Eks | ManagerClass::Other if listed() => Claim::TakeOver(owner.clone()),
        ManagerClass::Eks | ManagerClass::Other => Claim::Blocked(owner.clone()),
    }
}
