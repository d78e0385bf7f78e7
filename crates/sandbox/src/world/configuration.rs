//! The configuration of add-ons: the JSON schema of a version, and the text that a user gives held against it.
//!
//! EKS has a schema of its own for every version. One per add-on is stored; other versions have that one, less the keys
//! that came later, where it is known when (from the history of the schemas in a public copy of the catalogue).

use super::json_schema;
use crate::error::{ApiError, Code};
use serde_json::Value;
use std::collections::BTreeMap;

/// The stored schemas: add-on, version, text as DescribeAddonConfiguration gives it.
pub(super) const STORED: [(&str, &str, &str); 3] = [
    (
        "vpc-cni",
        "v1.23.0-eksbuild.1",
        include_str!("../../../core/data/addon-schema-vpc-cni-v1.23.0-eksbuild.1.json"),
    ),
    (
        "coredns",
        "v1.14.3-eksbuild.14",
        include_str!("../../../core/data/addon-schema-coredns-v1.14.3-eksbuild.14.json"),
    ),
    (
        "kube-proxy",
        "v1.36.0-eksbuild.15",
        include_str!("../../../core/data/addon-schema-kube-proxy-v1.36.0-eksbuild.15.json"),
    ),
];

/// Since which version of vpc-cni a key is in the schema: object, key, version. What is not named was there before.
const SINCE: [(&str, &str, Build); 20] = [
    ("VpcCni", "affinity", build(1, 13, 0)),
    ("VpcCni", "eniConfig", build(1, 13, 0)),
    ("VpcCni", "tolerations", build(1, 13, 0)),
    ("VpcCni", "livenessProbeTimeoutSeconds", build(1, 13, 0)),
    ("VpcCni", "readinessProbeTimeoutSeconds", build(1, 13, 0)),
    ("VpcCni", "enableNetworkPolicy", build(1, 14, 0)),
    ("VpcCni", "enableWindowsIpam", build(1, 14, 0)),
    ("VpcCni", "nodeAgent", build(1, 14, 0)),
    ("VpcCni", "podAnnotations", build(1, 15, 5)),
    ("VpcCni", "podLabels", build(1, 15, 5)),
    ("VpcCni", "branchENICooldown", build(1, 16, 0)),
    ("Env", "POD_MTU", build(1, 16, 4)),
    ("Env", "NETWORK_POLICY_ENFORCING_MODE", build(1, 17, 1)),
    ("Env", "ENABLE_SUBNET_DISCOVERY", build(1, 18, 0)),
    ("VpcCni", "extraEnv", build(1, 18, 3)),
    ("VpcCni", "extraVolumes", (1, 19, 2, 5)),
    ("VpcCni", "extraVolumeMounts", (1, 19, 2, 5)),
    ("Env", "ENABLE_IMDS_ONLY_MODE", build(1, 19, 6)),
    ("Env", "ENABLE_MULTI_NIC", build(1, 20, 0)),
    ("NodeAgent", "conntrackCacheTableSize", build(1, 22, 1)),
];

/// A version of an add-on in its order: `v1.23.0-eksbuild.1`.
type Build = (u32, u32, u32, u32);

const fn build(major: u32, minor: u32, patch: u32) -> Build {
    (major, minor, patch, 0)
}

/// The numbers of a version, for its order.
pub(crate) fn order(version: &str) -> Build {
    let mut numbers = version
        .trim_start_matches('v')
        .split(['.', '-'])
        .filter_map(|part| part.parse().ok());
    let mut next = || numbers.next().unwrap_or(0);
    (next(), next(), next(), next())
}

/// The stored schemas do not read.
#[derive(Debug, thiserror::Error)]
#[error("failed to read the configuration schema of {addon}: {source}")]
pub struct SchemaError {
    addon: &'static str,
    source: serde_json::Error,
}

/// The schemas by add-on.
#[derive(Debug)]
pub struct Schemas(BTreeMap<&'static str, Value>);

impl Schemas {
    pub(super) fn load() -> Result<Self, SchemaError> {
        let read = |(addon, _, text)| match serde_json::from_str(text) {
            Ok(schema) => Ok((addon, schema)),
            Err(source) => Err(SchemaError { addon, source }),
        };
        STORED.into_iter().map(read).collect::<Result<_, _>>().map(Self)
    }

    /// The schema of a version.
    pub fn of(&self, addon: &str, version: &str) -> Option<Value> {
        let mut schema = self.0.get(addon)?.clone();
        if addon == "vpc-cni" {
            let version = order(version);
            for (object, key, since) in SINCE {
                let keys = schema.pointer_mut(&format!("/definitions/{object}/properties"));
                if let Some(keys) = keys.and_then(Value::as_object_mut).filter(|_| version < since) {
                    keys.remove(key);
                }
            }
        }
        Some(schema)
    }

    /// Holds the text of a user, JSON or YAML, against the schema of a version.
    pub(super) fn check(&self, addon: &str, version: &str, text: &str) -> Result<(), ApiError> {
        let Some(schema) = self.of(addon, version) else {
            return Ok(());
        };
        let refused = |why: String| {
            ApiError::new(
                Code::EksInvalidParameter,
                format!("ConfigurationValue provided in request is not supported: {why}"),
            )
        };
        let document: Value = serde_json::from_str(text)
            .or_else(|_| serde_norway::from_str(text))
            .map_err(|error| refused(format!("it is neither JSON nor YAML: {error}")))?;
        let found = json_schema::violations(&schema, &document);
        if found.is_empty() {
            return Ok(());
        }
        Err(refused(format!(
            "Json schema validation failed with error: [{}]",
            found.join(", ")
        )))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(version: &str, text: &str) -> Result<(), String> {
        let schemas = Schemas::load().unwrap();
        schemas
            .check("vpc-cni", version, text)
            .map_err(|error| error.message().to_owned())
    }

    #[test]
    fn json_and_yaml_are_held_against_the_schema_in_the_words_of_aws() {
        let newest = "v1.23.0-eksbuild.1";
        assert_eq!(check(newest, r#"{"env":{"WARM_IP_TARGET":"3"}}"#), Ok(()));
        assert_eq!(
            check(newest, "env:\n  ENABLE_PREFIX_DELEGATION: \"true\"\n"),
            Ok(())
        );
        assert_eq!(
            check(newest, r#"{"env":{"X":"1"}}"#),
            Err(
                "ConfigurationValue provided in request is not supported: Json schema validation failed with error: \
                 [$.env.X: is not defined in the schema and the schema does not allow additional properties]"
                    .to_owned()
            )
        );
        for refused in ["{", "[]", "", "env: {WARM_IP_TARGET: 3}"] {
            assert!(check(newest, refused).is_err(), "{refused}");
        }
    }

    #[test]
    fn a_key_is_refused_by_versions_before_it() {
        let text = r#"{"env":{"POD_MTU":"9000"}}"#;
        assert!(check("v1.16.3-eksbuild.2", text).is_err());
        assert_eq!(check("v1.16.4-eksbuild.2", text), Ok(()));
        assert!(check("v1.19.2-eksbuild.1", r#"{"extraVolumes":[]}"#).is_err());
        assert_eq!(check("v1.19.2-eksbuild.5", r#"{"extraVolumes":[]}"#), Ok(()));
        for (object, key, _) in SINCE {
            let schema: Value = Schemas::load()
                .unwrap()
                .of("vpc-cni", "v1.23.0-eksbuild.1")
                .unwrap();
            let pointer = format!("/definitions/{object}/properties/{key}");
            assert!(schema.pointer(&pointer).is_some(), "{pointer}");
        }
    }
}
