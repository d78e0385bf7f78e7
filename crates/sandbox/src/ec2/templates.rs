//! CreateLaunchTemplate, DescribeLaunchTemplates, ModifyLaunchTemplate, DeleteLaunchTemplate.

use super::launch_data;
use crate::action::{Effect, Family};
use crate::error::{ApiError, Code};
use crate::wire::filter::{Filterable, Filters};
use crate::wire::page::Page;
use crate::wire::params::Params;
use crate::wire::tags::{self, Specifications};
use crate::wire::xml::Xml;
use crate::world::{LaunchData, LaunchTemplate, NewTemplate, Tags, TemplateKey, TemplateRef};
use std::borrow::Cow;
use std::ops::RangeInclusive;

pub(super) const ACTIONS: Family = &[
    ("CreateLaunchTemplate", create),
    ("DeleteLaunchTemplate", delete),
    ("DescribeLaunchTemplates", describe),
    ("ModifyLaunchTemplate", modify),
];

/// What the describes of templates allow on a page.
pub(super) const PAGES: RangeInclusive<u32> = 1..=200;

impl Filterable for LaunchTemplate {
    const NAMES: &'static [&'static str] = &["create-time", "launch-template-name"];

    fn values(&self, name: &str) -> Vec<Cow<'_, str>> {
        match name {
            "create-time" => vec![self.created.to_string().into()],
            "launch-template-name" => vec![self.name.as_str().into()],
            _ => Vec::new(),
        }
    }

    fn tags(&self) -> Option<&Tags> {
        Some(&self.tags)
    }
}

fn check_id(id: String) -> Result<String, ApiError> {
    let digits = id.strip_prefix("lt-").unwrap_or_default();
    if !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Ok(id);
    }
    Err(ApiError::new(
        Code::InvalidTemplateIdMalformed,
        format!("Invalid id: \"{id}\" (expecting \"lt-...\")"),
    ))
}

/// Which template is meant, by id or by name, not by both.
pub(super) fn optional_key(params: &mut Params) -> Result<Option<TemplateKey>, ApiError> {
    match (params.text("LaunchTemplateId"), params.text("LaunchTemplateName")) {
        (Some(_), Some(_)) => Err(ApiError::combination(
            "Only one of LaunchTemplateId and LaunchTemplateName may be given",
        )),
        (Some(id), None) => Ok(Some(TemplateKey::Id(check_id(id)?))),
        (None, Some(name)) => Ok(Some(TemplateKey::Name(name))),
        (None, None) => Ok(None),
    }
}

pub(super) fn key(params: &mut Params) -> Result<TemplateKey, ApiError> {
    optional_key(params)?.ok_or_else(|| ApiError::missing("LaunchTemplateId"))
}

/// A template and a version of it, as launches name them.
pub(super) fn reference(params: &mut Params) -> Result<TemplateRef, ApiError> {
    Ok(TemplateRef {
        id_or_name: key(params)?,
        version: params.text("Version"),
    })
}

/// The data of a template; it must say something.
pub(super) fn data(params: &mut Params) -> Result<LaunchData, ApiError> {
    let data = params.structure("LaunchTemplateData", launch_data::read)?;
    data.ok_or_else(|| ApiError::missing("LaunchTemplateData"))
}

fn create(params: &mut Params) -> Result<Effect, ApiError> {
    let fingerprint = params.fingerprint();
    let new = NewTemplate {
        name: params.required("LaunchTemplateName")?,
        description: params.text("VersionDescription"),
        data: data(params)?,
        tags: Specifications::parse(params, &["launch-template"])?.of("launch-template"),
        token: params.text("ClientToken").map(|token| (token, fingerprint)),
    };
    Ok(Box::new(move |world| Ok(answer(world.create_template(new)?))))
}

fn modify(params: &mut Params) -> Result<Effect, ApiError> {
    let key = key(params)?;
    let version = params.text("SetDefaultVersion");
    // Setting the same default twice is the same as setting it once.
    let _token = params.text("ClientToken");
    Ok(Box::new(move |world| {
        let version = version.ok_or_else(|| ApiError::missing("SetDefaultVersion"))?;
        Ok(answer(world.set_default_version(&key, &version)?))
    }))
}

fn delete(params: &mut Params) -> Result<Effect, ApiError> {
    let key = key(params)?;
    Ok(Box::new(move |world| Ok(answer(&world.delete_template(&key)?))))
}

fn describe(params: &mut Params) -> Result<Effect, ApiError> {
    let ids = params.list("LaunchTemplateId").into_iter().map(check_id);
    let mut keys: Vec<TemplateKey> = ids.map(|id| id.map(TemplateKey::Id)).collect::<Result<_, _>>()?;
    keys.extend(
        params
            .list("LaunchTemplateName")
            .into_iter()
            .map(TemplateKey::Name),
    );
    // Nothing here is managed by another service, so there is nothing that this would hide or show.
    let _managed: Option<bool> = params.parsed("IncludeManagedResources")?;
    let filters = Filters::parse::<LaunchTemplate>(params)?;
    let request = format!("templates?{}", filters.fingerprint());
    let page = Page::parse(params, &PAGES, false, &request)?;
    Ok(Box::new(move |world| {
        let mut found: Vec<&LaunchTemplate> = keys
            .iter()
            .map(|key| world.template(key))
            .collect::<Result<_, _>>()?;
        if keys.is_empty() {
            found = world.templates.values().collect();
        }
        found.sort_by(|a, b| a.id.cmp(&b.id));
        found.dedup_by(|a, b| a.id == b.id);
        let accepted = found.into_iter().filter(|template| filters.accept(*template));
        let cut = page.cut(accepted.map(|template| (template.id.clone(), template)));
        let mut xml = Xml::default();
        xml.set("launchTemplates", cut.items, write)
            .maybe("nextToken", cut.next);
        Ok(xml)
    }))
}

fn answer(template: &LaunchTemplate) -> Xml {
    let mut xml = Xml::default();
    xml.element("launchTemplate", |xml| write(xml, template));
    xml
}

fn write(xml: &mut Xml, template: &LaunchTemplate) {
    xml.text("launchTemplateId", &template.id)
        .text("launchTemplateName", &template.name)
        .text("createTime", template.created)
        .text("createdBy", &template.created_by)
        .text("defaultVersionNumber", template.default_version)
        .text("latestVersionNumber", template.latest_version);
    tags::write(xml, &template.tags);
}
