//! Cases of security groups for pods and network policies.

use super::build::*;
use super::{Case, case};
use crate::config::Key;
use crate::known::Known;
use crate::safety::Severity::{Never, Refuse, Warn};
use crate::safety::{NodeFacts, World};

const MODE: Key = Key::PodSecurityGroupEnforcingMode;

fn standard() -> crate::safety::CniSetup {
    pod_eni().text(MODE, "standard")
}

fn with_branches() -> NodeFacts {
    node("one")
        .enis(|enis| {
            enis.attached = 3;
            enis.trunk = true;
            enis.branches = 2;
        })
        .pods(|pods| pods.with_security_groups = 2)
}

fn policies(world: World) -> World {
    world.but(|world| world.workloads.security_group_policies = Known::Yes(1))
}

pub(super) fn cases() -> Vec<Case> {
    [
        trunks(),
        permissions(),
        enforcing_modes(),
        conflicts(),
        network_policies(),
    ]
    .concat()
}

fn trunks() -> Vec<Case> {
    let full = || node("one").enis(|enis| enis.attached = 3);
    let mut unread = node("one");
    unread.enis = unknown();
    vec![
        case(
            "no-slot-for-trunk",
            Refuse,
            (setup(), pod_eni(), world([full()])),
            (setup(), pod_eni(), one()),
        ),
        case(
            "no-slot-for-trunk",
            Refuse,
            (setup(), pod_eni().int(Key::MaxEni, 2), one()),
            (setup(), pod_eni(), world([full().enis(|enis| enis.trunk = true)])),
        ),
        case(
            "no-slot-for-trunk",
            Refuse,
            (setup(), pod_eni(), world([unread.clone()])),
            (
                pod_eni(),
                pod_eni().int(Key::WarmEniTarget, 2),
                world([unread.clone()]),
            ),
        ),
        case(
            "trunk-left-behind",
            Refuse,
            (pod_eni(), setup(), world([with_branches()])),
            (pod_eni(), setup(), one()),
        ),
        case(
            "trunk-left-behind",
            Refuse,
            (pod_eni(), setup(), world([unread])),
            (pod_eni(), pod_eni(), one()),
        ),
    ]
}

fn permissions() -> Vec<Case> {
    let burstable = || node("one").of_type("t3.large");
    let may = |may| one().but(|world| world.cluster.may_manage_branches = may);
    let mut unread = node("one");
    unread.enis = unknown();
    vec![
        case(
            "branches-not-permitted",
            Refuse,
            (setup(), pod_eni(), may(Known::Yes(false))),
            (setup(), pod_eni(), may(Known::Yes(true))),
        ),
        case(
            "branches-not-permitted",
            Refuse,
            (setup(), pod_eni(), may(unknown())),
            (pod_eni(), pod_eni().int(Key::WarmEniTarget, 2), may(unknown())),
        ),
        case(
            "types-without-trunk",
            Refuse,
            (setup(), pod_eni(), world([burstable()])),
            (
                setup(),
                pod_eni(),
                world([burstable(), node("two").in_group("green")]),
            ),
        ),
        case(
            "types-without-trunk",
            Warn,
            (
                setup(),
                pod_eni(),
                world([burstable(), node("two").in_group("green")]),
            ),
            (setup(), pod_eni(), one()),
        ),
    ]
}

fn enforcing_modes() -> Vec<Case> {
    let probed = |pods| one().but(|world| world.workloads.probed_security_group_pods = Known::Yes(pods));
    vec![
        case(
            "enforcing-mode-changed",
            Refuse,
            (pod_eni(), standard(), world([with_branches()])),
            (pod_eni(), standard(), one()),
        ),
        // Absent is strict.
        case(
            "enforcing-mode-changed",
            Refuse,
            (standard(), pod_eni(), world([with_branches()])),
            (
                pod_eni(),
                pod_eni().text(MODE, "strict"),
                world([with_branches()]),
            ),
        ),
        case(
            "strict-mode-probes",
            Warn,
            (setup(), pod_eni(), probed(1)),
            (setup(), pod_eni().on(Key::DisableTcpEarlyDemux), probed(1)),
        ),
        case(
            "strict-mode-probes",
            Warn,
            (setup(), pod_eni(), probed(1)),
            (setup(), pod_eni(), probed(0)),
        ),
    ]
}

fn conflicts() -> Vec<Case> {
    let dns = || one().but(|world| world.workloads.node_local_dns = Known::Yes(true));
    let agent = |on: bool| {
        if on {
            standard().on(Key::EnableNetworkPolicy)
        } else {
            standard()
        }
    };
    let strict = |on: bool| {
        if on {
            pod_eni().on(Key::EnableNetworkPolicy)
        } else {
            pod_eni()
        }
    };
    vec![
        case(
            "strict-mode-conflict",
            Refuse,
            (setup(), pod_eni(), policies(dns())),
            (setup(), standard(), policies(dns())),
        ),
        // Nobody is bound by strict mode where no SecurityGroupPolicy selects pods.
        case(
            "strict-mode-conflict",
            Refuse,
            (setup(), pod_eni(), policies(dns())),
            (setup(), pod_eni(), dns()),
        ),
        // The container of the agent is there in both; the flag counts.
        case(
            "strict-mode-conflict",
            Refuse,
            (agent(true), strict(true), policies(one())),
            (agent(false), strict(false), policies(one())),
        ),
        case(
            "strict-mode-conflict",
            Refuse,
            (
                setup(),
                pod_eni(),
                policies(one()).but(|world| world.workloads.kube_proxy_ipvs = unknown()),
            ),
            (
                pod_eni(),
                pod_eni().int(Key::WarmEniTarget, 2),
                policies(one()).but(|world| world.workloads.kube_proxy_ipvs = unknown()),
            ),
        ),
        case(
            "strict-mode-conflict",
            Warn,
            (
                setup(),
                pod_eni(),
                one().but(|world| world.workloads.local_traffic_services = Known::Yes(3)),
            ),
            (setup(), pod_eni(), one()),
        ),
    ]
}

fn network_policies() -> Vec<Case> {
    let mode = |mode| setup().text(Key::NetworkPolicyEnforcingMode, mode);
    let idle = || world([node("one").pods(|pods| pods.pods = 0)]);
    let without_agent = |mut setup: crate::safety::CniSetup| {
        setup.node_agent = None;
        setup
    };
    let shaped = || setup().on(Key::EnableBandwidthPlugin);
    vec![
        case(
            "network-policy-strict",
            Refuse,
            (mode("standard"), mode("strict"), one()),
            (mode("standard"), mode("strict"), idle()),
        ),
        case(
            "network-policy-strict",
            Refuse,
            (setup(), mode("strict"), one()),
            (mode("strict"), mode("standard"), one()),
        ),
        case(
            "bandwidth-with-network-policy",
            Never,
            (shaped(), shaped().on(Key::EnableNetworkPolicy), empty()),
            (shaped(), shaped().on(Key::NetworkPolicyController), empty()),
        ),
        case(
            "network-policy-mode-without-agent",
            Refuse,
            (mode("standard"), without_agent(mode("standard")), empty()),
            (mode("standard"), without_agent(setup()), empty()),
        ),
    ]
}
