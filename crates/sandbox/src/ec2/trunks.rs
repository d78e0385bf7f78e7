//! AssociateTrunkInterface, DisassociateTrunkInterface, DescribeTrunkInterfaceAssociations.

use super::done;
use crate::action::{Effect, Family};
use crate::error::ApiError;
use crate::wire::filter::{Filterable, Filters};
use crate::wire::ids;
use crate::wire::page::Page;
use crate::wire::params::Params;
use crate::wire::xml::Xml;
use crate::world::{Tags, TrunkAssociation};
use std::borrow::Cow;
use vpccni_core::ids::EniId;

pub(super) const ACTIONS: Family = &[
    ("AssociateTrunkInterface", associate),
    ("DescribeTrunkInterfaceAssociations", describe),
    ("DisassociateTrunkInterface", disassociate),
];

/// Branches are told apart by VLAN here; GRE is for what the sandbox has none of.
const PROTOCOL: &str = "VLAN";

impl Filterable for TrunkAssociation {
    const NAMES: &'static [&'static str] = &["gre-key", "interface-protocol"];

    fn values(&self, name: &str) -> Vec<Cow<'_, str>> {
        match name {
            "interface-protocol" => vec![PROTOCOL.into()],
            _ => Vec::new(),
        }
    }

    fn tags(&self) -> Option<&Tags> {
        None
    }
}

fn associate(params: &mut Params) -> Result<Effect, ApiError> {
    let fingerprint = params.fingerprint();
    let branch: EniId = ids::required(params, "BranchInterfaceId")?;
    let trunk: EniId = ids::required(params, "TrunkInterfaceId")?;
    let vlan: Option<u32> = params.parsed("VlanId")?;
    let client = params.text("ClientToken");
    let token = client.clone().map(|token| (token, fingerprint));
    Ok(Box::new(move |world| {
        let id = world.associate_trunk(&trunk, &branch, vlan, token)?;
        let association = world.trunk_association(&id)?;
        let mut xml = Xml::default();
        xml.element("interfaceAssociation", |xml| write(xml, association))
            .maybe("clientToken", client);
        Ok(xml)
    }))
}

fn disassociate(params: &mut Params) -> Result<Effect, ApiError> {
    let fingerprint = params.fingerprint();
    let id = params.required("AssociationId")?;
    let client = params.text("ClientToken");
    let token = client.clone().map(|token| (token, fingerprint));
    Ok(Box::new(move |world| {
        world.disassociate_trunk(&id, token)?;
        let mut xml = done();
        xml.maybe("clientToken", client);
        Ok(xml)
    }))
}

fn describe(params: &mut Params) -> Result<Effect, ApiError> {
    let ids = params.list("AssociationId");
    let filters = Filters::parse::<TrunkAssociation>(params)?;
    let request = format!("trunks?{}", filters.fingerprint());
    let page = Page::parse(params, &(5..=255), !ids.is_empty(), &request)?;
    Ok(Box::new(move |world| {
        for id in &ids {
            world.trunk_association(id)?;
        }
        let found = world
            .trunk_associations
            .values()
            .filter(|a| ids.is_empty() || ids.contains(&a.id))
            .filter(|a| filters.accept(*a));
        let cut = page.cut(found.map(|a| (a.id.clone(), a)));
        let mut xml = Xml::default();
        xml.set("interfaceAssociationSet", cut.items, write)
            .maybe("nextToken", cut.next);
        Ok(xml)
    }))
}

fn write(xml: &mut Xml, association: &TrunkAssociation) {
    xml.text("associationId", &association.id)
        .text("branchInterfaceId", &association.branch)
        .text("trunkInterfaceId", &association.trunk)
        .text("interfaceProtocol", PROTOCOL)
        .text("vlanId", association.vlan);
}
