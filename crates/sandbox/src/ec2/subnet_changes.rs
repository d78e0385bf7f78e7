//! ModifySubnetAttribute, DeleteSubnet.

use super::done;
use crate::action::{Effect, Family};
use crate::error::ApiError;
use crate::wire::ids;
use crate::wire::params::Params;
use crate::world::SubnetAttributes;
use vpccni_core::ids::SubnetId;

pub(super) const ACTIONS: Family = &[("DeleteSubnet", delete), ("ModifySubnetAttribute", modify)];

fn delete(params: &mut Params) -> Result<Effect, ApiError> {
    let id: SubnetId = ids::required(params, "SubnetId")?;
    Ok(Box::new(move |world| {
        world.delete_subnet(&id)?;
        Ok(done())
    }))
}

/// Where a flag goes.
type Place = fn(&mut SubnetAttributes) -> &mut bool;

const FLAGS: [(&str, Place); 5] = [
    ("AssignIpv6AddressOnCreation", |a| &mut a.assign_ipv6),
    ("EnableDns64", |a| &mut a.dns64),
    ("EnableResourceNameDnsAAAARecordOnLaunch", |a| &mut a.aaaa_record),
    ("EnableResourceNameDnsARecordOnLaunch", |a| &mut a.a_record),
    ("MapPublicIpOnLaunch", |a| &mut a.public_address),
];

fn modify(params: &mut Params) -> Result<Effect, ApiError> {
    let id: SubnetId = ids::required(params, "SubnetId")?;
    let mut changes: Vec<(Place, bool)> = Vec::new();
    for (name, place) in FLAGS {
        if let Some(value) = params.structure(name, |p| p.required_parsed("Value"))? {
            changes.push((place, value));
        }
    }
    if let Some(kind) = params.text("PrivateDnsHostnameTypeOnLaunch") {
        let by_resource = match kind.as_str() {
            "ip-name" => false,
            "resource-name" => true,
            _ => {
                return Err(ApiError::value(format!(
                    "Value ({kind}) for parameter PrivateDnsHostnameTypeOnLaunch is invalid."
                )));
            }
        };
        changes.push((|a| &mut a.named_by_resource, by_resource));
    }
    if changes.len() > 1 {
        return Err(ApiError::combination(
            "Only one attribute can be modified at a time",
        ));
    }
    let (place, value) = changes.pop().ok_or_else(|| ApiError::missing("Attribute"))?;
    Ok(Box::new(move |world| {
        world.modify_subnet(&id, |attributes| *place(attributes) = value)?;
        Ok(done())
    }))
}
