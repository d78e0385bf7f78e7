//! Where the address of a pod comes from, and by which interface its packets leave: what the fabric must have seen.

use std::net::{IpAddr, SocketAddr};

use vpccni_core::ids::EniId;
use vpccni_testbed::boxes::traffic::{Echo, seen_as};
use vpccni_testbed::boxes::{INTERNET, NAT_ADDRESS, NodeBox, Pod};
use vpccni_testbed::sandbox::world::World;

use super::scene::{Branch, Member, Scene};
use crate::steady::PORT;

/// A pod that runs.
pub(super) struct Guest<'a> {
    pub(super) member: &'a Member,
    pub(super) pod: Pod<'a>,
    /// Its branch interface, for a pod with groups of its own.
    pub(super) branch: Option<Branch>,
}

impl Guest<'_> {
    pub(super) fn address(&self) -> IpAddr {
        self.pod.address().unwrap()
    }

    /// Whether everything of it goes by its branch, what is for its own node included.
    fn is_strict(&self) -> bool {
        self.branch.is_some() && self.member.is.groups == Some("strict")
    }

    fn is_on(&self, node: &NodeBox) -> bool {
        self.member.node.instance() == node.instance()
    }
}

fn primary(world: &World, node: &NodeBox) -> EniId {
    world.instances[node.instance()].interfaces[&(0, 0)].clone()
}

/// The interface that holds the address of a pod, whatever it holds it as.
fn holder(world: &World, guest: &Guest<'_>) -> EniId {
    if let Some(branch) = &guest.branch {
        assert_eq!(guest.address(), IpAddr::from(branch.address));
        return branch.eni.clone();
    }
    let IpAddr::V4(address) = guest.address() else {
        panic!("{} is not of IPv4", guest.address());
    };
    let held = world.instances[guest.member.node.instance()].interfaces.values();
    let holds = |eni: &&EniId| {
        let interface = &world.interfaces[*eni];
        let prefixes = &interface.prefixes;
        interface.secondary.contains(&address)
            || prefixes.iter().any(|prefix| prefix.net().contains(&address))
    };
    held.into_iter().find(holds).cloned().unwrap()
}

/// Every address is of the right interface, in the right subnet, with the right groups.
pub(super) fn check_addresses(scene: &Scene, guests: &[Guest<'_>]) {
    let cloud = scene.vpc.cloud();
    scene.vpc.sandbox().world().read(|world| {
        for guest in guests {
            let (node, is) = (&guest.member.node, guest.member.is);
            let interface = &world.interfaces[&holder(world, guest)];
            assert_eq!(
                &interface.subnet,
                scene.pod_subnet(guest.member.zone, is),
                "{guest:?}"
            );
            let primary = &world.interfaces[&primary(world, node)];
            if is.custom {
                assert!(
                    primary.secondary.is_empty() && primary.prefixes.is_empty(),
                    "{primary:?}"
                );
            }
            if guest.branch.is_none() {
                let group = if is.custom {
                    &cloud.pod_group
                } else {
                    &cloud.node_group
                };
                assert!(interface.groups.iter().eq([group]), "{guest:?}: {interface:?}");
                assert_eq!(interface.prefixes.is_empty(), !scene.prefixes, "{guest:?}");
                assert_eq!(interface.secondary.is_empty(), scene.prefixes, "{guest:?}");
            }
        }
    });
}

impl std::fmt::Debug for Guest<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (is, node) = (self.member.is, self.member.node.name());
        write!(
            f,
            "{} {:?} on {node} ({is:?})",
            self.pod.name(),
            self.pod.addresses()
        )
    }
}

/// Every pod talks to every pod, every node and the internet, and every node to every pod; each is seen by its own
/// address, and by the NAT gateway's in the internet.
pub(super) fn check_talk(scene: &Scene, members: &[Member], guests: &[Guest<'_>]) {
    let networks = guests.iter().map(|guest| guest.pod.network());
    let networks = networks.chain(members.iter().map(|member| member.node.space().network()));
    let internet = scene.vpc.fabric().internet().network();
    let _servers: Vec<Echo> = networks
        .chain([internet])
        .map(|network| Echo::start(network, PORT).unwrap())
        .collect();
    let at = |address: IpAddr| SocketAddr::new(address, PORT);
    for guest in guests {
        let ask = |address: IpAddr| {
            let seen = seen_as(guest.pod.network(), at(address));
            seen.unwrap_or_else(|error| {
                panic!("{guest:?} to {address}: {error}\n{}", state(&guest.member.node))
            })
        };
        for other in guests {
            assert_eq!(ask(other.address()), guest.address(), "{guest:?} to {other:?}");
        }
        for member in members {
            assert_eq!(
                ask(member.node.address()),
                guest.address(),
                "{guest:?} to {}",
                member.node.name()
            );
            let seen = seen_as(member.node.space().network(), at(guest.address()));
            let seen = seen.unwrap_or_else(|error| {
                panic!(
                    "{} to {guest:?}: {error}\n{}",
                    member.node.name(),
                    state(&guest.member.node)
                )
            });
            assert_eq!(seen, member.node.address(), "{} to {guest:?}", member.node.name());
        }
        assert_eq!(ask(INTERNET.into()), IpAddr::from(NAT_ADDRESS), "{guest:?}");
    }
}

fn state(node: &NodeBox) -> String {
    let kernel = node.kernel().unwrap();
    kernel.lines_with("ip ").join("\n")
}

/// What the fabric saw of all that.
pub(super) fn check_ways(scene: &Scene, members: &[Member], guests: &[Guest<'_>]) {
    let fabric = scene.vpc.fabric();
    let flows = fabric.flows().unwrap();
    let by = |from: IpAddr, to: IpAddr| -> Vec<EniId> {
        let of = flows
            .iter()
            .filter(|flow| flow.source == from && flow.destination == to);
        of.map(|flow| flow.interface.clone()).collect()
    };
    let world = scene.vpc.sandbox().world();
    for guest in guests {
        let (own, primary) = world.read(|world| (holder(world, guest), primary(world, &guest.member.node)));
        let from = guest.address();
        for other in guests.iter().filter(|other| other.address() != from) {
            let outside = !other.is_on(&guest.member.node) || guest.is_strict() || other.is_strict();
            let expected = if outside { vec![own.clone()] } else { Vec::new() };
            assert_eq!(by(from, other.address()), expected, "{guest:?} to {other:?}");
        }
        for member in members {
            let outside = !guest.is_on(&member.node) || guest.is_strict();
            let expected = if outside { vec![own.clone()] } else { Vec::new() };
            assert_eq!(
                by(from, member.node.address()),
                expected,
                "{guest:?} to {}",
                member.node.name()
            );
        }
        // Only a pod under strict enforcement leaves the VPC by its own address; the node translates for all others.
        let expected = if guest.is_strict() { vec![own] } else { Vec::new() };
        assert_eq!(by(from, INTERNET.into()), expected, "{guest:?} to the internet");
        if !guest.is_strict() {
            assert_eq!(
                by(guest.member.node.address(), INTERNET.into()),
                [primary],
                "{guest:?}"
            );
        }
    }
    assert_eq!(fabric.spoofed().unwrap(), []);
    assert_eq!(fabric.lost().unwrap(), []);
    assert_eq!(fabric.refused().unwrap(), []);
}
