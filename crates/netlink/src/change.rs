//! Makes changes, in their order.

use crate::link::{self, Names};
use crate::socket::{Request, Socket};
use crate::{address, nft, route, rule, sysctl};
use vpccni_core::datapath::Change;
use vpccni_core::ports::KernelError;

/// Makes the changes in the namespace of the calling thread. What goes over the socket of links and routes goes in one
/// send between changes that do not.
pub(crate) fn make(socket: &mut Socket, names: &Names, changes: &[Change]) -> Result<(), KernelError> {
    let mut requests = Vec::new();
    for change in changes {
        match change {
            Change::WriteSysctl(value) => {
                socket.batch(std::mem::take(&mut requests))?;
                sysctl::write(value)?;
            }
            Change::ReplaceTable(table) => {
                socket.batch(std::mem::take(&mut requests))?;
                nft::replace(table)?;
            }
            Change::RemoveTable(family, name) => {
                socket.batch(std::mem::take(&mut requests))?;
                nft::remove(*family, name)?;
            }
            other => requests.extend(request(names, other)?),
        }
    }
    socket.batch(requests).map(drop)
}

fn request(names: &Names, change: &Change) -> Result<Option<Request>, KernelError> {
    Ok(Some(match change {
        Change::SetLink(settings) => link::set(names.index(&settings.name)?, settings),
        Change::AddAddress(item) => address::add(item, names.index(&item.device)?),
        Change::RemoveAddress(item) => address::remove(item, names.index(&item.device)?),
        Change::SetNeighbour(item) => address::set_neighbour(item, names.index(&item.device)?),
        Change::SetRoute(item) => route::set(item, names.index(&item.device)?),
        Change::RemoveRoute(item) => route::remove(item, names.index(&item.device)?),
        Change::AddRule(item) => rule::add(item),
        Change::RemoveRule(item) => rule::remove(item),
        Change::WriteSysctl(_) | Change::ReplaceTable(_) | Change::RemoveTable(..) => return Ok(None),
    }))
}
