//! CreateSubnetCidrReservation, GetSubnetCidrReservations, DeleteSubnetCidrReservation.

use crate::action::{Effect, Family};
use crate::error::ApiError;
use crate::wire::filter::{Filterable, Filters};
use crate::wire::ids;
use crate::wire::page::{Page, USUAL};
use crate::wire::params::Params;
use crate::wire::tags::{self, Specifications};
use crate::wire::xml::Xml;
use crate::world::{ACCOUNT, NewReservation, Reservation, ReservationKind, Tags};
use std::borrow::Cow;
use vpccni_core::ids::SubnetId;
use vpccni_core::net::Ipv4Net;

pub(super) const ACTIONS: Family = &[
    ("CreateSubnetCidrReservation", create),
    ("DeleteSubnetCidrReservation", delete),
    ("GetSubnetCidrReservations", get),
];

impl Filterable for Reservation {
    const NAMES: &'static [&'static str] = &["reservationType", "subnet-id"];

    fn values(&self, name: &str) -> Vec<Cow<'_, str>> {
        match name {
            "reservationType" => vec![kind_text(self.kind).into()],
            "subnet-id" => vec![self.subnet.as_str().into()],
            _ => Vec::new(),
        }
    }

    fn tags(&self) -> Option<&Tags> {
        Some(&self.tags)
    }
}

fn kind_text(kind: ReservationKind) -> &'static str {
    match kind {
        ReservationKind::Prefix => "prefix",
        ReservationKind::Explicit => "explicit",
    }
}

fn create(params: &mut Params) -> Result<Effect, ApiError> {
    let subnet: SubnetId = ids::required(params, "SubnetId")?;
    let cidr: Ipv4Net = params.required_parsed("Cidr")?;
    let kind = match params.required("ReservationType")?.as_str() {
        "prefix" => ReservationKind::Prefix,
        "explicit" => ReservationKind::Explicit,
        other => {
            return Err(ApiError::value(format!(
                "Value ({other}) for parameter reservationType is invalid."
            )));
        }
    };
    let description = params.text("Description").unwrap_or_default();
    let tags = Specifications::parse(params, &["subnet-cidr-reservation"])?.of("subnet-cidr-reservation");
    Ok(Box::new(move |world| {
        let new = NewReservation {
            subnet,
            cidr,
            kind,
            description,
            tags,
        };
        let reservation = world.create_reservation(new)?;
        let mut xml = Xml::default();
        xml.element("subnetCidrReservation", |xml| write(xml, &reservation));
        Ok(xml)
    }))
}

fn get(params: &mut Params) -> Result<Effect, ApiError> {
    let subnet: SubnetId = ids::required(params, "SubnetId")?;
    let filters = Filters::parse::<Reservation>(params)?;
    let request = format!("{subnet}?{}", filters.fingerprint());
    let page = Page::parse(params, &USUAL, false, &request)?;
    Ok(Box::new(move |world| {
        let mut found: Vec<&Reservation> = world.subnet(&subnet)?.reservations.iter().collect();
        found.retain(|reservation| filters.accept(*reservation));
        found.sort_by(|a, b| a.id.cmp(&b.id));
        let cut = page.cut(found.into_iter().map(|r| (r.id.clone(), r)));
        let mut xml = Xml::default();
        xml.set("subnetIpv4CidrReservationSet", cut.items, write)
            .element("subnetIpv6CidrReservationSet", |_| {})
            .maybe("nextToken", cut.next);
        Ok(xml)
    }))
}

fn delete(params: &mut Params) -> Result<Effect, ApiError> {
    let id = params.required("SubnetCidrReservationId")?;
    Ok(Box::new(move |world| {
        let reservation = world.delete_reservation(&id)?;
        let mut xml = Xml::default();
        xml.element("deletedSubnetCidrReservation", |xml| write(xml, &reservation));
        Ok(xml)
    }))
}

fn write(xml: &mut Xml, reservation: &Reservation) {
    xml.text("subnetCidrReservationId", &reservation.id)
        .text("subnetId", &reservation.subnet)
        .text("cidr", reservation.cidr)
        .text("reservationType", kind_text(reservation.kind))
        .text("ownerId", ACCOUNT)
        .text("description", &reservation.description);
    tags::write(xml, &reservation.tags);
}
