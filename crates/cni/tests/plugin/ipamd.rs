//! An ipamd that is small but keeps its word: a pool of addresses, each with one sandbox at most, over a real socket.
//! The network-policy agent is here, too.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread::JoinHandle;

use tokio::sync::oneshot;
use tokio_stream::wrappers::UnixListenerStream;
use tonic::{Request, Response, Status};
use vpccni_rpc::node::node_server::Node;
use vpccni_rpc::node::{Attachment, GcReply, GcRequest};
use vpccni_rpc::proto::cni_backend_server::CniBackend;
use vpccni_rpc::proto::config_server_backend_server::ConfigServerBackend;
use vpccni_rpc::proto::np_backend_server::{NpBackend, NpBackendServer};
use vpccni_rpc::proto::{
    AddNetworkReply, AddNetworkRequest, DelNetworkReply, DelNetworkRequest, DeleteNpReply, DeleteNpRequest,
    EnforceNpReply, EnforceNpRequest, IpAllocationMetadata, NetworkPolicyAgentConfigReply,
};
use vpccni_rpc::server::{Handlers, HealthSwitch, bind, serve};
use vpccni_rpc::{UNKNOWN_POD, VERSION, check_version};

/// Network, container, interface.
type Key = (String, String, String);

/// What is known, and how it is to behave.
#[derive(Debug)]
pub(crate) struct State {
    /// Free addresses with device and table; the last is given first.
    pub(crate) free: Vec<(String, i32, i32)>,
    /// Who has what.
    pub(crate) assigned: BTreeMap<Key, Vec<(String, i32, i32)>>,
    /// The reasons of all DelNetwork calls.
    pub(crate) reasons: Vec<String>,
    /// What the policy agent was told.
    pub(crate) policies: Vec<String>,
    /// NetworkPolicyMode.
    pub(crate) mode: String,
    /// A branch for the next pod: VLAN, MAC, gateway, trunk.
    pub(crate) branch: Option<(i32, String, String, i32)>,
    /// The version it is of.
    pub(crate) version: String,
    /// Whether the policy agent agrees.
    pub(crate) enforces: bool,
}

impl Default for State {
    fn default() -> Self {
        let address = |last| (format!("10.0.0.{last}"), 1, 2);
        Self {
            free: (10..14).rev().map(address).collect(),
            assigned: BTreeMap::new(),
            reasons: Vec::new(),
            policies: Vec::new(),
            mode: String::new(),
            branch: None,
            version: VERSION.to_owned(),
            enforces: true,
        }
    }
}

#[derive(Clone)]
struct Agent(Arc<Mutex<State>>);

fn metadata(address: &(String, i32, i32)) -> IpAllocationMetadata {
    let (text, device_number, route_table_id) = address.clone();
    let v6 = text.contains(':');
    IpAllocationMetadata {
        ipv4_addr: if v6 { String::new() } else { text.clone() },
        ipv6_addr: if v6 { text } else { String::new() },
        device_number,
        route_table_id,
    }
}

#[tonic::async_trait]
impl CniBackend for Agent {
    async fn add_network(
        &self,
        request: Request<AddNetworkRequest>,
    ) -> Result<Response<AddNetworkReply>, Status> {
        let request = request.into_inner();
        let mut state = self.0.lock().unwrap();
        check_version(&state.version, &request.client_version)?;
        let mut reply = AddNetworkReply {
            network_policy_mode: state.mode.clone(),
            ..Default::default()
        };
        if let Some((vlan, mac, gateway, trunk)) = state.branch.clone() {
            reply.success = true;
            reply.allocations = vec![metadata(&("10.0.9.9".to_owned(), -1, vlan + 100))];
            (reply.pod_vlan_id, reply.pod_eni_mac) = (vlan, mac);
            (reply.pod_eni_subnet_gw, reply.parent_if_index) = (gateway, trunk);
            return Ok(Response::new(reply));
        }
        let key = (request.network_name, request.container_id, request.if_name);
        let wanted = if request.requires_multi_nic_attachment {
            2
        } else {
            1
        };
        if !state.assigned.contains_key(&key) && state.free.len() >= wanted {
            let rest = state.free.len() - wanted;
            let mut taken = state.free.split_off(rest);
            taken.reverse();
            state.assigned.insert(key.clone(), taken);
        }
        if let Some(addresses) = state.assigned.get(&key) {
            reply.success = true;
            reply.allocations = addresses.iter().map(metadata).collect();
        }
        Ok(Response::new(reply))
    }

    async fn del_network(
        &self,
        request: Request<DelNetworkRequest>,
    ) -> Result<Response<DelNetworkReply>, Status> {
        let request = request.into_inner();
        let mut state = self.0.lock().unwrap();
        check_version(&state.version, &request.client_version)?;
        state.reasons.push(request.reason);
        let key = (request.network_name, request.container_id, request.if_name);
        let Some(addresses) = state.assigned.remove(&key) else {
            return Err(Status::unknown(UNKNOWN_POD));
        };
        let reply = DelNetworkReply {
            success: true,
            allocations: addresses.iter().map(metadata).collect(),
            network_policy_mode: state.mode.clone(),
            ..Default::default()
        };
        state.free.extend(addresses.into_iter().rev());
        Ok(Response::new(reply))
    }
}

#[tonic::async_trait]
impl Node for Agent {
    async fn gc(&self, request: Request<GcRequest>) -> Result<Response<GcReply>, Status> {
        let request = request.into_inner();
        let mut state = self.0.lock().unwrap();
        let is_valid = |(network, container, interface): &Key| {
            *network != request.network_name
                || request
                    .valid
                    .iter()
                    .any(|valid| valid.container_id == *container && valid.interface == *interface)
        };
        let gone: Vec<Key> = state
            .assigned
            .keys()
            .filter(|key| !is_valid(key))
            .cloned()
            .collect();
        for key in &gone {
            let addresses = state.assigned.remove(key).unwrap();
            state.free.extend(addresses);
        }
        let released = gone
            .into_iter()
            .map(|(_, container_id, interface)| Attachment {
                container_id,
                interface,
            })
            .collect();
        Ok(Response::new(GcReply { released }))
    }
}

#[tonic::async_trait]
impl ConfigServerBackend for Agent {
    async fn get_network_policy_configs(
        &self,
        _: Request<()>,
    ) -> Result<Response<NetworkPolicyAgentConfigReply>, Status> {
        Err(Status::unimplemented("the plugin does not ask for this"))
    }
}

#[tonic::async_trait]
impl NpBackend for Agent {
    async fn enforce_np_to_pod(
        &self,
        request: Request<EnforceNpRequest>,
    ) -> Result<Response<EnforceNpReply>, Status> {
        let EnforceNpRequest {
            k8s_pod_name,
            k8s_pod_namespace,
            network_policy_mode,
            interface_count,
        } = request.into_inner();
        let mut state = self.0.lock().unwrap();
        let line =
            format!("enforce {k8s_pod_namespace}/{k8s_pod_name} {network_policy_mode} {interface_count}");
        state.policies.push(line);
        let success = state.enforces;
        Ok(Response::new(EnforceNpReply { success }))
    }

    async fn delete_pod_np(
        &self,
        request: Request<DeleteNpRequest>,
    ) -> Result<Response<DeleteNpReply>, Status> {
        let request = request.into_inner();
        let mut state = self.0.lock().unwrap();
        if !state.enforces {
            return Err(Status::internal("busy"));
        }
        let line = format!("forget {}/{}", request.k8s_pod_namespace, request.k8s_pod_name);
        state.policies.push(line);
        Ok(Response::new(DeleteNpReply { success: true }))
    }
}

/// A running ipamd, or policy agent; dropping it stops it.
pub(crate) struct Server {
    health: Option<HealthSwitch>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// Starts ipamd at a socket: it serves, and its pool is not empty.
pub(crate) fn start(socket: &Path, state: &Arc<Mutex<State>>) -> Server {
    let agent = Agent(Arc::clone(state));
    launch(socket, |path, stopped, ready| async move {
        let health = HealthSwitch::off().await;
        health.set_serving(true).await;
        health.set_pool(true).await;
        let listener = bind(&path).unwrap();
        ready.send(Some(health.clone())).unwrap();
        let handlers = Handlers {
            backend: agent.clone(),
            config: agent.clone(),
            node: agent,
        };
        serve(listener, handlers, &health, stopped).await.unwrap();
    })
}

/// Starts the network-policy agent at a socket.
pub(crate) fn start_policy_agent(socket: &Path, state: &Arc<Mutex<State>>) -> Server {
    let agent = Agent(Arc::clone(state));
    launch(socket, |path, stopped, ready| async move {
        let incoming = UnixListenerStream::new(bind(&path).unwrap());
        ready.send(None).unwrap();
        tonic::transport::Server::builder()
            .add_service(NpBackendServer::new(agent))
            .serve_with_incoming_shutdown(incoming, stopped)
            .await
            .unwrap();
    })
}

type Stopped = std::pin::Pin<Box<dyn Future<Output = ()> + Send>>;
type Ready = mpsc::Sender<Option<HealthSwitch>>;

fn launch<F: Future<Output = ()>>(
    socket: &Path,
    body: impl FnOnce(PathBuf, Stopped, Ready) -> F + Send + 'static,
) -> Server {
    let (stop, stopped) = oneshot::channel();
    let (ready, is_ready) = mpsc::channel();
    let path = socket.to_owned();
    let thread = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let stopped = Box::pin(async {
            stopped.await.unwrap_or_default();
        });
        runtime.block_on(body(path, stopped, ready));
    });
    Server {
        health: is_ready.recv().unwrap(),
        stop: Some(stop),
        thread: Some(thread),
    }
}

impl Server {
    /// What it says of itself, and of its pool.
    pub(crate) fn set_health(&self, serving: bool, pool: bool) {
        let health = self.health.clone().unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            health.set_serving(serving).await;
            health.set_pool(pool).await;
        });
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let ended = thread.join();
            if !std::thread::panicking() {
                ended.unwrap();
            }
        }
    }
}

/// A state to be shared, as `change` makes it.
pub(crate) fn state(change: impl FnOnce(&mut State)) -> Arc<Mutex<State>> {
    let mut state = State::default();
    change(&mut state);
    Arc::new(Mutex::new(state))
}

/// A look at it.
pub(crate) fn look(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap()
}
