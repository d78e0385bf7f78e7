//! Where instances are in their Auto Scaling groups, and their protection from scale-in: read once for all actions of a
//! round, and changed group by group. One by one, a hundred nodes would use up the budget of calls for a minute.

use super::marks::PROTECTED;
use super::outcome::{ActError, Outcome};
use super::{AT_A_TIME, live};
use crate::context::Context;
use crate::write::{Target, WriteError, WriteSite};
use futures::StreamExt;
use futures::future::BoxFuture;
use kube::ResourceExt;
use std::collections::{BTreeMap, BTreeSet};
use vpccni_core::ids::{InstanceId, NodeName};
use vpccni_core::migration::{Action, ActionKind};
use vpccni_core::ports::CloudError;
use vpccni_core::ports::groups::Member;

/// The name of a group, and the instance in it.
type Seat = (String, Member);

/// The instances that the actions of a round are about.
#[derive(Debug)]
pub(super) struct Seats {
    /// The instances of the nodes that are to be guarded.
    guarded: BTreeMap<NodeName, InstanceId>,
    read: Result<BTreeMap<InstanceId, Seat>, CloudError>,
    /// Replacements whose protection could not be taken away: they keep their marks.
    kept: BTreeMap<NodeName, Outcome>,
}

impl Seats {
    /// Reads those that the actions need; nothing where they need none.
    pub(super) async fn of<'a>(ctx: &'a Context, actions: &'a [Action]) -> Self {
        let guarded = actions.iter().filter_map(|action| match &action.kind {
            ActionKind::Guard { node, .. } => Some(node),
            _ => None,
        });
        let guarded: BTreeMap<NodeName, InstanceId> = each(guarded, |name| Box::pin(instance_of(ctx, name)))
            .await
            .into_iter()
            .filter_map(|(name, instance)| Some((name.clone(), instance?)))
            .collect();
        let ended = actions.iter().filter_map(|action| match &action.kind {
            ActionKind::Terminate { instance, .. } => Some(instance.clone()),
            _ => None,
        });
        let wanted: Vec<InstanceId> = guarded.values().cloned().chain(ended).collect();
        Self {
            guarded,
            read: read(ctx, &wanted).await,
            kept: BTreeMap::new(),
        }
    }

    /// The place of an instance; none where it is in no group.
    pub(super) fn seat(&self, instance: &InstanceId) -> Result<Option<&Seat>, ActError> {
        match &self.read {
            Ok(seats) => Ok(seats.get(instance)),
            Err(error) => Err(ActError::Cloud(error.clone())),
        }
    }

    /// What an action came to before it began.
    pub(super) fn already(&self, kind: &ActionKind) -> Option<Outcome> {
        match kind {
            ActionKind::Unguard { node } => self.kept.get(node).cloned(),
            _ => None,
        }
    }

    /// Protects the replacements that were marked.
    pub(super) async fn protect(
        &self,
        ctx: &Context,
        actions: &[Action],
        done: &mut BTreeMap<usize, Outcome>,
    ) {
        let mut open: BTreeMap<&str, Vec<(usize, InstanceId)>> = BTreeMap::new();
        for (index, action) in actions.iter().enumerate() {
            let marked = matches!(done.get(&index), Some(Outcome::Done | Outcome::Unchanged));
            let ActionKind::Guard { node, .. } = &action.kind else {
                continue;
            };
            let instance = self.guarded.get(node).filter(|_| marked);
            let seat = instance.and_then(|id| self.read.as_ref().ok()?.get(id));
            if let Some((group, member)) = seat.filter(|(_, member)| !member.protected) {
                open.entry(group).or_default().push((index, member.id.clone()));
            }
        }
        for (group, members) in open {
            for (index, failed) in set_all(ctx, group, members, true).await {
                done.insert(index, failed.unwrap_or(Outcome::Done));
            }
        }
    }

    /// Takes the protection away from those that need it no more, before their marks go.
    pub(super) async fn release<'a>(&mut self, ctx: &'a Context, actions: &'a [Action]) {
        let names = actions.iter().filter_map(|action| match &action.kind {
            ActionKind::Unguard { node } => Some(node),
            _ => None,
        });
        let found = each(names, |name| Box::pin(protected(ctx, name))).await;
        let mut held: BTreeMap<String, Vec<(&NodeName, InstanceId)>> = BTreeMap::new();
        for (name, protected) in found {
            match protected {
                Ok(Some((group, instance))) => held.entry(group).or_default().push((name, instance)),
                Ok(None) => {}
                Err(error) => drop(self.kept.insert(name.clone(), Outcome::from(Err(error)))),
            }
        }
        for (group, members) in held {
            let failed = set_all(ctx, &group, members, false).await.into_iter();
            self.kept
                .extend(failed.filter_map(|(name, failed)| Some((name.clone(), failed?))));
        }
    }
}

/// Sets the protection of all, and gives those that failed. One that has left its group spoils the call for all: then
/// each is asked for alone, and for the one that has left there is nothing to take away any more.
async fn set_all<K>(
    ctx: &Context,
    group: &str,
    members: Vec<(K, InstanceId)>,
    on: bool,
) -> Vec<(K, Option<Outcome>)> {
    let ids: Vec<InstanceId> = members.iter().map(|(_, id)| id.clone()).collect();
    let spoilt =
        |error: &WriteError| matches!(error, WriteError::NotFound { .. } | WriteError::Invalid { .. });
    let whole = match set(ctx, group, &ids, on).await {
        Ok(()) => None,
        Err(error) if spoilt(&error) => {
            let mut done = Vec::new();
            for (key, id) in members {
                let failed = match set(ctx, group, std::slice::from_ref(&id), on).await {
                    Ok(()) => None,
                    Err(error) if !on && spoilt(&error) => None,
                    Err(error) => Some(Outcome::from(Err(error.into()))),
                };
                done.push((key, failed));
            }
            return done;
        }
        Err(error) => Some(Outcome::from(Err(error.into()))),
    };
    members.into_iter().map(|(key, _)| (key, whole.clone())).collect()
}

async fn set(ctx: &Context, group: &str, instances: &[InstanceId], on: bool) -> Result<(), WriteError> {
    let target = Target::outside("AutoScalingGroup", group);
    let call = ctx.scaling.protect(group, instances, on);
    ctx.writer
        .outside(WriteSite::ProtectInstance, &target, call)
        .await
}

/// The same question about several nodes at a time. Boxed, as in `in_order`.
async fn each<'a, T: Send + 'a>(
    nodes: impl Iterator<Item = &'a NodeName>,
    ask: impl Fn(&'a NodeName) -> BoxFuture<'a, T>,
) -> Vec<(&'a NodeName, T)> {
    let asked: Vec<BoxFuture<'a, (&'a NodeName, T)>> = nodes
        .map(|name| {
            let answer = ask(name);
            let both: BoxFuture<'a, _> = Box::pin(async move { (name, answer.await) });
            both
        })
        .collect();
    futures::stream::iter(asked)
        .buffer_unordered(AT_A_TIME)
        .collect()
        .await
}

async fn read(ctx: &Context, wanted: &[InstanceId]) -> Result<BTreeMap<InstanceId, Seat>, CloudError> {
    if wanted.is_empty() {
        return Ok(BTreeMap::new());
    }
    let groups = ctx.scaling.groups_of(wanted).await?;
    let names: BTreeSet<&String> = groups.values().collect();
    let names: Vec<String> = names.into_iter().cloned().collect();
    let groups = ctx.scaling.groups(&names).await?;
    let members = groups.into_iter().flat_map(|group| {
        let name = group.name;
        group
            .members
            .into_iter()
            .map(move |member| (name.clone(), member))
    });
    Ok(members
        .map(|(name, member)| (member.id.clone(), (name, member)))
        .collect())
}

/// The instance of a node; none where it is gone or cannot be read.
async fn instance_of(ctx: &Context, name: &NodeName) -> Option<InstanceId> {
    live::instance(&live::node(ctx, name).await.ok()?)
}

/// The group in which we protected a replacement, and its instance.
async fn protected(ctx: &Context, name: &NodeName) -> Result<Option<(String, InstanceId)>, ActError> {
    let node = live::node(ctx, name).await?;
    let group = node.annotations().get(PROTECTED).cloned();
    Ok(group.zip(live::instance(&node)))
}
