//! What a full review counts in the whole cluster: read page by page, counted, and not kept.

mod count;
mod kube_proxy;
mod pods;

use k8s_openapi::api::core::v1::ConfigMap;
use k8s_openapi::api::networking::v1::NetworkPolicy;
use kube::api::{ApiResource, GroupVersionKind};
use kube::core::PartialObjectMeta;
use kube::{Api, Client};
use pods::PodCounts;

pub use pods::POD_ENI;
use std::collections::BTreeMap;
use vpccni_core::known::Known;
use vpccni_core::safety::{NodePodFacts, WorkloadFacts};

/// How much is read for a review.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deep {
    /// Only what is cached.
    Cheap,
    /// Also every pod, service and policy of the cluster.
    Full,
}

/// What was counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeepFacts {
    /// Pods by node name; a node without an entry has none.
    pub pods: Known<BTreeMap<String, NodePodFacts>>,
    /// What runs.
    pub workloads: WorkloadFacts,
}

impl DeepFacts {
    /// Nothing was counted.
    pub fn not_read() -> Self {
        Self {
            pods: Known::not_read("the list of pods"),
            workloads: WorkloadFacts {
                security_group_policies: Known::not_read("the list of SecurityGroupPolicies"),
                network_policies: Known::not_read("the list of NetworkPolicies"),
                local_traffic_services: Known::not_read("the list of services"),
                node_local_dns: Known::not_read("the DaemonSet of NodeLocal DNS"),
                kube_proxy_ipvs: Known::not_read("the configuration of kube-proxy"),
                probed_security_group_pods: Known::not_read("the list of pods"),
            },
        }
    }

    /// Reads as much as asked; each part is known or says why not.
    pub async fn read(client: &Client, deep: Deep) -> Self {
        if deep == Deep::Cheap {
            return Self::not_read();
        }
        let pod_api = Api::all(client.clone());
        let counted = count::pages(&pod_api, "pods", PodCounts::default, PodCounts::add).await;
        let (pods, probed) = match counted {
            Known::Yes(PodCounts { by_node, probed }) => (Known::Yes(by_node), Known::Yes(probed)),
            Known::Unknown(why) => (Known::Unknown(why.clone()), Known::Unknown(why)),
        };
        let service_api = Api::all(client.clone());
        let local = count::pages(&service_api, "services", u32::default, pods::count_local).await;
        let sgp = GroupVersionKind::gvk("vpcresources.k8s.aws", "v1beta1", "SecurityGroupPolicy");
        Self {
            pods,
            workloads: WorkloadFacts {
                security_group_policies: count::objects(
                    client,
                    &ApiResource::from_gvk_with_plural(&sgp, "securitygrouppolicies"),
                )
                .await,
                network_policies: count::objects(client, &ApiResource::erase::<NetworkPolicy>(&())).await,
                local_traffic_services: local,
                node_local_dns: node_local_dns(client).await,
                kube_proxy_ipvs: kube_proxy_ipvs(client).await,
                probed_security_group_pods: probed,
            },
        }
    }
}

async fn node_local_dns(client: &Client) -> Known<bool> {
    let api: Api<k8s_openapi::api::apps::v1::DaemonSet> = Api::namespaced(client.clone(), "kube-system");
    let found: Result<Option<PartialObjectMeta<_>>, _> = api.get_metadata_opt("node-local-dns").await;
    match found {
        Ok(found) => Known::Yes(found.is_some()),
        Err(error) => Known::Unknown(count::sentence(
            "the DaemonSet kube-system/node-local-dns",
            &error,
        )),
    }
}

/// EKS names the ConfigMap `kube-proxy-config`, kubeadm `kube-proxy`. Where there is none, kube-proxy does not run or
/// runs with its default, which is not IPVS.
async fn kube_proxy_ipvs(client: &Client) -> Known<bool> {
    let api: Api<ConfigMap> = Api::namespaced(client.clone(), "kube-system");
    for name in ["kube-proxy-config", "kube-proxy"] {
        match api.get_opt(name).await {
            Ok(Some(map)) => return Known::Yes(kube_proxy::is_ipvs(&map)),
            Ok(None) => {}
            Err(error) => {
                return Known::Unknown(count::sentence(
                    &format!("the ConfigMap kube-system/{name}"),
                    &error,
                ));
            }
        }
    }
    Known::Yes(false)
}

#[cfg(test)]
mod tests;
