//! AttachNetworkInterface, DetachNetworkInterface.

use super::done;
use crate::action::{Effect, Family};
use crate::error::ApiError;
use crate::wire::ids;
use crate::wire::params::Params;
use crate::wire::xml::Xml;
use vpccni_core::ids::{EniId, InstanceId};

pub(super) const ACTIONS: Family = &[
    ("AttachNetworkInterface", attach),
    ("DetachNetworkInterface", detach),
];

fn attach(params: &mut Params) -> Result<Effect, ApiError> {
    let interface: EniId = ids::required(params, "NetworkInterfaceId")?;
    let instance: InstanceId = ids::required(params, "InstanceId")?;
    let device: u32 = params.required_parsed("DeviceIndex")?;
    let card: u32 = params.parsed("NetworkCardIndex")?.unwrap_or(0);
    Ok(Box::new(move |world| {
        let attachment = world.attach(&interface, &instance, device, card)?;
        let mut xml = Xml::default();
        xml.text("attachmentId", attachment)
            .text("networkCardIndex", card);
        Ok(xml)
    }))
}

fn detach(params: &mut Params) -> Result<Effect, ApiError> {
    let attachment = params.required("AttachmentId")?;
    let force: bool = params.parsed("Force")?.unwrap_or(false);
    Ok(Box::new(move |world| {
        world.detach(&attachment, force)?;
        Ok(done())
    }))
}
