//! Calls that are under way. A client that changes one interface by two calls at a time gets what the second finds half
//! done; whether a program keeps from that is read from here.

use std::collections::BTreeMap;
use vpccni_core::ids::EniId;

/// How many calls that change an interface are under way, and how many were at most.
#[derive(Debug, Default)]
pub(crate) struct Flight {
    now: BTreeMap<EniId, u32>,
    most: BTreeMap<EniId, u32>,
}

impl Flight {
    /// A call begins.
    pub(crate) fn begin(&mut self, interface: &EniId) {
        let now = self.now.entry(interface.clone()).or_default();
        *now += 1;
        let most = self.most.entry(interface.clone()).or_default();
        *most = (*most).max(*now);
    }

    /// It ends.
    pub(crate) fn end(&mut self, interface: &EniId) {
        if let Some(now) = self.now.get_mut(interface) {
            *now -= 1;
            if *now == 0 {
                self.now.remove(interface);
            }
        }
    }

    /// The most calls at a time that changed each interface.
    pub(crate) fn most(&self) -> BTreeMap<EniId, u32> {
        self.most.clone()
    }
}
