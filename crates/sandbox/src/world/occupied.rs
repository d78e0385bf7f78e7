//! Addresses that somebody else took: a subnet that is full or fragmented is made so by interfaces that a test bed
//! does not have to create one by one.

use super::addresses::UNATTACHED_ADDRESSES;
use super::interface_create::NewInterface;
use super::{Want, World};
use crate::error::ApiError;
use std::net::Ipv4Addr;
use vpccni_core::ids::{EniId, SubnetId};

/// What such interfaces say of themselves.
const DESCRIPTION: &str = "held by the sandbox";

/// Which addresses are taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Holding {
    /// Exactly these.
    These(Vec<Ipv4Addr>),
    /// The first free one of every block of sixteen from which a prefix could still be given.
    EveryBlock,
    /// As many as leave so many for others.
    AllBut(u32),
}

impl World {
    /// Takes addresses of a subnet by interfaces that are attached to nothing; all of them or none.
    pub fn occupy(&mut self, subnet: &SubnetId, holding: &Holding) -> Result<Vec<EniId>, ApiError> {
        let pool = &self.subnet(subnet)?.pool;
        let wants: Vec<Want> = match holding {
            Holding::These(addresses) => in_lots(addresses),
            Holding::EveryBlock => in_lots(&pool.free_block_starts()),
            Holding::AllBut(left) => lots(pool.available().saturating_sub(*left))
                .map(|count| Want {
                    count,
                    ..Want::default()
                })
                .collect(),
        };
        let mut made = Vec::new();
        for want in wants {
            match self.occupy_lot(subnet, want) {
                Ok(id) => made.push(id),
                Err(error) => {
                    for id in &made {
                        self.remove_interface(id);
                    }
                    return Err(error);
                }
            }
        }
        Ok(made)
    }

    fn occupy_lot(&mut self, subnet: &SubnetId, mut want: Want) -> Result<EniId, ApiError> {
        // The first address is that of the interface itself.
        let primary = (!want.addresses.is_empty()).then(|| want.addresses.remove(0));
        want.count = want.count.saturating_sub(1);
        self.place_interface(NewInterface {
            description: DESCRIPTION.to_owned(),
            primary,
            want,
            ..NewInterface::in_subnet(subnet.clone())
        })
    }
}

fn in_lots(addresses: &[Ipv4Addr]) -> Vec<Want> {
    addresses
        .chunks(UNATTACHED_ADDRESSES as usize)
        .map(|lot| Want {
            addresses: lot.to_vec(),
            ..Want::default()
        })
        .collect()
}

/// A number in lots of what one interface holds.
fn lots(mut left: u32) -> impl Iterator<Item = u32> {
    std::iter::from_fn(move || {
        let lot = left.min(UNATTACHED_ADDRESSES);
        left -= lot;
        (lot > 0).then_some(lot)
    })
}
