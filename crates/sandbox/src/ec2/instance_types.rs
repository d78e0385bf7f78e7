//! DescribeInstanceTypes.

use crate::action::{Effect, Family};
use crate::error::{ApiError, Code};
use crate::wire::filter::{Filterable, Filters};
use crate::wire::page::Page;
use crate::wire::params::Params;
use crate::wire::xml::Xml;
use crate::world::{Tags, TypeInfo, Types};
use std::borrow::Cow;

pub(super) const ACTIONS: Family = &[("DescribeInstanceTypes", describe)];

/// AWS's limit on names in one request, and on a page.
const MAX_NAMES: usize = 100;

struct Entry<'w> {
    name: &'w str,
    info: &'w TypeInfo,
}

impl Filterable for Entry<'_> {
    const NAMES: &'static [&'static str] = &[
        "bare-metal",
        "hypervisor",
        "instance-type",
        "network-info.ipv4-addresses-per-interface",
        "network-info.maximum-network-interfaces",
        "processor-info.supported-architecture",
        "vcpu-info.default-vcpus",
    ];

    fn values(&self, name: &str) -> Vec<Cow<'_, str>> {
        let info = self.info;
        match name {
            "bare-metal" => vec![info.is_bare_metal.to_string().into()],
            "hypervisor" => info.hypervisor().map(Cow::from).into_iter().collect(),
            "instance-type" => vec![self.name.into()],
            "network-info.ipv4-addresses-per-interface" => vec![info.ipv4_per_eni.to_string().into()],
            "network-info.maximum-network-interfaces" => vec![info.max_eni_all_cards.to_string().into()],
            "processor-info.supported-architecture" => info.arch.iter().map(|a| a.as_str().into()).collect(),
            "vcpu-info.default-vcpus" => info.vcpus.map(|v| v.to_string().into()).into_iter().collect(),
            _ => Vec::new(),
        }
    }

    fn tags(&self) -> Option<&Tags> {
        None
    }
}

fn describe(params: &mut Params) -> Result<Effect, ApiError> {
    let mut names = params.list("InstanceType");
    names.sort();
    names.dedup();
    if names.len() > MAX_NAMES {
        return Err(ApiError::value(format!(
            "The maximum number of instance types is {MAX_NAMES}"
        )));
    }
    let filters = Filters::parse::<Entry<'_>>(params)?;
    let request = format!("types?{}", filters.fingerprint());
    let page = Page::parse(params, &(5..=100), !names.is_empty(), &request)?;
    Ok(Box::new(move |world| {
        check_known(&world.types, &names)?;
        let asked = world
            .types
            .iter()
            .filter(|(name, _)| names.is_empty() || names.binary_search(name).is_ok())
            .map(|(name, info)| Entry { name, info })
            .filter(|entry| filters.accept(entry));
        let cut = page.cut(asked.map(|entry| (entry.name.to_owned(), entry)));
        let mut xml = Xml::default();
        xml.set("instanceTypeSet", cut.items, |xml, entry| write(xml, &entry))
            .maybe("nextToken", cut.next);
        Ok(xml)
    }))
}

fn check_known(types: &Types, names: &[String]) -> Result<(), ApiError> {
    let unknown: Vec<&str> = names
        .iter()
        .map(String::as_str)
        .filter(|name| types.get(name).is_none())
        .collect();
    if unknown.is_empty() {
        return Ok(());
    }
    Err(ApiError::new(
        Code::InvalidInstanceType,
        format!(
            "The following supplied instance types do not exist: [{}]",
            unknown.join(", ")
        ),
    ))
}

fn write(xml: &mut Xml, entry: &Entry<'_>) {
    let info = entry.info;
    xml.text("instanceType", entry.name)
        .text("bareMetal", info.is_bare_metal)
        .maybe("hypervisor", info.hypervisor())
        .element("processorInfo", |xml| {
            xml.set("supportedArchitectures", &info.arch, |xml, arch| {
                xml.plain(arch);
            });
        });
    if let Some(vcpus) = info.vcpus {
        xml.element("vCpuInfo", |xml| {
            xml.text("defaultVCpus", vcpus);
        });
    }
    xml.element("networkInfo", |xml| {
        xml.text("maximumNetworkInterfaces", info.max_eni_all_cards)
            .text("maximumNetworkCards", info.network_cards.len())
            .text("defaultNetworkCardIndex", info.default_network_card)
            .set("networkCards", &info.network_cards, |xml, card| {
                xml.text("networkCardIndex", card.index)
                    .text("maximumNetworkInterfaces", card.max_eni);
            })
            .text("ipv4AddressesPerInterface", info.ipv4_per_eni)
            .maybe("ipv6AddressesPerInterface", info.ipv6_per_eni)
            .maybe("ipv6Supported", info.ipv6_per_eni.map(|count| count > 0));
    });
}
