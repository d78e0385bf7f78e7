//! The cluster of the demo: an API server, and workers that are boxes with a kubelet, a runtime and the agent.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use vpccni_testbed::boxes::runtime::{Containerd, Kubelet, KubeletOptions, tool_pod};
use vpccni_testbed::boxes::{Agent, AgentOptions, NodeBox, Vpc};
use vpccni_testbed::wait::until;
use vpccni_testbed::{ControlPlane, Options};

use crate::demo::error::DemoError;
use crate::demo::page::Page;

/// What a pod, or a node, may take to come up on a loaded machine.
const PATIENCE: Duration = Duration::from_mins(2);

/// The API server, the VPC and where it is told.
pub(super) struct Cluster<'a> {
    pub(super) page: &'a Page,
    pub(super) plane: ControlPlane,
    pub(super) vpc: Vpc,
}

/// A node with all that runs on it.
pub(super) struct Worker {
    // Dropped in this order: the kubelet must not see its pods end.
    kubelet: Kubelet,
    containerd: Containerd,
    pub(super) agent: Agent,
    pub(super) node: NodeBox,
    options: AgentOptions,
}

impl<'a> Cluster<'a> {
    /// Starts the API server.
    pub(super) async fn start(page: &'a Page, vpc: Vpc) -> Result<Self, DemoError> {
        let progress = page.progress();
        progress.step("etcd and kube-apiserver");
        let plane = ControlPlane::start(Options::api_only()).await;
        let plane = plane.map_err(|error| DemoError::Boxes(error.to_string()))?;
        let cluster = Self { page, plane, vpc };
        // What the controller manager would make: without it the API server takes no pod.
        cluster
            .kubectl(&["create", "serviceaccount", "default"], None)
            .await?;
        Ok(cluster)
    }

    /// Launches an instance and brings everything of a node up on it.
    pub(super) async fn join(&self, zone: &str, env: &[(&str, &str)]) -> Result<Worker, DemoError> {
        let progress = self.page.progress();
        progress.step(&format!("an m5.large in {zone}: ipamd, containerd, kubelet"));
        let mut node = self.vpc.launch(zone, "m5.large").await?;
        node.use_api_server(&self.plane)?;
        let options = AgentOptions::new(env);
        let agent = Agent::start(&node, &options).await?;
        let containerd = Containerd::start(&node).await?;
        let kubelet = Kubelet::start(&mut node, &self.plane, &KubeletOptions::default()).await?;
        let path = "{.status.conditions[?(@.type==\"Ready\")].status}";
        self.eventually(
            &format!("node {} is ready", node.name()),
            &["get", "node", node.name(), "-o", &format!("jsonpath={path}")],
            |text| text == "True",
        )
        .await?;
        Ok(Worker {
            kubelet,
            containerd,
            agent,
            node,
            options,
        })
    }

    /// Creates pods on a node, and does not wait for them.
    pub(super) async fn create(&self, worker: &Worker, names: &[String]) -> Result<(), DemoError> {
        self.create_on(worker.node.name(), names).await
    }

    /// The same on a node that is only named.
    pub(super) async fn create_on(&self, node: &str, names: &[String]) -> Result<(), DemoError> {
        let pods: Vec<String> = names
            .iter()
            .map(|name| tool_pod(name, node).to_string())
            .collect();
        self.kubectl(&["create", "-f", "-"], Some(&pods.join("\n---\n")))
            .await
            .map(drop)
    }

    /// Waits until all of them run, and gives their addresses; no two may have the same.
    pub(super) async fn running(&self, names: &[String]) -> Result<BTreeMap<String, IpAddr>, DemoError> {
        let mut addresses = BTreeMap::new();
        for name in names {
            let path = "jsonpath={.status.phase} {.status.podIP}";
            let claim = format!("pod {name} runs");
            let args = ["get", "pod", name, "-o", path];
            let text = self
                .eventually(&claim, &args, |text| text.starts_with("Running "))
                .await?;
            let address = text.split(' ').nth(1).and_then(|text| text.parse().ok());
            let address: IpAddr = address.ok_or_else(|| DemoError::not_shown(&claim, &text))?;
            if let Some((other, _)) = addresses.iter().find(|(_, other)| **other == address) {
                return Err(DemoError::not_shown("every pod has an address of its own", other));
            }
            addresses.insert(name.clone(), address);
        }
        Ok(addresses)
    }

    /// Deletes pods and waits until they are gone.
    pub(super) async fn delete(&self, names: &[String]) -> Result<(), DemoError> {
        let mut args = vec!["delete", "pod", "--wait=true", "--timeout=120s"];
        args.extend(names.iter().map(String::as_str));
        self.kubectl(&args, None).await.map(drop)
    }

    /// Shows a command of kubectl and what it answers.
    pub(super) async fn show(&self, args: &[&str]) -> Result<(), DemoError> {
        self.page.command(&format!("kubectl {}", args.join(" ")));
        let text = self.kubectl(args, None).await?;
        self.page.output(&text);
        Ok(())
    }

    async fn kubectl(&self, args: &[&str], stdin: Option<&str>) -> Result<String, DemoError> {
        let answer = self.plane.kubectl_ok(args, stdin).await;
        answer.map_err(|error| DemoError::Boxes(error.to_string()))
    }

    async fn eventually(
        &self,
        claim: &str,
        args: &[&str],
        holds: impl Fn(&str) -> bool,
    ) -> Result<String, DemoError> {
        let holds = &holds;
        let found = until(claim, PATIENCE, || async move {
            let text = self
                .kubectl(args, None)
                .await
                .map_err(|error| error.to_string())?;
            if holds(&text) { Ok(text) } else { Err(text) }
        });
        found.await.map_err(|error| DemoError::not_shown(claim, &error))
    }
}

impl Worker {
    /// Kills the agent as a crash would.
    pub(super) fn kill_agent(self) -> Stopped {
        self.agent.kill();
        Stopped {
            kubelet: self.kubelet,
            containerd: self.containerd,
            node: self.node,
            options: self.options,
        }
    }

    /// Shows what a program of the node prints.
    pub(super) fn show(&self, page: &Page, program: &str, args: &[&str]) -> Result<String, DemoError> {
        page.command(&format!("{program} {}", args.join(" ")));
        let text = self.node.run(program, args)?;
        page.output(&text);
        Ok(text)
    }
}

/// A node whose agent does not run.
pub(super) struct Stopped {
    kubelet: Kubelet,
    containerd: Containerd,
    pub(super) node: NodeBox,
    options: AgentOptions,
}

impl Stopped {
    /// Starts the agent again, as the kubelet would.
    pub(super) async fn start_agent(self) -> Result<Worker, DemoError> {
        Ok(Worker {
            agent: Agent::start(&self.node, &self.options).await?,
            kubelet: self.kubelet,
            containerd: self.containerd,
            node: self.node,
            options: self.options,
        })
    }
}
