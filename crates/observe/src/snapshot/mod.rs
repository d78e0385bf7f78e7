//! A cluster in one file: everything a plan rests on, without secrets, so that the same plan can be made of it where
//! there is neither the cluster nor AWS.
//!
//! A plan of a live cluster is the plan of a snapshot that is taken for it. What is kept are the objects and the answers,
//! not the facts made from them: reading them goes through the same code, whoever looks.

mod cloud;
mod error;
mod objects;
mod record;
mod redact;
mod replay;
mod wire;

pub use error::{SnapshotError, TakeError};

use crate::deep::{Deep, DeepFacts};
use crate::inventory::{Budget, InventoryCache};
use crate::migration::{Groups, groups};
use crate::policy::{Counts, Door, Eyes, IntentError, Observed, Recall, groups_of, observe, scope};
use crate::stores::Stores;
use cloud::Said;
use jiff::{SignedDuration, Timestamp};
use kube::Client;
use objects::{Objects, first_policy, only_policy};
use record::Recorder;
use replay::Replay;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;
use vpccni_api::CniPolicy;
use vpccni_api::policy::{CniPolicySpec, ManagementState};
use vpccni_core::migration::GroupFacts;
use vpccni_core::policy::Fights;
use vpccni_core::ports::groups::{AutoScaling, LaunchTemplates, NodeGroups};
use vpccni_core::ports::{Ec2, Eks};
use vpccni_core::safety::NodeGroup;
use wire::{CountsForm, Form, GroupFactsForm, NodeGroupForm, Text};

/// The version of the file. A new field that may be absent does not change it.
const VERSION: u64 = 1;

/// Subnets whose reservations are read, a call each: as many as the operator reads.
const RESERVATIONS: usize = 200;

/// The name of the add-on that a policy in a file may name although the cluster's does not.
const ADDON: &str = "vpc-cni";

/// A cluster in one file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Snapshot {
    version: u64,
    taken_at: Text<Timestamp>,
    taken_by: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    kubernetes_version: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cluster_name: Option<String>,
    objects: Objects,
    counts: CountsForm,
    aws: Said,
    /// What a migration would rest on. Facts and not what they were read from: the user data of a launch template may hold
    /// secrets. Snapshots of before there were migrations have none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    groups: Vec<GroupForm>,
}

/// A group of nodes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct GroupForm {
    group: NodeGroupForm,
    facts: GroupFactsForm,
}

/// What a snapshot is taken of.
#[derive(Debug, Clone)]
pub struct Source<'a> {
    /// The policy to look things up for, in place of the cluster's.
    pub policy: Option<&'a CniPolicy>,
    /// The name of the cluster, where somebody gives it.
    pub cluster_name: Option<String>,
    /// EC2.
    pub ec2: Arc<dyn Ec2>,
    /// EKS.
    pub eks: Arc<dyn Eks>,
    /// What groups of nodes are read from; none where there is no AWS.
    pub groups: Option<GroupPorts>,
    /// The time.
    pub now: Timestamp,
    /// Who takes it, for the file.
    pub by: String,
}

/// The ports groups of nodes are read from.
#[derive(Debug, Clone)]
pub struct GroupPorts {
    /// Auto Scaling groups.
    pub scaling: Arc<dyn AutoScaling>,
    /// Launch templates.
    pub templates: Arc<dyn LaunchTemplates>,
    /// EKS managed node groups.
    pub node_groups: Arc<dyn NodeGroups>,
}

/// What was seen for a policy.
#[derive(Debug)]
pub struct Sight {
    /// The objects.
    pub stores: Stores,
    /// What the planners decide on.
    pub observed: Observed,
    /// The groups the nodes are in, as far as they were read.
    pub groups: BTreeMap<NodeGroup, GroupFacts>,
}

/// Ports of nobody: every call says why there is no AWS.
pub fn no_aws(why: &str) -> (Arc<dyn Ec2>, Arc<dyn Eks>) {
    let nobody = Arc::new(Replay::nobody(why));
    (nobody.clone(), nobody)
}

impl Snapshot {
    /// Takes one. Reads only.
    pub async fn take(client: &Client, source: Source<'_>) -> Result<Self, TakeError> {
        let policies = Objects::policies(client).await?;
        let standing = first_policy(&policies).transpose().map_err(TakeError::Policy)?;
        let policy = with_status(source.policy.cloned(), standing);
        let objects = Objects::list(client, &scope(&policy)).await?;
        let version = client.apiserver_version().await.ok();
        let mut snapshot = Self {
            version: VERSION,
            taken_at: Text::of(source.now),
            taken_by: source.by,
            kubernetes_version: version.map(|info| info.git_version),
            cluster_name: source.cluster_name,
            objects,
            counts: CountsForm::of(DeepFacts::read(client, Deep::Full).await),
            aws: Said::default(),
            groups: Vec::new(),
        };
        let recorder = Arc::new(Recorder::new(source.ec2, source.eks));
        let sight = snapshot.look(&policy, recorder.clone(), recorder.clone()).await;
        let sight = sight.map_err(TakeError::Intent)?;
        if let Some(cluster) = &sight.observed.cluster_name {
            snapshot.ask_for_addon(&recorder, cluster).await;
        }
        snapshot.aws = recorder.said();
        if let Some(ports) = &source.groups {
            snapshot.groups = read_groups(client, ports, &sight.observed, source.now).await;
        }
        Ok(snapshot)
    }

    /// Reads the text of a file.
    pub fn parse(text: &str) -> Result<Self, SnapshotError> {
        let value: serde_json::Value = serde_json::from_str(text).map_err(SnapshotError::Format)?;
        match value["version"].as_u64() {
            Some(VERSION) | None => serde_json::from_value(value).map_err(SnapshotError::Format),
            Some(found) => Err(SnapshotError::Version {
                found,
                known: VERSION,
            }),
        }
    }

    /// The text of the file.
    pub fn text(&self) -> Result<String, SnapshotError> {
        serde_json::to_string_pretty(self)
            .map(|text| text + "\n")
            .map_err(SnapshotError::Write)
    }

    /// When it was taken.
    pub fn taken_at(&self) -> Timestamp {
        self.taken_at.clone().value()
    }

    /// The version of Kubernetes, where the API server said it.
    pub fn kubernetes_version(&self) -> Option<&str> {
        self.kubernetes_version.as_deref()
    }

    /// The policy to plan for: the one given with the record of the one that stands, or the one that stands, or one that
    /// only observes.
    pub fn policy(&self, given: Option<CniPolicy>) -> Result<CniPolicy, SnapshotError> {
        let standing = self.standing_policy()?;
        Ok(with_status(given, standing))
    }

    /// The policy that stands in the cluster.
    pub fn standing_policy(&self) -> Result<Option<CniPolicy>, SnapshotError> {
        first_policy(&self.objects.policies)
            .transpose()
            .map_err(SnapshotError::Policy)
    }

    /// What there is to see for a policy.
    pub async fn observe(&self, policy: &CniPolicy) -> Result<Sight, IntentError> {
        let replay = Arc::new(Replay::new(
            self.aws.clone(),
            "the snapshot does not have it; take a new one with the policy in the cluster, or plan live",
        ));
        self.look(policy, replay.clone(), replay).await
    }

    async fn look(
        &self,
        policy: &CniPolicy,
        ec2: Arc<dyn Ec2>,
        eks: Arc<dyn Eks>,
    ) -> Result<Sight, IntentError> {
        let mut objects = self.objects.clone();
        objects.policies = only_policy(policy);
        let stores = objects.stores(&scope(policy));
        let budget = Budget {
            gap: SignedDuration::ZERO,
            reservations: RESERVATIONS,
        };
        let eyes = Eyes {
            stores: stores.clone(),
            inventory: Arc::new(InventoryCache::new(ec2.clone(), eks.clone(), budget)),
        };
        let counted = self.counts.clone().value();
        let door = Door {
            counts: Counts::Taken(&counted),
            ec2: ec2.as_ref(),
            eks: eks.as_ref(),
            cluster_name: self.cluster_name.as_deref(),
            now: self.taken_at(),
        };
        let mut recall = Recall::with_version(self.kubernetes_version.clone());
        let observed = observe(&door, &eyes, &mut recall, policy, Fights::default(), Deep::Full).await?;
        let pair = |form: &GroupForm| (form.group.clone().value(), form.facts.clone().value());
        Ok(Sight {
            stores,
            observed,
            groups: self.groups.iter().map(pair).collect(),
        })
    }

    /// A policy in a file may name the add-on although the cluster's does not: what EKS says of it is kept, too.
    async fn ask_for_addon(&self, recorder: &Recorder, cluster: &str) {
        let versions = self.kubernetes_version.as_deref().map(|version| {
            let minor: Vec<&str> = version.trim_start_matches('v').split('.').take(2).collect();
            minor.join(".")
        });
        if recorder
            .addon(cluster, ADDON)
            .await
            .is_ok_and(|addon| addon.is_some())
            && let Some(version) = versions
            && let Err(error) = recorder.addon_versions(ADDON, &version).await
        {
            tracing::debug!(%error, "the versions of the add-on are not in the snapshot");
        }
    }
}

async fn read_groups(
    client: &Client,
    ports: &GroupPorts,
    observed: &Observed,
    now: Timestamp,
) -> Vec<GroupForm> {
    let from = Groups {
        client,
        scaling: ports.scaling.as_ref(),
        templates: ports.templates.as_ref(),
        node_groups: ports.node_groups.as_ref(),
        cluster: observed.cluster_name.as_deref(),
        now,
    };
    let seen = groups(from, &groups_of(observed).collect()).await;
    let form = |(group, facts)| GroupForm {
        group: Form::of(group),
        facts: Form::of(facts),
    };
    seen.facts.into_iter().map(form).collect()
}

fn with_status(given: Option<CniPolicy>, standing: Option<CniPolicy>) -> CniPolicy {
    match (given, standing) {
        (Some(given), standing) => CniPolicy {
            status: standing.and_then(|standing| standing.status),
            ..given
        },
        (None, Some(standing)) => standing,
        (None, None) => CniPolicy::new(
            vpccni_api::POLICY_NAME,
            CniPolicySpec::new(ManagementState::Observe),
        ),
    }
}
