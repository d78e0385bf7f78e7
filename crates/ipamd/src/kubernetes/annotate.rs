//! The annotation of pods with their addresses: read for all pods of the node, written for one.

use super::view::POD_ENI;
use super::{Kubernetes, KubernetesError};
use k8s_openapi::api::core::v1::Pod;
use kube::api::{ListParams, Patch, PatchParams};
use kube::core::Status;
use kube::{Api, ResourceExt};
use serde_json::json;
use std::net::IpAddr;
use vpccni_core::assign::PodRef;

/// The annotation.
const POD_IPS: &str = "vpc.amazonaws.com/pod-ips";

/// What a pod is to say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Annotation {
    /// Its address; none when it has none any more.
    pub address: Option<IpAddr>,
    /// The pod that is meant: by now another one may have its name, on another node. None where nobody told.
    pub uid: Option<String>,
}

/// What a pod says of its address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Annotated {
    /// The pod.
    pub pod: PodRef,
    /// Its uid.
    pub uid: String,
    /// What it says; empty where it says nothing.
    pub value: String,
}

/// Whether the pod of that name is not the one that was meant. A conflict may also be of two writers at once, and passes.
fn is_another(status: &Status) -> bool {
    status.code == 409 && status.message.contains("UID in precondition")
}

impl Kubernetes {
    /// What the pods of the node say, but for those with interfaces of their own: their addresses are not the agent's.
    pub async fn annotated(&self) -> Result<Vec<Annotated>, KubernetesError> {
        let api: Api<Pod> = Api::all(self.client.0.clone());
        let here = ListParams::default().fields(&format!("spec.nodeName={}", self.node_name));
        let found = api.list_metadata(&here).await;
        let found = found.map_err(|source| KubernetesError::Call {
            doing: "list the pods of the node",
            source,
        })?;
        let pods = found.items.into_iter();
        let ours = pods.filter(|pod| !pod.annotations().contains_key(POD_ENI));
        let said = ours.map(|pod| Annotated {
            pod: PodRef {
                namespace: pod.namespace().unwrap_or_default(),
                name: pod.name_any(),
            },
            uid: pod.uid().unwrap_or_default(),
            value: pod.annotations().get(POD_IPS).cloned().unwrap_or_default(),
        });
        Ok(said.collect())
    }

    /// Writes the address of a pod to it. A pod that is gone is done, and so is one whose name another one has.
    pub async fn annotate(&self, pod: &PodRef, annotation: &Annotation) -> Result<(), KubernetesError> {
        let api: Api<Pod> = Api::namespaced(self.client.0.clone(), &pod.namespace);
        let Annotation { address, uid } = annotation;
        let value = address.map(|address| address.to_string()).unwrap_or_default();
        let mut body = json!({"metadata": {"annotations": {POD_IPS: value}}});
        if let Some(uid) = uid {
            body["metadata"]["uid"] = json!(uid);
        }
        match api
            .patch(&pod.name, &PatchParams::default(), &Patch::Merge(body))
            .await
        {
            Ok(_) => Ok(()),
            Err(kube::Error::Api(status)) if status.code == 404 || is_another(&status) => Ok(()),
            Err(source) => Err(KubernetesError::Call {
                doing: "annotate a pod",
                source,
            }),
        }
    }
}
