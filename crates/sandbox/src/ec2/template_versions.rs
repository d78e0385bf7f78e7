//! CreateLaunchTemplateVersion, DescribeLaunchTemplateVersions, DeleteLaunchTemplateVersions.

use super::launch_data;
use super::templates::{PAGES, data, key, optional_key};
use crate::action::{Effect, Family};
use crate::error::{ApiError, Code};
use crate::wire::filter::{Filterable, Filters};
use crate::wire::page::Page;
use crate::wire::params::Params;
use crate::wire::xml::Xml;
use crate::world::{LaunchTemplate, Tags, TemplateVersion, World};
use std::borrow::Cow;

pub(super) const ACTIONS: Family = &[
    ("CreateLaunchTemplateVersion", create),
    ("DeleteLaunchTemplateVersions", delete),
    ("DescribeLaunchTemplateVersions", describe),
];

/// A version with the template that it is of.
struct Entry<'w> {
    template: &'w LaunchTemplate,
    version: &'w TemplateVersion,
}

impl Filterable for Entry<'_> {
    const NAMES: &'static [&'static str] = &[
        "create-time",
        "ebs-optimized",
        "iam-instance-profile",
        "image-id",
        "instance-type",
        "is-default-version",
    ];

    fn values(&self, name: &str) -> Vec<Cow<'_, str>> {
        let data = &self.version.data;
        let setting = |name: &str| data.settings.get(name).map(Cow::from).into_iter().collect();
        match name {
            "create-time" => vec![self.version.created.to_string().into()],
            "ebs-optimized" => setting("EbsOptimized"),
            "iam-instance-profile" => setting("IamInstanceProfile.Arn"),
            "image-id" => data.image.as_deref().map(Cow::from).into_iter().collect(),
            "instance-type" => data
                .instance_type
                .iter()
                .map(|name| name.as_str().into())
                .collect(),
            "is-default-version" => vec![self.is_default().to_string().into()],
            _ => Vec::new(),
        }
    }

    fn tags(&self) -> Option<&Tags> {
        None
    }
}

impl Entry<'_> {
    fn is_default(&self) -> bool {
        self.version.number == self.template.default_version
    }

    fn write(&self, xml: &mut Xml) {
        xml.text("launchTemplateId", &self.template.id)
            .text("launchTemplateName", &self.template.name)
            .text("versionNumber", self.version.number)
            .maybe("versionDescription", self.version.description.as_ref())
            .text("createTime", self.version.created)
            .text("createdBy", &self.version.created_by)
            .text("defaultVersion", self.is_default())
            .element("launchTemplateData", |xml| {
                launch_data::write(xml, &self.version.data);
            });
    }
}

/// Images are named by their ids here, so there is no alias to resolve.
fn no_alias(params: &mut Params) -> Result<(), ApiError> {
    let _resolve: Option<bool> = params.parsed("ResolveAlias")?;
    Ok(())
}

fn create(params: &mut Params) -> Result<Effect, ApiError> {
    let fingerprint = params.fingerprint();
    let token = params.text("ClientToken").map(|token| (token, fingerprint));
    let key = key(params)?;
    let source = params.text("SourceVersion");
    let description = params.text("VersionDescription");
    let data = data(params)?;
    no_alias(params)?;
    Ok(Box::new(move |world| {
        let number = world.create_template_version(&key, source.as_deref(), description, &data, token)?;
        let template = world.template(&key)?;
        let version = template.versions.get(&number).ok_or_else(ApiError::internal)?;
        let mut xml = Xml::default();
        xml.element("launchTemplateVersion", |xml| {
            Entry { template, version }.write(xml);
        });
        Ok(xml)
    }))
}

/// Which versions a describe asks for.
struct Range {
    named: Vec<String>,
    min: Option<u64>,
    max: Option<u64>,
}

impl Range {
    fn read(params: &mut Params) -> Result<Self, ApiError> {
        let range = Self {
            named: params.list("LaunchTemplateVersion"),
            min: params.parsed("MinVersion")?,
            max: params.parsed("MaxVersion")?,
        };
        if !range.named.is_empty() && (range.min.is_some() || range.max.is_some()) {
            return Err(ApiError::combination(
                "Versions and a range of versions may not be specified on the same request",
            ));
        }
        Ok(range)
    }

    fn of<'w>(&self, template: &'w LaunchTemplate) -> Result<Vec<Entry<'w>>, ApiError> {
        let mut numbers = Vec::new();
        for version in &self.named {
            numbers.push(template.number_of(Some(version))?);
        }
        let asked = |number: u64| {
            (self.named.is_empty() || numbers.contains(&number))
                && self.min.is_none_or(|min| min <= number)
                && self.max.is_none_or(|max| number <= max)
        };
        let versions = template.versions.values().filter(|version| asked(version.number));
        Ok(versions.map(|version| Entry { template, version }).collect())
    }
}

fn describe(params: &mut Params) -> Result<Effect, ApiError> {
    let key = optional_key(params)?;
    let range = Range::read(params)?;
    no_alias(params)?;
    // Nothing here is managed by another service, so there is nothing that this would hide or show.
    let _managed: Option<bool> = params.parsed("IncludeManagedResources")?;
    let filters = Filters::parse::<Entry<'_>>(params)?;
    let request = format!("versions?{key:?}{:?}{}", range.named, filters.fingerprint());
    let page = Page::parse(params, &PAGES, false, &request)?;
    if key.is_none()
        && range
            .named
            .iter()
            .any(|v| !matches!(v.as_str(), "$Latest" | "$Default"))
    {
        return Err(ApiError::missing("LaunchTemplateId"));
    }
    if key.is_none() && range.named.is_empty() {
        return Err(ApiError::missing("LaunchTemplateId"));
    }
    Ok(Box::new(move |world| {
        let mut found = match &key {
            Some(key) => range.of(world.template(key)?)?,
            None => of_all(world, &range)?,
        };
        found.retain(|entry| filters.accept(entry));
        // The newest first, as AWS shows them: keys of pages rise where numbers fall.
        let place =
            |entry: &Entry<'_>| format!("{}/{:020}", entry.template.id, u64::MAX - entry.version.number);
        found.sort_by_key(place);
        let cut = page.cut(found.into_iter().map(|entry| (place(&entry), entry)));
        let mut xml = Xml::default();
        xml.set("launchTemplateVersionSet", cut.items, |xml, entry| {
            entry.write(xml);
        })
        .maybe("nextToken", cut.next);
        Ok(xml)
    }))
}

fn of_all<'w>(world: &'w World, range: &Range) -> Result<Vec<Entry<'w>>, ApiError> {
    let mut found = Vec::new();
    for template in world.templates.values() {
        found.extend(range.of(template)?);
    }
    Ok(found)
}

fn delete(params: &mut Params) -> Result<Effect, ApiError> {
    let key = key(params)?;
    let versions = params.list("LaunchTemplateVersion");
    if versions.is_empty() {
        return Err(ApiError::missing("LaunchTemplateVersion"));
    }
    let versions: Vec<u64> = versions
        .iter()
        .map(|version| {
            version
                .parse()
                .map_err(|_| ApiError::value(format!("Invalid launch template version: {version}")))
        })
        .collect::<Result<_, _>>()?;
    Ok(Box::new(move |world| {
        let template = world.template(&key)?;
        let (id, name) = (template.id.clone(), template.name.clone());
        let mut gone = Vec::new();
        let mut kept = Vec::new();
        for number in versions {
            match world.delete_template_version(&key, number) {
                Ok(()) => gone.push(number),
                Err(error) => kept.push((number, error)),
            }
        }
        let about = |xml: &mut Xml, number: u64| {
            xml.text("launchTemplateId", &id)
                .text("launchTemplateName", &name)
                .text("versionNumber", number);
        };
        let mut xml = Xml::default();
        xml.set("successfullyDeletedLaunchTemplateVersionSet", gone, about)
            .set(
                "unsuccessfullyDeletedLaunchTemplateVersionSet",
                kept,
                |xml, (number, error)| {
                    about(xml, number);
                    xml.element("responseError", |xml| {
                        xml.text("code", item_code(&error))
                            .text("message", error.message());
                    });
                },
            );
        Ok(xml)
    }))
}

/// The codes inside the answer are spelled in another way than those of refusals.
fn item_code(error: &ApiError) -> &'static str {
    if error.code() == Code::InvalidTemplateVersionNotFound.as_str() {
        "launchTemplateVersionDoesNotExist"
    } else {
        "unexpectedError"
    }
}
