//! The CNINode of the node: what the resource controller should do for it.

use super::{Kubernetes, KubernetesError};
use kube::Api;
use kube::api::{ApiResource, DynamicObject, GroupVersionKind, Patch, PatchParams};
use serde_json::{Value, json};
use vpccni_core::node_enis::{Feature, FeatureName, merge_features};

impl Kubernetes {
    /// Writes what the node asks for. What others have asked for stays.
    pub async fn ask_for(&self, wanted: &[Feature]) -> Result<(), KubernetesError> {
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
        let Some(features) = merged(&node.data, wanted) else {
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
    let text = |feature: &Value, name: &str| {
        let text = feature.get(name).and_then(Value::as_str);
        text.unwrap_or_default().to_owned()
    };
    let standing = data.pointer("/spec/features").and_then(Value::as_array);
    let standing: Vec<Feature> = standing
        .into_iter()
        .flatten()
        .map(|feature| Feature {
            name: FeatureName::from(text(feature, "name").as_str()),
            value: text(feature, "value"),
        })
        .collect();
    let features = merge_features(&standing, wanted)?;
    let row = |feature: Feature| {
        let name = feature.name.to_string();
        if feature.value.is_empty() {
            json!({ "name": name })
        } else {
            json!({"name": name, "value": feature.value})
        }
    };
    Some(features.into_iter().map(row).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_is_kept_as_it_is() {
        let trunk = Feature {
            name: FeatureName::SecurityGroupsForPods,
            value: String::new(),
        };
        let wanted = [trunk];
        assert_eq!(
            merged(&json!({"spec": {}}), &wanted),
            Some(vec![json!({"name": "SecurityGroupsForPods"})])
        );
        let other = json!({"spec": {"features": [{"name": "Other", "value": "x"}]}});
        assert_eq!(
            merged(&other, &wanted),
            Some(vec![
                json!({"name": "Other", "value": "x"}),
                json!({"name": "SecurityGroupsForPods"})
            ])
        );
        let has = json!({"spec": {"features": [{"name": "SecurityGroupsForPods"}]}});
        assert_eq!(merged(&has, &wanted), None);
    }
}
