//! Environment variables that have no field, and the acceptance of findings.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

optional! {
    /// Variables that have no field, by container. A name that has a field is rejected.
    ExtraEnv {
        /// Of the container aws-node.
        #[schemars(length(max = 64), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"]))]
        aws_node: Vec<EnvVar>,
        /// Of the init container aws-vpc-cni-init.
        #[schemars(length(max = 64), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"]))]
        init: Vec<EnvVar>,
        /// Of the container aws-eks-nodeagent.
        #[schemars(length(max = 64), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"]))]
        node_agent: Vec<EnvVar>,
    }

    /// Where a value comes from: exactly one.
    EnvVarSource {
        /// A field of the pod.
        field_ref: FieldRef,
        /// A resource of the container.
        resource_field_ref: ResourceFieldRef,
        /// A key of a ConfigMap.
        config_map_key_ref: KeyRef,
        /// A key of a Secret.
        secret_key_ref: KeyRef,
    }

    /// Safety settings.
    Safety {
        /// Findings that are accepted knowingly, each bound to a rule, a change and a date.
        #[schemars(length(max = 32))]
        accept: Vec<Acceptance>,
    }
}

/// A variable: as upstream's EnvVar.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct EnvVar {
    /// Its name.
    #[schemars(length(min = 1, max = 128))]
    pub name: String,
    /// Its value; empty is a value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 4096))]
    pub value: Option<String>,
    /// Where its value comes from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value_from: Option<EnvVarSource>,
}

/// A field of the pod.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FieldRef {
    /// The version of the path; v1 where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub api_version: Option<String>,
    /// The path, such as spec.nodeName.
    #[schemars(length(min = 1, max = 256))]
    pub field_path: String,
}

/// A resource of the container.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ResourceFieldRef {
    /// The container; its own where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 63))]
    pub container_name: Option<String>,
    /// The resource, such as limits.memory.
    #[schemars(length(min = 1, max = 128))]
    pub resource: String,
    /// The divisor, such as 1Mi.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32))]
    pub divisor: Option<String>,
}

/// A key of a ConfigMap or Secret.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct KeyRef {
    /// The object.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
    /// The key.
    #[schemars(length(min = 1, max = 253))]
    pub key: String,
    /// Whether it may be absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub optional: Option<bool>,
}

/// A finding that is accepted knowingly. Some rules cannot be accepted: those after which ipamd exits or pods cannot fit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Acceptance {
    /// The rule, as the finding names it.
    #[schemars(length(max = 64))]
    pub rule: String,
    /// The change it is accepted for, as status.applied and the finding show it.
    #[schemars(length(max = 71))]
    pub change_hash: String,
    /// Why: who asked, which ticket.
    #[schemars(length(min = 1, max = 1024))]
    pub reason: String,
    /// When the acceptance ends.
    pub until: Time,
}
