//! Ids on the wire: a malformed one has a code of its own.

use super::params::Params;
use crate::error::{ApiError, Code};
use std::str::FromStr;
use vpccni_core::ids::{EniId, InstanceId, SecurityGroupId, SubnetId, VpcId};

pub(crate) trait WireId: FromStr {
    const MALFORMED: Code;
    const PREFIX: &'static str;
}

macro_rules! wire_id {
    ($($id:ident $code:ident $prefix:literal;)*) => {
        $(impl WireId for $id {
            const MALFORMED: Code = Code::$code;
            const PREFIX: &'static str = $prefix;
        })*
    };
}

wire_id! {
    EniId InvalidInterfaceMalformed "eni-...";
    InstanceId InvalidInstanceMalformed "i-...";
    SecurityGroupId InvalidGroupMalformed "sg-...";
    SubnetId InvalidSubnetMalformed "subnet-...";
    VpcId InvalidVpcMalformed "vpc-...";
}

fn read<T: WireId>(value: &str) -> Result<T, ApiError> {
    value.parse().map_err(|_| {
        ApiError::new(
            T::MALFORMED,
            format!("Invalid id: \"{value}\" (expecting \"{}\")", T::PREFIX),
        )
    })
}

pub(crate) fn required<T: WireId>(params: &mut Params, name: &str) -> Result<T, ApiError> {
    read(&params.required(name)?)
}

pub(crate) fn optional<T: WireId>(params: &mut Params, name: &str) -> Result<Option<T>, ApiError> {
    params.text(name).map(|value| read(&value)).transpose()
}

pub(crate) fn list<T: WireId>(params: &mut Params, name: &str) -> Result<Vec<T>, ApiError> {
    params.list(name).iter().map(|value| read(value)).collect()
}
