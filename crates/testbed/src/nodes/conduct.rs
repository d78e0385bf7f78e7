//! What becomes of a pod on a simulated node.

use k8s_openapi::api::core::v1::Pod;

/// How a pod behaves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Conduct {
    /// All containers run and are ready.
    Run,
    /// Its containers end well, as those of a Job do.
    Complete,
    /// A container ends again and again.
    CrashLoop {
        /// Which one.
        container: String,
        /// What it says before it ends.
        message: String,
    },
    /// Nothing happens: somebody else plays this pod.
    Ignore,
}

/// What a rule is: the conduct of the pods it is about, none for all others.
pub(super) type Rule = Box<dyn Fn(&Pod) -> Option<Conduct> + Send + Sync>;

/// Without a rule: a pod that is never restarted is taken to be a Job's.
pub(super) fn usual(pod: &Pod) -> Conduct {
    let policy = pod.spec.as_ref().and_then(|spec| spec.restart_policy.as_deref());
    if policy.is_some_and(|policy| policy != "Always") {
        Conduct::Complete
    } else {
        Conduct::Run
    }
}

/// Whether a container of the pod, init containers included, has the variable with that value.
pub fn env_is(pod: &Pod, container: &str, name: &str, value: &str) -> bool {
    let Some(spec) = &pod.spec else { return false };
    spec.init_containers
        .iter()
        .flatten()
        .chain(&spec.containers)
        .filter(|candidate| candidate.name == container)
        .flat_map(|candidate| candidate.env.iter().flatten())
        .any(|variable| variable.name == name && variable.value.as_deref() == Some(value))
}
