//! What a node can still take right after prefix mode was switched in place: addresses of the old mode that pods hold
//! keep their slots, one slot each, until the pods are gone.

use crate::config::Effective;
use crate::limits::InstanceLimits;

/// What a node has when its mode is switched.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Attached {
    /// Interfaces attached to the default network card, the primary, the trunk and unmanaged ones included.
    pub interfaces: u32,
    /// Of those, interfaces that ipamd does not manage.
    pub unmanaged: u32,
    /// Whether one of them is a trunk.
    pub trunk: bool,
    /// Slots that pods hold with the old mode, on interfaces that give addresses: secondary addresses in use when
    /// prefix mode is switched on, prefixes in use when it is switched off. Free ones are given back and do not count.
    pub held: u32,
}

/// Slots for addresses or prefixes of the new mode.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Slots {
    /// On interfaces that are attached already.
    pub attached: u32,
    /// On interfaces that can still be attached.
    pub new: u32,
}

impl Slots {
    /// All of them; 0 means that no new pod gets an address until others leave.
    pub fn total(self) -> u32 {
        self.attached.saturating_add(self.new)
    }
}

/// Slots for prefixes right after prefix mode is switched on. `effective` is the configuration after the switch.
///
/// None where the type cannot carry prefixes: ipamd then stays with secondary addresses and the switch does nothing.
pub fn prefix_slots(limits: &InstanceLimits, attached: &Attached, effective: &Effective) -> Option<Slots> {
    limits
        .prefix_delegation
        .then(|| slots_after_switch(limits, attached, effective))
}

/// Slots for secondary addresses right after prefix mode is switched off. `effective` is the configuration after it.
pub fn secondary_slots(limits: &InstanceLimits, attached: &Attached, effective: &Effective) -> Slots {
    slots_after_switch(limits, attached, effective)
}

fn slots_after_switch(limits: &InstanceLimits, attached: &Attached, effective: &Effective) -> Slots {
    let per_interface = limits.slots_per_eni();
    let giving = attached
        .interfaces
        .saturating_sub(attached.unmanaged)
        .saturating_sub(u32::from(attached.trunk))
        .saturating_sub(u32::from(effective.custom_networking()));
    // A trunk-capable type keeps one slot free for the trunk that is still to come.
    let reserved = u32::from(effective.pod_eni() && !attached.trunk && limits.trunk != Some(false));
    let addable = effective
        .max_enis_on(limits)
        .saturating_sub(attached.interfaces)
        .saturating_sub(reserved);
    Slots {
        attached: giving.saturating_mul(per_interface).saturating_sub(attached.held),
        new: addable.saturating_mul(per_interface),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{CniConfig, Key, Value};
    use crate::version::CniVersion;

    const M5_LARGE: InstanceLimits = InstanceLimits {
        max_enis: 3,
        ipv4_per_eni: 10,
        prefix_delegation: true,
        nitro: true,
        bare_metal: false,
        trunk: Some(true),
        branches: Some(9),
        vcpus: Some(2),
    };

    fn effective(on: &[Key]) -> Effective {
        let mut config = CniConfig::default();
        for key in on {
            config.set(*key, Value::Bool(true));
        }
        Effective::of(&config, CniVersion::REFERENCE)
    }

    fn packed() -> Attached {
        Attached {
            interfaces: 3,
            held: 27,
            ..Attached::default()
        }
    }

    #[test]
    fn a_packed_node_has_no_slot() {
        let slots = prefix_slots(&M5_LARGE, &packed(), &effective(&[]));
        assert_eq!(slots.map(Slots::total), Some(0));
    }

    #[test]
    fn each_pod_that_leaves_frees_one_slot() {
        let attached = Attached { held: 26, ..packed() };
        let slots = prefix_slots(&M5_LARGE, &attached, &effective(&[]));
        assert_eq!(slots, Some(Slots { attached: 1, new: 0 }));
    }

    #[test]
    fn custom_networking_takes_the_primary_out() {
        let attached = Attached {
            interfaces: 2,
            held: 4,
            ..Attached::default()
        };
        let slots = secondary_slots(&M5_LARGE, &attached, &effective(&[Key::CustomNetworkCfg]));
        assert_eq!(slots, Slots { attached: 5, new: 9 });
    }

    #[test]
    fn a_trunk_and_unmanaged_interfaces_give_nothing() {
        let one = Attached {
            interfaces: 1,
            ..Attached::default()
        };
        let with_pod_eni = effective(&[Key::EnablePodEni]);
        assert_eq!(
            prefix_slots(&M5_LARGE, &one, &with_pod_eni),
            Some(Slots { attached: 9, new: 9 })
        );
        let trunk = Attached {
            interfaces: 2,
            trunk: true,
            ..Attached::default()
        };
        assert_eq!(
            prefix_slots(&M5_LARGE, &trunk, &with_pod_eni),
            Some(Slots { attached: 9, new: 9 })
        );
        let unmanaged = Attached {
            interfaces: 3,
            unmanaged: 1,
            ..Attached::default()
        };
        assert_eq!(
            prefix_slots(&M5_LARGE, &unmanaged, &with_pod_eni),
            Some(Slots { attached: 18, new: 0 })
        );
    }

    #[test]
    fn a_type_without_prefixes_does_not_switch() {
        let xen = InstanceLimits {
            prefix_delegation: false,
            nitro: false,
            ..M5_LARGE
        };
        assert_eq!(prefix_slots(&xen, &packed(), &effective(&[])), None);
    }
}
