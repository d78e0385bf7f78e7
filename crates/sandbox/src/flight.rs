//! Calls that are under way. A client that changes one interface by two calls at a time gets what the second finds half
//! done; whether a program keeps from that is read from here.

use crate::service::{Call, Request};
use crate::state::State;
use std::collections::BTreeMap;
use vpccni_core::ids::EniId;

/// How many calls that change an interface are under way, and how many were at most.
#[derive(Debug, Default)]
pub(crate) struct Flight {
    now: BTreeMap<EniId, u32>,
    most: BTreeMap<EniId, u32>,
}

impl Flight {
    fn begin(&mut self, interface: &EniId) {
        let now = self.now.entry(interface.clone()).or_default();
        *now += 1;
        let most = self.most.entry(interface.clone()).or_default();
        *most = (*most).max(*now);
    }

    fn end(&mut self, interface: &EniId) {
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

/// A call that is under way until this is dropped: it ends with its answer, or with its connection.
#[derive(Debug)]
pub(crate) struct UnderWay<'a> {
    state: &'a State,
    interface: Option<EniId>,
}

impl State {
    /// A call begins.
    pub(crate) fn begin(&self, call: &Call) -> UnderWay<'_> {
        let interface = self.changed_by(call);
        if let Some(interface) = &interface {
            self.flight().begin(interface);
        }
        UnderWay {
            state: self,
            interface,
        }
    }

    /// The one interface that a call of EC2 changes, by its own id or by that of its attachment.
    fn changed_by(&self, call: &Call) -> Option<EniId> {
        let Request::Query(params) = &call.request else {
            return None;
        };
        if !call.changes() {
            return None;
        }
        match params.peek("NetworkInterfaceId") {
            Some(id) => EniId::parse(id).ok(),
            None => {
                let attachment = params.peek("AttachmentId")?;
                self.turn(|world| world.attached_as(attachment).cloned())
            }
        }
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        if let Some(interface) = &self.interface {
            self.state.flight().end(interface);
        }
    }
}
