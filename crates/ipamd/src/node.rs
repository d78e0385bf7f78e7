//! What is known of the node and does not change while the agent runs, and which of its interfaces are the agent's.

use crate::settings::Settings;
use std::time::Duration;
use vpccni_core::assign::Mode;
use vpccni_core::config::Key;
use vpccni_core::ids::{EniId, InstanceId, SubnetId, VpcId};
use vpccni_core::limits::InstanceLimits;
use vpccni_core::node_enis::{LEAKED_AGE, is_managed};
use vpccni_core::ports::EniKind;
use vpccni_core::ports::node::{ConnectionTracking, Identity, NodeEni};

/// The node.
#[derive(Debug, Clone)]
pub struct Node {
    /// The instance.
    pub identity: Identity,
    /// What its type can carry.
    pub limits: InstanceLimits,
    /// The settings, of the mode that the node has.
    pub settings: Settings,
    /// That mode.
    pub mode: Mode,
    /// Its primary interface.
    pub primary: EniId,
    /// The link of the primary interface.
    pub primary_device: String,
    /// The subnet of the primary interface.
    pub primary_subnet: SubnetId,
    /// The VPC.
    pub vpc: VpcId,
    /// Time-outs of connections of the primary interface: new ones get the same.
    pub tracking: ConnectionTracking,
}

impl Node {
    /// Whether EC2 is asked and changed at all.
    pub fn may_call_ec2(&self) -> bool {
        !self.settings.effective.is_on(Key::EnableImdsOnlyMode)
    }

    /// Whether the pool may grow and shrink.
    pub fn provisions(&self) -> bool {
        !self.settings.effective.provisioning_disabled()
    }

    /// Whether tags of subnets say where interfaces go and which of them serve pods.
    pub fn discovers(&self) -> bool {
        let effective = &self.settings.effective;
        effective.subnet_discovery() && !effective.custom_networking()
    }

    /// Slots of an interface.
    pub fn slots(&self) -> u32 {
        self.limits.slots_per_eni()
    }
}

/// Why an interface is left alone; none where the agent manages it.
pub fn unmanaged(
    eni: &NodeEni,
    instance: &InstanceId,
    manage_untagged: bool,
    is_primary: bool,
) -> Option<&'static str> {
    if is_primary {
        return None;
    }
    if eni.kind == EniKind::EfaOnly {
        return Some("it is an EFA that carries no IP");
    }
    let managed = is_managed(&eni.tags, is_primary, instance, manage_untagged);
    (!managed).then_some("its tags say so")
}

/// How often things are done. The numbers are those of the stock agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pace {
    /// The pool is looked at.
    pub tick: Duration,
    /// The least time between two looks, however many pods come.
    pub least: Duration,
    /// Store and metadata are compared after so long without a change of the pool.
    pub reconcile: Duration,
    /// The groups of the primary interface are looked at.
    pub groups: Duration,
    /// The networks of the VPC are looked at.
    pub networks: Duration,
    /// Keys whose link is gone are looked for.
    pub sweep: Duration,
    /// A key whose link is gone is kept so long, because its plugin may be about to make the link.
    pub sweep_age: Duration,
    /// Left-over interfaces are looked for.
    pub left_over: Duration,
    /// An interface that is left over is looked at again after so long, before it is deleted.
    pub left_over_age: Duration,
    /// Before the first repetition of a step that waits for EC2 or for the kernel.
    pub pause: Duration,
    /// Nothing more is tried in a place that has no room, at least so long.
    pub no_room: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            tick: Duration::from_millis(2500),
            least: Duration::from_millis(100),
            reconcile: Duration::from_mins(1),
            groups: Duration::from_secs(30),
            networks: Duration::from_secs(30),
            sweep: Duration::from_mins(1),
            sweep_age: Duration::from_mins(2),
            left_over: Duration::from_hours(1),
            left_over_age: LEAKED_AGE.unsigned_abs(),
            pause: Duration::from_millis(100),
            no_room: Duration::from_mins(2),
        }
    }
}

impl Pace {
    /// A time with up to half of it on top, so that nodes that started together do not stay together.
    pub fn jittered(time: Duration) -> Duration {
        time + time.mul_f64(fastrand::f64() / 2.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;
    use vpccni_core::net::Mac;
    use vpccni_core::node_enis::NO_MANAGE_TAG;

    fn eni(kind: EniKind, tags: &[(&str, &str)]) -> NodeEni {
        NodeEni {
            id: EniId::parse("eni-1").unwrap(),
            mac: Mac([2, 0, 0, 0, 0, 1]),
            kind,
            subnet: SubnetId::parse("subnet-1").unwrap(),
            description: String::new(),
            attachment: None,
            primary_ip: None,
            secondary_ips: Vec::new(),
            prefixes: Vec::new(),
            ipv6: Vec::new(),
            ipv6_prefixes: Vec::new(),
            tags: tags
                .iter()
                .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
                .collect::<BTreeMap<_, _>>(),
            security_groups: Vec::new(),
            tracking: ConnectionTracking::default(),
        }
    }

    #[test]
    fn an_efa_without_ip_is_nobodys_and_the_primary_interface_is_ours() {
        let instance = InstanceId::parse("i-1").unwrap();
        let left = |kind, tags: &[(&str, &str)], primary| {
            unmanaged(&eni(kind, tags), &instance, true, primary).is_some()
        };
        assert!(left(EniKind::EfaOnly, &[], false));
        assert!(!left(EniKind::Efa, &[], false));
        assert!(left(EniKind::Interface, &[(NO_MANAGE_TAG, "true")], false));
        assert!(!left(EniKind::Interface, &[(NO_MANAGE_TAG, "true")], true));
    }

    #[test]
    fn jitter_only_adds() {
        let time = Duration::from_secs(10);
        for _ in 0..100 {
            let jittered = Pace::jittered(time);
            assert!(jittered >= time && jittered <= Duration::from_secs(15));
        }
    }
}
