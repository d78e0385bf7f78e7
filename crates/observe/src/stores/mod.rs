//! The stores of all watched types: what the API server has, kept up to date by watches.

pub use crate::watching::{Kind, Lookup, Malformed, Presence, Scope, Store, TargetRef, Trigger};

use crate::seen::{AwsNodePod, EniConfigSeen, NodePoolSeen, NodeSeen, NodeStateSeen, Whole};
use crate::watching::{self, Hub, Watched};
use k8s_openapi::api::apps::v1::DaemonSet;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::Client;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use vpccni_api::{CniMigration, CniPolicy};

/// The stores of all watched types. Cloning shares them.
#[derive(Debug, Clone)]
pub struct Stores {
    /// CniPolicies: none, or one named `default`.
    pub policies: Store<Whole<CniPolicy>>,
    /// Nodes.
    pub nodes: Store<NodeSeen>,
    /// The pods of the target.
    pub aws_node_pods: Store<AwsNodePod>,
    /// The DaemonSet that is managed: none or one.
    pub target: Store<Whole<DaemonSet>>,
    /// The ConfigMap `amazon-vpc-cni`: none or one.
    pub config_map: Store<Whole<ConfigMap>>,
    /// ENIConfigs.
    pub eni_configs: Store<EniConfigSeen>,
    /// CniNodeStates, named like their nodes.
    pub node_states: Store<NodeStateSeen>,
    /// NodePools of Karpenter.
    pub node_pools: Store<NodePoolSeen>,
    /// CniMigrations.
    pub migrations: Store<Whole<CniMigration>>,
    hub: Hub,
    scope: watch::Sender<Scope>,
}

impl Stores {
    /// Starts one watch task per type. The tasks end when `stop` is cancelled, and only then.
    pub fn start<E: Send + 'static>(
        client: &Client,
        scope: Scope,
        tasks: &mut JoinSet<Result<(), E>>,
        stop: &CancellationToken,
    ) -> Self {
        let stores = Self::empty(scope);
        let mut starter = Starter {
            client,
            scope: &stores.scope,
            tasks,
            stop,
        };
        starter.follow(&stores.policies);
        starter.follow(&stores.nodes);
        starter.follow(&stores.aws_node_pods);
        starter.follow(&stores.target);
        starter.follow(&stores.config_map);
        starter.follow(&stores.eni_configs);
        starter.follow(&stores.node_states);
        starter.follow(&stores.node_pools);
        starter.follow(&stores.migrations);
        stores
    }

    pub(crate) fn empty(scope: Scope) -> Self {
        let hub = Hub::default();
        Self {
            policies: Store::new(Kind::Policy, hub.clone()),
            nodes: Store::new(Kind::Node, hub.clone()),
            aws_node_pods: Store::new(Kind::AwsNodePod, hub.clone()),
            target: Store::new(Kind::Target, hub.clone()),
            config_map: Store::new(Kind::ConfigMap, hub.clone()),
            eni_configs: Store::new(Kind::EniConfig, hub.clone()),
            node_states: Store::new(Kind::NodeState, hub.clone()),
            node_pools: Store::new(Kind::NodePool, hub.clone()),
            migrations: Store::new(Kind::Migration, hub.clone()),
            hub,
            scope: watch::Sender::new(scope),
        }
    }

    /// Looks at something else from now on. Types that look different under the new scope are listed anew and are not
    /// synced until then; the others are left alone.
    pub fn look_at(&self, scope: Scope) {
        self.scope.send_if_modified(|current| {
            let changed = *current != scope;
            *current = scope;
            changed
        });
    }

    /// The namespace of the target that is looked at.
    pub fn target_namespace(&self) -> String {
        self.scope.borrow().target.namespace.clone()
    }

    /// What is looked at now.
    pub fn scope(&self) -> Scope {
        self.scope.borrow().clone()
    }

    /// A trigger that wakes when one of these types changes.
    pub fn subscribe(&self, kinds: &[Kind]) -> Trigger {
        self.hub.subscribe(kinds)
    }

    /// Waits until every type was listed, or is known not to be there.
    pub async fn synced(&self) {
        let trigger = self.subscribe(&Kind::ALL);
        while !self.pending().is_empty() {
            trigger.changed().await;
        }
    }

    /// Types that were not listed yet.
    pub fn pending(&self) -> Vec<Kind> {
        self.each(|kind, presence, _| (!presence.is_settled()).then_some(kind))
    }

    /// What the watches struggle with now, one sentence each.
    pub fn troubles(&self) -> Vec<String> {
        self.each(|_, _, trouble| trouble)
    }

    fn each<R>(&self, look: impl Fn(Kind, Presence, Option<String>) -> Option<R>) -> Vec<R> {
        fn of<T, R>(
            store: &Store<T>,
            look: impl Fn(Kind, Presence, Option<String>) -> Option<R>,
        ) -> Option<R> {
            look(store.kind(), store.presence(), store.trouble())
        }
        [
            of(&self.policies, &look),
            of(&self.nodes, &look),
            of(&self.aws_node_pods, &look),
            of(&self.target, &look),
            of(&self.config_map, &look),
            of(&self.eni_configs, &look),
            of(&self.node_states, &look),
            of(&self.node_pools, &look),
            of(&self.migrations, &look),
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}

struct Starter<'a, E> {
    client: &'a Client,
    scope: &'a watch::Sender<Scope>,
    tasks: &'a mut JoinSet<Result<(), E>>,
    stop: &'a CancellationToken,
}

impl<E: Send + 'static> Starter<'_, E> {
    fn follow<T: Watched>(&mut self, store: &Store<T>) {
        let task = watching::run(
            self.client.clone(),
            store.clone(),
            self.scope.subscribe(),
            self.stop.clone(),
        );
        self.tasks.spawn(async move {
            task.await;
            Ok(())
        });
    }
}

#[cfg(test)]
mod tests;
