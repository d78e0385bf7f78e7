//! The calls to ipamd and to the network-policy agent, with a limit of time on each.

use crate::conf::{Attachment as Known, NetConf};
use crate::environment::Environment;
use crate::error::{CniError, Code};
use std::future::Future;
use std::path::Path;
use std::time::Duration;
use tonic::transport::Channel;
use tonic::{Response, Status};
use vpccni_rpc::health::{self, Health};
use vpccni_rpc::node::node_client::NodeClient;
use vpccni_rpc::node::{Attachment, GcRequest};
use vpccni_rpc::proto::cni_backend_client::CniBackendClient;
use vpccni_rpc::proto::np_backend_client::NpBackendClient;
use vpccni_rpc::proto::{
    AddNetworkReply, AddNetworkRequest, DelNetworkReply, DelNetworkRequest, DeleteNpRequest, EnforceNpRequest,
};
use vpccni_rpc::{ConnectError, VERSION, connect};

/// Somebody listens on the same machine, or nobody does.
const DIAL: Duration = Duration::from_secs(2);
/// ipamd answers out of its memory. A runtime waits for minutes, and tries again.
const ANSWER: Duration = Duration::from_secs(30);

/// A connection to ipamd.
#[derive(Debug)]
pub struct Ipamd(Channel);

/// What a DEL came to.
#[derive(Debug)]
pub enum Released {
    /// It had this.
    Had(DelNetworkReply),
    /// It is not known: an earlier DEL took it away, or no ADD ever got so far.
    Unknown,
}

impl Ipamd {
    /// Connects.
    pub async fn dial(path: &Path) -> Result<Self, ConnectError> {
        connect(path, DIAL).await.map(Self)
    }

    fn backend(&self) -> CniBackendClient<Channel> {
        CniBackendClient::new(self.0.clone())
    }

    /// Gets addresses.
    pub async fn add(&self, env: &Environment, conf: &NetConf) -> Result<AddNetworkReply, CniError> {
        let request = AddNetworkRequest {
            client_version: VERSION.to_owned(),
            k8s_pod_name: env.pod.name.clone(),
            k8s_pod_namespace: env.pod.namespace.clone(),
            k8s_pod_infra_container_id: env.pod.infra_container_id.clone(),
            container_id: env.container_id.clone(),
            if_name: env.if_name.clone(),
            network_name: conf.name.clone(),
            netns: env.netns.clone(),
            requires_multi_nic_attachment: conf.multi_nic,
        };
        let mut backend = self.backend();
        let reply = in_time(backend.add_network(request)).await.map_err(|status| {
            CniError::because(retry_or_not(&status), "ipamd gave no address", status.message())
        })?;
        if reply.success {
            return Ok(reply);
        }
        Err(CniError::new(
            Code::TryAgainLater,
            "ipamd has no address for the pod now",
        ))
    }

    /// Gives them back.
    pub async fn del(&self, env: &Environment, conf: &NetConf, reason: &str) -> Result<Released, Status> {
        let request = DelNetworkRequest {
            client_version: VERSION.to_owned(),
            k8s_pod_name: env.pod.name.clone(),
            k8s_pod_namespace: env.pod.namespace.clone(),
            k8s_pod_infra_container_id: env.pod.infra_container_id.clone(),
            reason: reason.to_owned(),
            container_id: env.container_id.clone(),
            if_name: env.if_name.clone(),
            network_name: conf.name.clone(),
            k8s_pod_uid: env.pod.uid.clone(),
        };
        let mut backend = self.backend();
        match in_time(backend.del_network(request)).await {
            Ok(reply) => Ok(Released::Had(reply)),
            Err(status) if status.message().contains("unknown pod") => Ok(Released::Unknown),
            Err(status) => Err(status),
        }
    }

    /// Gives back what belongs to no attachment of these; says how many that were.
    pub async fn gc(&self, network: &str, valid: &[Known]) -> Result<usize, CniError> {
        let request = GcRequest {
            client_version: VERSION.to_owned(),
            network_name: network.to_owned(),
            valid: valid
                .iter()
                .map(|known| Attachment {
                    container_id: known.container_id.clone(),
                    interface: known.ifname.clone(),
                })
                .collect(),
        };
        let mut node = NodeClient::new(self.0.clone());
        let reply = in_time(node.gc(request)).await;
        reply.map(|reply| reply.released.len()).map_err(|status| {
            CniError::because(retry_or_not(&status), "ipamd collected nothing", status.message())
        })
    }

    /// How one of its services is.
    pub async fn health(&self, service: &str) -> Result<Health, Status> {
        tokio::time::timeout(DIAL, health::check(self.0.clone(), service))
            .await
            .unwrap_or_else(|_| Err(late()))
    }
}

/// The network-policy agent.
#[derive(Debug)]
pub struct PolicyAgent(NpBackendClient<Channel>);

impl PolicyAgent {
    /// Connects.
    pub async fn dial(path: &Path) -> Result<Self, CniError> {
        let channel = connect(path, DIAL).await;
        channel
            .map(|channel| Self(NpBackendClient::new(channel)))
            .map_err(|error| {
                CniError::because(Code::NetworkPolicy, "the network-policy agent is away", error)
            })
    }

    /// Has the policies of a pod hold.
    pub async fn enforce(mut self, env: &Environment, mode: &str, interfaces: usize) -> Result<(), CniError> {
        let request = EnforceNpRequest {
            k8s_pod_name: env.pod.name.clone(),
            k8s_pod_namespace: env.pod.namespace.clone(),
            network_policy_mode: mode.to_owned(),
            interface_count: i32::try_from(interfaces).unwrap_or(i32::MAX),
        };
        let failed = "the network-policy agent did not enforce the policies of the pod";
        match in_time(self.0.enforce_np_to_pod(request)).await {
            Ok(reply) if reply.success => Ok(()),
            Ok(_) => Err(CniError::new(Code::NetworkPolicy, failed)),
            Err(status) => Err(CniError::because(Code::NetworkPolicy, failed, status.message())),
        }
    }

    /// Has a pod forgotten.
    pub async fn forget(mut self, env: &Environment) -> Result<(), Status> {
        let request = DeleteNpRequest {
            k8s_pod_name: env.pod.name.clone(),
            k8s_pod_namespace: env.pod.namespace.clone(),
        };
        in_time(self.0.delete_pod_np(request)).await.map(drop)
    }
}

async fn in_time<T>(call: impl Future<Output = Result<Response<T>, Status>>) -> Result<T, Status> {
    match tokio::time::timeout(ANSWER, call).await {
        Ok(answer) => answer.map(Response::into_inner),
        Err(_) => Err(late()),
    }
}

fn late() -> Status {
    Status::deadline_exceeded("no answer in time")
}

/// ipamd going away in the middle of a call is like ipamd being away.
fn retry_or_not(status: &Status) -> Code {
    match status.code() {
        tonic::Code::Unavailable
        | tonic::Code::DeadlineExceeded
        | tonic::Code::ResourceExhausted
        | tonic::Code::Cancelled => Code::TryAgainLater,
        _ => Code::Refused,
    }
}
