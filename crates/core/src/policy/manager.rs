//! What kind of writer a field manager is. Only names are known, so this is a table of names.

/// The field manager of everything the operator owns.
pub const FIELD_MANAGER: &str = "vpc-cni-operator";

/// The field manager that holds on to values the policy no longer names: server-side apply deletes a key whose last
/// owner lets go of it.
pub const RELEASED_FIELD_MANAGER: &str = "vpc-cni-operator-released";

/// What the names of all other managers of ours begin with.
const OUR_PREFIX: &str = "vpc-cni-operator-";

/// The field manager of EKS.
const EKS: &str = "eks";

/// Controllers that write their value back: taking a key from one of them is a fight. By prefix, in lower case. The
/// schema of the policy refuses to list them.
pub const RECONCILERS: [&str; 17] = [
    "ack-",
    "addon-manager",
    "apiextensions.crossplane.io",
    "argocd-",
    "aws-controllers-k8s",
    "capa",
    "cluster-api-provider-aws",
    "config-sync",
    "configsync",
    "crossplane",
    "eks-controller",
    "fleet",
    "flux",
    "helm-controller",
    "kapp-controller",
    "kustomize-controller",
    "provider-kubernetes",
];

/// Tools that write when a person or a pipeline runs them. By prefix, in lower case.
const PEOPLE: [&str; 13] = [
    "before-first-apply",
    "eksctl",
    "freelens",
    "hashicorp",
    "headlamp",
    "helm",
    "k9s",
    "kubectl",
    "lens",
    "mozilla",
    "node-fetch",
    "pulumi",
    "terraform",
];

/// What kind of writer a field manager is; it decides whether its keys may be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ManagerClass {
    /// This operator.
    Ours,
    /// The name under which keys are left that the policy no longer names.
    Released,
    /// The EKS add-on manager.
    Eks,
    /// A controller that writes its value back: Argo CD, Flux, ACK, Crossplane.
    Reconciler,
    /// A tool that writes when somebody runs it.
    Person,
    /// Unknown to us.
    Other,
}

/// The kind of a field manager, by its name in any case.
pub fn classify_manager(name: &str) -> ManagerClass {
    let name = name.to_ascii_lowercase();
    let begins = |table: &[&str]| table.iter().any(|prefix| name.starts_with(prefix));
    match name.as_str() {
        FIELD_MANAGER => ManagerClass::Ours,
        RELEASED_FIELD_MANAGER => ManagerClass::Released,
        EKS => ManagerClass::Eks,
        _ if name.starts_with(OUR_PREFIX) => ManagerClass::Ours,
        _ if begins(&RECONCILERS) => ManagerClass::Reconciler,
        _ if begins(&PEOPLE) => ManagerClass::Person,
        _ => ManagerClass::Other,
    }
}

/// Whether a policy may list the manager in `takeOverFrom`. EKS only once there is no add-on that it would reset.
pub fn may_be_listed(name: &str, addon_is_gone: bool) -> bool {
    match classify_manager(name) {
        ManagerClass::Reconciler => false,
        ManagerClass::Eks => addon_is_gone,
        ManagerClass::Ours | ManagerClass::Released | ManagerClass::Person | ManagerClass::Other => true,
    }
}

/// Whether a list such as `takeOverFrom` names the manager: by prefix, in any case. `helm` does not name
/// `helm-controller`: a prefix never reaches a controller that reconciles.
pub fn named_in(list: &[String], name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    classify_manager(name) != ManagerClass::Reconciler
        && list
            .iter()
            .any(|prefix| !prefix.is_empty() && lower.starts_with(&prefix.to_ascii_lowercase()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn managers_are_told_by_name() {
        use ManagerClass::{Eks, Other, Ours, Person, Reconciler, Released};
        let cases = [
            ("vpc-cni-operator", Ours),
            ("vpc-cni-operator-released", Released),
            ("vpc-cni-operator-e2e", Ours),
            ("argocd-controller", Reconciler),
            ("ArgoCD-Application-Controller", Reconciler),
            ("kustomize-controller", Reconciler),
            ("helm-controller", Reconciler),
            ("ack-eks-controller", Reconciler),
            ("crossplane-kubernetes-provider", Reconciler),
            ("apiextensions.crossplane.io/composite", Reconciler),
            ("capa-manager", Reconciler),
            ("flux-client-side-apply", Reconciler),
            ("eks", Eks),
            ("eksctl", Person),
            ("kubectl-client-side-apply", Person),
            ("kubectl-edit", Person),
            ("Helm", Person),
            ("Terraform", Person),
            ("before-first-apply", Person),
            ("kube-controller-manager", Other),
            ("our-script", Other),
            ("", Other),
        ];
        for (name, class) in cases {
            assert_eq!(classify_manager(name), class, "{name}");
        }
    }

    #[test]
    fn reconcilers_cannot_be_listed_and_eks_only_without_its_addon() {
        assert!(!may_be_listed("argocd-controller", true));
        assert!(!may_be_listed("eks", false));
        assert!(may_be_listed("eks", true));
        assert!(may_be_listed("before-first-apply", false));
    }

    #[test]
    fn a_list_names_by_prefix_in_any_case() {
        let list = ["Kubectl".to_owned(), "helm".to_owned(), String::new()];
        assert!(named_in(&list, "kubectl-client-side-apply"));
        assert!(named_in(&list, "HELM"));
        assert!(!named_in(&list, "helm-controller"));
        assert!(!named_in(&list, "our-script"));
    }
}
