//! CreateFleet.

use super::launch_data::instance_type;
use super::templates;
use crate::action::{Effect, Family};
use crate::error::ApiError;
use crate::wire::ids;
use crate::wire::params::Params;
use crate::wire::tags::Specifications;
use crate::wire::xml::Xml;
use crate::world::{
    FleetConfig, FleetOverride, FleetPart, Instance, NewFleet, TemplateKey, TemplateRef, World,
};

pub(super) const ACTIONS: Family = &[("CreateFleet", create)];

/// What a fleet makes and tags.
const TAGGED: &[&str] = &[
    "fleet",
    "instance",
    "network-interface",
    "spot-instances-request",
    "volume",
];

/// AWS's limit on the launch templates of a request.
const MAX_CONFIGS: usize = 50;

fn create(params: &mut Params) -> Result<Effect, ApiError> {
    let fingerprint = params.fingerprint();
    let kind = params.text("Type").unwrap_or_else(|| "maintain".to_owned());
    if kind != "instant" {
        return Err(ApiError::unsupported(format!(
            "The sandbox models fleets of the type instant only, not {kind}"
        )));
    }
    let configs = params.structures("LaunchTemplateConfigs", read_config)?;
    if configs.is_empty() {
        return Err(ApiError::missing("LaunchTemplateConfigs"));
    }
    if configs.len() > MAX_CONFIGS {
        return Err(ApiError::value(format!(
            "The maximum number of launch templates is {MAX_CONFIGS}"
        )));
    }
    let on_demand = read_strategy(params, "OnDemandOptions", &["lowest-price"], &["prioritized"])?;
    let spot = read_strategy(
        params,
        "SpotOptions",
        &[
            "capacity-optimized",
            "diversified",
            "lowest-price",
            "price-capacity-optimized",
        ],
        &["capacity-optimized-prioritized"],
    )?;
    let capacity = params.structure("TargetCapacitySpecification", read_capacity)?;
    let capacity = capacity.ok_or_else(|| ApiError::missing("TargetCapacitySpecification"))?;
    let new = NewFleet {
        configs,
        on_demand: capacity.0,
        spot: capacity.1,
        prioritized: on_demand || spot,
        tags: Specifications::parse(params, TAGGED)?.into_all(),
        token: params.text("ClientToken").map(|token| (token, fingerprint)),
    };
    Ok(Box::new(move |world| {
        let fleet = world.create_fleet(&new)?;
        let mut xml = Xml::default();
        let launched = fleet.parts.iter().filter(|part| part.outcome.is_ok());
        let failed = fleet.parts.iter().filter(|part| part.outcome.is_err());
        xml.text("fleetId", &fleet.id)
            .set("fleetInstanceSet", launched, |xml, part| {
                write_part(xml, part, world);
            })
            .set("errorSet", failed, |xml, part| write_part(xml, part, world));
        Ok(xml)
    }))
}

fn read_config(item: &mut Params) -> Result<FleetConfig, ApiError> {
    let template = item.structure("LaunchTemplateSpecification", templates::reference)?;
    Ok(FleetConfig {
        template: template.ok_or_else(|| ApiError::missing("LaunchTemplateSpecification"))?,
        overrides: item.structures("Overrides", |over| {
            Ok(FleetOverride {
                instance_type: over
                    .text("InstanceType")
                    .map(|name| instance_type(&name))
                    .transpose()?,
                subnet: ids::optional(over, "SubnetId")?,
                zone: over.parsed("AvailabilityZone")?,
                image: over.text("ImageId"),
                priority: over.parsed("Priority")?,
            })
        })?,
    })
}

/// Whether pools are tried by priority. Everything else goes by price: there is nothing here that capacity could be
/// optimised by.
fn read_strategy(
    params: &mut Params,
    name: &str,
    by_price: &[&str],
    by_priority: &[&str],
) -> Result<bool, ApiError> {
    let strategy = params.structure(name, |options| Ok(options.text("AllocationStrategy")))?;
    match strategy.flatten() {
        None => Ok(false),
        Some(strategy) if by_price.contains(&strategy.as_str()) => Ok(false),
        Some(strategy) if by_priority.contains(&strategy.as_str()) => Ok(true),
        Some(strategy) => Err(ApiError::value(format!(
            "Value ({strategy}) for parameter {name}.AllocationStrategy is invalid."
        ))),
    }
}

/// Instances on demand, and spot instances.
fn read_capacity(params: &mut Params) -> Result<(u32, u32), ApiError> {
    let total: u32 = params.required_parsed("TotalTargetCapacity")?;
    let on_demand: Option<u32> = params.parsed("OnDemandTargetCapacity")?;
    let spot: Option<u32> = params.parsed("SpotTargetCapacity")?;
    let default = params
        .text("DefaultTargetCapacityType")
        .unwrap_or_else(|| "on-demand".to_owned());
    let named = on_demand.unwrap_or(0).saturating_add(spot.unwrap_or(0));
    let rest = total.checked_sub(named).ok_or_else(|| {
        ApiError::value("OnDemandTargetCapacity and SpotTargetCapacity exceed TotalTargetCapacity")
    })?;
    let (on_demand, spot) = (on_demand.unwrap_or(0), spot.unwrap_or(0));
    match default.as_str() {
        "on-demand" => Ok((on_demand + rest, spot)),
        "spot" => Ok((on_demand, spot + rest)),
        other => Err(ApiError::unsupported(format!(
            "The sandbox does not model the capacity type {other}"
        ))),
    }
}

fn write_part(xml: &mut Xml, part: &FleetPart, world: &World) {
    xml.element("launchTemplateAndOverrides", |xml| {
        xml.element("launchTemplateSpecification", |xml| {
            write_template(xml, &part.template, world);
        })
        .element("overrides", |xml| write_override(xml, &part.over));
    })
    .text("lifecycle", if part.spot { "spot" } else { "on-demand" });
    match &part.outcome {
        Ok(instances) => {
            xml.set("instanceIds", instances, |xml, id| {
                xml.plain(id.as_str());
            });
            let first = instances.first().and_then(|id| world.instances.get(id));
            write_place(xml, first, world);
        }
        Err(error) => {
            xml.text("errorCode", error.code())
                .text("errorMessage", error.message());
        }
    }
}

fn write_place(xml: &mut Xml, instance: Option<&Instance>, world: &World) {
    if let Some(instance) = instance {
        let zone = world.zones.iter().find(|zone| zone.name == instance.zone);
        xml.text("instanceType", &instance.instance_type)
            .text("availabilityZone", &instance.zone)
            .maybe("availabilityZoneId", zone.map(|zone| &zone.id))
            .text("subnetId", &instance.subnet);
    }
}

fn write_template(xml: &mut Xml, template: &TemplateRef, world: &World) {
    if let Ok((found, version)) = world.template_version(template) {
        xml.text("launchTemplateId", &found.id)
            .text("version", version.number);
    }
    if let TemplateKey::Name(name) = &template.id_or_name {
        xml.text("launchTemplateName", name);
    }
}

fn write_override(xml: &mut Xml, over: &FleetOverride) {
    xml.maybe("instanceType", over.instance_type.as_ref())
        .maybe("subnetId", over.subnet.as_ref())
        .maybe("availabilityZone", over.zone.as_ref())
        .maybe("imageId", over.image.as_ref())
        .maybe("priority", over.priority);
}
