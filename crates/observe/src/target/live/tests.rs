//! A DaemonSet as clusters have it: applied by kubectl, one variable edited by hand, one owned by us.

use super::super::{LiveConfigMap, Operation};
use super::*;
use serde_json::{Value, json};

fn owns(manager: &str, operation: &str, env: &Value) -> Value {
    json!({
        "manager": manager, "operation": operation, "apiVersion": "apps/v1", "fieldsType": "FieldsV1",
        "time": "2026-08-01T00:00:00Z",
        "fieldsV1": {"f:spec": {"f:template": {"f:spec": {"f:containers": {"k:{\"name\":\"aws-node\"}": {"f:env": env}}}}}}
    })
}

fn managed_fields() -> Value {
    let kubectl = json!({
        "manager": "kubectl-client-side-apply", "operation": "Update", "apiVersion": "apps/v1",
        "fieldsType": "FieldsV1",
        "fieldsV1": {
            "f:metadata": {"f:annotations": {".": {}, "f:kubectl.kubernetes.io/last-applied-configuration": {}}},
            "f:spec": {
                "f:template": {"f:spec": {
                    "f:containers": {
                        "k:{\"name\":\"aws-eks-nodeagent\"}": {".": {}, "f:args": {}, "f:image": {}, "f:name": {}},
                        "k:{\"name\":\"aws-node\"}": {
                            ".": {}, "f:image": {},
                            "f:env": {
                                ".": {},
                                "k:{\"name\":\"MY_NODE_NAME\"}": {".": {}, "f:name": {}, "f:valueFrom": {"f:fieldRef": {}}},
                                "k:{\"name\":\"WARM_PREFIX_TARGET\"}": {".": {}, "f:name": {}, "f:value": {}}
                            }
                        }
                    },
                    "f:initContainers": {"k:{\"name\":\"aws-vpc-cni-init\"}": {
                        "f:env": {"k:{\"name\":\"DISABLE_TCP_EARLY_DEMUX\"}": {".": {}, "f:value": {}}}
                    }}
                }},
                "f:updateStrategy": {"f:rollingUpdate": {".": {}, "f:maxUnavailable": {}}, "f:type": {}}
            }
        }
    });
    let status = json!({
        "manager": "kube-controller-manager", "operation": "Update", "subresource": "status",
        "fieldsType": "FieldsV1", "fieldsV1": {"f:status": {"f:numberReady": {}}}
    });
    // What is left to us of a variable that somebody edits: its place in the list and its name, but not its value.
    let ours = json!({
        "k:{\"name\":\"WARM_PREFIX_TARGET\"}": {".": {}, "f:name": {}, "f:value": {}},
        "k:{\"name\":\"WARM_ENI_TARGET\"}": {".": {}, "f:name": {}}
    });
    let edit = json!({"k:{\"name\":\"WARM_ENI_TARGET\"}": {"f:value": {}}});
    json!([
        kubectl,
        status,
        owns("vpc-cni-operator", "Apply", &ours),
        owns("kubectl-edit", "Update", &edit)
    ])
}

fn daemon_set() -> DaemonSet {
    serde_json::from_value(json!({
        "metadata": {
            "name": "aws-node", "namespace": "kube-system", "uid": "u1", "resourceVersion": "42", "generation": 3,
            "annotations": {"vpccni.io/undo": "x", "deprecated.daemonset.template.generation": "3"},
            "managedFields": managed_fields()
        },
        "spec": {
            "selector": {"matchLabels": {"k8s-app": "aws-node"}},
            "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": "10%", "maxSurge": 0}},
            "template": {"spec": {
                "initContainers": [{
                    "name": "aws-vpc-cni-init", "image": "r/amazon-k8s-cni-init:v1.23.1",
                    "env": [{"name": "DISABLE_TCP_EARLY_DEMUX", "value": "false"}]
                }],
                "containers": [
                    {"name": "aws-node", "image": "r/amazon-k8s-cni:v1.23.1", "env": [
                        {"name": "MY_NODE_NAME", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}},
                        {"name": "WARM_ENI_TARGET", "value": "2"},
                        {"name": "WARM_PREFIX_TARGET", "value": "1"},
                        {"name": "EMPTY"}
                    ]},
                    {"name": "aws-eks-nodeagent", "image": "r/agent@sha256:abc", "args": ["--enable-ipv6=false"]},
                    {"name": "sidecar", "image": "r/sidecar:v1"}
                ]
            }}
        },
        "status": {
            "observedGeneration": 3, "desiredNumberScheduled": 5, "currentNumberScheduled": 5,
            "updatedNumberScheduled": 4, "numberReady": 4, "numberUnavailable": 1, "numberMisscheduled": 0
        }
    }))
    .unwrap()
}

fn names(managers: &[Manager]) -> Vec<&str> {
    managers.iter().map(|manager| manager.name.as_str()).collect()
}

#[test]
fn the_daemon_set_is_read_as_it_stands() {
    let live = LiveTarget::of(&daemon_set()).unwrap();
    let node_name = EnvValue::From(r#"{"fieldRef":{"fieldPath":"spec.nodeName"}}"#.to_owned());
    let text = |value: &str| Some(EnvValue::Text(value.to_owned()));
    assert_eq!(
        live.variable(Container::AwsNode, "WARM_ENI_TARGET").cloned(),
        text("2")
    );
    assert_eq!(live.variable(Container::AwsNode, "EMPTY").cloned(), text(""));
    assert_eq!(
        live.variable(Container::AwsNode, "MY_NODE_NAME"),
        Some(&node_name)
    );
    assert_eq!(live.variable(Container::AwsNode, "ABSENT"), None);
    assert_eq!(
        live.variable(Container::Init, "DISABLE_TCP_EARLY_DEMUX").cloned(),
        text("false")
    );
    assert_eq!(
        live.node_agent_args.as_deref(),
        Some(&["--enable-ipv6=false".to_owned()][..])
    );
    assert_eq!(live.version(), Known::Yes(CniVersion::REFERENCE));
    assert!(live.images[&Container::NodeAgent].version.as_option().is_none());
    assert_eq!(live.annotations.keys().collect::<Vec<_>>(), ["vpccni.io/undo"]);
    let expected = UpdateStrategy::RollingUpdate {
        max_unavailable: Some("10%".to_owned()),
        max_surge: Some("0".to_owned()),
    };
    assert_eq!(live.update_strategy, expected);
}

#[test]
fn a_rollout_is_over_when_the_newest_template_runs_everywhere() {
    let mut object = daemon_set();
    assert!(!LiveTarget::of(&object).unwrap().rolled_out());
    let status = object.status.as_mut().unwrap();
    status.updated_number_scheduled = Some(5);
    status.number_unavailable = None;
    assert!(LiveTarget::of(&object).unwrap().rolled_out());
    object.metadata.generation = Some(4);
    assert!(!LiveTarget::of(&object).unwrap().rolled_out());
}

#[test]
fn every_key_has_its_owners() {
    let live = LiveTarget::of(&daemon_set()).unwrap();
    let owners = |place, name| live.owners(place, name);
    let kubectl = ["kubectl-client-side-apply"];
    assert_eq!(names(&owners(Place::AwsNode, "MY_NODE_NAME")), kubectl);
    let shared = owners(Place::AwsNode, "WARM_PREFIX_TARGET");
    assert_eq!(names(&shared), ["kubectl-client-side-apply", "vpc-cni-operator"]);
    assert_eq!(
        (shared[0].operation, shared[1].operation),
        (Operation::Update, Operation::Apply)
    );
    assert!(shared[1].time.is_some());
    assert_eq!(
        names(&owners(Place::AwsNode, "WARM_ENI_TARGET")),
        ["kubectl-edit"]
    );
    assert_eq!(names(&owners(Place::AwsNode, "ABSENT")), [] as [&str; 0]);
    assert_eq!(names(&owners(Place::Init, "DISABLE_TCP_EARLY_DEMUX")), kubectl);
    assert_eq!(names(&owners(Place::NodeAgent, "enable-ipv6")), kubectl);
    assert_eq!(names(&live.strategy_owners()), kubectl);
    assert_eq!(names(&live.image_owners(Container::AwsNode)), kubectl);
    assert_eq!(live.image_owners(Container::Init), []);
}

#[test]
fn who_writes_a_value_owns_the_variable_and_not_who_still_has_its_name() {
    let mut object = daemon_set();
    let name_only = json!({"k:{\"name\":\"WARM_ENI_TARGET\"}": {".": {}, "f:name": {}}});
    let entry = serde_json::from_value(owns("late", "Apply", &name_only)).unwrap();
    object.metadata.managed_fields.as_mut().unwrap().push(entry);
    let live = LiveTarget::of(&object).unwrap();
    assert_eq!(
        names(&live.owners(Place::AwsNode, "WARM_ENI_TARGET")),
        ["kubectl-edit"]
    );
    assert!(live.is_applied_by("late"));
    assert!(!live.is_applied_by("kubectl-edit"));
}

#[test]
fn hand_edits_are_what_people_own_alone() {
    let live = LiveTarget::of(&daemon_set()).unwrap();
    assert_eq!(
        live.hand_edits(),
        ["DISABLE_TCP_EARLY_DEMUX", "MY_NODE_NAME", "WARM_ENI_TARGET"]
    );
}

#[test]
fn another_daemon_set_is_no_target() {
    let mut object = daemon_set();
    let pod = object.spec.as_mut().unwrap().template.spec.as_mut().unwrap();
    pod.containers.remove(0);
    let error = LiveTarget::of(&object).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the DaemonSet kube-system/aws-node has no container aws-node"
    );
}

#[test]
fn a_config_map_key_has_its_owners() {
    let map = serde_json::from_value(json!({
        "metadata": {"name": "amazon-vpc-cni", "managedFields": [{
            "manager": "eks", "operation": "Apply", "fieldsType": "FieldsV1",
            "fieldsV1": {"f:data": {"f:branch-eni-cooldown": {}}}
        }]},
        "data": {"branch-eni-cooldown": "60", "warm-ip-target": "1"}
    }))
    .unwrap();
    let live = LiveConfigMap::of(&map);
    assert_eq!(names(&live.owners("branch-eni-cooldown")), ["eks"]);
    assert_eq!(live.owners("warm-ip-target"), []);
    let raw = LiveTarget::of(&daemon_set()).unwrap().raw(Some(&live));
    assert_eq!(
        (raw.aws_node.len(), raw.init.len(), raw.node_agent_args.len()),
        (4, 1, 1)
    );
    assert!(
        raw.aws_node
            .contains(&("MY_NODE_NAME".to_owned(), RawValue::FromField))
    );
    assert_eq!(raw.config_map, live.data);
}
