//! What the API server adds to objects that leave it out: to DaemonSets and pods, as far as ours have it. Definitions
//! with defaults in their schema are not served here.

use super::kinds::Kind;
use serde_json::{Value, json};

/// How often the template of a DaemonSet changed.
const TEMPLATE_GENERATION: &str = "deprecated.daemonset.template.generation";

/// Fills a new or changed object.
pub(super) fn fill(kind: &Kind, live: Option<&Value>, object: &mut Value) {
    match kind.kind.as_str() {
        "DaemonSet" => daemon_set(object, live.is_none()),
        "Pod" => {
            pod_spec(&mut object["spec"], true);
            default(&mut object["status"], "phase", json!("Pending"));
            default(&mut object["status"], "qosClass", json!("Burstable"));
        }
        "ValidatingAdmissionPolicyBinding" if object["spec"]["matchResources"].is_object() => {
            let resources = &mut object["spec"]["matchResources"];
            default(resources, "matchPolicy", json!("Equivalent"));
            default(resources, "namespaceSelector", json!({}));
            default(resources, "objectSelector", json!({}));
        }
        _ => {}
    }
}

fn default(object: &mut Value, field: &str, value: Value) {
    if object.is_null() {
        *object = json!({});
    }
    if object.get(field).is_none_or(Value::is_null)
        && let Some(fields) = object.as_object_mut()
    {
        fields.insert(field.to_owned(), value);
    }
}

/// Counts what the server itself counts, in nobody's name.
pub(super) fn count(kind: &Kind, live: &Value, object: &mut Value) {
    if kind.kind != "DaemonSet" || live["spec"]["template"] == object["spec"]["template"] {
        return;
    }
    let text = live["metadata"]["annotations"][TEMPLATE_GENERATION].as_str();
    let before: u64 = text.and_then(|text| text.parse().ok()).unwrap_or_default();
    object["metadata"]["annotations"][TEMPLATE_GENERATION] = json!((before + 1).to_string());
}

fn daemon_set(object: &mut Value, is_new: bool) {
    let spec = &mut object["spec"];
    default(spec, "revisionHistoryLimit", json!(10));
    let strategy = &mut spec["updateStrategy"];
    default(strategy, "type", json!("RollingUpdate"));
    if strategy["type"] == "RollingUpdate" {
        default(strategy, "rollingUpdate", json!({}));
        default(&mut strategy["rollingUpdate"], "maxSurge", json!(0));
        default(&mut strategy["rollingUpdate"], "maxUnavailable", json!(1));
    }
    pod_spec(&mut spec["template"]["spec"], false);
    if is_new {
        default(&mut object["metadata"], "annotations", json!({}));
        object["metadata"]["annotations"][TEMPLATE_GENERATION] = json!("1");
    }
}

/// Ports of the host network are filled in pods, and no longer in templates.
fn pod_spec(spec: &mut Value, is_pod: bool) {
    for (field, value) in [
        ("dnsPolicy", json!("ClusterFirst")),
        ("restartPolicy", json!("Always")),
        ("schedulerName", json!("default-scheduler")),
        ("securityContext", json!({})),
        ("terminationGracePeriodSeconds", json!(30)),
    ] {
        default(spec, field, value);
    }
    if let Some(account) = spec.get("serviceAccountName").cloned() {
        default(spec, "serviceAccount", account);
    }
    let host_network = is_pod && spec["hostNetwork"] == true;
    for list in ["containers", "initContainers"] {
        if let Some(containers) = spec.get_mut(list).and_then(Value::as_array_mut) {
            for one in containers {
                container(one, host_network);
            }
        }
    }
    if let Some(volumes) = spec.get_mut("volumes").and_then(Value::as_array_mut) {
        for volume in volumes.iter_mut().filter(|volume| volume["hostPath"].is_object()) {
            default(&mut volume["hostPath"], "type", json!(""));
        }
    }
}

fn container(container: &mut Value, host_network: bool) {
    let latest = container["image"]
        .as_str()
        .is_some_and(|image| image.ends_with(":latest") || !image.contains(':'));
    for (field, value) in [
        (
            "imagePullPolicy",
            json!(if latest { "Always" } else { "IfNotPresent" }),
        ),
        ("resources", json!({})),
        ("terminationMessagePath", json!("/dev/termination-log")),
        ("terminationMessagePolicy", json!("File")),
    ] {
        default(container, field, value);
    }
    for probe in ["livenessProbe", "readinessProbe", "startupProbe"] {
        if let Some(probe) = container.get_mut(probe).filter(|probe| probe.is_object()) {
            for (field, value) in [
                ("failureThreshold", 3),
                ("periodSeconds", 10),
                ("successThreshold", 1),
                ("timeoutSeconds", 1),
            ] {
                default(probe, field, json!(value));
            }
        }
    }
    if let Some(ports) = container.get_mut("ports").and_then(Value::as_array_mut) {
        for port in ports {
            default(port, "protocol", json!("TCP"));
            if host_network {
                let number = port["containerPort"].clone();
                default(port, "hostPort", number);
            }
        }
    }
    if let Some(env) = container.get_mut("env").and_then(Value::as_array_mut) {
        for variable in env {
            if variable["valueFrom"]["fieldRef"].is_object() {
                default(&mut variable["valueFrom"]["fieldRef"], "apiVersion", json!("v1"));
            }
        }
    }
}
