//! Objects that cannot be read: left out of every decision, counted, and each told once on the object itself. Decides
//! nothing about what is done without them.

use crate::context::Context;
use crate::events::Reason;
use k8s_openapi::api::core::v1::ObjectReference;
use std::collections::{BTreeMap, BTreeSet};
use vpccni_observe::stores::{Malformed, Stores};

/// A kind with its API version, and whether its objects live in the namespace of the target.
struct Kind {
    name: &'static str,
    api_version: &'static str,
    namespaced: bool,
}

const fn cluster(name: &'static str, api_version: &'static str) -> Kind {
    Kind {
        name,
        api_version,
        namespaced: false,
    }
}

/// Kind, name and error of what was told: a mended and broken object is told again.
pub(crate) type Told = BTreeSet<(&'static str, String, String)>;

/// Counts and tells what cannot be read now.
pub(crate) async fn report(ctx: &Context, stores: &Stores, namespace: &str, told: &mut Told) {
    let pod = Kind {
        namespaced: true,
        ..cluster("Pod", "v1")
    };
    let seen = [
        (
            cluster("CniPolicy", "vpccni.io/v1alpha1"),
            stores.policies.malformed(),
        ),
        (cluster("Node", "v1"), stores.nodes.malformed()),
        (pod, stores.aws_node_pods.malformed()),
        (
            cluster("ENIConfig", "crd.k8s.amazonaws.com/v1alpha1"),
            stores.eni_configs.malformed(),
        ),
        (
            cluster("CniNodeState", "vpccni.io/v1alpha1"),
            stores.node_states.malformed(),
        ),
        (
            cluster("NodePool", "karpenter.sh/v1"),
            stores.node_pools.malformed(),
        ),
    ];
    ctx.metrics
        .set_objects_unreadable(seen.iter().map(|(kind, objects)| (kind.name, objects.len())));
    let mut now = Told::new();
    for (kind, objects) in &seen {
        let namespace = kind.namespaced.then_some(namespace);
        now.extend(tell(ctx, kind, namespace, objects, told).await);
    }
    *told = now;
}

async fn tell(
    ctx: &Context,
    kind: &Kind,
    namespace: Option<&str>,
    objects: &BTreeMap<String, Malformed>,
    told: &Told,
) -> Told {
    let mut now = Told::new();
    for (name, malformed) in objects {
        let entry = (kind.name, name.clone(), malformed.error.clone());
        if !told.contains(&entry) {
            let about = ObjectReference {
                api_version: Some(kind.api_version.to_owned()),
                kind: Some(kind.name.to_owned()),
                name: Some(name.clone()),
                namespace: namespace.map(str::to_owned),
                uid: malformed.uid.clone(),
                ..ObjectReference::default()
            };
            let note = format!(
                "left out of every decision, because it cannot be read: {}",
                malformed.error
            );
            ctx.events.tell(&about, Reason::ObjectUnreadable, &note).await;
        }
        now.insert(entry);
    }
    now
}
