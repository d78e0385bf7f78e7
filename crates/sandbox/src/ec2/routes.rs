//! DescribeRouteTables: the main table of each VPC with its local routes. No other table and no other route exists.

use crate::action::{Effect, Family};
use crate::error::{ApiError, Code};
use crate::wire::filter::{Filterable, Filters};
use crate::wire::page::Page;
use crate::wire::params::Params;
use crate::wire::xml::Xml;
use crate::world::{ACCOUNT, Tags, Vpc};
use std::borrow::Cow;

pub(super) const ACTIONS: Family = &[("DescribeRouteTables", describe)];

struct MainTable<'w>(&'w Vpc);

impl Filterable for MainTable<'_> {
    const NAMES: &'static [&'static str] = &[
        "association.main",
        "association.route-table-id",
        "association.subnet-id",
        "owner-id",
        "route-table-id",
        "route.destination-cidr-block",
        "vpc-id",
    ];

    fn values(&self, name: &str) -> Vec<Cow<'_, str>> {
        let vpc = self.0;
        match name {
            "association.main" => vec!["true".into()],
            "association.route-table-id" | "route-table-id" => vec![vpc.main_table.as_str().into()],
            "owner-id" => vec![ACCOUNT.into()],
            "route.destination-cidr-block" => vpc.cidrs.iter().map(|a| a.cidr.to_string().into()).collect(),
            "vpc-id" => vec![vpc.id.as_str().into()],
            // Subnets use the main table without an association of their own.
            _ => Vec::new(),
        }
    }

    fn tags(&self) -> Option<&Tags> {
        None
    }
}

fn describe(params: &mut Params) -> Result<Effect, ApiError> {
    let ids = params.list("RouteTableId");
    let filters = Filters::parse::<MainTable<'_>>(params)?;
    let request = format!("routes?{}", filters.fingerprint());
    let page = Page::parse(params, &(5..=100), !ids.is_empty(), &request)?;
    Ok(Box::new(move |world| {
        for id in &ids {
            if !world.vpcs.values().any(|vpc| vpc.main_table == *id) {
                return Err(ApiError::new(
                    Code::InvalidRouteTableNotFound,
                    format!("The routeTable ID '{id}' does not exist"),
                ));
            }
        }
        let found = world
            .vpcs
            .values()
            .map(MainTable)
            .filter(|table| ids.is_empty() || ids.contains(&table.0.main_table))
            .filter(|table| filters.accept(table));
        let cut = page.cut(found.map(|table| (table.0.id.to_string(), table)));
        let mut xml = Xml::default();
        xml.set("routeTableSet", cut.items, |xml, table| write(xml, table.0))
            .maybe("nextToken", cut.next);
        Ok(xml)
    }))
}

fn write(xml: &mut Xml, vpc: &Vpc) {
    let table = &vpc.main_table;
    xml.text("routeTableId", table)
        .text("vpcId", &vpc.id)
        .text("ownerId", ACCOUNT)
        .set("associationSet", [table], |xml, table| {
            xml.text("routeTableAssociationId", table.replacen("rtb-", "rtbassoc-", 1))
                .text("routeTableId", table)
                .text("main", true)
                .element("associationState", |xml| {
                    xml.text("state", "associated");
                });
        })
        .set("routeSet", &vpc.cidrs, |xml, association| {
            xml.text("destinationCidrBlock", association.cidr)
                .text("gatewayId", "local")
                .text("state", "active")
                .text("origin", "CreateRouteTable");
        })
        .element("propagatingVgwSet", |_| {})
        .element("tagSet", |_| {});
}
