//! Tells the books when a call that changes an interface begins and ends.

use crate::service::{Call, Request};
use crate::state::State;
use vpccni_core::ids::EniId;

/// A call that is under way until this is dropped: it ends with its answer, or with its connection.
#[derive(Debug)]
pub(super) struct UnderWay<'a> {
    state: &'a State,
    interface: Option<EniId>,
}

/// A call begins.
pub(super) fn begin<'a>(state: &'a State, call: &Call) -> UnderWay<'a> {
    let interface = changed_by(state, call);
    if let Some(interface) = &interface {
        state.flight().begin(interface);
    }
    UnderWay { state, interface }
}

/// The one interface that a call of EC2 changes, by its own id or by that of its attachment.
fn changed_by(state: &State, call: &Call) -> Option<EniId> {
    let Request::Query(params) = &call.request else {
        return None;
    };
    if !call.changes() {
        return None;
    }
    if let Some(id) = params.peek("NetworkInterfaceId") {
        return EniId::parse(id).ok();
    }
    let attachment = params.peek("AttachmentId")?;
    state.turn(|world| world.attached_as(attachment).cloned())
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        if let Some(interface) = &self.interface {
            self.state.flight().end(interface);
        }
    }
}
