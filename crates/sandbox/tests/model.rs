//! A small model agrees with the sandbox over random sequences of calls, and many clients at once see one order.

use crate::lab::Lab;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseError, TestRunner};
use std::collections::BTreeSet;
use std::net::Ipv4Addr;
use vpccni_core::ids::{EniId, InstanceId, SubnetId};
use vpccni_core::net::Ipv4Prefix;
use vpccni_sandbox::world::{Grant, NewInterface, Want, World};

#[derive(Debug, Clone)]
enum Op {
    Create,
    Assign(usize, u32),
    Prefixes(usize, u32),
    Unassign(usize),
    Attach(usize),
    Detach(usize),
    Delete(usize),
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        2 => Just(Op::Create),
        4 => (any::<usize>(), 1..12_u32).prop_map(|(i, n)| Op::Assign(i, n)),
        2 => (any::<usize>(), 1..3_u32).prop_map(|(i, n)| Op::Prefixes(i, n)),
        4 => any::<usize>().prop_map(Op::Unassign),
        2 => any::<usize>().prop_map(Op::Attach),
        1 => any::<usize>().prop_map(Op::Detach),
        2 => any::<usize>().prop_map(Op::Delete),
    ]
}

#[derive(Debug, Clone)]
struct Eni {
    id: EniId,
    held: Vec<Ipv4Addr>,
    prefixes: Vec<Ipv4Prefix>,
    device: Option<u32>,
}

/// The model: who holds what in a /26, on an m5.large of three interfaces with ten addresses each.
struct Model {
    enis: Vec<Eni>,
    instance: Ipv4Addr,
}

impl Model {
    fn owned(&self) -> BTreeSet<Ipv4Addr> {
        let blocks = self
            .enis
            .iter()
            .flat_map(|eni| eni.prefixes.iter().flat_map(|p| p.addresses()));
        let singles = self.enis.iter().flat_map(|eni| eni.held.iter().copied());
        singles.chain(blocks).chain([self.instance]).collect()
    }

    fn free(&self) -> usize {
        64 - 5 - self.owned().len()
    }

    fn free_blocks(&self, subnet: Ipv4Addr) -> usize {
        let owned = self.owned();
        let start = |block: u32| Ipv4Prefix::containing(Ipv4Addr::from(u32::from(subnet) + 16 * block));
        // The first and the last of the four hold addresses that are never given.
        let free = [1, 2]
            .into_iter()
            .filter(|b| !start(*b).addresses().any(|a| owned.contains(&a)));
        free.count()
    }

    fn slots(&self, at: usize, more: u32) -> Result<(), &'static str> {
        let eni = &self.enis[at];
        let limit = if eni.device.is_some() { 10 } else { 50 };
        let slots = eni.held.len() - 1 + eni.prefixes.len() + more as usize;
        if slots >= limit {
            Err("PrivateIpAddressLimitExceeded")
        } else {
            Ok(())
        }
    }

    fn enough(there: usize, wanted: u32, code: &'static str) -> Result<(), &'static str> {
        if there < wanted as usize {
            Err(code)
        } else {
            Ok(())
        }
    }

    fn expect(&self, op: &Op, at: usize, subnet: Ipv4Addr) -> Result<(), &'static str> {
        let eni = self.enis.get(at);
        match op {
            Op::Create => Self::enough(self.free(), 1, "InsufficientFreeAddressesInSubnet"),
            Op::Assign(_, n) => self
                .slots(at, *n)
                .and_then(|()| Self::enough(self.free(), *n, "InsufficientFreeAddressesInSubnet")),
            Op::Prefixes(_, n) => self
                .slots(at, *n)
                .and_then(|()| Self::enough(self.free_blocks(subnet), *n, "InsufficientCidrBlocks")),
            Op::Attach(_) | Op::Delete(_) if eni.is_some_and(|e| e.device.is_some()) => {
                Err("InvalidNetworkInterface.InUse")
            }
            Op::Attach(_) if self.enis.iter().filter(|e| e.device.is_some()).count() == 2 => {
                Err("AttachmentLimitExceeded")
            }
            Op::Attach(_) if eni.is_some_and(|e| e.held.len() + e.prefixes.len() > 10) => {
                Err("PrivateIpAddressLimitExceeded")
            }
            _ => Ok(()),
        }
    }

    /// Does what the sandbox did; whatever it gave must have been free.
    fn take(&mut self, at: usize, grant: Grant) -> Result<(), TestCaseError> {
        let owned = self.owned();
        let blocks = grant.prefixes.iter().flat_map(|p| p.addresses());
        for address in grant.addresses.iter().copied().chain(blocks) {
            prop_assert!(!owned.contains(&address), "{} was given twice", address);
        }
        self.enis[at].held.extend(grant.addresses);
        self.enis[at].prefixes.extend(grant.prefixes);
        Ok(())
    }
}

/// What became of a call: its code where it was refused.
type Outcome = Result<(), String>;

/// One scene: a /26 of its own with one running m5.large.
struct Scene {
    model: Model,
    subnet: SubnetId,
    network: Ipv4Addr,
    instance: InstanceId,
}

impl Scene {
    fn step(&mut self, world: &mut World, op: &Op) -> Result<(), TestCaseError> {
        let count = self.model.enis.len();
        let at = match op {
            Op::Create => count,
            Op::Assign(i, _)
            | Op::Prefixes(i, _)
            | Op::Unassign(i)
            | Op::Attach(i)
            | Op::Detach(i)
            | Op::Delete(i) => *i,
        };
        if count == 0 && !matches!(op, Op::Create) {
            return Ok(());
        }
        let at = if matches!(op, Op::Create) { at } else { at % count };
        let expected = self.model.expect(op, at, self.network).map_err(str::to_owned);
        let did = self.perform(world, op, at)?;
        prop_assert_eq!(&did, &expected, "{:?} at {}", op, at);
        let free = world.subnets[&self.subnet].pool.available();
        prop_assert_eq!(free as usize, self.model.free());
        Ok(())
    }

    fn perform(&mut self, world: &mut World, op: &Op, at: usize) -> Result<Outcome, TestCaseError> {
        let Some(id) = self.model.enis.get(at).map(|eni| eni.id.clone()) else {
            return self.create(world, at);
        };
        let want = |count, prefix_count| Want {
            count,
            prefix_count,
            ..Want::default()
        };
        match op {
            Op::Create => self.create(world, at),
            Op::Assign(_, n) => self.assign(world, &id, at, &want(*n, 0)),
            Op::Prefixes(_, n) => self.assign(world, &id, at, &want(0, *n)),
            Op::Unassign(_) => Ok(self.unassign(world, &id, at)),
            Op::Attach(_) => Ok(self.attach(world, &id, at)),
            Op::Detach(_) => self.detach(world, &id, at),
            Op::Delete(_) => Ok(self.delete(world, &id, at)),
        }
    }

    fn create(&mut self, world: &mut World, at: usize) -> Result<Outcome, TestCaseError> {
        let id = match world.create_interface(NewInterface::in_subnet(self.subnet.clone())) {
            Ok(id) => id,
            Err(error) => return Ok(Err(error.code().to_owned())),
        };
        let first = world.interfaces[&id].primary;
        self.model.enis.push(Eni {
            id,
            held: Vec::new(),
            prefixes: Vec::new(),
            device: None,
        });
        let grant = Grant {
            addresses: vec![first],
            prefixes: Vec::new(),
        };
        self.model.take(at, grant).map(Ok)
    }

    /// Gives back the first secondary address, or the last prefix where there is none.
    fn unassign(&mut self, world: &mut World, id: &EniId, at: usize) -> Outcome {
        let eni = &mut self.model.enis[at];
        let mut what = Grant::default();
        if eni.held.len() > 1 {
            what.addresses.push(eni.held.remove(1));
        } else {
            what.prefixes.extend(eni.prefixes.pop());
        }
        world.unassign(id, &what).map_err(|e| e.code().to_owned())
    }

    fn attach(&mut self, world: &mut World, id: &EniId, at: usize) -> Outcome {
        let taken: BTreeSet<u32> = self.model.enis.iter().filter_map(|e| e.device).collect();
        let device = (1..=u32::MAX)
            .find(|device| !taken.contains(device))
            .expect("a free index");
        let done = world.attach(id, &self.instance, device, 0);
        if done.is_ok() {
            self.model.enis[at].device = Some(device);
        }
        done.map(drop).map_err(|e| e.code().to_owned())
    }

    fn detach(&mut self, world: &mut World, id: &EniId, at: usize) -> Result<Outcome, TestCaseError> {
        let attachment = world.interfaces[id].attachment.as_ref().map(|a| a.id.clone());
        prop_assert_eq!(attachment.is_some(), self.model.enis[at].device.take().is_some());
        let done = attachment.map_or(Ok(()), |attachment| world.detach(&attachment, false));
        Ok(done.map_err(|e| e.code().to_owned()))
    }

    fn delete(&mut self, world: &mut World, id: &EniId, at: usize) -> Outcome {
        let done = world.delete_interface(id);
        if done.is_ok() {
            self.model.enis.remove(at);
        }
        done.map_err(|e| e.code().to_owned())
    }

    fn assign(
        &mut self,
        world: &mut World,
        id: &EniId,
        at: usize,
        want: &Want,
    ) -> Result<Outcome, TestCaseError> {
        match world.assign(id, want, false) {
            Ok(grant) => self.model.take(at, grant).map(Ok),
            Err(error) => Ok(Err(error.code().to_owned())),
        }
    }
}

#[tokio::test]
async fn a_model_agrees_over_random_sequences_of_calls() {
    let lab = Lab::new().await;
    let config = Config {
        cases: 64,
        failure_persistence: None,
        ..Config::default()
    };
    // Scenes are /26 networks of one VPC, one after the other.
    let mut scenes = Vec::new();
    for number in 0..8_u32 {
        let network = Ipv4Addr::from(u32::from(Ipv4Addr::new(10, 0, 0, 0)) + 64 * number);
        let subnet = lab.subnet(&format!("{network}/26")).await;
        let instance = lab.instance(&subnet, "m5.large").await;
        scenes.push((network, subnet, instance));
    }
    let world = lab.sandbox.world();
    let strategy = (0..scenes.len(), proptest::collection::vec(op(), 1..60));
    let outcome = TestRunner::new(config).run(&strategy, |(number, ops)| {
        let (network, subnet, instance) = &scenes[number];
        world.write(|world| {
            let instance: InstanceId = instance.parse().expect("an id");
            let mut scene = Scene {
                model: Model {
                    enis: Vec::new(),
                    instance: world.instances[&instance].private_ip,
                },
                subnet: subnet.parse().expect("an id"),
                network: *network,
                instance,
            };
            let result = ops.iter().try_for_each(|op| scene.step(world, op));
            clear(world, &scene);
            result?;
            prop_assert_eq!(world.violations(), Vec::<String>::new());
            Ok(())
        })
    });
    assert!(outcome.is_ok(), "{outcome:?}");
    lab.end().await;
}

/// Leaves the subnet as it was, whether the scene ended well or not.
fn clear(world: &mut World, scene: &Scene) {
    let ids: Vec<EniId> = world.interfaces_of(&scene.subnet).map(|i| i.id.clone()).collect();
    for id in ids {
        let attachment = world.interfaces[&id].attachment.clone();
        if let Some(attachment) = attachment.filter(|a| a.device_index > 0) {
            world.detach(&attachment.id, true).expect("detached");
        }
        if world.interfaces[&id].attachment.is_none() {
            world.delete_interface(&id).expect("deleted");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_clients_see_one_order() {
    let lab = Lab::new().await;
    let subnet = lab.subnet("10.0.0.0/25").await;
    let instance = lab.instance(&subnet, "m5.large").await;
    let mut enis = Vec::new();
    for _ in 0..8 {
        enis.push(lab.eni(&subnet).await);
    }
    // 123 addresses, nine of them taken: eight clients ask for sixteen each, so that some get none.
    let mut tasks = tokio::task::JoinSet::new();
    for eni in enis.clone() {
        let ec2 = lab.ec2.clone();
        let instance = instance.clone();
        tasks.spawn(async move {
            let attach = ec2.attach_network_interface().network_interface_id(&eni);
            let attached = attach.instance_id(&instance).device_index(1).send().await.is_ok();
            let mut given = Vec::new();
            for _ in 0..16 {
                let call = ec2.assign_private_ip_addresses().network_interface_id(&eni);
                let Ok(out) = call.secondary_private_ip_address_count(1).send().await else {
                    continue;
                };
                let new = out.assigned_private_ip_addresses();
                assert_eq!(new.len(), 1);
                given.extend(
                    new.iter()
                        .filter_map(|a| a.private_ip_address().map(str::to_owned)),
                );
                let call = ec2.describe_network_interfaces().network_interface_ids(&eni);
                let seen = call.send().await.expect("the interface");
                let seen = seen.network_interfaces()[0].private_ip_addresses();
                assert_eq!(seen.len(), given.len() + 1, "what was answered is seen at once");
            }
            (attached, given)
        });
    }
    let mut all = Vec::new();
    let mut attached = 0;
    while let Some(done) = tasks.join_next().await {
        let (was_attached, given) = done.expect("a client");
        attached += usize::from(was_attached);
        all.extend(given);
    }
    assert_eq!(attached, 1, "one device index, one interface");
    let unique: BTreeSet<&String> = all.iter().collect();
    assert_eq!(unique.len(), all.len());
    let left = usize::try_from(lab.available(&subnet).await);
    assert_eq!(left, Ok(123 - 9 - all.len()));
    lab.end().await;
}
