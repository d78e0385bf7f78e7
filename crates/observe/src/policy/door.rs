//! What a round may ask besides what the stores and the inventory hold.

use crate::deep::{Deep, DeepFacts};
use jiff::Timestamp;
use kube::Client;
use vpccni_core::ports::{Ec2, Eks};

/// Where pods and services are counted.
#[derive(Clone, Copy)]
pub enum Counts<'a> {
    /// In the cluster.
    Live(&'a Client),
    /// They were, when a snapshot was taken.
    Taken(&'a DeepFacts),
}

impl std::fmt::Debug for Counts<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Live(_) => "Live",
            Self::Taken(_) => "Taken",
        })
    }
}

impl Counts<'_> {
    /// As much as asked.
    pub(super) async fn read(self, deep: Deep) -> DeepFacts {
        match self {
            Self::Live(client) => DeepFacts::read(client, deep).await,
            Self::Taken(facts) => facts.clone(),
        }
    }

    /// The version of the API server, where there is one to ask.
    pub(super) async fn kubernetes_version(self) -> Option<String> {
        match self {
            Self::Live(client) => client.apiserver_version().await.ok().map(|info| info.git_version),
            Self::Taken(_) => None,
        }
    }
}

/// What a round may ask.
#[derive(Debug, Clone, Copy)]
pub struct Door<'a> {
    /// Where pods and services are counted.
    pub counts: Counts<'a>,
    /// EC2.
    pub ec2: &'a dyn Ec2,
    /// EKS.
    pub eks: &'a dyn Eks,
    /// The name of the cluster, where a flag gives it.
    pub cluster_name: Option<&'a str>,
    /// The time.
    pub now: Timestamp,
}
