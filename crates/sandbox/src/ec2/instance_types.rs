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
        "burstable-performance-supported",
        "current-generation",
        "hypervisor",
        "instance-type",
        "memory-info.size-in-mib",
        "network-info.efa-supported",
        "network-info.ena-support",
        "network-info.ipv4-addresses-per-interface",
        "network-info.maximum-network-interfaces",
        "processor-info.supported-architecture",
        "supported-boot-mode",
        "supported-root-device-type",
        "supported-usage-class",
        "supported-virtualization-type",
        "vcpu-info.default-vcpus",
    ];

    fn values(&self, name: &str) -> Vec<Cow<'_, str>> {
        let info = self.info;
        match name {
            "bare-metal" => vec![info.is_bare_metal.to_string().into()],
            "burstable-performance-supported" => vec![info.is_burstable.to_string().into()],
            "current-generation" => vec![is_current(self.name).to_string().into()],
            "memory-info.size-in-mib" => vec![info.memory_mib.to_string().into()],
            "network-info.efa-supported" => vec![has_efa(info).to_string().into()],
            "network-info.ena-support" => vec![ena(info).into()],
            "supported-boot-mode" => BOOT_MODES.iter().map(|mode| (*mode).into()).collect(),
            "supported-root-device-type" => vec!["ebs".into()],
            "supported-usage-class" => USAGE.iter().map(|class| (*class).into()).collect(),
            "supported-virtualization-type" => vec!["hvm".into()],
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

/// All types are sold in both ways here.
const USAGE: [&str; 2] = ["on-demand", "spot"];
const BOOT_MODES: [&str; 2] = ["legacy-bios", "uefi"];

/// The families that AWS calls previous generations.
const PREVIOUS: [&str; 13] = [
    "c1", "c3", "cc2", "cr1", "g2", "hs1", "i2", "m1", "m2", "m3", "r3", "t1", "a1",
];

fn is_current(name: &str) -> bool {
    let family = name.split('.').next().unwrap_or(name);
    !PREVIOUS.contains(&family)
}

/// The table does not say which types have EFA: those with several network cards are known to.
fn has_efa(info: &TypeInfo) -> bool {
    info.network_cards.len() > 1
}

fn ena(info: &TypeInfo) -> &'static str {
    if info.takes_prefixes() {
        "required"
    } else {
        "supported"
    }
}

fn write(xml: &mut Xml, entry: &Entry<'_>) {
    let info = entry.info;
    xml.text("instanceType", entry.name)
        .text("currentGeneration", is_current(entry.name))
        .text("freeTierEligible", false)
        .text("bareMetal", info.is_bare_metal)
        .maybe("hypervisor", info.hypervisor())
        .text("burstablePerformanceSupported", info.is_burstable)
        .text("hibernationSupported", false)
        .text("autoRecoverySupported", !info.is_bare_metal);
    for (name, values) in [
        ("supportedUsageClasses", &USAGE[..]),
        ("supportedRootDeviceTypes", &["ebs"]),
        ("supportedVirtualizationTypes", &["hvm"]),
        ("supportedBootModes", &BOOT_MODES),
    ] {
        xml.set(name, values, |xml, value| {
            xml.plain(value);
        });
    }
    xml.element("processorInfo", |xml| {
        xml.set("supportedArchitectures", &info.arch, |xml, arch| {
            xml.plain(arch);
        })
        .text("manufacturer", info.manufacturer);
    })
    .element("vCpuInfo", |xml| {
        xml.maybe("defaultVCpus", info.vcpus);
    })
    .element("memoryInfo", |xml| {
        xml.text("sizeInMiB", info.memory_mib);
    })
    .element("ebsInfo", |xml| {
        let nitro = info.takes_prefixes();
        xml.text("ebsOptimizedSupport", if nitro { "default" } else { "supported" })
            .text("encryptionSupport", "supported")
            .text("nvmeSupport", if nitro { "required" } else { "unsupported" });
    })
    .element("networkInfo", |xml| write_network(xml, info));
}

fn write_network(xml: &mut Xml, info: &TypeInfo) {
    xml.text("maximumNetworkInterfaces", info.max_eni_all_cards)
        .text("maximumNetworkCards", info.network_cards.len())
        .text("defaultNetworkCardIndex", info.default_network_card)
        .set("networkCards", &info.network_cards, |xml, card| {
            xml.text("networkCardIndex", card.index)
                .text("maximumNetworkInterfaces", card.max_eni);
        })
        .text("ipv4AddressesPerInterface", info.ipv4_per_eni)
        .maybe("ipv6AddressesPerInterface", info.ipv6_per_eni)
        .maybe("ipv6Supported", info.ipv6_per_eni.map(|count| count > 0))
        .text("enaSupport", ena(info))
        .text("efaSupported", has_efa(info));
    if has_efa(info) {
        xml.element("efaInfo", |xml| {
            xml.text("maximumEfaInterfaces", info.network_cards.len());
        });
    }
}
