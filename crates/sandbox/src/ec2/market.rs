//! What there is to launch, where, and at what price: DescribeInstanceTypeOfferings, DescribeSpotPriceHistory,
//! DescribeCapacityReservations, DescribePlacementGroups.
//!
//! Every type is offered in every zone. Prices are synthetic. There are no capacity reservations and no placement
//! groups, and nothing makes any.

use crate::action::{Effect, Family};
use crate::error::{ApiError, Code};
use crate::wire::filter::{Filterable, Filters};
use crate::wire::page::Page;
use crate::wire::params::Params;
use crate::wire::xml::Xml;
use crate::world::{Tags, World};
use jiff::Timestamp;
use std::borrow::Cow;

pub(super) const ACTIONS: Family = &[
    ("DescribeCapacityReservations", capacity_reservations),
    ("DescribeInstanceTypeOfferings", offerings),
    ("DescribePlacementGroups", placement_groups),
    ("DescribeSpotPriceHistory", spot_prices),
];

struct Offering {
    instance_type: String,
    location: String,
}

impl Filterable for Offering {
    const NAMES: &'static [&'static str] = &["instance-type", "location"];

    fn values(&self, name: &str) -> Vec<Cow<'_, str>> {
        match name {
            "instance-type" => vec![self.instance_type.as_str().into()],
            "location" => vec![self.location.as_str().into()],
            _ => Vec::new(),
        }
    }

    fn tags(&self) -> Option<&Tags> {
        None
    }
}

fn offerings(params: &mut Params) -> Result<Effect, ApiError> {
    let kind = params.text("LocationType").unwrap_or_else(|| "region".to_owned());
    let filters = Filters::parse::<Offering>(params)?;
    let page = Page::parse(
        params,
        &(5..=1000),
        false,
        &format!("offerings?{kind}{}", filters.fingerprint()),
    )?;
    Ok(Box::new(move |world| {
        let locations: Vec<String> = match kind.as_str() {
            "region" => vec![world.region.clone()],
            "availability-zone" => world.zones.iter().map(|z| z.name.to_string()).collect(),
            "availability-zone-id" => world.zones.iter().map(|z| z.id.clone()).collect(),
            other => {
                return Err(ApiError::value(format!(
                    "Value ({other}) for parameter LocationType is invalid."
                )));
            }
        };
        let all = world.types.iter().flat_map(|(name, _)| {
            locations.iter().map(|location| Offering {
                instance_type: name.clone(),
                location: location.clone(),
            })
        });
        let found = all.filter(|offering| filters.accept(offering));
        let cut = page.cut(found.map(|o| (format!("{}\u{0}{}", o.instance_type, o.location), o)));
        let mut xml = Xml::default();
        xml.set("instanceTypeOfferingSet", cut.items, |xml, offering| {
            xml.text("instanceType", offering.instance_type)
                .text("locationType", &kind)
                .text("location", offering.location);
        })
        .maybe("nextToken", cut.next);
        Ok(xml)
    }))
}

/// Spot costs about a third of the price on demand, a little more in each further zone.
const SPOT_SHARE: f64 = 0.35;
const ZONE_STEP: f64 = 0.01;

/// The one product that the sandbox sells; AWS names it in two ways.
const PRODUCTS: [&str; 2] = ["Linux/UNIX", "Linux/UNIX (Amazon VPC)"];

struct SpotPrice {
    instance_type: String,
    zone: String,
    price: String,
}

impl Filterable for SpotPrice {
    const NAMES: &'static [&'static str] = &[
        "availability-zone",
        "instance-type",
        "product-description",
        "spot-price",
    ];

    fn values(&self, name: &str) -> Vec<Cow<'_, str>> {
        match name {
            "availability-zone" => vec![self.zone.as_str().into()],
            "instance-type" => vec![self.instance_type.as_str().into()],
            "product-description" => PRODUCTS.into_iter().map(Cow::from).collect(),
            "spot-price" => vec![self.price.as_str().into()],
            _ => Vec::new(),
        }
    }

    fn tags(&self) -> Option<&Tags> {
        None
    }
}

/// Prices never change here, so there is one for each type and zone, as of the start of what is asked for.
fn spot_prices(params: &mut Params) -> Result<Effect, ApiError> {
    let types = params.list("InstanceType");
    let products = params.list("ProductDescription");
    let zone = params.text("AvailabilityZone");
    let start: Option<Timestamp> = params.parsed("StartTime")?;
    let _end: Option<Timestamp> = params.parsed("EndTime")?;
    let filters = Filters::parse::<SpotPrice>(params)?;
    let request = format!("prices?{types:?}{zone:?}{}", filters.fingerprint());
    // No limit is documented, and Karpenter asks for 2000.
    let page = Page::parse(params, &(1..=10_000), false, &request)?;
    let sold = products.is_empty() || products.iter().any(|p| PRODUCTS.contains(&p.as_str()));
    Ok(Box::new(move |world| {
        let found = prices(world).filter(|price| {
            sold && (types.is_empty() || types.contains(&price.instance_type))
                && zone.as_ref().is_none_or(|zone| *zone == price.zone)
                && filters.accept(price)
        });
        let cut = page.cut(found.map(|p| (format!("{}\u{0}{}", p.instance_type, p.zone), p)));
        let at = start.unwrap_or(world.now);
        let mut xml = Xml::default();
        xml.set("spotPriceHistorySet", cut.items, |xml, price| {
            xml.text("instanceType", price.instance_type)
                .text("availabilityZone", price.zone)
                .text("productDescription", PRODUCTS[0])
                .text("spotPrice", price.price)
                .text("timestamp", at);
        })
        .maybe("nextToken", cut.next);
        Ok(xml)
    }))
}

fn prices(world: &World) -> impl Iterator<Item = SpotPrice> {
    world.types.iter().flat_map(|(name, info)| {
        world
            .zones
            .iter()
            .zip(0_u8..)
            .map(move |(zone, index)| SpotPrice {
                instance_type: name.clone(),
                zone: zone.name.to_string(),
                price: format!(
                    "{:.6}",
                    info.price() * (SPOT_SHARE + ZONE_STEP * f64::from(index))
                ),
            })
    })
}

/// What there is none of: no value of it can be made.
enum CapacityReservation {}

impl Filterable for CapacityReservation {
    const NAMES: &'static [&'static str] = &[
        "availability-zone",
        "instance-match-criteria",
        "instance-type",
        "owner-id",
        "state",
    ];

    fn values(&self, _name: &str) -> Vec<Cow<'_, str>> {
        match *self {}
    }

    fn tags(&self) -> Option<&Tags> {
        match *self {}
    }
}

fn capacity_reservations(params: &mut Params) -> Result<Effect, ApiError> {
    let ids = params.list("CapacityReservationId");
    let filters = Filters::parse::<CapacityReservation>(params)?;
    let request = format!("capacity?{}", filters.fingerprint());
    let page = Page::parse(params, &(1..=1000), false, &request)?;
    if let Some(id) = ids.first() {
        return Err(ApiError::new(
            Code::InvalidCapacityReservationNotFound,
            format!("The capacity reservation ID '{id}' does not exist"),
        ));
    }
    Ok(Box::new(move |_| {
        let cut = page.cut(std::iter::empty::<(String, CapacityReservation)>());
        let mut xml = Xml::default();
        xml.set("capacityReservationSet", cut.items, |_, none| match none {});
        Ok(xml)
    }))
}

enum PlacementGroup {}

impl Filterable for PlacementGroup {
    const NAMES: &'static [&'static str] = &["group-arn", "group-name", "spread-level", "state", "strategy"];

    fn values(&self, _name: &str) -> Vec<Cow<'_, str>> {
        match *self {}
    }

    fn tags(&self) -> Option<&Tags> {
        match *self {}
    }
}

fn placement_groups(params: &mut Params) -> Result<Effect, ApiError> {
    let mut named = params.list("GroupName");
    named.extend(params.list("GroupId"));
    Filters::parse::<PlacementGroup>(params)?;
    if let Some(name) = named.first() {
        return Err(ApiError::new(
            Code::InvalidPlacementGroupUnknown,
            format!("The Placement Group '{name}' is unknown."),
        ));
    }
    Ok(Box::new(|_| {
        let mut xml = Xml::default();
        xml.element("placementGroupSet", |_| {});
        Ok(xml)
    }))
}
