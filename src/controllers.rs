//! The controllers of the product. They share one set of watches and one inventory of EC2, and are started together
//! when this replica begins to lead.

use crate::context::Context;
use crate::controller::{AnyOf, Categorised, Controller, Failure, Loop, Next, Pace, Reconcile, Wake};
use crate::node;
use crate::policy::{self, Memory, RoundError};
use async_trait::async_trait;
use jiff::SignedDuration;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Mutex, Notify, watch};
use tokio_util::sync::CancellationToken;
use vpccni_observe::inventory::{Budget, Inventory, InventoryCache};
use vpccni_observe::policy::Eyes;
use vpccni_observe::stores::Kind;

/// Two readings of EC2 are at least so far apart, whoever asks: a person who edits a policy again and again must not
/// empty the token buckets of the account.
const INVENTORY_GAP: SignedDuration = SignedDuration::from_secs(5);

/// Subnets whose reservations are read in one reading, a call each: as many as a large VPC has in use.
const RESERVATIONS: usize = 200;

/// How often the policy is looked at although nothing changed: what no watch tells, such as a window that opens.
const RESYNC: Duration = Duration::from_mins(1);

/// Everything the operator does while it leads.
#[derive(Debug, Default)]
pub struct Cni;

impl Categorised for RoundError {
    fn category(&self) -> &'static str {
        self.category()
    }
}

/// CniNodeStates that could not be written.
#[derive(Debug, thiserror::Error)]
#[error("failed to write {0} CniNodeStates")]
struct NodesFailed(usize);

impl Categorised for NodesFailed {
    fn category(&self) -> &'static str {
        "node_states"
    }
}

#[async_trait]
impl Controller for Cni {
    fn name(&self) -> &'static str {
        "cni"
    }

    async fn run(self: Arc<Self>, ctx: Arc<Context>, stop: CancellationToken) -> Result<(), Failure> {
        let eyes = open_eyes(&ctx);
        let memory = Memory::default();
        let wake = policy_wake(&eyes, memory.migration.stirred());
        let policies = PolicyRounds {
            eyes: eyes.clone(),
            memory: Mutex::new(memory),
        };
        let nodes = NodeRounds { eyes: eyes.clone() };
        let policy_loop = Loop::new("policy", wake, Pace::resync(RESYNC));
        let node_pace = Pace {
            debounce: node::GATHER,
            ..Pace::resync(ctx.settings.inventory_interval)
        };
        let node_loop = Loop::new("node", node_wake(&eyes), node_pace);
        tokio::join!(
            policy_loop.run(&ctx, &stop, &policies),
            node_loop.run(&ctx, &stop, &nodes)
        );
        Ok(())
    }

    async fn release(&self, ctx: &Context) -> Result<(), Failure> {
        let eyes = open_eyes(ctx);
        let mut memory = Memory::default();
        let policies = eyes.stores.policies.all();
        let result = policy::release_all(ctx, &eyes, &mut memory).await;
        if let (Ok(()), Some(policy)) = (&result, policies.first()) {
            policy::tell_released(ctx, &policy.0).await;
        }
        result.map_err(Failure::from)
    }
}

fn open_eyes(ctx: &Context) -> Eyes {
    let budget = Budget {
        gap: INVENTORY_GAP,
        reservations: RESERVATIONS,
    };
    let inventory = Arc::new(InventoryCache::new(ctx.ec2.clone(), ctx.eks.clone(), budget));
    Eyes {
        stores: ctx.stores.clone(),
        inventory,
    }
}

fn policy_wake(eyes: &Eyes, stirred: Arc<Notify>) -> Arc<dyn Wake> {
    let kinds = [
        Kind::Policy,
        Kind::Target,
        Kind::ConfigMap,
        Kind::AwsNodePod,
        Kind::EniConfig,
        Kind::Node,
        Kind::NodePool,
        Kind::Migration,
        Kind::NodeState,
    ];
    let inventory = Mutex::new(eyes.inventory.subscribe());
    Arc::new(AnyOf(vec![
        Arc::new(eyes.stores.subscribe(&kinds)),
        Arc::new(OnInventory(inventory)),
        Arc::new(Stirred(stirred)),
    ]))
}

fn node_wake(eyes: &Eyes) -> Arc<dyn Wake> {
    Arc::new(
        eyes.stores
            .subscribe(&[Kind::Node, Kind::AwsNodePod, Kind::NodeState, Kind::Target]),
    )
}

struct OnInventory(Mutex<watch::Receiver<Option<Arc<Inventory>>>>);

#[async_trait]
impl Wake for OnInventory {
    async fn woken(&self) {
        if self.0.lock().await.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

/// Something that only a migration watches.
struct Stirred(Arc<Notify>);

#[async_trait]
impl Wake for Stirred {
    async fn woken(&self) {
        self.0.notified().await;
    }
}

struct PolicyRounds {
    eyes: Eyes,
    memory: Mutex<Memory>,
}

#[async_trait]
impl Reconcile for PolicyRounds {
    async fn reconcile(&self, ctx: &Context) -> Result<Next, Failure> {
        let mut memory = self.memory.lock().await;
        // On the heap: its state is more than a stack should hold.
        let again = Box::pin(policy::reconcile(ctx, &self.eyes, &mut memory)).await?;
        Ok(again.map_or(Next::Resync, Next::After))
    }
}

struct NodeRounds {
    eyes: Eyes,
}

#[async_trait]
impl Reconcile for NodeRounds {
    async fn reconcile(&self, ctx: &Context) -> Result<Next, Failure> {
        let round = node::reconcile(ctx, &self.eyes).await;
        if round.failed > 0 {
            return Err(NodesFailed(round.failed).into());
        }
        Ok(Next::After(
            ctx.settings.inventory_interval.max(Duration::from_secs(1)),
        ))
    }
}
