//! The stories: a node of each combination, in one VPC, so that pods of all of them talk to each other.

use super::scene::{Combination, Member, Scene};
use super::ways::{Guest, check_addresses, check_talk, check_ways};
use crate::bed::ZONES;

const STRICT: Option<&str> = Some("strict");
const STANDARD: Option<&str> = Some("standard");

/// Neither, custom networking, security groups for pods, and both.
fn combinations(
    groups: Option<&'static str>,
    both: Option<&'static str>,
) -> [(&'static str, Combination); 4] {
    let at = |zone: usize, custom, groups| (ZONES[zone], Combination { custom, groups });
    [
        at(0, false, None),
        at(1, true, None),
        at(1, false, groups),
        at(0, true, both),
    ]
}

/// The name of the link of a pod on its node: in strict mode its prefix is not that of other pods.
fn host_link(guest: &Guest<'_>) -> String {
    let result = guest.pod.result().unwrap();
    let name = result["interfaces"][0]["name"].as_str().unwrap();
    let strict = guest.member.is.groups == STRICT && guest.branch.is_some();
    assert_eq!(name.starts_with("vlan"), strict, "{result}");
    name.to_owned()
}

/// The rules and routes of a pod with a branch, as `ip` shows them.
fn check_branch(guest: &Guest<'_>) {
    let branch = guest.branch.as_ref().unwrap();
    let (address, vlan, link) = (
        guest.address(),
        format!("vlan.eth.{}", branch.vlan),
        host_link(guest),
    );
    let table = (branch.vlan + 100).to_string();
    let node = &guest.member.node;
    let rules = node.run("ip", &["rule"]).unwrap();
    let routes = node.run("ip", &["route", "show", "table", &table]).unwrap();
    let main = node.run("ip", &["route", "show"]).unwrap();
    let has_rule = |rule: &str| {
        rules
            .lines()
            .any(|line| line.split_whitespace().collect::<Vec<_>>().join(" ") == rule)
    };
    let [gateway, to_pod] = [format!("dev {vlan}"), format!("{address} dev {link} scope link")];
    assert!(
        routes.contains("default via ") && routes.contains(&gateway),
        "{routes}"
    );
    let strict = guest.member.is.groups == STRICT;
    assert_eq!(routes.contains(&to_pod), strict, "{routes}");
    assert_eq!(main.contains(&to_pod), !strict, "{main}");
    for (rule, of_strict) in [
        (format!("10: from all iif {vlan} lookup {table}"), true),
        (format!("10: from all iif {link} lookup {table}"), true),
        ("20: from all lookup local".to_owned(), true),
        ("0: from all lookup local".to_owned(), false),
        (format!("512: from all to {address} lookup main"), false),
        (format!("1536: from {address} lookup {table}"), false),
    ] {
        assert_eq!(has_rule(&rule), of_strict == strict, "{rule}\n{rules}");
    }
}

/// An ADD, a check of the kernel by the plugin itself, and what the story wants to know of the pod.
async fn guests<'a>(scene: &Scene, members: &'a [Member]) -> Vec<Guest<'a>> {
    let mut wanted = Vec::new();
    for (number, member) in members.iter().enumerate() {
        wanted.push((member, format!("plain-{number}"), false));
        if member.is.groups.is_some() {
            wanted.push((member, format!("grouped-{number}"), true));
        }
    }
    scene.create_pods(&wanted).await;
    let mut guests = Vec::new();
    for (member, name, grouped) in wanted {
        let mut pod = member.node.pod("default", &name).unwrap();
        let mut branch = None;
        if grouped {
            // Until the controller has written the branch the pod waits: it must not come up with the node's groups.
            assert!(pod.add().is_err(), "{name} came up without its branch");
            branch = Some(scene.give_branch(member, &name).await);
        }
        pod.add()
            .unwrap_or_else(|error| panic!("{name}: {error}\n{}", crate::cluster::tail(&member.agent.log())));
        pod.check().unwrap();
        guests.push(Guest { member, pod, branch });
    }
    guests
}

/// Nothing of a pod is left on its node.
fn check_gone(guests: Vec<Guest<'_>>) {
    for guest in guests {
        let (address, node) = (guest.address(), &guest.member.node);
        let mut words = vec![format!("{address} "), host_link(&guest)];
        if let Some(branch) = &guest.branch {
            words.push(format!("vlan.eth.{}", branch.vlan));
            words.push(format!("lookup {}", branch.vlan + 100));
        }
        guest.pod.del().unwrap();
        guest.pod.del().unwrap();
        guest.pod.remove().unwrap();
        let kernel = node.kernel().unwrap();
        for word in words {
            assert_eq!(kernel.lines_with(&word), Vec::<&str>::new());
        }
        assert_eq!(node.connections(address).unwrap(), Vec::<String>::new());
    }
}

async fn all_combinations(prefixes: bool, combinations: [(&'static str, Combination); 4], trunk_first: bool) {
    let Some(scene) = Scene::start(prefixes).await else {
        return;
    };
    let mut members = Vec::new();
    for (zone, is) in combinations {
        members.push(scene.join(zone, is, trunk_first).await);
    }
    for member in &mut members {
        member.agent.ready(&member.node).await.unwrap();
    }
    for member in members.iter().filter(|member| member.is.groups.is_some()) {
        scene.trunk_on_demand(member).await;
    }
    for member in members.iter().filter(|member| member.is.groups.is_some()) {
        scene.trunk_known(member).await;
    }
    let guests = guests(&scene, &members).await;
    check_addresses(&scene, &guests);
    guests
        .iter()
        .filter(|guest| guest.branch.is_some())
        .for_each(check_branch);
    check_talk(&scene, &members, &guests);
    check_ways(&scene, &members, &guests);
    check_gone(guests);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_four_combinations_in_secondary_mode() {
    all_combinations(false, combinations(STRICT, STANDARD), false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_four_combinations_in_prefix_mode() {
    all_combinations(true, combinations(STANDARD, STRICT), true).await;
}
