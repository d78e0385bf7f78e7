//! A pod without a kubelet: a network namespace of the node, and the plugins called as a runtime calls them.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::Duration;

use serde_json::{Map, Value, json};

use super::error::BoxError;
use super::node::NodeBox;
use super::programs::REFERENCE_PLUGINS;
use super::space;

/// The configuration that the agent of the node writes when it is ready.
pub const CONFLIST: &str = "/etc/cni/net.d/10-aws.conflist";
/// Where plugins are looked for, in this order.
const PLUGINS: [&str; 2] = ["/opt/cni/bin", REFERENCE_PLUGINS];

/// A pod. Its namespace goes with its node; `DEL` is the caller's to call.
#[derive(Debug)]
pub struct Pod<'a> {
    node: &'a NodeBox,
    namespace: String,
    name: String,
    container: String,
    netns: String,
    network: File,
    runtime: Map<String, Value>,
    result: Option<Value>,
}

impl NodeBox {
    /// The network namespaces of all pods on the node by their addresses, whoever made them.
    pub fn pod_networks(&self) -> Result<BTreeMap<IpAddr, File>, BoxError> {
        let folder = self.space().path("/run/netns");
        let mut found = BTreeMap::new();
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            let path = entry.path();
            // One that is being removed is a plain file.
            let Ok(network) = File::open(&path) else { continue };
            let Ok(text) = space::tool(&network, "ip", &["-j", "addr", "show", "scope", "global"], "") else {
                continue;
            };
            for address in addresses_in(&text) {
                let network = network.try_clone().map_err(BoxError::file("copy", &path))?;
                found.insert(address, network);
            }
        }
        Ok(found)
    }

    /// Makes the namespace of a pod, with nothing but the loopback interface up.
    pub fn pod(&self, namespace: &str, name: &str) -> Result<Pod<'_>, BoxError> {
        static NEXT: AtomicU32 = AtomicU32::new(1);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let netns = format!("cni-{number:08x}");
        self.run("ip", &["netns", "add", &netns])?;
        let path = self.space().path(format!("/run/netns/{netns}"));
        let network = File::open(&path).map_err(BoxError::file("open", path))?;
        space::tool(&network, "ip", &["link", "set", "lo", "up"], "")?;
        Ok(Pod {
            node: self,
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            container: format!("{number:064x}"),
            netns,
            network,
            runtime: Map::new(),
            result: None,
        })
    }
}

impl Pod<'_> {
    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The network namespace, for sockets and tools.
    pub fn network(&self) -> &File {
        &self.network
    }

    /// The id of its sandbox.
    pub fn container(&self) -> &str {
        &self.container
    }

    /// What the last ADD answered.
    pub fn result(&self) -> Option<&Value> {
        self.result.as_ref()
    }

    /// What the runtime tells plugins that have this capability.
    pub fn runtime(&mut self, capability: &str, value: Value) {
        self.runtime.insert(capability.to_owned(), value);
    }

    /// Takes this for what an ADD answered: of a plugin that is not called here.
    pub fn added_as(&mut self, result: Value) {
        self.result = Some(result);
    }

    /// Its addresses, as the last ADD answered them.
    pub fn addresses(&self) -> Vec<IpAddr> {
        let ips = self.result.iter().filter_map(|result| result["ips"].as_array());
        ips.flatten()
            .filter_map(|ip| ip["address"].as_str()?.split('/').next()?.parse().ok())
            .collect()
    }

    /// Its first address; an error before ADD.
    pub fn address(&self) -> Result<IpAddr, BoxError> {
        self.addresses().first().copied().ok_or_else(|| BoxError::Answer {
            program: format!("ADD of {}/{}", self.namespace, self.name),
            reason: "no address".to_owned(),
        })
    }

    /// Runs a program in the network of the pod and gives what it printed.
    pub fn run(&self, program: &str, args: &[&str]) -> Result<String, BoxError> {
        space::tool(&self.network, program, args, "")
    }

    /// Calls every plugin of the chain with ADD, each with the result of the one before.
    pub fn add(&mut self) -> Result<&Value, BoxError> {
        let (list, plugins) = self.chain()?;
        let mut result = None;
        for plugin in &plugins {
            let text = self.call("ADD", &list, plugin, result.as_ref())?;
            let answer = serde_json::from_str(&text).map_err(|error| BoxError::Answer {
                program: type_of(plugin),
                reason: format!("{error}: {text}"),
            })?;
            result = Some(answer);
        }
        Ok(self.result.insert(result.unwrap_or_default()))
    }

    /// Calls them with CHECK.
    pub fn check(&self) -> Result<(), BoxError> {
        let (list, plugins) = self.chain()?;
        plugins
            .iter()
            .try_for_each(|plugin| self.call("CHECK", &list, plugin, self.result.as_ref()).map(drop))
    }

    /// Calls them with DEL, the last of the chain first. The namespace stays, so that DEL can be called again.
    pub fn del(&self) -> Result<(), BoxError> {
        let (list, plugins) = self.chain()?;
        plugins
            .iter()
            .rev()
            .try_for_each(|plugin| self.call("DEL", &list, plugin, self.result.as_ref()).map(drop))
    }

    /// Removes the namespace, as a runtime does after DEL.
    pub fn remove(self) -> Result<(), BoxError> {
        self.node.run("ip", &["netns", "del", &self.netns]).map(drop)
    }

    /// The configuration, and those of its plugins that are installed.
    fn chain(&self) -> Result<(Value, Vec<Value>), BoxError> {
        let path = self.node.path(CONFLIST);
        let text = fs::read_to_string(&path).map_err(BoxError::file("read", &path))?;
        let list: Value = serde_json::from_str(&text).map_err(|error| BoxError::Answer {
            program: path.display().to_string(),
            reason: error.to_string(),
        })?;
        let plugins = list["plugins"].as_array().into_iter().flatten();
        let installed = plugins
            .filter(|plugin| self.plugin(plugin).is_some())
            .cloned()
            .collect();
        Ok((list, installed))
    }

    fn plugin(&self, plugin: &Value) -> Option<PathBuf> {
        let name = type_of(plugin);
        let places = PLUGINS.map(|folder| Path::new(folder).join(&name));
        places.into_iter().find(|path| self.node.path(path).is_file())
    }

    fn call(
        &self,
        command: &'static str,
        list: &Value,
        plugin: &Value,
        previous: Option<&Value>,
    ) -> Result<String, BoxError> {
        let mut program = self.program(command, plugin);
        let input = self.configuration(list, plugin, previous).to_string();
        let output = self.node.space().output(&mut program, &input)?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
        }
        Err(refusal(command, plugin, &output))
    }

    /// Calls the first plugin of the chain and ends it with SIGKILL after a time. Says whether it came to that.
    pub fn interrupt(&self, command: &'static str, after: Duration) -> Result<bool, BoxError> {
        let (list, plugins) = self.chain()?;
        let Some(plugin) = plugins.first() else {
            return Ok(false);
        };
        let input = self
            .configuration(&list, plugin, self.result.as_ref())
            .to_string();
        let mut program = self.program(command, plugin);
        let program = program.stdin(Stdio::piped()).stdout(Stdio::null());
        let mut child = self.node.space().spawn(program.stderr(Stdio::null()))?;
        let error = || BoxError::kernel::<io::Error>(format!("interrupt {command}"));
        let mut told = child.stdin.take();
        if let Some(pipe) = &mut told {
            pipe.write_all(input.as_bytes()).map_err(error())?;
        }
        drop(told);
        thread::sleep(after);
        child.kill().map_err(error())?;
        let status = child.wait().map_err(error())?;
        Ok(status.code().is_none())
    }

    fn program(&self, command: &'static str, plugin: &Value) -> Command {
        let path = self.plugin(plugin).unwrap_or_default();
        let args = format!(
            "IgnoreUnknown=1;K8S_POD_NAMESPACE={};K8S_POD_NAME={};K8S_POD_INFRA_CONTAINER_ID={};K8S_POD_UID={}",
            self.namespace, self.name, self.container, self.container
        );
        let mut program = Command::new(&path);
        program
            .env_clear()
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
            .env("CNI_COMMAND", command)
            .env("CNI_CONTAINERID", &self.container)
            .env("CNI_NETNS", format!("/var/run/netns/{}", self.netns))
            .env("CNI_IFNAME", "eth0")
            .env("CNI_PATH", PLUGINS.join(":"))
            .env("CNI_ARGS", args);
        program
    }

    /// What a plugin gets on its standard input.
    fn configuration(&self, list: &Value, plugin: &Value, previous: Option<&Value>) -> Value {
        let mut config = plugin.as_object().cloned().unwrap_or_default();
        for key in ["cniVersion", "name"] {
            config.insert(key.to_owned(), list[key].clone());
        }
        if let Some(previous) = previous {
            config.insert("prevResult".to_owned(), previous.clone());
        }
        let mut runtime = self.runtime.clone();
        runtime.retain(|capability, _| plugin["capabilities"][capability] == json!(true));
        if plugin["capabilities"]["portMappings"] == json!(true) {
            runtime.entry("portMappings").or_insert_with(|| json!([]));
        }
        if !runtime.is_empty() {
            config.insert("runtimeConfig".to_owned(), runtime.into());
        }
        config.into()
    }
}

/// The addresses in what `ip -j addr` prints.
fn addresses_in(text: &str) -> Vec<IpAddr> {
    let links: Value = serde_json::from_str(text).unwrap_or_default();
    let links = links.as_array().into_iter().flatten();
    links
        .flat_map(|link| link["addr_info"].as_array().into_iter().flatten())
        .filter_map(|address| address["local"].as_str()?.parse().ok())
        .collect()
}

fn type_of(plugin: &Value) -> String {
    plugin["type"].as_str().unwrap_or_default().to_owned()
}

fn refusal(command: &'static str, plugin: &Value, output: &Output) -> BoxError {
    let text = String::from_utf8_lossy(&output.stdout);
    let said: Value = serde_json::from_str(&text).unwrap_or_default();
    let words = [said["msg"].as_str(), said["details"].as_str()];
    let message = words.into_iter().flatten().collect::<Vec<_>>().join(": ");
    BoxError::Plugin {
        plugin: type_of(plugin),
        command,
        code: said["code"].as_u64().unwrap_or_default(),
        message: if message.is_empty() {
            format!(
                "{}: {text}{}",
                output.status,
                String::from_utf8_lossy(&output.stderr)
            )
        } else {
            message
        },
    }
}
