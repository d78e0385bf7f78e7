//! NodePools and the EC2NodeClasses they use, as far as plans ask.

use super::marks::GENERATION;
use super::reserved;
use super::scaling::nitro;
use super::seen::Seen;
use jiff::SignedDuration;
use kube::core::{ApiResource, DynamicObject, GroupVersionKind};
use kube::{Api, Client, ResourceExt};
use serde_json::Value;
use std::collections::BTreeMap;
use vpccni_core::ids::{InstanceType, SubnetId};
use vpccni_core::known::Known;
use vpccni_core::migration::{KarpenterFacts, Template};
use vpccni_core::policy::{ManagerClass, classify_manager};

const HYPERVISOR: &str = "karpenter.k8s.aws/instance-hypervisor";
const TYPE: &str = "node.kubernetes.io/instance-type";

fn resource(group: &str, kind: &str) -> ApiResource {
    ApiResource::from_gvk(&GroupVersionKind::gvk(group, "v1", kind))
}

/// These pools.
pub(super) async fn pools(client: &Client, names: Vec<String>) -> Vec<(String, Seen)> {
    let api = |kind: ApiResource| Api::<DynamicObject>::all_with(client.clone(), &kind);
    let pools = api(resource("karpenter.sh", "NodePool"));
    let classes = api(resource("karpenter.k8s.aws", "EC2NodeClass"));
    let mut read_classes: BTreeMap<String, Result<Option<DynamicObject>, String>> = BTreeMap::new();
    let mut read = Vec::new();
    if names.is_empty() {
        return read;
    }
    let reserved = reserved::enis(client).await;
    for name in names {
        let pool = match pools.get_opt(&name).await {
            Ok(Some(pool)) => pool,
            Ok(None) => {
                read.push((name, Seen::unknown("there is no such NodePool any more")));
                continue;
            }
            Err(error) => {
                read.push((
                    name,
                    Seen::unknown(&format!("the NodePool cannot be read: {error}")),
                ));
                continue;
            }
        };
        let class = text(&pool.data, "/spec/template/spec/nodeClassRef/name").unwrap_or_default();
        if !read_classes.contains_key(&class) {
            let found = classes.get_opt(&class).await;
            read_classes.insert(class.clone(), found.map_err(|error| error.to_string()));
        }
        let found = read_classes.get(&class).cloned().unwrap_or(Ok(None));
        read.push((name, pool_seen(&pool, (&class, &found), reserved.clone())));
    }
    read
}

fn pool_seen(
    pool: &DynamicObject,
    (class_name, class): (&str, &Result<Option<DynamicObject>, String>),
    reserved_enis: Known<u32>,
) -> Seen {
    let spec = &pool.data;
    let budgets = list(spec, "/spec/disruption/budgets");
    let karpenter = KarpenterFacts {
        node_class: class_name.to_owned(),
        budgets: budgets.iter().map(ToString::to_string).collect(),
        allows_none: budgets
            .iter()
            .find(|budget| never(budget))
            .map(ToString::to_string),
        expire_after: duration(spec, "/spec/template/spec/expireAfter"),
        termination_grace: duration(spec, "/spec/template/spec/terminationGracePeriod"),
        does_not_drift: does_not_drift(spec),
        pool_owned_by: git(pool),
        reserved_enis,
    };
    let (max_pods, owned_by, subnets) = match class {
        Ok(Some(class)) => (max_pods(&class.data), git(class), subnets(&class.data)),
        Ok(None) => {
            let why = format!("there is no EC2NodeClass {class_name}");
            (Known::Unknown(why), None, Vec::new())
        }
        Err(why) => (Known::Unknown(why.clone()), None, Vec::new()),
    };
    let mut seen = Seen::of(Template {
        max_pods,
        owned_by,
        nitro_only: nitro_only(&list(spec, "/spec/template/spec/requirements")),
        karpenter: Some(karpenter),
    });
    seen.facts.subnets = subnets.into_iter().collect();
    seen.view.drift_annotation = spec
        .pointer("/spec/template/metadata/annotations")
        .and_then(|annotations| annotations.get(GENERATION))
        .and_then(Value::as_str)
        .map(str::to_owned);
    seen.view.trouble = list(spec, "/status/conditions")
        .iter()
        .find(|condition| condition["type"] == "Ready" && condition["status"] == "False")
        .map(|condition| format!("the NodePool is not Ready: {}", condition["message"]));
    seen
}

fn text(value: &Value, path: &str) -> Option<String> {
    value.pointer(path)?.as_str().map(str::to_owned)
}

fn list(value: &Value, path: &str) -> Vec<Value> {
    value
        .pointer(path)
        .and_then(Value::as_array)
        .cloned()
        .unwrap_or_default()
}

/// A budget of zero without a schedule: nothing of that reason is ever disrupted.
fn never(budget: &Value) -> bool {
    let zero = matches!(budget["nodes"].as_str(), Some("0" | "0%"));
    let reasons = budget["reasons"].as_array();
    let drifted = reasons.is_none_or(|reasons| reasons.iter().any(|reason| reason == "Drifted"));
    zero && drifted && budget["schedule"].is_null()
}

/// `720h`, `1h30m`; none for `Never`.
fn duration(value: &Value, path: &str) -> Option<SignedDuration> {
    text(value, path)?.parse().ok()
}

fn does_not_drift(spec: &Value) -> Option<String> {
    if spec.pointer("/spec/replicas").is_some() {
        return Some("it is a static pool (spec.replicas)".to_owned());
    }
    let group = text(spec, "/spec/template/spec/nodeClassRef/group")?;
    (group != "karpenter.k8s.aws").then(|| format!("its NodeClass is of {group}, not of EC2"))
}

fn max_pods(class: &Value) -> Known<Option<u32>> {
    match class.pointer("/spec/kubelet/maxPods") {
        None | Some(Value::Null) => Known::Yes(None),
        Some(Value::Number(number)) => Known::Yes(number.as_u64().and_then(|pods| u32::try_from(pods).ok())),
        Some(other) => Known::Unknown(format!("spec.kubelet.maxPods is the expression {other}")),
    }
}

/// What Git tools write on the objects that they own.
const GIT_MARKS: [(&str, &str); 4] = [
    ("argocd.argoproj.io/tracking-id", "Argo CD"),
    ("argocd.argoproj.io/instance", "Argo CD"),
    ("kustomize.toolkit.fluxcd.io/name", "Flux"),
    ("helm.toolkit.fluxcd.io/name", "Flux"),
];

/// A Git tool that writes an object: it would put back what we change.
fn git(object: &DynamicObject) -> Option<String> {
    let writes = |fields: &Value| fields.pointer("/f:spec").is_some();
    let manager = object
        .managed_fields()
        .iter()
        .filter(|entry| entry.fields_v1.as_ref().is_some_and(|fields| writes(&fields.0)))
        .filter_map(|entry| entry.manager.clone())
        .find(|manager| classify_manager(manager) == ManagerClass::Reconciler);
    let marked = || {
        let has = |key: &str| object.labels().contains_key(key) || object.annotations().contains_key(key);
        let (_, tool) = GIT_MARKS.into_iter().find(|(key, _)| has(key))?;
        Some(tool.to_owned())
    };
    manager.or_else(marked)
}

fn subnets(class: &Value) -> Vec<SubnetId> {
    let rows = list(class, "/status/subnets");
    rows.iter()
        .filter_map(|row| SubnetId::parse(row["id"].as_str()?).ok())
        .collect()
}

/// Whether the requirements leave nitro types only.
fn nitro_only(requirements: &[Value]) -> Known<bool> {
    let values = |requirement: &Value| -> Vec<String> {
        let values = requirement["values"].as_array().into_iter().flatten();
        values
            .filter_map(|value| value.as_str().map(str::to_owned))
            .collect()
    };
    let only = |key: &str| {
        requirements
            .iter()
            .find(|requirement| requirement["key"] == key && requirement["operator"] == "In")
            .map(values)
    };
    if only(HYPERVISOR).is_some_and(|values| values == ["nitro"]) {
        return Known::Yes(true);
    }
    match only(TYPE) {
        Some(types) => {
            let types: Vec<InstanceType> = types
                .iter()
                .filter_map(|name| InstanceType::parse(name).ok())
                .collect();
            nitro(&types)
        }
        None => Known::Yes(false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn requirements_tell_nitro() {
        let one = |key: &str, values: &[&str]| json!({"key": key, "operator": "In", "values": values});
        assert_eq!(nitro_only(&[one(HYPERVISOR, &["nitro"])]), Known::Yes(true));
        assert_eq!(
            nitro_only(&[one(TYPE, &["m5.large", "c6i.xlarge"])]),
            Known::Yes(true)
        );
        assert_eq!(nitro_only(&[one(TYPE, &["m4.large"])]), Known::Yes(false));
        assert_eq!(nitro_only(&[]), Known::Yes(false));
    }

    #[test]
    fn a_pool_is_read_with_its_class() {
        let pool: DynamicObject = serde_json::from_value(json!({
            "apiVersion": "karpenter.sh/v1", "kind": "NodePool", "metadata": {
                "name": "default", "labels": {"kustomize.toolkit.fluxcd.io/name": "nodes"}
            },
            "spec": {
                "disruption": {"budgets": [{"nodes": "0", "reasons": ["Drifted"]}]},
                "template": {
                    "metadata": {"annotations": {GENERATION: "7"}},
                    "spec": {"expireAfter": "720h", "requirements": [],
                             "nodeClassRef": {"group": "karpenter.k8s.aws", "kind": "EC2NodeClass", "name": "nitro"}}
                }
            }
        }))
        .unwrap();
        let class: DynamicObject = serde_json::from_value(json!({
            "apiVersion": "karpenter.k8s.aws/v1", "kind": "EC2NodeClass",
            "metadata": {"name": "nitro", "managedFields": [
                {"manager": "argocd-controller", "operation": "Apply", "fieldsType": "FieldsV1", "fieldsV1": {"f:spec": {}}}
            ]},
            "spec": {"kubelet": {"maxPods": 110}}, "status": {"subnets": [{"id": "subnet-0a"}]}
        }))
        .unwrap();
        let seen = pool_seen(&pool, ("nitro", &Ok(Some(class))), Known::Yes(1));
        let facts = seen.facts.template.karpenter.unwrap();
        assert_eq!(seen.facts.template.max_pods, Known::Yes(Some(110)));
        assert_eq!(seen.facts.template.owned_by.as_deref(), Some("argocd-controller"));
        assert_eq!(facts.pool_owned_by.as_deref(), Some("Flux"));
        assert_eq!(seen.view.drift_annotation.as_deref(), Some("7"));
        assert!(facts.allows_none.is_some());
        assert_eq!(facts.reserved_enis, Known::Yes(1));
        assert_eq!(facts.expire_after, Some(SignedDuration::from_hours(720)));
        assert_eq!((facts.termination_grace, facts.does_not_drift), (None, None));
        let gone = pool_seen(&pool, ("nitro", &Ok(None)), Known::Yes(0));
        assert!(matches!(gone.facts.template.max_pods, Known::Unknown(_)));
    }
}
