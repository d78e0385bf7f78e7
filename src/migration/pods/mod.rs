//! Every pod as a drain sees it: how it can be moved, what keeps it, and the budget that guards it.

mod row;
mod watch;

pub(super) use watch::PodWatch;

use crate::context::Context;
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use kube::api::ListParams;
use kube::core::labels::{Selector, SelectorExt};
use kube::{Api, ResourceExt};
use row::Row;
use std::collections::BTreeMap;
use vpccni_core::ids::NodeName;
use vpccni_core::known::Known;
use vpccni_core::migration::{Pdb, PodKind, PodView};

/// A pod that waits for a node so long is counted.
const LONG: SignedDuration = SignedDuration::from_mins(10);

/// A pod that has no address after so long proves that none is given.
const ADDRESS_WITHIN: SignedDuration = SignedDuration::from_mins(5);

/// The pods of all nodes.
#[derive(Debug, Default)]
pub(super) struct PodsSeen {
    by_node: BTreeMap<NodeName, Vec<PodView>>,
    proof: BTreeMap<NodeName, bool>,
    addresses: BTreeMap<NodeName, u32>,
    unknown: Option<String>,
    pub(super) pending_long: u32,
}

impl PodsSeen {
    pub(super) fn not_read() -> Self {
        Self {
            unknown: Some("they are not looked at before the migration begins".to_owned()),
            ..Self::default()
        }
    }

    /// The pods of a node.
    pub(super) fn of(&self, node: &NodeName) -> Known<Vec<PodView>> {
        match &self.unknown {
            Some(why) => Known::Unknown(why.clone()),
            None => Known::Yes(self.by_node.get(node).cloned().unwrap_or_default()),
        }
    }

    /// Whether a pod got an address there; none where no pod has tried for long enough.
    pub(super) fn proof(&self, node: &NodeName) -> Option<bool> {
        self.proof.get(node).copied()
    }

    /// How many addresses the pods of each node hold; a node without an entry has none. None where pods were not read.
    pub(super) fn addresses(&self) -> Option<&BTreeMap<NodeName, u32>> {
        self.unknown.is_none().then_some(&self.addresses)
    }

    fn add(&mut self, (namespace, name): (&str, &str), pod: &Row, budgets: &Budgets, now: Timestamp) {
        let age = pod.created.map(|at| now.duration_since(at)).unwrap_or_default();
        let Some(node) = &pod.node else {
            self.pending_long += u32::from(pod.pending && age > LONG);
            return;
        };
        if !pod.host && !matches!(pod.kind, PodKind::Finished | PodKind::Terminating) {
            self.prove(node, pod, age);
        }
        if !pod.host && !pod.branch && pod.kind != PodKind::Finished {
            *self.addresses.entry(node.clone()).or_default() += 1;
        }
        let view = PodView {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            uid: pod.uid.clone(),
            keeps: pod.keeps.map(str::to_owned),
            pdb: budgets.tightest(namespace, &pod.labels),
            kind: pod.kind,
        };
        self.by_node.entry(node.clone()).or_default().push(view);
    }

    /// One pod with an address is proof enough; without any, one that has waited for long is proof of the contrary.
    fn prove(&mut self, node: &NodeName, pod: &Row, age: SignedDuration) {
        if pod.address {
            self.proof.insert(node.clone(), true);
        } else if age > ADDRESS_WITHIN {
            self.proof.entry(node.clone()).or_insert(false);
        }
    }
}

/// The budgets of all namespaces.
#[derive(Debug, Default)]
struct Budgets(BTreeMap<String, Vec<(Selector, Pdb)>>);

impl Budgets {
    fn of(list: Vec<PodDisruptionBudget>) -> Self {
        let mut budgets = Self::default();
        for budget in list {
            let namespace = budget.namespace().unwrap_or_default();
            let name = budget.name_any();
            let allowed = budget.status.map_or(0, |status| status.disruptions_allowed);
            let Some(selector) = budget.spec.and_then(|spec| spec.selector) else {
                continue; // selects no pod
            };
            let Ok(selector) = Selector::try_from(selector) else {
                continue; // the API server would not have taken it
            };
            let pdb = Pdb {
                namespace: namespace.clone(),
                name,
                allowed: u32::try_from(allowed).unwrap_or_default(),
            };
            budgets.0.entry(namespace).or_default().push((selector, pdb));
        }
        budgets
    }

    /// The budget of a pod that allows least.
    fn tightest(&self, namespace: &str, labels: &BTreeMap<String, String>) -> Option<Pdb> {
        let of_namespace = self.0.get(namespace)?;
        let guards = of_namespace
            .iter()
            .filter(|(selector, _)| selector.matches(labels));
        guards.map(|(_, pdb)| pdb).min_by_key(|pdb| pdb.allowed).cloned()
    }
}

/// All pods as the watch has them, with the budgets as they are now.
pub(super) async fn read(ctx: &Context, watch: &PodWatch, now: Timestamp) -> PodsSeen {
    let unknown = |why: String| PodsSeen {
        unknown: Some(why),
        ..PodsSeen::default()
    };
    let api: Api<PodDisruptionBudget> = Api::all(ctx.client.clone());
    let budgets = match api.list(&ListParams::default()).await {
        Ok(list) => Budgets::of(list.items),
        Err(error) => return unknown(format!("the budgets cannot be listed: {error}")),
    };
    let mut seen = PodsSeen::default();
    match watch.each(|key, row| seen.add(key, row, &budgets, now)) {
        Ok(()) => seen,
        Err(why) => unknown(why),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn pod(value: Value) -> Row {
        Row::of(&serde_json::from_value(value).unwrap())
    }

    #[expect(clippy::needless_pass_by_value, reason = "made where it is passed")]
    fn budget(name: &str, selector: Value, allowed: i32) -> PodDisruptionBudget {
        serde_json::from_value(json!({
            "metadata": {"name": name, "namespace": "shop"}, "spec": {"selector": selector},
            "status": {"disruptionsAllowed": allowed, "currentHealthy": 1, "desiredHealthy": 1, "expectedPods": 1}
        }))
        .unwrap()
    }

    #[test]
    fn the_tightest_budget_of_the_namespace_guards_a_pod() {
        let budgets = Budgets::of(vec![
            budget("loose", json!({"matchLabels": {"app": "cart"}}), 3),
            budget(
                "tight",
                json!({"matchExpressions": [{"key": "app", "operator": "In", "values": ["cart", "till"]}]}),
                0,
            ),
            budget("other", json!({"matchLabels": {"app": "web"}}), 0),
            budget("all", json!({}), 7),
        ]);
        let of = |namespace: &str, app: &str| {
            let labels = [("app".to_owned(), app.to_owned())].into();
            budgets.tightest(namespace, &labels).map(|pdb| pdb.name)
        };
        assert_eq!(of("shop", "cart").as_deref(), Some("tight"));
        assert_eq!(of("shop", "db").as_deref(), Some("all"));
        assert_eq!(of("bank", "cart"), None);
    }

    #[test]
    fn pods_prove_that_a_node_gives_addresses() {
        let now: Timestamp = "2026-11-21T12:00:00Z".parse().unwrap();
        let mut seen = PodsSeen::default();
        let mut add = |node: &str, created: &str, ip: Option<&str>| {
            let owner = json!([{"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "r", "uid": "u", "controller": true}]);
            let value = json!({
                "metadata": {"name": "p", "namespace": "shop", "uid": "u", "creationTimestamp": created, "ownerReferences": owner},
                "spec": {"nodeName": node, "containers": []}, "status": {"phase": "Pending", "podIP": ip}
            });
            seen.add(("shop", "p"), &pod(value), &Budgets::default(), now);
        };
        add("good", "2026-11-21T11:00:00Z", None);
        add("good", "2026-11-21T11:59:00Z", Some("10.0.0.7"));
        add("bad", "2026-11-21T11:00:00Z", None);
        add("young", "2026-11-21T11:59:00Z", None);
        let node = |name: &str| NodeName::parse(name).unwrap();
        assert_eq!(seen.proof(&node("good")), Some(true));
        assert_eq!(seen.proof(&node("bad")), Some(false));
        assert_eq!(seen.proof(&node("young")), None);
        assert_eq!(seen.of(&node("good")).as_option().map(Vec::len), Some(2));
        assert_eq!(seen.addresses().unwrap()[&node("good")], 2);
        assert_eq!(PodsSeen::not_read().addresses(), None);
        let unbound = pod(json!({
            "metadata": {"name": "p", "namespace": "shop", "creationTimestamp": "2026-11-21T11:00:00Z"},
            "spec": {"containers": []}, "status": {"phase": "Pending"}
        }));
        seen.add(("shop", "p"), &unbound, &Budgets::default(), now);
        assert_eq!(seen.pending_long, 1);
    }
}
