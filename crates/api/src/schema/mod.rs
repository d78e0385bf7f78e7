//! The CustomResourceDefinitions: generated from the types, completed from the table of settings and the CEL rules.

pub(crate) mod shape;

use crate::{CniNodeState, CniPolicy};
use kube::CustomResourceExt;

/// The definitions of our kinds: file name and YAML, in a fixed order.
pub fn crds() -> Result<Vec<(String, String)>, serde_norway::Error> {
    [CniPolicy::crd(), CniNodeState::crd()]
        .into_iter()
        .map(|crd| {
            let file = format!("{}_{}.yaml", crd.spec.group, crd.spec.names.plural);
            Ok((file, serde_norway::to_string(&crd)?))
        })
        .collect()
}
