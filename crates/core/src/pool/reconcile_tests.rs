//! What reconciling does with stale and fresh news, and what a node is pinned to.

use super::*;
use crate::assign::{Eni, Entry, IpNet, Key, Mode, Role, Rules, Store};
use crate::ids::{EniId, InstanceId};
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeMap;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).unwrap()
}

fn id(name: &str) -> EniId {
    EniId::parse(name).unwrap()
}

fn net(text: &str) -> IpNet {
    text.parse().unwrap()
}

fn store(enis: &[(&str, &[&str])]) -> Store {
    let mut store = Store::new(Rules {
        mode: Mode::Secondary,
        skip_primary: false,
        cooldown: SignedDuration::from_secs(30),
    });
    for (device, (name, cidrs)) in (0..).zip(enis) {
        let eni = Eni {
            id: id(name),
            card: 0,
            device,
            role: Role::default(),
            subnet: None,
            added: at(0),
        };
        store.add_eni(eni).unwrap();
        for cidr in *cidrs {
            store.add_cidr(&id(name), net(cidr), at(0)).unwrap();
        }
    }
    store
}

fn seen(name: &str, cidrs: &[&str]) -> EniSeen {
    EniSeen {
        id: id(name),
        card: 0,
        device: 0,
        kind: None,
        subnet: None,
        cidrs: cidrs.iter().map(|text| net(text)).collect(),
    }
}

struct Case {
    imds: Vec<EniSeen>,
    ec2: BTreeMap<EniId, Option<EniSeen>>,
    imds_only: bool,
    released: BTreeMap<IpNet, Timestamp>,
    pending: BTreeMap<EniId, Pending>,
}

impl Case {
    fn of(imds: Vec<EniSeen>) -> Self {
        Self {
            imds,
            ec2: BTreeMap::new(),
            imds_only: false,
            released: BTreeMap::new(),
            pending: BTreeMap::new(),
        }
    }

    fn run(&self, store: &Store, second: i64) -> Reconciliation {
        let observed = Observed {
            imds: &self.imds,
            ec2: &self.ec2,
            imds_only: self.imds_only,
            released: &self.released,
            pending: &self.pending,
        };
        reconcile(store, &observed, at(second))
    }
}

fn add(name: &str, cidr: &str) -> Step {
    Step::AddCidr {
        eni: id(name),
        cidr: net(cidr),
    }
}

fn remove(name: &str, cidr: &str) -> Step {
    Step::RemoveCidr {
        eni: id(name),
        cidr: net(cidr),
    }
}

#[test]
fn stale_metadata_removes_nothing() {
    let store = store(&[("eni-0", &["10.0.0.5/32"]), ("eni-1", &["10.0.1.5/32"])]);
    let mut case = Case::of(vec![seen("eni-0", &[])]);
    let first = case.run(&store, 1000);
    assert_eq!(first.steps, []);
    assert_eq!(first.ask, [id("eni-0"), id("eni-1")].into());
    // EC2 still has one, and not the other.
    case.ec2 = BTreeMap::from([
        (id("eni-0"), Some(seen("eni-0", &["10.0.0.5/32"]))),
        (id("eni-1"), None),
    ]);
    let second = case.run(&store, 1000);
    assert!(second.ask.is_empty());
    assert_eq!(second.steps, [Step::RemoveEni { eni: id("eni-1") }]);
    // Where EC2 may not be asked, nothing ever goes.
    case.ec2.clear();
    case.imds_only = true;
    assert_eq!(case.run(&store, 1000), Reconciliation::default());
    assert_eq!(Case::of(vec![]).run(&store, 1000), Reconciliation::default());
}

#[test]
fn ec2_is_the_judge_of_blocks() {
    let store = store(&[("eni-0", &["10.0.0.5/32", "10.0.0.6/32"])]);
    let mut case = Case::of(vec![seen("eni-0", &["10.0.0.5/32", "10.0.0.7/32"])]);
    assert_eq!(case.run(&store, 1000).ask, [id("eni-0")].into());
    case.ec2 = BTreeMap::from([(id("eni-0"), Some(seen("eni-0", &["10.0.0.7/32", "10.0.0.6/32"])))]);
    let steps = case.run(&store, 1000).steps;
    assert_eq!(
        steps,
        [remove("eni-0", "10.0.0.5/32"), add("eni-0", "10.0.0.7/32")]
    );
    // EC2 may be behind on what is younger than a minute.
    assert_eq!(case.run(&store, 59).steps, [add("eni-0", "10.0.0.7/32")]);
    case.released.insert(net("10.0.0.7/32"), at(990));
    assert_eq!(case.run(&store, 1000).steps, [remove("eni-0", "10.0.0.5/32")]);
    // An interface at work is left alone.
    case.pending.insert(id("eni-0"), Pending::Other);
    assert_eq!(case.run(&store, 1000), Reconciliation::default());
}

#[test]
fn metadata_alone_only_adds_what_was_not_given_back() {
    let store = store(&[("eni-0", &["10.0.0.5/32"])]);
    let mut case = Case::of(vec![
        seen("eni-0", &["10.0.0.6/32", "10.0.0.7/32"]),
        seen("eni-1", &[]),
    ]);
    case.imds_only = true;
    case.released.insert(net("10.0.0.6/32"), at(0));
    let steps = case.run(&store, 100_000).steps;
    assert_eq!(
        steps,
        [
            add("eni-0", "10.0.0.7/32"),
            Step::AddEni(Box::new(seen("eni-1", &[])))
        ]
    );
}

#[test]
fn a_new_interface_is_taken_in_as_ec2_has_it() {
    let store = store(&[("eni-0", &[])]);
    let mut case = Case::of(vec![seen("eni-0", &[]), seen("eni-1", &["10.0.1.5/32"])]);
    assert_eq!(case.run(&store, 1000).ask, [id("eni-1")].into());
    case.ec2 = BTreeMap::from([(id("eni-1"), Some(seen("eni-1", &[])))]);
    let steps = case.run(&store, 1000).steps;
    assert_eq!(steps, [Step::AddEni(Box::new(seen("eni-1", &[])))]);
    case.ec2 = BTreeMap::from([(id("eni-1"), None)]);
    assert_eq!(case.run(&store, 1000), Reconciliation::default());
}

fn instance(name: &str) -> InstanceId {
    InstanceId::parse(name).unwrap()
}

fn pod(address: &str) -> Entry {
    Entry {
        key: Key {
            container: address.to_owned(),
            interface: "eth0".to_owned(),
            network: "aws-cni".to_owned(),
        },
        address: address.parse().unwrap(),
        since: at(0),
        pod: None,
        interfaces: 1,
    }
}

fn mode_of(enis: &[EniSeen], pods: &[Entry], wanted: Mode) -> Mode {
    let decision = decide_mode(None, &instance("i-1"), (wanted, false), &Holdings::of(enis, pods));
    assert!(decision.write);
    assert_eq!(decision.differs.is_some(), decision.pin.mode != wanted);
    decision.pin.mode
}

#[test]
fn a_node_keeps_the_mode_its_interfaces_are_in() {
    let addresses = [seen("eni-0", &["10.0.0.5/32"])];
    let both = [seen("eni-0", &["10.0.0.5/32", "10.0.0.16/28"])];
    assert_eq!(mode_of(&[], &[], Mode::Prefix), Mode::Prefix);
    assert_eq!(mode_of(&addresses, &[], Mode::Prefix), Mode::Secondary);
    assert_eq!(mode_of(&both, &[], Mode::Prefix), Mode::Prefix);
    assert_eq!(mode_of(&both, &[pod("10.0.0.5")], Mode::Prefix), Mode::Secondary);
    assert_eq!(mode_of(&both, &[pod("10.0.0.17")], Mode::Secondary), Mode::Prefix);
    let pods = [pod("10.0.0.5"), pod("10.0.0.17")];
    assert_eq!(mode_of(&both, &pods, Mode::Prefix), Mode::Prefix);
    assert_eq!(mode_of(&addresses, &[], Mode::Ipv6), Mode::Ipv6);
}

#[test]
fn a_pin_counts_for_its_instance_alone() {
    let pin = ModePin {
        instance: instance("i-1"),
        mode: Mode::Secondary,
        custom_networking: true,
    };
    let decide = |name| {
        decide_mode(
            Some(&pin),
            &instance(name),
            (Mode::Prefix, false),
            &Holdings::default(),
        )
    };
    let same = decide("i-1");
    assert_eq!((&same.pin, same.write), (&pin, false));
    assert_eq!(same.differs, Some((Mode::Prefix, false)));
    let image = decide("i-2");
    assert_eq!(
        (image.pin.mode, image.pin.custom_networking),
        (Mode::Prefix, false)
    );
    assert_eq!((image.write, image.differs), (true, None));
}
