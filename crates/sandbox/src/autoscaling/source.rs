//! What a group launches from, on the wire: a launch template, or a mixed instances policy around one.

use super::not_allowed;
use crate::error::{ApiError, Code};
use crate::wire::params::Params;
use crate::wire::xml::Xml;
use crate::world::{Distribution, LaunchSource, Mixed, Override, TemplateKey, TemplateRef, World};
use vpccni_core::ids::InstanceType;

/// Reads `LaunchTemplate` or `MixedInstancesPolicy`; both at once is an error.
pub(super) fn read(params: &mut Params) -> Result<Option<LaunchSource>, ApiError> {
    let plain = params.structure("LaunchTemplate", read_template)?;
    let mixed = params.structure("MixedInstancesPolicy", read_mixed)?;
    match (plain, mixed) {
        (Some(_), Some(_)) => Err(ApiError::new(
            Code::Validation,
            "Valid requests must contain either LaunchTemplate, LaunchConfigurationName, InstanceId or \
             MixedInstancesPolicy parameter.",
        )),
        (Some(template), None) => Ok(Some(LaunchSource {
            template,
            mixed: None,
        })),
        (None, mixed) => Ok(mixed),
    }
}

fn read_template(params: &mut Params) -> Result<TemplateRef, ApiError> {
    let id_or_name = match (params.text("LaunchTemplateId"), params.text("LaunchTemplateName")) {
        (Some(id), None) => TemplateKey::Id(id),
        (None, Some(name)) => TemplateKey::Name(name),
        _ => {
            return Err(ApiError::new(
                Code::Validation,
                "Valid requests must contain either launchTemplateId or LaunchTemplateName",
            ));
        }
    };
    Ok(TemplateRef {
        id_or_name,
        version: params.text("Version"),
    })
}

fn read_mixed(params: &mut Params) -> Result<LaunchSource, ApiError> {
    let launch = params.structure("LaunchTemplate", |launch| {
        let template = launch.structure("LaunchTemplateSpecification", read_template)?;
        Ok((template, launch.structures("Overrides.member", read_override)?))
    })?;
    let distribution = params.structure("InstancesDistribution", read_distribution)?;
    let Some((Some(template), overrides)) = launch else {
        return Err(ApiError::new(
            Code::Validation,
            "A mixed instances policy needs a launch template specification",
        ));
    };
    Ok(LaunchSource {
        template,
        mixed: Some(Mixed {
            overrides,
            distribution: distribution.unwrap_or_default(),
        }),
    })
}

fn read_override(params: &mut Params) -> Result<Override, ApiError> {
    let instance_type = params
        .text("InstanceType")
        .map(|name| InstanceType::parse(&name).map_err(|_| not_allowed("InstanceType", &name)));
    Ok(Override {
        instance_type: instance_type.transpose()?,
        template: params.structure("LaunchTemplateSpecification", read_template)?,
    })
}

fn read_distribution(params: &mut Params) -> Result<Distribution, ApiError> {
    let usual = Distribution::default();
    let read = Distribution {
        on_demand_allocation: params
            .text("OnDemandAllocationStrategy")
            .unwrap_or(usual.on_demand_allocation),
        on_demand_base: params.parsed("OnDemandBaseCapacity")?.unwrap_or(0),
        on_demand_percentage: params
            .parsed("OnDemandPercentageAboveBaseCapacity")?
            .unwrap_or(usual.on_demand_percentage),
        spot_allocation: params
            .text("SpotAllocationStrategy")
            .unwrap_or(usual.spot_allocation),
        spot_pools: params.parsed("SpotInstancePools")?,
        spot_max_price: params.text("SpotMaxPrice").filter(|price| !price.is_empty()),
    };
    let demand = ["lowest-price", "prioritized"];
    if !demand.contains(&read.on_demand_allocation.as_str()) {
        return Err(not_allowed(
            "OnDemandAllocationStrategy",
            &read.on_demand_allocation,
        ));
    }
    let spot = [
        "lowest-price",
        "capacity-optimized",
        "capacity-optimized-prioritized",
        "price-capacity-optimized",
        "diversified",
    ];
    if !spot.contains(&read.spot_allocation.as_str()) {
        return Err(not_allowed("SpotAllocationStrategy", &read.spot_allocation));
    }
    if read.on_demand_percentage > 100 {
        return Err(not_allowed(
            "OnDemandPercentageAboveBaseCapacity",
            &read.on_demand_percentage.to_string(),
        ));
    }
    Ok(read)
}

/// Writes it as it was read.
pub(super) fn write(xml: &mut Xml, world: &World, source: &LaunchSource) {
    let Some(mixed) = &source.mixed else {
        write_template(xml, world, "LaunchTemplate", &source.template);
        return;
    };
    xml.element("MixedInstancesPolicy", |xml| {
        xml.element("LaunchTemplate", |xml| {
            write_template(xml, world, "LaunchTemplateSpecification", &source.template);
            xml.members("Overrides", &mixed.overrides, |xml, way| {
                xml.maybe("InstanceType", way.instance_type.as_ref());
                if let Some(template) = &way.template {
                    write_template(xml, world, "LaunchTemplateSpecification", template);
                }
            });
        });
        let how = &mixed.distribution;
        xml.element("InstancesDistribution", |xml| {
            xml.text("OnDemandAllocationStrategy", &how.on_demand_allocation)
                .text("OnDemandBaseCapacity", how.on_demand_base)
                .text("OnDemandPercentageAboveBaseCapacity", how.on_demand_percentage)
                .text("SpotAllocationStrategy", &how.spot_allocation)
                .maybe("SpotInstancePools", how.spot_pools)
                .maybe("SpotMaxPrice", how.spot_max_price.as_ref());
        });
    });
}

/// A template is told by id and name, as long as it is there to ask.
fn write_template(xml: &mut Xml, world: &World, element: &str, template: &TemplateRef) {
    let known = world.template(&template.id_or_name).ok();
    let (id, name) = match (&template.id_or_name, known) {
        (_, Some(known)) => (Some(known.id.as_str()), Some(known.name.as_str())),
        (TemplateKey::Id(id), None) => (Some(id.as_str()), None),
        (TemplateKey::Name(name), None) => (None, Some(name.as_str())),
    };
    xml.element(element, |xml| {
        xml.maybe("LaunchTemplateId", id)
            .maybe("LaunchTemplateName", name)
            .maybe("Version", template.version.as_ref());
    });
}
