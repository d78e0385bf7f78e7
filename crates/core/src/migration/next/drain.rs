//! Emptying a node: by the eviction API only, budgets of pods honoured without end, what may not be moved left alone.

use super::round::Round;
use super::waiting::Rank;
use crate::ids::NodeName;
use crate::known::Known;
use crate::migration::action::{ActionKind, PodRef};
use crate::migration::report::Blocked;
use crate::migration::settings::OnBlocked;
use crate::migration::state::{NodeStep, Record};
use crate::migration::world::{NodeView, PodView};
use crate::plural::{agreeing, counted};

/// Pods that must still leave; none where they could not be read, which is not the same as no pods.
pub(super) fn left(view: &NodeView) -> Option<Vec<&PodView>> {
    match &view.pods {
        Known::Yes(pods) => Some(pods.iter().filter(|pod| pod.must_leave()).collect()),
        Known::Unknown(_) => None,
    }
}

pub(super) fn draining<'a>(
    round: &mut Round<'a>,
    name: &'a NodeName,
    view: &'a NodeView,
    record: &'a Record,
) {
    if view.deleting {
        return;
    }
    if !view.cordoned {
        round.record(name, NodeStep::Cordoned, "somebody uncordoned it");
        return;
    }
    let Some(left) = left(view) else {
        unreadable(round, name, view);
        return;
    };
    if left.is_empty() {
        round.record(
            name,
            NodeStep::Drained,
            "no pod is left that would have to be evicted",
        );
        return;
    }
    let drain = round.plan.settings.drain;
    let over = record
        .since
        .saturating_add(drain.timeout)
        .is_ok_and(|over| round.now >= over);
    if over && drain.on_blocked == OnBlocked::Quarantine {
        let why = left
            .iter()
            .find_map(|pod| keeper(pod))
            .unwrap_or_else(|| "its pods do not end".to_owned());
        round.record(name, NodeStep::Quarantined, why);
        return;
    }
    note_blocked(round, name, view, record);
    if stands_here(round, name) {
        round.act(
            ActionKind::StepDown,
            format!("{name}, where this operator runs, is being emptied"),
        );
        return;
    }
    let pods: Vec<PodRef> = left
        .iter()
        .filter(|pod| pod.can_be_evicted())
        .map(|pod| reference(pod))
        .collect();
    if !pods.is_empty() {
        let kind = ActionKind::Evict {
            node: name.clone(),
            pods,
        };
        round.act(
            kind,
            "its replacement is there, or the budget allows it to be missing",
        );
    }
}

fn reference(pod: &PodView) -> PodRef {
    PodRef {
        namespace: pod.namespace.clone(),
        name: pod.name.clone(),
        uid: pod.uid.clone(),
    }
}

/// Whether we would evict ourselves although somebody else could do the work. Without a standby the pod is evicted like
/// any other, and its successor goes on from what is recorded.
fn stands_here(round: &Round<'_>, name: &NodeName) -> bool {
    round
        .world
        .ourselves
        .as_ref()
        .is_some_and(|ourselves| ourselves.node == *name && ourselves.standby)
}

/// What keeps a pod, in words.
fn keeper(pod: &PodView) -> Option<String> {
    let pod_name = format!("{}/{}", pod.namespace, pod.name);
    if let Some(keeps) = &pod.keeps {
        return Some(format!("{pod_name} may not be moved: {keeps}"));
    }
    let pdb = pod.pdb.as_ref().filter(|pdb| pdb.allowed == 0)?;
    Some(format!(
        "{pod_name} may not be evicted: budget {}/{} allows 0",
        pdb.namespace, pdb.name
    ))
}

/// Every pod that does not leave by itself, and the first of them as what is waited for.
pub(super) fn note_blocked(round: &mut Round<'_>, name: &NodeName, view: &NodeView, record: &Record) {
    for pod in left(view).unwrap_or_default() {
        let Some(what) = keeper(pod) else {
            continue;
        };
        let pod_name = format!("{}/{}", pod.namespace, pod.name);
        let (by, command) = match (&pod.keeps, &pod.pdb) {
            (None, Some(pdb)) => (
                format!("{}/{}", pdb.namespace, pdb.name),
                format!("kubectl -n {} get pdb {}", pdb.namespace, pdb.name),
            ),
            (keeps, _) => (
                keeps.clone().unwrap_or_default(),
                format!("kubectl -n {} get pod {} -o yaml", pod.namespace, pod.name),
            ),
        };
        round.waits.add(
            Rank::BlockedPod,
            format!("{name} is being emptied: {what}"),
            format!("owners of {pod_name}"),
            Some(record.since),
            command,
        );
        round.blocked.push(Blocked {
            node: name.clone(),
            pod: pod_name,
            by,
            since: record.since,
        });
    }
    let ending = left(view).unwrap_or_default();
    let ending = ending.iter().filter(|pod| keeper(pod).is_none()).count();
    if ending > 0 {
        let pods = counted(ending, "pod");
        let what = format!(
            "{name} is being emptied: {pods} {} still there",
            agreeing(&ending, "is", "are")
        );
        let command = format!("kubectl get pods -A --field-selector spec.nodeName={name}");
        round.waits.add(
            Rank::Node,
            what,
            "its pods, which leave by themselves",
            Some(record.since),
            command,
        );
    }
}

/// A node that is set aside comes back when what kept it is gone.
pub(super) fn quarantined<'a>(
    round: &mut Round<'a>,
    name: &'a NodeName,
    view: &'a NodeView,
    record: &'a Record,
) {
    if view.deleting {
        return;
    }
    match left(view) {
        None => unreadable(round, name, view),
        Some(left) if left.is_empty() && view.cordoned => {
            round.record(
                name,
                NodeStep::Drained,
                "no pod is left that would have to be evicted",
            );
        }
        Some(left) if left.iter().any(|pod| pod.can_be_evicted()) || !view.cordoned => {
            let why = "what kept its pods is gone";
            let step = if view.cordoned {
                NodeStep::Draining
            } else {
                NodeStep::Cordoned
            };
            round.record(name, step, why);
        }
        Some(_) => note_blocked(round, name, view, record),
    }
}

/// Whether a node that was empty has to be emptied again, or cannot be looked into: then it is not terminated.
pub(super) fn must_go_on<'a>(round: &mut Round<'a>, name: &'a NodeName, view: &'a NodeView) -> bool {
    let Some(left) = left(view) else {
        unreadable(round, name, view);
        return true;
    };
    if !view.cordoned {
        round.record(name, NodeStep::Cordoned, "somebody uncordoned it");
    } else if !left.is_empty() {
        round.record(name, NodeStep::Draining, "pods came back");
    } else {
        return false;
    }
    true
}

fn unreadable(round: &mut Round<'_>, name: &NodeName, view: &NodeView) {
    if let Known::Unknown(why) = &view.pods {
        let what = format!("the pods of {name} cannot be read: {why}");
        let command = format!("kubectl get pods -A --field-selector spec.nodeName={name}");
        round.waits.add(Rank::Node, what, "the API server", None, command);
    }
}
