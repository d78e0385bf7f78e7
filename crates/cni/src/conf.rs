//! The configuration a runtime passes on standard input: `aws-cni`'s part of the list, and what the runtime adds.

use crate::environment::is_identifier;
use crate::error::{CniError, Code};
use crate::spec::Spec;
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::PathBuf;
use vpccni_core::conflist::PluginSettings;

const MULTI_NIC_ANNOTATION: &str = "k8s.amazonaws.com/nicConfig";
const MULTI_NIC: &str = "multi-nic-attachment";

/// As it is written. Keys of other plugins are none of ours.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Wire {
    #[serde(deserialize_with = "null_as_default")]
    name: String,
    veth_prefix: Option<String>,
    mtu: Option<String>,
    #[serde(rename = "podSGEnforcingMode")]
    pod_sg_enforcing_mode: Option<String>,
    #[serde(deserialize_with = "null_as_default")]
    plugin_log_file: String,
    #[serde(deserialize_with = "null_as_default")]
    plugin_log_level: String,
    ipamd_socket: Option<PathBuf>,
    network_policy_socket: Option<PathBuf>,
    #[serde(deserialize_with = "null_as_default")]
    runtime_config: RuntimeConfig,
    prev_result: Option<Value>,
    #[serde(rename = "cni.dev/valid-attachments", deserialize_with = "present")]
    valid_attachments: Option<Vec<Attachment>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct RuntimeConfig {
    #[serde(
        rename = "io.kubernetes.cri.pod-annotations",
        deserialize_with = "null_as_default"
    )]
    annotations: BTreeMap<String, String>,
}

/// An attachment that the runtime still knows.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
pub struct Attachment {
    /// The sandbox.
    #[serde(rename = "containerID")]
    pub container_id: String,
    /// The name of its interface.
    pub ifname: String,
}

/// The logging part, which is read before anything else can fail.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct LogConf {
    /// A path, or `stderr`.
    #[serde(deserialize_with = "null_as_default")]
    pub plugin_log_file: String,
    /// The least level that is written.
    #[serde(deserialize_with = "null_as_default")]
    pub plugin_log_level: String,
    /// The version of the configuration, for the version of an error.
    pub cni_version: Option<String>,
}

/// A configuration that makes sense.
#[derive(Debug)]
pub struct NetConf {
    /// The version the runtime speaks.
    pub spec: Spec,
    /// The name of the network.
    pub name: String,
    /// The settings of the links.
    pub settings: PluginSettings,
    /// Where ipamd listens.
    pub ipamd_socket: PathBuf,
    /// Where the network-policy agent listens.
    pub policy_socket: PathBuf,
    /// Whether the pod asks for an address of every network card.
    pub multi_nic: bool,
    /// The result of the ADD.
    pub prev_result: Option<Value>,
    /// What GC must leave alone. None where the runtime did not say: then nothing may be taken away.
    pub valid_attachments: Option<Vec<Attachment>>,
}

impl NetConf {
    /// Reads standard input.
    pub fn read(stdin: &[u8], spec: Spec) -> Result<Self, CniError> {
        let wire: Wire = decode(stdin)?;
        if !is_identifier(&wire.name) {
            let message = format!("the name of the network, {:?}, is missing or wrong", wire.name);
            return Err(CniError::new(Code::InvalidConfig, message));
        }
        let settings = PluginSettings::read(
            wire.veth_prefix.as_deref(),
            wire.mtu.as_deref(),
            wire.pod_sg_enforcing_mode.as_deref(),
        )
        .map_err(|error| CniError::new(Code::InvalidConfig, error.to_string()))?;
        let annotation = wire.runtime_config.annotations.get(MULTI_NIC_ANNOTATION);
        Ok(Self {
            spec,
            name: wire.name,
            settings,
            ipamd_socket: wire
                .ipamd_socket
                .unwrap_or_else(|| vpccni_rpc::IPAMD_SOCKET.into()),
            policy_socket: wire
                .network_policy_socket
                .unwrap_or_else(|| vpccni_rpc::NETWORK_POLICY_SOCKET.into()),
            multi_nic: annotation.is_some_and(|value| value == MULTI_NIC),
            prev_result: wire.prev_result,
            valid_attachments: wire.valid_attachments,
        })
    }
}

/// Decodes standard input.
pub(crate) fn decode<'a, T: Deserialize<'a>>(stdin: &'a [u8]) -> Result<T, CniError> {
    serde_json::from_slice(stdin)
        .map_err(|error| CniError::because(Code::Decode, "the configuration cannot be decoded", error))
}

/// Go's runtimes write null for what is empty.
pub(crate) fn null_as_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Ok(Option::<T>::deserialize(deserializer)?.unwrap_or_default())
}

/// Null is an empty list, and not the same as a key that is absent.
fn present<'de, D>(deserializer: D) -> Result<Option<Vec<Attachment>>, D::Error>
where
    D: Deserializer<'de>,
{
    null_as_default(deserializer).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;
    use vpccni_core::config::PodEniMode;

    fn read(text: &str) -> Result<NetConf, CniError> {
        NetConf::read(text.as_bytes(), Spec::V1_1_0)
    }

    #[test]
    fn what_is_absent_or_null_has_its_default() {
        for text in [
            r#"{"name": "n"}"#,
            r#"{"name": "n", "mtu": null, "runtimeConfig": null, "prevResult": null, "pluginLogFile": null}"#,
        ] {
            let conf = read(text).unwrap();
            assert_eq!((&*conf.settings.veth_prefix, conf.settings.mtu), ("eni", 9001));
            assert_eq!(conf.settings.pod_eni_mode, PodEniMode::Strict);
            assert_eq!(conf.ipamd_socket, PathBuf::from(vpccni_rpc::IPAMD_SOCKET));
            assert!(!conf.multi_nic && conf.prev_result.is_none() && conf.valid_attachments.is_none());
        }
    }

    #[test]
    fn an_empty_list_of_attachments_is_a_list() {
        for list in ["null", "[]"] {
            let conf = read(&format!(
                r#"{{"name": "n", "cni.dev/valid-attachments": {list}}}"#
            ))
            .unwrap();
            assert_eq!(conf.valid_attachments, Some(vec![]));
        }
    }

    #[test]
    fn the_annotation_asks_for_all_cards() {
        let with = |value: &str| {
            let key = "io.kubernetes.cri.pod-annotations";
            let text = format!(
                r#"{{"name": "n", "runtimeConfig": {{"{key}": {{"{MULTI_NIC_ANNOTATION}": "{value}"}}}}}}"#
            );
            read(&text).unwrap().multi_nic
        };
        assert_eq!([with(MULTI_NIC), with("single")], [true, false]);
    }

    #[test]
    fn mistakes_have_the_codes_of_the_specification() {
        let code = |text| read(text).unwrap_err().code;
        assert_eq!(code("{"), Code::Decode);
        assert_eq!(code(r#"{"name": "n", "mtu": 9001}"#), Code::Decode);
        assert_eq!(code("{}"), Code::InvalidConfig);
        assert_eq!(code(r#"{"name": "../n"}"#), Code::InvalidConfig);
        assert_eq!(
            code(r#"{"name": "n", "vethPrefix": "abcde"}"#),
            Code::InvalidConfig
        );
    }
}
