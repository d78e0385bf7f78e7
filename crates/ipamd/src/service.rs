//! What the agent serves on its socket: addresses for the plugin, settings for the network-policy agent, and the
//! clean-up of a runtime.

mod branch;
mod reply;

use crate::agent::{Ask, Facts, PodAnswer, PodError};
use crate::annotations::Annotations;
use crate::host::Host;
use crate::kubernetes::{Annotation, Kubernetes};
use crate::metrics::Metrics;
use crate::node::Node;
use std::collections::BTreeSet;
use std::net::Ipv6Addr;
use std::sync::Arc;
use tokio::sync::{mpsc, oneshot, watch};
use tonic::{Request, Response, Status};
use vpccni_core::assign::{Key, PodRef, Refusal, Request as Wanted};
use vpccni_core::config;
use vpccni_core::node_enis::node_addresses;
use vpccni_rpc::node::node_server::Node as NodeService;
use vpccni_rpc::node::{Attachment, GcReply, GcRequest};
use vpccni_rpc::proto::cni_backend_server::CniBackend;
use vpccni_rpc::proto::config_server_backend_server::ConfigServerBackend;
use vpccni_rpc::proto::{
    AddNetworkReply, AddNetworkRequest, DelNetworkReply, DelNetworkRequest, NetworkPolicyAgentConfigReply,
};
use vpccni_rpc::{UNKNOWN_POD, VERSION, check_version};

/// The handlers. Clones share all.
#[derive(Debug, Clone)]
pub struct Service {
    /// The task that owns the store.
    pub asks: mpsc::Sender<Ask>,
    /// What it says of itself.
    pub facts: watch::Receiver<Facts>,
    /// The node.
    pub node: Arc<Node>,
    /// The address of its primary interface in IPv6.
    pub node_ipv6: Option<Ipv6Addr>,
    /// The host.
    pub host: Host,
    /// The API server, where there is one.
    pub kubernetes: Option<Kubernetes>,
    /// Pods to be annotated, where that is asked for.
    pub annotations: Option<Annotations>,
    /// The counters.
    pub metrics: Metrics,
}

impl Service {
    async fn ask(&self, request: Wanted) -> Result<PodAnswer, Status> {
        let (reply, answer) = oneshot::channel();
        let sent = self.asks.send(Ask::Pod { request, reply }).await;
        sent.map_err(|_| ending())?;
        answer.await.map_err(|_| ending())
    }

    fn annotate(&self, namespace: &str, name: &str, annotation: Annotation) {
        if let Some(annotations) = &self.annotations {
            let pod = PodRef {
                namespace: namespace.to_owned(),
                name: name.to_owned(),
            };
            annotations.put(pod, annotation);
        }
    }

    async fn add(&self, request: AddNetworkRequest) -> Result<AddNetworkReply, Status> {
        let (namespace, name) = (&request.k8s_pod_namespace, &request.k8s_pod_name);
        if let Some(reply) = self.branch_for(namespace, name).await {
            return Ok(reply);
        }
        let every_card = request.requires_multi_nic_attachment && self.node.settings.effective.multi_nic();
        let wanted = Wanted::Add {
            key: key(&request.container_id, &request.if_name, &request.network_name),
            pod: (!name.is_empty()).then(|| PodRef {
                namespace: namespace.clone(),
                name: name.clone(),
            }),
            every_card,
        };
        match self.ask(wanted).await? {
            Ok(given) => {
                let address = given.first().map(|given| given.address);
                self.annotate(namespace, name, Annotation { address, uid: None });
                Ok(self.reply(&given))
            }
            Err(PodError::Refused(refusal)) => {
                tracing::warn!(%namespace, pod = %name, %refusal, "a pod gets no address");
                Ok(AddNetworkReply::default())
            }
            Err(error @ PodError::Checkpoint(_)) => Err(Status::internal(error.to_string())),
        }
    }

    async fn del(&self, request: DelNetworkRequest) -> Result<DelNetworkReply, Status> {
        let wanted = Wanted::Del {
            key: key(&request.container_id, &request.if_name, &request.network_name),
        };
        match self.ask(wanted).await? {
            Ok(given) => {
                let gone = Annotation {
                    address: None,
                    uid: Some(request.k8s_pod_uid).filter(|uid| !uid.is_empty()),
                };
                self.annotate(&request.k8s_pod_namespace, &request.k8s_pod_name, gone);
                Ok(self.freed(&given))
            }
            Err(PodError::Refused(Refusal::UnknownPod | Refusal::NoAddress)) => {
                let branch = self.branch_of(
                    &request.k8s_pod_namespace,
                    &request.k8s_pod_name,
                    &request.k8s_pod_uid,
                );
                if let Some(reply) = &branch {
                    self.tell_ended(reply).await;
                }
                branch.ok_or_else(|| Status::unknown(UNKNOWN_POD))
            }
            Err(error @ PodError::Checkpoint(_)) => {
                // The plugin reports that to the runtime, which tries again.
                tracing::error!(%error, "an address stays held");
                Ok(DelNetworkReply::default())
            }
        }
    }

    /// The store knows no branches, so it does not see them end.
    async fn tell_ended(&self, reply: &DelNetworkReply) {
        let texts = reply
            .allocations
            .iter()
            .flat_map(|given| [&given.ipv4_addr, &given.ipv6_addr]);
        for address in texts.filter_map(|text| text.parse().ok()) {
            // Where the agent is ending, its successor looks for nothing of this: time does it.
            self.asks.send(Ask::Ended(address)).await.ok();
        }
    }

    async fn collect(&self, request: GcRequest) -> Result<GcReply, Status> {
        let network = request.network_name;
        let keep: BTreeSet<Key> = request
            .valid
            .iter()
            .map(|valid| key(&valid.container_id, &valid.interface, &network))
            .collect();
        let (reply, answer) = oneshot::channel();
        let ask = Ask::Keys {
            network: network.clone(),
            reply,
        };
        self.asks.send(ask).await.map_err(|_| ending())?;
        let held = answer.await.map_err(|_| ending())?;
        let wanted = Wanted::Collect {
            network,
            keep: keep.clone(),
        };
        if let Err(error) = self.ask(wanted).await? {
            return Err(Status::internal(error.to_string()));
        }
        let released = held.into_iter().filter(|key| !keep.contains(key));
        Ok(GcReply {
            released: released
                .map(|key| Attachment {
                    container_id: key.container,
                    interface: key.interface,
                })
                .collect(),
        })
    }
}

fn key(container: &str, interface: &str, network: &str) -> Key {
    Key {
        container: container.to_owned(),
        interface: interface.to_owned(),
        network: network.to_owned(),
    }
}

fn ending() -> Status {
    Status::unavailable("the agent is ending")
}

#[tonic::async_trait]
impl CniBackend for Service {
    async fn add_network(
        &self,
        request: Request<AddNetworkRequest>,
    ) -> Result<Response<AddNetworkReply>, Status> {
        let request = request.into_inner();
        check_version(VERSION, &request.client_version)?;
        self.metrics.add_asked();
        self.add(request).await.map(Response::new)
    }

    async fn del_network(
        &self,
        request: Request<DelNetworkRequest>,
    ) -> Result<Response<DelNetworkReply>, Status> {
        let request = request.into_inner();
        check_version(VERSION, &request.client_version)?;
        self.metrics.del_asked(&request.reason);
        self.del(request).await.map(Response::new)
    }
}

#[tonic::async_trait]
impl ConfigServerBackend for Service {
    async fn get_network_policy_configs(
        &self,
        _request: Request<()>,
    ) -> Result<Response<NetworkPolicyAgentConfigReply>, Status> {
        let (node, settings) = (&self.node, &self.node.settings);
        let six = settings.effective.ipv6();
        let (four, six) = node_addresses(six, node.identity.local_ipv4, self.node_ipv6);
        Ok(Response::new(NetworkPolicyAgentConfigReply {
            network_policy_mode: settings.network_policy_mode().to_owned(),
            multi_nic_enabled: settings.effective.is_on(config::Key::EnableMultiNic),
            node_ipv4: four.map(|ip| ip.to_string()).unwrap_or_default(),
            node_ipv6: six.map(|ip| ip.to_string()).unwrap_or_default(),
            instance_id: node.identity.instance.to_string(),
            region: node.identity.region.clone(),
        }))
    }
}

#[tonic::async_trait]
impl NodeService for Service {
    async fn gc(&self, request: Request<GcRequest>) -> Result<Response<GcReply>, Status> {
        let request = request.into_inner();
        check_version(VERSION, &request.client_version)?;
        self.collect(request).await.map(Response::new)
    }
}
