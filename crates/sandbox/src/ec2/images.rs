//! DescribeImages.

use crate::action::{Effect, Family};
use crate::error::ApiError;
use crate::wire::filter::{Filterable, Filters};
use crate::wire::page::Page;
use crate::wire::params::Params;
use crate::wire::xml::Xml;
use crate::world::{ACCOUNT, Image, Tags};
use std::borrow::Cow;

pub(super) const ACTIONS: Family = &[("DescribeImages", describe)];

/// The alias of the accounts that publish the images of the catalogue.
const ALIAS: &str = "amazon";

impl Filterable for Image {
    const NAMES: &'static [&'static str] = &[
        "architecture",
        "creation-date",
        "description",
        "hypervisor",
        "image-id",
        "image-type",
        "is-public",
        "name",
        "owner-alias",
        "owner-id",
        "root-device-name",
        "root-device-type",
        "state",
        "virtualization-type",
    ];

    fn values(&self, name: &str) -> Vec<Cow<'_, str>> {
        vec![match name {
            "architecture" => self.architecture.into(),
            "creation-date" => self.created.as_str().into(),
            "description" => self.description.as_str().into(),
            "hypervisor" => "xen".into(),
            "image-id" => self.id.as_str().into(),
            "image-type" => "machine".into(),
            "is-public" => "true".into(),
            "name" => self.name.as_str().into(),
            "owner-alias" => ALIAS.into(),
            "owner-id" => self.owner.into(),
            "root-device-name" => self.root().into(),
            "root-device-type" => "ebs".into(),
            "state" => "available".into(),
            "virtualization-type" => "hvm".into(),
            _ => return Vec::new(),
        }]
    }

    fn tags(&self) -> Option<&Tags> {
        None
    }
}

impl Image {
    fn root(&self) -> &'static str {
        self.volumes.first().map_or("/dev/xvda", |(device, _)| device)
    }

    /// Whether one of the owners that were asked for is its owner; `self` has no images here.
    fn is_of(&self, owners: &[String]) -> bool {
        owners.is_empty()
            || owners.iter().any(|owner| {
                owner == self.owner || owner == ALIAS || (owner == "self" && self.owner == ACCOUNT)
            })
    }
}

fn describe(params: &mut Params) -> Result<Effect, ApiError> {
    let ids = params.list("ImageId");
    let owners = params.list("Owner");
    let executable_by = params.list("ExecutableBy");
    // No image of the catalogue is deprecated or disabled, so there is nothing that these would add.
    let _deprecated: Option<bool> = params.parsed("IncludeDeprecated")?;
    let _disabled: Option<bool> = params.parsed("IncludeDisabled")?;
    let filters = Filters::parse::<Image>(params)?;
    let request = format!("images?{owners:?}{}", filters.fingerprint());
    let page = Page::parse(params, &(1..=1000), !ids.is_empty(), &request)?;
    if let Some(account) = executable_by
        .iter()
        .find(|who| !matches!(who.as_str(), "all" | "self"))
    {
        return Err(ApiError::value(format!(
            "Value ({account}) for parameter ExecutableBy is invalid."
        )));
    }
    Ok(Box::new(move |world| {
        for id in &ids {
            world.images.find(id)?;
        }
        // All are public, and none is shared with this account alone.
        let public = executable_by.is_empty() || executable_by.iter().any(|who| who == "all");
        let found = world
            .images
            .all()
            .values()
            .filter(|image| ids.is_empty() || ids.contains(&image.id))
            .filter(|image| public && image.is_of(&owners) && filters.accept(*image));
        let cut = page.cut(found.map(|image| (image.id.clone(), image)));
        let mut xml = Xml::default();
        xml.set("imagesSet", cut.items, write)
            .maybe("nextToken", cut.next);
        Ok(xml)
    }))
}

fn write(xml: &mut Xml, image: &Image) {
    xml.text("imageId", &image.id)
        .text("imageLocation", format!("{ALIAS}/{}", image.name))
        .text("imageState", "available")
        .text("imageOwnerId", image.owner)
        .text("imageOwnerAlias", ALIAS)
        .text("creationDate", &image.created)
        .text("isPublic", true)
        .text("architecture", image.architecture)
        .text("imageType", "machine")
        .text("name", &image.name)
        .text("description", &image.description)
        .text("enaSupport", true)
        .text("hypervisor", "xen")
        .text("virtualizationType", "hvm")
        .text("platformDetails", "Linux/UNIX")
        .text("usageOperation", "RunInstances")
        .text("rootDeviceType", "ebs")
        .text("rootDeviceName", image.root())
        .text(
            "bootMode",
            if image.architecture == "arm64" {
                "uefi"
            } else {
                "uefi-preferred"
            },
        )
        .maybe("imdsSupport", image.imds_v2.then_some("v2.0"))
        .set("blockDeviceMapping", &image.volumes, |xml, (device, size)| {
            xml.text("deviceName", device).element("ebs", |xml| {
                xml.text("deleteOnTermination", true)
                    .text("volumeSize", size)
                    .text("volumeType", "gp3")
                    .text("encrypted", false);
            });
        });
}
