//! What the agent has with a real API server: what it tells there, what it is told, and that pods do not need it.

use std::time::Duration;

use serde_json::{Value, json};
use vpccni_testbed::boxes::{Agent, AgentOptions, Egress, NodeBox, Pod, Vpc};
use vpccni_testbed::fixtures::apply_crds;
use vpccni_testbed::wait::until;
use vpccni_testbed::{ControlPlane, Options};

use crate::bed::{PATIENCE, ZONES, vpc};
use crate::cluster::tail;

/// The CRDs of this repository.
const OWN_CRDS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../crds");
/// Longer than a watch waits before it begins anew after a while without an API server.
const AWAY: Duration = Duration::from_secs(3);

/// An API server, and a node of it whose agent is not started yet.
struct Bed {
    node: NodeBox,
    plane: ControlPlane,
    vpc: Vpc,
}

impl Bed {
    async fn start() -> Option<Self> {
        let vpc = vpc(Egress::InternetGateway).await?;
        let plane = ControlPlane::start(Options::api_only()).await.unwrap();
        apply_crds(&plane).await.unwrap();
        plane.kubectl_ok(&["apply", "-f", OWN_CRDS], None).await.unwrap();
        let wait = [
            "wait",
            "--for=condition=Established",
            "--timeout=30s",
            "crd/cninodestates.vpccni.io",
        ];
        plane.kubectl_ok(&wait, None).await.unwrap();
        let mut node = vpc.launch(ZONES[0], "m5.large").await.unwrap();
        node.use_api_server(&plane).unwrap();
        let bed = Self { node, plane, vpc };
        let labels = json!({"topology.kubernetes.io/zone": ZONES[0]});
        let name = bed.node.name();
        bed.apply(json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": name, "labels": labels}}))
            .await;
        Some(bed)
    }

    async fn apply(&self, object: Value) {
        let text = object.to_string();
        self.plane
            .kubectl_ok(&["apply", "-f", "-"], Some(&text))
            .await
            .unwrap();
    }

    async fn get(&self, args: &[&str]) -> Result<Value, String> {
        let args = [&["get", "-o", "json"], args].concat();
        let text = self.plane.kubectl_ok(&args, None).await;
        serde_json::from_str(&text.map_err(|error| error.to_string())?).map_err(|error| error.to_string())
    }

    /// Waits until something that is read is so; the end of the agent's log where it never is.
    async fn sees(&self, what: &str, agent: &Agent, args: &[&str], is_so: impl Fn(&Value) -> bool) {
        let look = || async {
            let seen = self.get(args).await?;
            if is_so(&seen) {
                Ok(())
            } else {
                Err(seen.to_string())
            }
        };
        if let Err(error) = until(what, PATIENCE, look).await {
            panic!("{error}\n{}", tail(&agent.log()));
        }
    }

    /// Waits for an Event about the node.
    async fn hears(&self, agent: &Agent, reason: &str, words: &str) {
        let is_it = |event: &Value| {
            let text = event["message"].as_str().unwrap_or_default();
            event["reason"] == reason
                && event["involvedObject"]["name"] == self.node.name()
                && text.contains(words)
        };
        let events = ["events", "--all-namespaces"];
        let has_it = |seen: &Value| seen["items"].as_array().is_some_and(|all| all.iter().any(is_it));
        self.sees(reason, agent, &events, has_it).await;
    }

    async fn create_pod(&self, name: &str) {
        self.apply(json!({
            "apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": "default"},
            "spec": {"nodeName": self.node.name(), "containers": [{"name": "tool", "image": "tool"}],
                "automountServiceAccountToken": false},
        }))
        .await;
    }
}

/// A pod, for kubectl.
fn pod(name: &str) -> [&str; 3] {
    ["pod", "--namespace=default", name]
}

/// What the API server has of a pod's address.
fn annotation(pod: &Value) -> &Value {
    &pod["metadata"]["annotations"]["vpc.amazonaws.com/pod-ips"]
}

/// Whether the agent tells of its node that so many addresses are in use.
fn says(assigned: i64) -> impl Fn(&Value) -> bool {
    move |seen| {
        let status = &seen["status"];
        status["observedBy"] == "Ipamd"
            && status["mode"] == "SecondaryIp"
            && status["enis"]["secondaryIps"] == 9
            && status["pool"]["assigned"] == assigned
    }
}

/// A while without the API server, and all that pods need goes on, a new agent included: one pod ends, one comes to the
/// old agent, two to the new one.
async fn outage<'a>(
    bed: &'a Bed,
    agent: Agent,
    options: &AgentOptions,
    ends: &Pod<'_>,
) -> (Agent, [(&'static str, Pod<'a>); 3]) {
    let names = ["alone", "later", "last"];
    for name in names {
        bed.create_pod(name).await;
    }
    let mut pods = names.map(|name| (name, bed.node.pod("default", name).unwrap()));
    bed.plane.stop_apiserver().await;
    tokio::time::sleep(AWAY).await;
    let [(_, alone), (_, later), (_, last)] = &mut pods;
    alone.add().unwrap();
    ends.del().unwrap();
    agent.kill();
    let agent = Agent::start(&bed.node, options).await.unwrap();
    later.add().unwrap();
    assert_ne!(later.address().unwrap(), alone.address().unwrap());
    // Only the last word counts.
    last.add().unwrap();
    last.del().unwrap();
    last.add().unwrap();
    bed.plane.start_apiserver().await.unwrap();
    (agent, pods)
}

#[tokio::test(flavor = "multi_thread")]
async fn pods_are_annotated_and_the_state_of_the_node_is_the_agents_to_tell() {
    let Some(bed) = Bed::start().await else { return };
    let account = json!({"apiVersion": "v1", "kind": "ServiceAccount",
        "metadata": {"name": "default", "namespace": "default"}});
    bed.apply(account).await;
    let name = bed.node.name();
    bed.apply(
        json!({"apiVersion": "vpccni.io/v1alpha1", "kind": "CniNodeState", "metadata": {"name": name}, "spec": {}}),
    )
    .await;
    let options = AgentOptions::new(&[("MAX_ENI", "1"), ("ANNOTATE_POD_IP", "true")]);
    let agent = Agent::start(&bed.node, &options).await.unwrap();
    bed.create_pod("web").await;
    let mut web = bed.node.pod("default", "web").unwrap();
    web.add().unwrap();
    let address = web.address().unwrap().to_string();
    bed.sees("the annotation", &agent, &pod("web"), |seen| {
        *annotation(seen) == address
    })
    .await;
    let state = ["cninodestate", name];
    bed.sees("the state of the node", &agent, &state, says(1)).await;

    let (agent, pods) = outage(&bed, agent, &options, &web).await;
    bed.sees("the state of the node", &agent, &state, says(3)).await;
    // What they got and gave back is said now: what an agent was told that is gone, and what this one was.
    bed.sees("web", &agent, &pod("web"), |seen| annotation(seen) == "")
        .await;
    for (name, got) in &pods {
        let wanted = got.address().unwrap().to_string();
        bed.sees(name, &agent, &pod(name), |seen| *annotation(seen) == wanted)
            .await;
    }

    for (_, pod) in &pods {
        pod.del().unwrap();
    }
    bed.sees("the state of the node", &agent, &state, says(0)).await;
    // The uid that these boxes tell is not that of the pods: by now others might have their names.
    tokio::time::sleep(AWAY).await;
    for (name, got) in &pods {
        let other = bed.get(&pod(name)).await.unwrap();
        assert_eq!(*annotation(&other), got.address().unwrap().to_string());
    }
    assert!(
        !agent.log().contains("UID in precondition"),
        "{}",
        tail(&agent.log())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_a_node_is_told_as_events() {
    let Some(bed) = Bed::start().await else { return };
    let denied = json!({"action": "AssignPrivateIpAddresses", "times": 1,
        "effect": {"error": {"code": "UnauthorizedOperation", "status": 403}}});
    let rule = serde_json::from_value(denied).unwrap();
    bed.vpc.sandbox().add_fault(rule).unwrap();
    let one = ("MAX_ENI", "1");
    let agent = Agent::start(&bed.node, &AgentOptions::new(&[one])).await.unwrap();
    bed.hears(&agent, "MissingIAMPermissions", "AssignPrivateIpAddresses")
        .await;
    let mut pod = bed.node.pod("default", "web").unwrap();
    pod.add().unwrap();
    agent.kill();
    let prefixes = AgentOptions::new(&[one, ("ENABLE_PREFIX_DELEGATION", "true")]);
    let agent = Agent::start(&bed.node, &prefixes).await.unwrap();
    bed.hears(&agent, "ModePinned", "secondary addresses").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_eniconfig_of_another_zone_is_named_and_takes_effect_once_it_is_right() {
    let Some(bed) = Bed::start().await else { return };
    let cloud = bed.vpc.cloud();
    let [near, far] = ZONES.map(|zone| cloud.zones[zone].pods.to_string());
    let config = |subnet: &str| {
        json!({"apiVersion": "crd.k8s.amazonaws.com/v1alpha1", "kind": "ENIConfig",
            "metadata": {"name": ZONES[0]},
            "spec": {"subnet": subnet, "securityGroups": [cloud.pod_group.to_string()]}})
    };
    bed.apply(config(&far)).await;
    let options = AgentOptions::new(&[
        ("AWS_VPC_K8S_CNI_CUSTOM_NETWORK_CFG", "true"),
        ("ENI_CONFIG_LABEL_DEF", "topology.kubernetes.io/zone"),
    ]);
    let mut agent = Agent::launch(&bed.node, &options).unwrap();
    bed.hears(&agent, "ENIConfigWrongZone", &far).await;
    bed.apply(config(&near)).await;
    agent.ready(&bed.node).await.unwrap();
    let mut pod = bed.node.pod("default", "web").unwrap();
    pod.add().unwrap();
    let address = pod.address().unwrap();
    let subnet = bed.vpc.sandbox().world().read(|world| {
        let mut enis = world.interfaces.values();
        let holder = enis.find(|eni| eni.secondary.iter().any(|own| *own == address));
        holder.map(|eni| eni.subnet.to_string())
    });
    assert_eq!(subnet, Some(near));
}
