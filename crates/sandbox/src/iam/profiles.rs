//! Instance profiles.

use super::{PAGE, SIZES, read_tags, roles, write_marker, write_tags};
use crate::action::{Effect, Family};
use crate::error::ApiError;
use crate::wire::page::Page;
use crate::wire::params::Params;
use crate::wire::xml::Xml;
use crate::world::{InstanceProfile, NewProfile, World};

pub(super) const ACTIONS: Family = &[
    ("AddRoleToInstanceProfile", add_role),
    ("CreateInstanceProfile", create),
    ("DeleteInstanceProfile", delete),
    ("GetInstanceProfile", get),
    ("ListInstanceProfileTags", list_tags),
    ("ListInstanceProfiles", list),
    ("ListInstanceProfilesForRole", list_for_role),
    ("RemoveRoleFromInstanceProfile", remove_role),
    ("TagInstanceProfile", tag),
    ("UntagInstanceProfile", untag),
];

const NAME: &str = "InstanceProfileName";

fn create(params: &mut Params) -> Result<Effect, ApiError> {
    let new = NewProfile {
        name: params.required(NAME)?,
        path: params.text("Path"),
        tags: read_tags(params)?,
    };
    Ok(Box::new(move |world| {
        let name = world.create_profile(new)?.name.clone();
        answer(world, &name)
    }))
}

fn get(params: &mut Params) -> Result<Effect, ApiError> {
    let name = params.required(NAME)?;
    Ok(Box::new(move |world| answer(world, &name)))
}

fn answer(world: &World, name: &str) -> Result<Xml, ApiError> {
    let profile = world.profile(name)?;
    let mut xml = Xml::default();
    xml.element("InstanceProfile", |xml| write(xml, world, profile));
    Ok(xml)
}

fn write(xml: &mut Xml, world: &World, profile: &InstanceProfile) {
    let role = profile.role.iter().filter_map(|name| world.role(name).ok());
    xml.text("Path", &profile.path)
        .text("InstanceProfileName", &profile.name)
        .text("InstanceProfileId", &profile.id)
        .text("Arn", &profile.arn)
        .text("CreateDate", profile.created)
        .members("Roles", role, roles::write);
    write_tags(xml, &profile.tags);
}

fn delete(params: &mut Params) -> Result<Effect, ApiError> {
    let name = params.required(NAME)?;
    Ok(Box::new(move |world| {
        world.delete_profile(&name)?;
        Ok(Xml::default())
    }))
}

fn add_role(params: &mut Params) -> Result<Effect, ApiError> {
    let (name, role) = (params.required(NAME)?, params.required("RoleName")?);
    Ok(Box::new(move |world| {
        world.add_role_to_profile(&name, &role)?;
        Ok(Xml::default())
    }))
}

fn remove_role(params: &mut Params) -> Result<Effect, ApiError> {
    let (name, role) = (params.required(NAME)?, params.required("RoleName")?);
    Ok(Box::new(move |world| {
        world.remove_role_from_profile(&name, &role)?;
        Ok(Xml::default())
    }))
}

fn list(params: &mut Params) -> Result<Effect, ApiError> {
    let prefix = params.text("PathPrefix").unwrap_or_else(|| "/".to_owned());
    let page = Page::named(params, PAGE, SIZES, &format!("profiles?{prefix}"))?;
    Ok(Box::new(move |world| {
        let all = world.iam.profiles.values();
        let found = all.filter(|profile| profile.path.starts_with(&prefix));
        Ok(write_list(world, &page, found))
    }))
}

fn list_for_role(params: &mut Params) -> Result<Effect, ApiError> {
    let role = params.required("RoleName")?;
    let page = Page::named(params, PAGE, SIZES, &format!("profiles of?{role}"))?;
    Ok(Box::new(move |world| {
        world.role(&role)?;
        let all = world.iam.profiles.values();
        let found = all.filter(|profile| profile.role.as_ref() == Some(&role));
        Ok(write_list(world, &page, found))
    }))
}

fn write_list<'w>(world: &World, page: &Page, found: impl Iterator<Item = &'w InstanceProfile>) -> Xml {
    let cut = page.cut(found.map(|profile| (profile.name.clone(), profile)));
    let mut xml = Xml::default();
    xml.members("InstanceProfiles", cut.items, |xml, profile| {
        write(xml, world, profile);
    });
    write_marker(&mut xml, cut.next);
    xml
}

fn tag(params: &mut Params) -> Result<Effect, ApiError> {
    let name = params.required(NAME)?;
    let tags = read_tags(params)?;
    Ok(Box::new(move |world| {
        world.tag_profile(&name, &tags)?;
        Ok(Xml::default())
    }))
}

fn untag(params: &mut Params) -> Result<Effect, ApiError> {
    let name = params.required(NAME)?;
    let keys = params.list("TagKeys.member");
    Ok(Box::new(move |world| {
        world.untag_profile(&name, &keys)?;
        Ok(Xml::default())
    }))
}

fn list_tags(params: &mut Params) -> Result<Effect, ApiError> {
    let name = params.required(NAME)?;
    let page = Page::named(params, PAGE, SIZES, &format!("tags?{name}"))?;
    Ok(Box::new(move |world| {
        let tags = world.profile(&name)?.tags.iter();
        let cut = page.cut(tags.map(|(key, value)| (key.clone(), (key, value))));
        let mut xml = Xml::default();
        xml.members("Tags", cut.items, |xml, (key, value)| {
            xml.text("Key", key).text("Value", value);
        });
        write_marker(&mut xml, cut.next);
        Ok(xml)
    }))
}
