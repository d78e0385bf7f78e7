//! Cases of custom networking and ENIConfigs.

use super::build::*;
use super::{Case, case};
use crate::config::Key;
use crate::ids::EniConfigName;
use crate::safety::Severity::{Never, Refuse, Warn};
use crate::safety::{CniSetup, IpFamily, NodeFacts, Os, SecurityGroupFacts, World, ZoneFacts};

fn without_b() -> CniSetup {
    let mut setup = custom();
    setup
        .eni_configs
        .remove(&EniConfigName::parse("us-west-2b").unwrap());
    setup
}

fn without_a() -> CniSetup {
    let mut setup = custom();
    setup
        .eni_configs
        .remove(&EniConfigName::parse("us-west-2a").unwrap());
    setup
}

fn both_zones() -> World {
    one().but(|world| {
        world.zones.push(ZoneFacts {
            zone: zone("b"),
            nodes: 0,
            because: vec!["NodePool default".to_owned()],
        });
    })
}

fn windows() -> NodeFacts {
    let mut node = node("windows").in_group("win");
    node.os = Os::Windows;
    node
}

fn labelled(key: &str, value: &str) -> NodeFacts {
    let mut node = node("one");
    node.labels.insert(key.to_owned(), value.to_owned());
    node
}

pub(super) fn cases() -> Vec<Case> {
    [networking(), missing(), wrong_subnets(), wrong_groups(), in_use()].concat()
}

fn networking() -> Vec<Case> {
    let mut install = setup();
    install.present = false;
    let bare = || {
        node("one")
            .enis(|enis| enis.attached = 1)
            .pods(|pods| pods.pods = 0)
    };
    let both = || custom().on(Key::EnablePodEni);
    vec![
        case(
            "custom-networking-in-place",
            Refuse,
            (setup(), custom(), one()),
            (setup(), custom(), empty()),
        ),
        case(
            "custom-networking-in-place",
            Refuse,
            (custom(), setup(), one()),
            (custom(), custom(), one()),
        ),
        // A cluster that gets its CNI has nothing of the old way; one that had it has.
        case(
            "custom-networking-in-place",
            Refuse,
            (install.clone(), custom(), one()),
            (install, custom(), world([bare()])),
        ),
        case(
            "custom-networking-ipv6",
            Never,
            (
                setup(),
                custom(),
                empty().but(|world| world.cluster.ip_family = crate::known::Known::Yes(IpFamily::V6)),
            ),
            (setup(), custom(), empty()),
        ),
        case(
            "custom-networking-windows",
            Warn,
            (setup(), custom(), world([windows()])),
            (setup(), custom(), one()),
        ),
        case(
            "no-interface-left-for-pods",
            Refuse,
            (custom(), both(), world([node("one").of_type("a1.medium")])),
            (custom(), both(), one()),
        ),
        case(
            "no-interface-left-for-pods",
            Refuse,
            (custom(), both(), world([node("one").of_type("zz9.large")])),
            (
                both(),
                both().int(Key::WarmEniTarget, 2),
                world([node("one").of_type("zz9.large")]),
            ),
        ),
    ]
}

fn missing() -> Vec<Case> {
    let by_label = || custom().text(Key::EniConfigLabelDef, "pool");
    vec![
        case(
            "eni-config-missing",
            Refuse,
            (setup(), without_b(), both_zones()),
            (setup(), custom(), both_zones()),
        ),
        // Removed while a node may still come up there.
        case(
            "eni-config-missing",
            Refuse,
            (custom(), without_b(), both_zones()),
            (custom(), without_b(), one()),
        ),
        // It was missing before, and this change is about something else.
        case(
            "eni-config-missing",
            Warn,
            (without_b(), without_b().eni_config("spare", "poda"), both_zones()),
            (custom(), custom().eni_config("spare", "poda"), both_zones()),
        ),
        case(
            "eni-config-missing",
            Refuse,
            (custom(), by_label(), world([labelled("pool", "gone")])),
            (custom(), by_label(), world([labelled("pool", "us-west-2b")])),
        ),
        // No label at all: the name is default.
        case(
            "eni-config-missing",
            Refuse,
            (custom(), by_label(), one()),
            (custom(), by_label().eni_config("default", "poda"), one()),
        ),
    ]
}

fn wrong_subnets() -> Vec<Case> {
    let other_vpc = |world: World| world.subnet("poda", |subnet| subnet.vpc = vpc("9"));
    vec![
        // Gone, in another zone, in another VPC.
        case(
            "eni-config-wrong-subnet",
            Refuse,
            (setup(), custom().eni_config("us-west-2a", "gone"), one()),
            (setup(), custom(), one()),
        ),
        case(
            "eni-config-wrong-subnet",
            Refuse,
            (custom(), custom().eni_config("us-west-2a", "podb"), one()),
            (custom(), custom().eni_config("us-west-2a", "a"), one()),
        ),
        case(
            "eni-config-wrong-subnet",
            Refuse,
            (setup(), custom(), other_vpc(one())),
            (custom(), custom().eni_config("us-west-2b", "b"), other_vpc(one())),
        ),
        case(
            "eni-config-wrong-subnet",
            Refuse,
            (
                custom(),
                custom().eni_config("us-west-2a", "a"),
                one().but(|world| world.subnets = unknown()),
            ),
            (
                custom(),
                custom().on(Key::EnablePodEni),
                one().but(|world| world.subnets = unknown()),
            ),
        ),
    ]
}

fn wrong_groups() -> Vec<Case> {
    let foreign_group = || {
        one().but(|world| {
            let group = SecurityGroupFacts {
                id: group_id("pods"),
                vpc: vpc("9"),
            };
            world.security_groups = crate::known::Known::Yes([(group_id("pods"), group)].into());
        })
    };
    vec![
        case(
            "eni-config-wrong-security-group",
            Refuse,
            (setup(), custom(), foreign_group()),
            (setup(), custom(), one()),
        ),
        case(
            "eni-config-wrong-security-group",
            Refuse,
            (
                setup(),
                custom(),
                one().but(|world| world.security_groups = crate::known::Known::Yes([].into())),
            ),
            (custom(), custom().eni_config("us-west-2b", "b"), foreign_group()),
        ),
        case(
            "eni-config-wrong-security-group",
            Refuse,
            (
                setup(),
                custom(),
                one().but(|world| world.security_groups = unknown()),
            ),
            (
                custom(),
                custom().int(Key::WarmEniTarget, 2),
                one().but(|world| world.security_groups = unknown()),
            ),
        ),
    ]
}

fn in_use() -> Vec<Case> {
    let name = EniConfigName::parse("us-west-2b").unwrap();
    let used = || one().but(|world| world.eni_configs_in_use = [(name.clone(), 4)].into());
    let by_label = || custom().text(Key::EniConfigLabelDef, "pool");
    vec![
        case(
            "eni-config-in-use-changed",
            Refuse,
            (custom(), custom().eni_config("us-west-2a", "a"), one()),
            (custom(), custom().eni_config("us-west-2b", "b"), one()),
        ),
        // Nobody names it any more, and interfaces still show its use.
        case(
            "eni-config-in-use-changed",
            Refuse,
            (custom(), custom().eni_config("us-west-2b", "b"), used()),
            (custom(), custom().eni_config("us-west-2b", "b"), one()),
        ),
        case(
            "eni-config-in-use-removed",
            Refuse,
            (custom(), without_a(), one()),
            (custom(), without_b(), one()),
        ),
        case(
            "eni-config-resolved-elsewhere",
            Refuse,
            (custom(), by_label(), world([labelled("pool", "us-west-2b")])),
            (custom(), by_label(), world([labelled("pool", "us-west-2a")])),
        ),
        case(
            "eni-config-not-followed",
            Warn,
            (custom(), custom(), one()),
            (
                custom(),
                custom(),
                world([node("one").enis(|enis| enis.pod_subnets = vec![subnet_id("poda")])]),
            ),
        ),
        // Another name for the same subnet and groups moves nothing.
        case(
            "eni-config-resolved-elsewhere",
            Refuse,
            (
                custom(),
                by_label().eni_config("green", "a"),
                world([labelled("pool", "green")]),
            ),
            (
                custom(),
                by_label().eni_config("green", "poda"),
                world([labelled("pool", "green")]),
            ),
        ),
    ]
}
