//! What the API server adds to objects that leave it out: to DaemonSets and pods, as far as ours have it. Definitions
//! with defaults in their schema are not served here.

use super::kinds::Kind;
use serde_json::{Value, json};

/// How often the template of a DaemonSet changed.
const TEMPLATE_GENERATION: &str = "deprecated.daemonset.template.generation";

/// Fills a new or changed object.
pub(super) fn fill(kind: &Kind, live: Option<&Value>, object: &mut Value) {
    match kind.kind.as_str() {
        "DaemonSet" => daemon_set(live, object),
        "Pod" => {
            pod_spec(&mut object["spec"]);
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

fn daemon_set(live: Option<&Value>, object: &mut Value) {
    let spec = &mut object["spec"];
    default(spec, "revisionHistoryLimit", json!(10));
    let strategy = &mut spec["updateStrategy"];
    default(strategy, "type", json!("RollingUpdate"));
    if strategy["type"] == "RollingUpdate" {
        default(strategy, "rollingUpdate", json!({}));
        default(&mut strategy["rollingUpdate"], "maxSurge", json!(0));
        default(&mut strategy["rollingUpdate"], "maxUnavailable", json!(1));
    }
    pod_spec(&mut spec["template"]["spec"]);
    let before = live.and_then(|live| {
        let text = live["metadata"]["annotations"]
            .get(TEMPLATE_GENERATION)?
            .as_str()?;
        text.parse::<u64>().ok()
    });
    let changed = live.is_none_or(|live| live["spec"]["template"] != object["spec"]["template"]);
    let generation = before.unwrap_or_default() + u64::from(changed);
    default(&mut object["metadata"], "annotations", json!({}));
    object["metadata"]["annotations"][TEMPLATE_GENERATION] = json!(generation.to_string());
}

fn pod_spec(spec: &mut Value) {
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
    let host_network = spec["hostNetwork"] == true;
    for list in ["containers", "initContainers"] {
        if let Some(containers) = spec.get_mut(list).and_then(Value::as_array_mut) {
            containers.iter_mut().for_each(|one| container(one, host_network));
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
