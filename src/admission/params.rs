//! What the admission policies compare with: which keys are ours, which ENIConfigs are in use. Pure.

use std::collections::{BTreeMap, BTreeSet};
use vpccni_core::config::Place;
use vpccni_core::policy::SettingName;

/// What stands for the argument list of the node agent among suspended keys.
const ARGS: &str = "args";

/// What the policies are told.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Parameters {
    /// Namespace and name of the DaemonSet; empty where nothing is managed.
    pub(crate) target: String,
    /// Settings that are ours.
    pub(crate) owned: BTreeSet<SettingName>,
    /// Settings somebody broke the glass on.
    pub(crate) suspended: BTreeSet<SettingName>,
    /// ENIConfigs that nodes use.
    pub(crate) eni_configs_in_use: BTreeSet<String>,
    /// Whether the update strategy must not be changed by others.
    pub(crate) shield: bool,
}

impl Parameters {
    /// The data of the ConfigMap; lists begin and end with a comma, so that a name is found by `,NAME,`.
    pub(crate) fn data(&self) -> BTreeMap<&'static str, String> {
        let variables = |place: Place| {
            let names = self
                .owned
                .iter()
                .filter(|name| name.place == place && !name.is_agent_flag());
            list(names.map(|name| name.name.as_str()))
        };
        let args = |names: &BTreeSet<SettingName>| names.iter().any(SettingName::is_agent_flag);
        let mut suspended: Vec<&str> = self
            .suspended
            .iter()
            .filter(|name| !name.is_agent_flag())
            .map(|name| name.name.as_str())
            .collect();
        if args(&self.suspended) {
            suspended.push(ARGS);
        }
        BTreeMap::from([
            ("target", self.target.clone()),
            ("awsNodeOwned", variables(Place::AwsNode)),
            ("initOwned", variables(Place::Init)),
            ("nodeAgentOwned", variables(Place::NodeAgent)),
            ("nodeAgentArgsOwned", args(&self.owned).to_string()),
            ("suspended", list(suspended.into_iter())),
            (
                "eniConfigsInUse",
                list(self.eni_configs_in_use.iter().map(String::as_str)),
            ),
            ("shield", self.shield.to_string()),
        ])
    }
}

fn list<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let joined = names.collect::<Vec<_>>().join(",");
    if joined.is_empty() {
        String::new()
    } else {
        format!(",{joined},")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use vpccni_core::config::Key;

    #[test]
    fn lists_are_framed_by_commas() {
        let owned = [
            Key::WarmEniTarget,
            Key::EnablePrefixDelegation,
            Key::DisableTcpEarlyDemux,
            Key::AgentLogLevel,
        ];
        let parameters = Parameters {
            target: "kube-system/aws-node".to_owned(),
            owned: owned.into_iter().map(SettingName::of).collect(),
            suspended: BTreeSet::from([
                SettingName::of(Key::WarmEniTarget),
                SettingName::of(Key::AgentLogLevel),
            ]),
            eni_configs_in_use: BTreeSet::from(["us-west-2a".to_owned()]),
            shield: false,
        };
        let data = parameters.data();
        assert_eq!(data["awsNodeOwned"], ",ENABLE_PREFIX_DELEGATION,WARM_ENI_TARGET,");
        assert_eq!(data["initOwned"], ",DISABLE_TCP_EARLY_DEMUX,");
        assert_eq!(data["nodeAgentOwned"], "");
        assert_eq!(data["nodeAgentArgsOwned"], "true");
        assert_eq!(data["suspended"], ",WARM_ENI_TARGET,args,");
        assert_eq!(data["eniConfigsInUse"], ",us-west-2a,");
        assert_eq!(data["shield"], "false");
    }
}
