//! RunInstances.

use super::instances::write;
use super::interfaces::read_addresses;
use super::ipv6::read_wanted;
use super::launch_data;
use super::templates;
use crate::action::{Effect, Family};
use crate::error::ApiError;
use crate::wire::ids;
use crate::wire::params::Params;
use crate::wire::xml::Xml;
use crate::world::{
    ACCOUNT, InstanceState, LaunchData, NetworkSpec, NewInstances, Tags, TemplateRef, World, origin_tags,
};

pub(super) const ACTIONS: Family = &[("RunInstances", run)];

fn run(params: &mut Params) -> Result<Effect, ApiError> {
    let fingerprint = params.fingerprint();
    let template = params.structure("LaunchTemplate", templates::reference)?;
    let mut data = launch_data::read(params)?;
    let (primary, want) = read_addresses(params)?;
    let (want6, primary_ipv6) = read_wanted(params)?;
    data.top = NetworkSpec {
        subnet: ids::optional(params, "SubnetId")?,
        primary,
        want,
        want6,
        primary_ipv6,
        ..data.top
    };
    let (min, max) = (
        params.required_parsed("MinCount")?,
        params.required_parsed("MaxCount")?,
    );
    let token = params.text("ClientToken").map(|token| (token, fingerprint));
    Ok(Box::new(move |world| {
        let (data, system_tags) = with_template(world, template.as_ref(), data)?;
        let ids = world.run_instances(&NewInstances {
            data,
            min,
            max,
            system_tags,
            token,
        })?;
        let mut xml = Xml::default();
        let instances: Vec<_> = ids.iter().filter_map(|id| world.instances.get(id)).collect();
        xml.maybe("reservationId", instances.first().map(|i| &i.launch))
            .text("ownerId", ACCOUNT)
            .element("groupSet", |_| {})
            .set("instancesSet", instances, |xml, instance| {
                write(xml, instance, world, InstanceState::Pending);
            });
        Ok(xml)
    }))
}

/// What the template says with the request laid over it, and the tags that say where it came from.
fn with_template(
    world: &World,
    template: Option<&TemplateRef>,
    data: LaunchData,
) -> Result<(LaunchData, Tags), ApiError> {
    let Some(template) = template else {
        return Ok((data, Tags::new()));
    };
    let (found, version) = world.template_version(template)?;
    Ok((version.data.clone().overlaid(&data), origin_tags(found, version)))
}
