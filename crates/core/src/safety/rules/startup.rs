//! A check before the flight: values with which a container of aws-node exits, beside those that have a rule of their own.

use super::CODE;
use crate::config::{Key, StartupError, startup_errors, write};
use crate::safety::affected::single;
use crate::safety::change::{Change, Part};
use crate::safety::finding::{Resolution, RuleId, Severity, SubjectKind};
use crate::safety::rule::{Basis, Rule, Violation};
use crate::safety::world::World;

pub(super) const RULES: &[Rule] = &[Rule {
    id: RuleId("aws-node-would-exit"),
    title: "A value with which a container exits",
    unsafe_ids: &["P"],
    keys: &[
        Key::PluginLogFile,
        Key::EnablePodEni,
        Key::PodSecurityGroupEnforcingMode,
        Key::IpCooldownPeriod,
        Key::NetworkPolicyEnforcingMode,
        Key::EnableNetworkPolicy,
        Key::AgentEnableIpv6,
        Key::AgentPolicyEventLogs,
        Key::AgentCloudwatchLogs,
        Key::AgentLogLevel,
        Key::AgentLogFile,
        Key::AgentLogFileMaxSize,
        Key::AgentLogFileMaxBackups,
        Key::AgentMaxConcurrentReconciles,
        Key::AgentConntrackCleanup,
        Key::AgentConntrackSize,
        Key::AgentProfiling,
        Key::AgentKubeconfig,
        Key::AgentMetricsAddr,
        Key::AgentHealthAddr,
    ],
    parts: &[Part::Version],
    severity: Severity::Never,
    resolution: Resolution::None,
    acceptable: false,
    basis: &[Basis {
        says: "The entrypoint, ipamd and the node agent check their settings when they start and exit on a \
               bad one, on every node.",
        source: CODE,
    }],
    fix: "Write a value the container takes, as docs/reference/environment.md has it.",
    check: would_exit,
}];

fn would_exit(change: &Change<'_>, _: &World) -> Vec<Violation> {
    let errors = startup_errors(&write::raw(&change.to.config), change.to.version, None);
    let violation = |error: &StartupError| {
        let key = key_of(error)?;
        let message = format!("{error}: a container of aws-node would exit on every node.");
        Some(Violation::new(vec![single(SubjectKind::Setting, key)], message))
    };
    errors.iter().filter_map(violation).collect()
}

/// The setting of an error; none where another rule is about it, or nothing exits.
fn key_of(error: &StartupError) -> Option<Key> {
    match error {
        StartupError::PluginLogToStdout => Some(Key::PluginLogFile),
        StartupError::EnforcingMode(_) => Some(Key::PodSecurityGroupEnforcingMode),
        StartupError::Cooldown(_) => Some(Key::IpCooldownPeriod),
        StartupError::NetworkPolicyMode(_) => Some(Key::NetworkPolicyEnforcingMode),
        StartupError::AgentFlag { key, .. } => Some(*key),
        StartupError::VethPrefixTooLong(_)
        | StartupError::VethPrefixReserved(_)
        | StartupError::Mtu { .. }
        | StartupError::NoWarmTarget
        | StartupError::NoIpFamily
        | StartupError::BothIpFamilies
        | StartupError::Ipv6WithoutPrefixes
        | StartupError::Ipv6WithCustomNetworking
        | StartupError::Ipv6WithoutNitro
        | StartupError::PrefixesIgnored => None,
    }
}
