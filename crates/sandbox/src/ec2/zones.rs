//! DescribeAvailabilityZones.

use crate::action::{Effect, Family};
use crate::error::ApiError;
use crate::wire::filter::{Filterable, Filters};
use crate::wire::params::Params;
use crate::wire::xml::Xml;
use crate::world::{Tags, ZoneInfo};
use std::borrow::Cow;

pub(super) const ACTIONS: Family = &[("DescribeAvailabilityZones", describe)];

impl Filterable for ZoneInfo {
    const NAMES: &'static [&'static str] = &["state", "zone-id", "zone-name", "zone-type"];

    fn values(&self, name: &str) -> Vec<Cow<'_, str>> {
        vec![match name {
            "state" => "available".into(),
            "zone-id" => self.id.as_str().into(),
            "zone-name" => self.name.as_str().into(),
            "zone-type" => "availability-zone".into(),
            _ => return Vec::new(),
        }]
    }

    fn tags(&self) -> Option<&Tags> {
        None
    }
}

fn describe(params: &mut Params) -> Result<Effect, ApiError> {
    let names = params.list("ZoneName");
    let ids = params.list("ZoneId");
    // All zones here are of the kind that is shown anyway.
    let _all: Option<bool> = params.parsed("AllAvailabilityZones")?;
    let filters = Filters::parse::<ZoneInfo>(params)?;
    Ok(Box::new(move |world| {
        for name in &names {
            if !world.zones.iter().any(|z| z.name.as_str() == name) {
                return Err(ApiError::value(format!("Invalid availability zone: [{name}]")));
            }
        }
        for id in &ids {
            if !world.zones.iter().any(|z| z.id == *id) {
                return Err(ApiError::value(format!("Invalid availability zone-id: [{id}]")));
            }
        }
        let asked = |zone: &&ZoneInfo| {
            (names.is_empty() || names.iter().any(|n| n == zone.name.as_str()))
                && (ids.is_empty() || ids.contains(&zone.id))
                && filters.accept(*zone)
        };
        let mut xml = Xml::default();
        xml.set(
            "availabilityZoneInfo",
            world.zones.iter().filter(asked),
            |xml, zone| {
                xml.text("zoneName", &zone.name)
                    .text("zoneId", &zone.id)
                    .text("zoneState", "available")
                    .text("regionName", &world.region)
                    .text("zoneType", "availability-zone")
                    .text("optInStatus", "opt-in-not-required")
                    .element("messageSet", |_| {});
            },
        );
        Ok(xml)
    }))
}
