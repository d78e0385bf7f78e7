//! How many pods a node may run: the four formulas in use, and what ipamd can really carry.
//!
//! Each formula is reproduced as its owner computes it, with what it ignores: the numbers are compared with what
//! nodes declare, so a better number would be the wrong one.

mod expression;

pub use expression::ExpressionError;

use crate::config::Effective;
use crate::limits::InstanceLimits;
use crate::net::Ipv4Prefix;

/// Pods in the host's network, which need no address: aws-node and kube-proxy.
const HOST_NETWORK_PODS: u32 = 2;

/// Pods a kubelet takes that was told nothing.
const KUBELET_DEFAULT: u32 = 110;

/// What the max-pods script is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScriptArgs {
    /// `--cni-version`.
    pub cni_version: String,
    /// `--cni-prefix-delegation-enabled`.
    pub prefix_delegation: bool,
    /// `--cni-custom-networking-enabled`.
    pub custom_networking: bool,
    /// `--cni-max-eni`.
    pub max_eni: Option<u32>,
    /// `--show-max-allowed`: without the cap of 110 or 250.
    pub show_max_allowed: bool,
}

/// Why the script gives no number.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ScriptError {
    /// The version's numbers cannot be compared; a leading `v` is enough.
    #[error("cni version {0:?} does not begin with numbers, such as 1.20.0")]
    Version(String),
    /// The cap depends on vCPUs, and nobody knows them.
    #[error("the vCPUs of the type are not known, so neither is the cap")]
    UnknownVcpus,
}

/// `max-pods-calculator.sh`: prefixes on nitro only (bare metal has none there), from CNI 1.9 on; the cap of 110, or
/// 250 above 30 vCPUs, holds in every mode unless the maximum is asked for.
pub fn script(limits: &InstanceLimits, args: &ScriptArgs) -> Result<u32, ScriptError> {
    let enis = args
        .max_eni
        .map_or(limits.max_enis, |max| max.min(limits.max_enis));
    let enis = enis.saturating_sub(u32::from(args.custom_networking));
    let prefixes = args.prefix_delegation && limits.nitro && script_knows_prefixes(&args.cni_version)?;
    let per_slot = if prefixes { Ipv4Prefix::SIZE } else { 1 };
    let max = with_addresses(enis, limits.slots_per_eni(), per_slot);
    if args.show_max_allowed {
        return Ok(max);
    }
    let vcpus = limits.vcpus.ok_or(ScriptError::UnknownVcpus)?;
    Ok(max.min(if vcpus > 30 { 250 } else { 110 }))
}

fn script_knows_prefixes(version: &str) -> Result<bool, ScriptError> {
    let mut numbers = version.split('.').map(str::parse::<u32>);
    match (numbers.next(), numbers.next()) {
        (Some(Ok(major)), Some(Ok(minor))) => Ok(major > 1 || (major == 1 && minor > 8)),
        _ => Err(ScriptError::Version(version.to_owned())),
    }
}

/// nodeadm's number where the node's configuration has no expression: no cap, no prefixes, no custom networking.
pub fn nodeadm_standard(limits: &InstanceLimits) -> u32 {
    standard(limits.max_enis, limits.ipv4_per_eni)
}

fn standard(enis: u32, ips_per_eni: u32) -> u32 {
    with_addresses(enis, ips_per_eni.saturating_sub(1), 1)
}

/// Pods where each slot of each interface holds so many addresses.
fn with_addresses(enis: u32, slots: u32, per_slot: u32) -> u32 {
    enis.saturating_mul(slots)
        .saturating_mul(per_slot)
        .saturating_add(HOST_NETWORK_PODS)
}

/// The number of a `maxPodsExpression` of nodeadm. `max_pods` is what the expression's variable of that name has.
pub fn nodeadm_expression(
    expression: &str,
    default_enis: u32,
    ips_per_eni: u32,
    max_pods: u32,
) -> Result<u32, ExpressionError> {
    let variables = [
        ("default_enis", default_enis),
        ("ips_per_eni", ips_per_eni),
        ("max_pods", max_pods),
    ];
    expression::evaluate(expression, &variables)
}

/// nodeadm's number: that of the expression, or the standard one where there is none or it cannot be used.
pub fn nodeadm(expression: &str, default_enis: u32, ips_per_eni: u32) -> u32 {
    let standard = standard(default_enis, ips_per_eni);
    nodeadm_expression(expression, default_enis, ips_per_eni, standard).unwrap_or(standard)
}

/// What Karpenter knows of a node class.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KarpenterArgs {
    /// `RESERVED_ENIS`.
    pub reserved_enis: u32,
    /// EFA-only interfaces on the default card.
    pub efa_only: u32,
    /// `kubelet.maxPods`.
    pub max_pods: Option<u32>,
    /// `kubelet.podsPerCore`, where the AMI family honours it.
    pub pods_per_core: Option<u32>,
    /// Whether the AMI family counts interfaces (AL2, AL2023, Bottlerocket); Windows does not.
    pub eni_limited: bool,
}

/// Karpenter's number: it knows neither prefixes nor the cap of 110 or 250. Unknown vCPUs put no limit.
pub fn karpenter(limits: &InstanceLimits, args: &KarpenterArgs) -> u32 {
    let by_interfaces = || {
        let usable = limits
            .max_enis
            .saturating_sub(args.reserved_enis)
            .saturating_sub(args.efa_only);
        if usable == 0 {
            0
        } else {
            standard(usable, limits.ipv4_per_eni)
        }
    };
    let pods = match args.max_pods {
        Some(max_pods) => max_pods,
        None if args.eni_limited => by_interfaces(),
        None => 110,
    };
    match (args.pods_per_core, limits.vcpus) {
        (Some(per_core), Some(vcpus)) if per_core > 0 => pods.min(per_core.saturating_mul(vcpus)),
        _ => pods,
    }
}

/// The pods a node of the type can really give an address, host network pods included.
///
/// Unlike the formulas above: MAX_ENI, custom networking and the trunk of security groups for pods each take their
/// interfaces, and prefixes count wherever ipamd uses them, bare metal included. In IPv6 one /80 holds more addresses
/// than any node has pods; on a type without prefixes ipamd does not start there.
pub fn possible(limits: &InstanceLimits, effective: &Effective) -> u32 {
    if effective.ipv6() {
        return if limits.prefix_delegation {
            u32::MAX
        } else {
            HOST_NETWORK_PODS
        };
    }
    let trunk = effective.pod_eni() && limits.trunk != Some(false);
    let taken = u32::from(effective.custom_networking()) + u32::from(trunk);
    let enis = effective.max_enis_on(limits).saturating_sub(taken);
    let prefixes = effective.prefix_delegation() && limits.prefix_delegation;
    let per_slot = if prefixes { Ipv4Prefix::SIZE } else { 1 };
    with_addresses(enis, limits.slots_per_eni(), per_slot)
}

/// The pods a node is taken to have while nobody knows what its kubelet was started for. The list that AWS publishes by
/// type counts single addresses: with prefixes it is a kubelet's own 110 where that is more.
pub fn unseen(limits: &InstanceLimits, effective: &Effective) -> u32 {
    let published = nodeadm_standard(limits);
    if effective.prefix_delegation() && limits.prefix_delegation {
        published.max(KUBELET_DEFAULT)
    } else {
        published
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{CniConfig, Key, Value};
    use crate::ids::InstanceType;
    use crate::limits;
    use crate::version::CniVersion;

    fn of(name: &str) -> InstanceLimits {
        limits::find(&InstanceType::parse(name).unwrap()).unwrap()
    }

    fn script_args() -> ScriptArgs {
        ScriptArgs {
            cni_version: "1.20.0".to_owned(),
            prefix_delegation: false,
            custom_networking: false,
            max_eni: None,
            show_max_allowed: false,
        }
    }

    #[test]
    fn the_script_says_what_it_cannot_compute() {
        let prefix = |version: &str| ScriptArgs {
            cni_version: version.to_owned(),
            prefix_delegation: true,
            ..script_args()
        };
        let v = "v1.20.0";
        assert_eq!(
            script(&of("m5.large"), &prefix(v)),
            Err(ScriptError::Version(v.to_owned()))
        );
        // The version is looked at only where it decides something.
        assert_eq!(script(&of("m4.large"), &prefix(v)), Ok(20));
        let unknown = InstanceLimits {
            vcpus: None,
            ..of("m5.large")
        };
        assert_eq!(script(&unknown, &script_args()), Err(ScriptError::UnknownVcpus));
    }

    #[test]
    fn what_ipamd_can_carry() {
        let possible_on = |name: &str, on: &[Key]| {
            let mut config = CniConfig::default();
            for key in on {
                config.set(*key, Value::Bool(true));
            }
            possible(&of(name), &Effective::of(&config, CniVersion::REFERENCE))
        };
        assert_eq!(possible_on("m5.large", &[]), 29);
        assert_eq!(possible_on("m5.large", &[Key::EnablePrefixDelegation]), 434);
        assert_eq!(possible_on("m5.large", &[Key::CustomNetworkCfg]), 20);
        assert_eq!(
            possible_on("m5.large", &[Key::CustomNetworkCfg, Key::EnablePodEni]),
            11
        );
        // t3 has no trunk, so security groups for pods take no interface there.
        assert_eq!(
            possible_on("t3.medium", &[Key::EnablePodEni]),
            possible_on("t3.medium", &[])
        );
        // No prefixes on Xen, prefixes on bare metal.
        assert_eq!(possible_on("m4.large", &[Key::EnablePrefixDelegation]), 20);
        assert_eq!(
            possible_on("m5.metal", &[Key::EnablePrefixDelegation]),
            15 * 49 * 16 + 2
        );
    }

    #[test]
    fn a_node_that_was_not_seen_is_taken_for_what_is_published() {
        let unseen_on = |name: &str, prefixes: bool| {
            let mut config = CniConfig::default();
            config.set(Key::EnablePrefixDelegation, Value::Bool(prefixes));
            unseen(&of(name), &Effective::of(&config, CniVersion::REFERENCE))
        };
        assert_eq!(unseen_on("m5.large", false), 29);
        assert_eq!(unseen_on("m5.large", true), 110);
        // A large node has more than the 110 of a kubelet that was told nothing.
        assert_eq!(
            [false, true].map(|prefixes| unseen_on("m5.24xlarge", prefixes)),
            [737, 737]
        );
        // No prefixes on Xen.
        assert_eq!(unseen_on("m4.large", true), 20);
    }

    #[test]
    fn in_ipv6_addresses_are_no_limit() {
        let mut config = CniConfig::default();
        config.set(Key::EnableIpv6, Value::Bool(true));
        let effective = Effective::of(&config, CniVersion::REFERENCE);
        assert_eq!(possible(&of("m5.large"), &effective), u32::MAX);
        assert_eq!(possible(&of("m4.large"), &effective), 2);
    }

    #[test]
    fn absurd_numbers_stay_numbers() {
        assert_eq!(nodeadm("default_enis * 2", 2_147_483_647, 10), u32::MAX);
    }

    #[test]
    fn max_eni_limits_what_ipamd_can_carry() {
        let mut config = CniConfig::default();
        config.set(Key::MaxEni, Value::Int(2));
        let effective = Effective::of(&config, CniVersion::REFERENCE);
        assert_eq!(possible(&of("m5.large"), &effective), 20);
        assert_eq!(possible(&of("t3.nano"), &effective), 4);
    }
}
