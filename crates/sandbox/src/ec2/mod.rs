//! EC2 over the Query protocol: the registry of its actions, one file a family.
//!
//! An action reads its parameters first and gives an effect; the effect runs only when every parameter was understood
//! and the request is not a dry run. So a refused request changes nothing, and no action can forget DryRun.

mod addresses;
mod attachments;
mod describe;
mod fleets;
mod groups;
mod images;
mod instance_types;
mod instances;
mod interface_changes;
mod interfaces;
mod ipv6;
mod launch;
mod launch_data;
mod market;
mod power;
mod reservations;
mod routes;
mod rules;
mod settings;
mod status;
mod subnet_changes;
mod subnets;
mod tags;
mod template_versions;
mod templates;
mod trunks;
mod vpcs;
mod zones;

use crate::action::{self, Family, Read};
use crate::error::{ApiError, Code};
use crate::wire::params::Params;
use crate::wire::unmodelled;
use crate::wire::xml::Xml;
use crate::world::World;

/// Every action there is, by family.
const FAMILIES: &[Family] = &[
    addresses::ACTIONS,
    attachments::ACTIONS,
    fleets::ACTIONS,
    images::ACTIONS,
    market::ACTIONS,
    routes::ACTIONS,
    status::ACTIONS,
    groups::ACTIONS,
    instance_types::ACTIONS,
    instances::ACTIONS,
    interfaces::ACTIONS,
    interface_changes::ACTIONS,
    ipv6::ACTIONS,
    launch::ACTIONS,
    power::ACTIONS,
    reservations::ACTIONS,
    rules::ACTIONS,
    subnet_changes::ACTIONS,
    subnets::ACTIONS,
    trunks::ACTIONS,
    tags::ACTIONS,
    template_versions::ACTIONS,
    templates::ACTIONS,
    vpcs::ACTIONS,
    zones::ACTIONS,
];

/// The version that every SDK sends.
const VERSION: &str = "2016-11-15";

/// Serves one request.
pub(crate) fn serve(action: &str, mut params: Params, world: &mut World) -> Result<Xml, ApiError> {
    if params.text("Version").is_some_and(|version| version != VERSION) {
        return Err(ApiError::new(
            Code::InvalidAction,
            format!("The action {action} is not valid for this version of the web service."),
        ));
    }
    let dry_run: bool = params.parsed("DryRun")?.unwrap_or(false);
    let effect = read_of(action)?(&mut params)?;
    params.finish()?;
    if dry_run {
        return Err(ApiError::new(
            Code::DryRunOperation,
            "Request would have succeeded, but DryRun flag is set.",
        ));
    }
    effect(world)
}

fn read_of(action: &str) -> Result<Read, ApiError> {
    if let Some(read) = action::find(FAMILIES, action) {
        return Ok(read);
    }
    Err(if unmodelled::action(action) {
        ApiError::new(
            Code::UnsupportedOperation,
            format!("The sandbox does not model the action {action}"),
        )
    } else {
        ApiError::new(
            Code::InvalidAction,
            format!("The action {action} is not valid for this web service."),
        )
    })
}

/// The names of all actions.
pub(crate) fn names() -> Vec<&'static str> {
    action::names(FAMILIES)
}

/// The answer of an action that has nothing to say.
fn done() -> Xml {
    let mut xml = Xml::default();
    xml.text("return", true);
    xml
}
