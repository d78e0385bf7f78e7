//! The kinds that are served: where, how their parts are joined, and what an object has from the start. Built-in ones
//! from a table, others from their definitions.

use super::owners::Shape;
use serde_json::{Value, json};

/// A kind.
#[derive(Debug, Clone)]
#[expect(clippy::struct_field_names, reason = "the names are those of Kubernetes")]
pub(super) struct Kind {
    pub(super) group: String,
    pub(super) version: String,
    pub(super) plural: String,
    pub(super) kind: String,
    pub(super) namespaced: bool,
    /// Whether it is built in: the server knows its type, and takes strategic merge patches of it.
    pub(super) typed: bool,
    /// Whether the status is a subresource.
    pub(super) has_status: bool,
    /// Whether changes outside metadata and status are counted.
    pub(super) has_generation: bool,
    /// What an object of a typed kind has before anybody has set anything: its structs, and counters at zero.
    pub(super) empty: Value,
    pub(super) shape: Shape,
}

impl Kind {
    pub(super) fn api_version(&self) -> String {
        if self.group.is_empty() {
            self.version.clone()
        } else {
            format!("{}/{}", self.group, self.version)
        }
    }

    /// The plural with the group, as messages have it.
    pub(super) fn qualified(&self) -> String {
        if self.group.is_empty() {
            self.plural.clone()
        } else {
            format!("{}.{}", self.plural, self.group)
        }
    }

    /// The kind of a definition, at its first served version.
    pub(super) fn of_definition(definition: &Value) -> Option<Self> {
        let spec = &definition["spec"];
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let version = spec["versions"]
            .as_array()?
            .iter()
            .find(|version| version["served"] == true)?;
        Some(Self {
            group: text(&spec["group"])?,
            version: text(&version["name"])?,
            plural: text(&spec["names"]["plural"])?,
            kind: text(&spec["names"]["kind"])?,
            namespaced: spec["scope"] == "Namespaced",
            typed: false,
            has_status: version["subresources"]["status"].is_object(),
            has_generation: true,
            empty: json!({}),
            shape: Shape::of_schema(&version["schema"]["openAPIV3Schema"]),
        })
    }

    fn core(plural: &str, kind: &str) -> Self {
        Self::built_in("", plural, kind)
    }

    fn built_in(group: &str, plural: &str, kind: &str) -> Self {
        Self {
            group: group.to_owned(),
            version: "v1".to_owned(),
            plural: plural.to_owned(),
            kind: kind.to_owned(),
            namespaced: true,
            typed: true,
            has_status: false,
            has_generation: false,
            empty: json!({}),
            shape: Shape::of_table(&[]),
        }
    }

    fn shaped(self, table: &[(&str, &str)]) -> Self {
        Self {
            shape: Shape::of_table(table),
            ..self
        }
    }

    fn starting_with(self, empty: Value) -> Self {
        Self { empty, ..self }
    }

    fn with_status(self) -> Self {
        Self {
            has_status: true,
            ..self
        }
    }

    fn counted(self) -> Self {
        Self {
            has_generation: true,
            ..self
        }
    }

    fn cluster(self) -> Self {
        Self {
            namespaced: false,
            ..self
        }
    }
}

/// The lists and maps of a container, below the list it is in.
const CONTAINER: &[(&str, &str)] = &[
    (".env", "name"),
    (".env.valueFrom.configMapKeyRef", "atomic"),
    (".env.valueFrom.fieldRef", "atomic"),
    (".env.valueFrom.resourceFieldRef", "atomic"),
    (".env.valueFrom.secretKeyRef", "atomic"),
    (".ports", "containerPort,protocol"),
    (".resources.claims", "name"),
    (".resources.limits", "map"),
    (".resources.requests", "map"),
    (".volumeDevices", "devicePath"),
    (".volumeMounts", "mountPath"),
];

/// Those of a pod's spec.
const POD_SPEC: &[(&str, &str)] = &[
    (".containers", "name"),
    (".initContainers", "name"),
    (".hostAliases", "ip"),
    (".imagePullSecrets", "name"),
    (".nodeSelector", "atomic"),
    (
        ".affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution",
        "atomic",
    ),
    (".overhead", "map"),
    (".topologySpreadConstraints", "topologyKey,whenUnsatisfiable"),
    (".volumes", "name"),
];

fn with_pod_spec(shape: Shape, at: &str) -> Shape {
    shape
        .with(at, POD_SPEC)
        .with(&format!("{at}.containers"), CONTAINER)
        .with(&format!("{at}.initContainers"), CONTAINER)
}

fn daemon_set() -> Kind {
    let shape = Shape::of_table(&[
        ("spec.selector", "atomic"),
        ("spec.template.metadata.annotations", "map"),
        ("spec.template.metadata.labels", "map"),
        ("status.conditions", "type"),
    ]);
    let empty = json!({
        "metadata": {},
        "spec": {"selector": null, "template": {"metadata": {}, "spec": {"containers": null}}, "updateStrategy": {}},
        "status": {"currentNumberScheduled": 0, "desiredNumberScheduled": 0, "numberMisscheduled": 0, "numberReady": 0},
    });
    Kind {
        shape: with_pod_spec(shape, "spec.template.spec"),
        ..Kind::built_in("apps", "daemonsets", "DaemonSet")
            .with_status()
            .counted()
            .starting_with(empty)
    }
}

fn pod() -> Kind {
    let shape = Shape::of_table(&[("status.conditions", "type"), ("status.podIPs", "ip")]);
    Kind {
        shape: with_pod_spec(shape, "spec"),
        ..Kind::core("pods", "Pod")
            .with_status()
            .counted()
            .starting_with(json!({"metadata": {}, "spec": {"containers": null}, "status": {}}))
    }
}

fn node() -> Kind {
    Kind::core("nodes", "Node")
        .cluster()
        .with_status()
        .shaped(&[
            ("spec.podCIDRs", "set"),
            ("status.addresses", "type"),
            ("status.allocatable", "map"),
            ("status.capacity", "map"),
            ("status.conditions", "type"),
        ])
        .starting_with(json!({"metadata": {}, "spec": {}, "status": {"daemonEndpoints": {}, "nodeInfo": {}}}))
}

/// The built-in kinds that the operator and what plays the cluster around it read or write.
pub(super) fn built_in() -> Vec<Kind> {
    vec![
        node(),
        pod(),
        daemon_set(),
        Kind::built_in("apps", "replicasets", "ReplicaSet")
            .with_status()
            .counted()
            .starting_with(json!({"metadata": {}, "spec": {}, "status": {}})),
        Kind::built_in("apps", "controllerrevisions", "ControllerRevision"),
        Kind::core("configmaps", "ConfigMap").shaped(&[("data", "map"), ("binaryData", "map")]),
        Kind::core("services", "Service")
            .with_status()
            .starting_with(json!({"metadata": {}, "spec": {}, "status": {"loadBalancer": {}}})),
        Kind::core("serviceaccounts", "ServiceAccount"),
        Kind::core("namespaces", "Namespace").cluster(),
        Kind::built_in("coordination.k8s.io", "leases", "Lease")
            .starting_with(json!({"metadata": {}, "spec": {}})),
        Kind::built_in("policy", "poddisruptionbudgets", "PodDisruptionBudget")
            .with_status()
            .counted()
            .starting_with(json!({"metadata": {}, "spec": {}, "status": {}})),
        Kind::built_in("events.k8s.io", "events", "Event"),
        Kind::built_in("networking.k8s.io", "networkpolicies", "NetworkPolicy")
            .counted()
            .starting_with(json!({"metadata": {}, "spec": {}})),
        Kind::built_in(
            "admissionregistration.k8s.io",
            "validatingadmissionpolicybindings",
            "ValidatingAdmissionPolicyBinding",
        )
        .cluster()
        .counted()
        .shaped(&[("spec.validationActions", "set")])
        .starting_with(json!({"metadata": {}, "spec": {}})),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn env_is_found_by_name_in_every_container_of_a_daemon_set() {
        let kind = daemon_set();
        let pod = kind.shape.field("spec").field("template").field("spec");
        for list in ["containers", "initContainers"] {
            assert_eq!(pod.field(list).keys(), Some(&["name".to_owned()][..]));
            assert_eq!(
                pod.field(list).field("env").keys(),
                Some(&["name".to_owned()][..])
            );
        }
        assert_eq!(kind.qualified(), "daemonsets.apps");
    }
}
