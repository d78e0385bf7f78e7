//! The CNINode of the node: what the resource controller should do for it.

use super::{Kubernetes, KubernetesError};
use kube::Api;
use kube::api::{ApiResource, DynamicObject, GroupVersionKind, Patch, PatchParams};
use serde_json::{Value, json};

/// A feature by name and value.
type Feature = (&'static str, String);

impl Kubernetes {
    /// Asks for a trunk, and says which ENIConfig holds under custom networking. What others have asked for stays.
    pub async fn ask_for_trunk(&self, eni_config: Option<&str>) -> Result<(), KubernetesError> {
        let mut wanted: Vec<Feature> = vec![("SecurityGroupsForPods", String::new())];
        wanted.extend(eni_config.map(|name| ("CustomNetworking", name.to_owned())));
        let kind = GroupVersionKind::gvk("vpcresources.k8s.aws", "v1alpha1", "CNINode");
        let api: Api<DynamicObject> = Api::all_with(
            self.client.0.clone(),
            &ApiResource::from_gvk_with_plural(&kind, "cninodes"),
        );
        let failed = |source| KubernetesError::Call {
            doing: "write the features of the CNINode",
            source,
        };
        let node = api.get(&self.node_name).await.map_err(failed)?;
        let Some(features) = merged(&node.data, &wanted) else {
            return Ok(());
        };
        let body = json!({
            // Refused if the controller has written meanwhile: then the next round reads anew.
            "metadata": {"resourceVersion": node.metadata.resource_version},
            "spec": {"features": features},
        });
        api.patch(&self.node_name, &PatchParams::default(), &Patch::Merge(body))
            .await
            .map(drop)
            .map_err(failed)
    }
}

/// The list with what is wanted; none where it has it all.
fn merged(data: &Value, wanted: &[Feature]) -> Option<Vec<Value>> {
    let standing = data.pointer("/spec/features").and_then(Value::as_array);
    let mut features = standing.cloned().unwrap_or_default();
    let mut changed = false;
    for (name, value) in wanted {
        let feature = if value.is_empty() {
            json!({"name": name})
        } else {
            json!({"name": name, "value": value})
        };
        let of_name = |feature: &&mut Value| feature.get("name").and_then(Value::as_str) == Some(name);
        match features.iter_mut().find(of_name) {
            Some(there) => {
                let has = there.get("value").and_then(Value::as_str).unwrap_or_default();
                if has != value {
                    *there = feature;
                    changed = true;
                }
            }
            None => {
                features.push(feature);
                changed = true;
            }
        }
    }
    changed.then_some(features)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_missing_is_written() {
        let wanted = [("SecurityGroupsForPods", String::new())];
        assert_eq!(
            merged(&json!({"spec": {}}), &wanted),
            Some(vec![json!({"name": "SecurityGroupsForPods"})])
        );
        let standing = json!({"spec": {"features": [{"name": "Other", "value": "x"}, {"name": "SecurityGroupsForPods"}]}});
        assert_eq!(merged(&standing, &wanted), None);
        let with_config = [wanted[0].clone(), ("CustomNetworking", "us-west-2a".to_owned())];
        assert_eq!(
            merged(&standing, &with_config).map(|features| features.len()),
            Some(3)
        );
    }
}
