//! The status a kubelet writes for a pod. Pure but for the time.

use std::net::Ipv4Addr;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::{Container, Pod};
use serde_json::{Value, json};

/// Now, in whole seconds as Kubernetes writes it.
pub(super) fn now() -> String {
    Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// A pod all of whose containers run.
pub(super) fn running(pod: &Pod, host: Ipv4Addr, address: Ipv4Addr) -> Value {
    let started = json!({"running": {"startedAt": now()}});
    let containers: Vec<Value> = containers(pod).map(|c| container(c, &started, true, 0)).collect();
    status(
        pod,
        "Running",
        host,
        address,
        &json!({"ready": true, "containers": containers}),
    )
}

/// A pod all of whose containers have ended well.
pub(super) fn completed(pod: &Pod, host: Ipv4Addr, address: Ipv4Addr) -> Value {
    let ended = terminated(0, "Completed", "");
    let containers: Vec<Value> = containers(pod).map(|c| container(c, &ended, false, 0)).collect();
    status(
        pod,
        "Succeeded",
        host,
        address,
        &json!({"ready": false, "containers": containers}),
    )
}

/// A pod one of whose containers has ended `restarts` times and waits to be started again.
pub(super) fn crashing(
    pod: &Pod,
    (host, address): (Ipv4Addr, Ipv4Addr),
    (name, message): (&str, &str),
    restarts: u32,
) -> Value {
    let back_off = format!("back-off restarting failed container={name}");
    let waiting = json!({"waiting": {"reason": "CrashLoopBackOff", "message": back_off}});
    let started = json!({"running": {"startedAt": now()}});
    let containers: Vec<Value> = containers(pod)
        .map(|c| {
            if c.name != name {
                return container(c, &started, true, 0);
            }
            let mut crashed = container(c, &waiting, false, restarts);
            crashed["lastState"] = terminated(1, "Error", message);
            crashed
        })
        .collect();
    status(
        pod,
        "Running",
        host,
        address,
        &json!({"ready": false, "containers": containers}),
    )
}

fn status(pod: &Pod, phase: &str, host: Ipv4Addr, address: Ipv4Addr, seen: &Value) -> Value {
    let initialised = terminated(0, "Completed", "");
    let init: Vec<Value> = init_containers(pod)
        .map(|c| container(c, &initialised, true, 0))
        .collect();
    let ready = if seen["ready"] == true { "True" } else { "False" };
    let condition =
        |kind: &str, status: &str| json!({"type": kind, "status": status, "lastTransitionTime": now()});
    json!({"status": {
        "phase": phase,
        "hostIP": host,
        "hostIPs": [{"ip": host}],
        "podIP": address,
        "podIPs": [{"ip": address}],
        "startTime": now(),
        "conditions": [
            condition("PodReadyToStartContainers", "True"),
            condition("Initialized", "True"),
            condition("Ready", ready),
            condition("ContainersReady", ready),
            condition("PodScheduled", "True"),
        ],
        "initContainerStatuses": init,
        "containerStatuses": seen["containers"],
    }})
}

fn container(container: &Container, state: &Value, ready: bool, restarts: u32) -> Value {
    let image = container.image.as_deref().unwrap_or_default();
    json!({
        "name": container.name, "image": image, "imageID": image, "containerID": format!("sim://{}", container.name),
        "ready": ready, "started": ready, "restartCount": restarts, "state": state,
    })
}

fn terminated(code: i32, reason: &str, message: &str) -> Value {
    let now = now();
    json!({"terminated": {
        "exitCode": code, "reason": reason, "message": message, "startedAt": now, "finishedAt": now,
    }})
}

fn containers(pod: &Pod) -> impl Iterator<Item = &Container> {
    pod.spec.iter().flat_map(|spec| &spec.containers)
}

fn init_containers(pod: &Pod) -> impl Iterator<Item = &Container> {
    pod.spec
        .iter()
        .flat_map(|spec| spec.init_containers.iter().flatten())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pod() -> Pod {
        serde_json::from_value(json!({"spec": {
            "initContainers": [{"name": "init", "image": "i"}],
            "containers": [{"name": "a", "image": "a:1"}, {"name": "b", "image": "b:1"}],
        }}))
        .unwrap()
    }

    const HOST: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);
    const ADDRESS: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 9);

    #[test]
    fn a_running_pod_is_ready() {
        let value = running(&pod(), HOST, ADDRESS);
        let status = &value["status"];
        assert_eq!(status["phase"], "Running");
        assert_eq!(status["podIP"], "10.0.0.9");
        assert_eq!(
            status["conditions"][2],
            json!({"type": "Ready", "status": "True",
            "lastTransitionTime": status["conditions"][2]["lastTransitionTime"]})
        );
        assert_eq!(status["containerStatuses"][1]["name"], "b");
        assert_eq!(
            status["initContainerStatuses"][0]["state"]["terminated"]["exitCode"],
            0
        );
    }

    #[test]
    fn only_the_named_container_crashes() {
        let value = crashing(&pod(), (HOST, ADDRESS), ("b", "bad MTU"), 3);
        let [a, b] = [0, 1].map(|place| &value["status"]["containerStatuses"][place]);
        assert_eq!((&a["ready"], &b["ready"]), (&json!(true), &json!(false)));
        assert_eq!(b["state"]["waiting"]["reason"], "CrashLoopBackOff");
        assert_eq!(b["lastState"]["terminated"]["message"], "bad MTU");
        assert_eq!(b["restartCount"], 3);
        assert_eq!(value["status"]["conditions"][2]["status"], "False");
    }
}
