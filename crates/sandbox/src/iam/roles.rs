//! Roles.

use super::{PAGE, SIZES, encoded, read_tags, write_marker, write_tags};
use crate::action::{Effect, Family};
use crate::error::ApiError;
use crate::wire::page::Page;
use crate::wire::params::Params;
use crate::wire::xml::Xml;
use crate::world::{NewRole, Role};

pub(super) const ACTIONS: Family = &[
    ("CreateRole", create),
    ("DeleteRole", delete),
    ("GetRole", get),
    ("ListRoles", list),
];

fn create(params: &mut Params) -> Result<Effect, ApiError> {
    let new = NewRole {
        name: params.required("RoleName")?,
        path: params.text("Path"),
        trust: params.required("AssumeRolePolicyDocument")?,
        description: params.text("Description"),
        max_session: params.parsed("MaxSessionDuration")?,
        tags: read_tags(params)?,
    };
    Ok(Box::new(move |world| {
        let role = world.create_role(new)?;
        let mut xml = Xml::default();
        xml.element("Role", |xml| write(xml, role));
        Ok(xml)
    }))
}

fn get(params: &mut Params) -> Result<Effect, ApiError> {
    let name = params.required("RoleName")?;
    Ok(Box::new(move |world| {
        let role = world.role(&name)?;
        let mut xml = Xml::default();
        xml.element("Role", |xml| write(xml, role));
        Ok(xml)
    }))
}

fn delete(params: &mut Params) -> Result<Effect, ApiError> {
    let name = params.required("RoleName")?;
    Ok(Box::new(move |world| {
        world.delete_role(&name)?;
        Ok(Xml::default())
    }))
}

fn list(params: &mut Params) -> Result<Effect, ApiError> {
    let prefix = params.text("PathPrefix").unwrap_or_else(|| "/".to_owned());
    let page = Page::named(params, PAGE, SIZES, &format!("roles?{prefix}"))?;
    Ok(Box::new(move |world| {
        let all = world
            .iam
            .roles
            .values()
            .filter(|role| role.path.starts_with(&prefix));
        let cut = page.cut(all.map(|role| (role.name.clone(), role)));
        let mut xml = Xml::default();
        xml.members("Roles", cut.items, write);
        write_marker(&mut xml, cut.next);
        Ok(xml)
    }))
}

/// A role; lists of profiles have it, too.
pub(super) fn write(xml: &mut Xml, role: &Role) {
    xml.text("Path", &role.path)
        .text("RoleName", &role.name)
        .text("RoleId", &role.id)
        .text("Arn", &role.arn)
        .text("CreateDate", role.created)
        .text("AssumeRolePolicyDocument", encoded(&role.trust.text))
        .maybe("Description", role.description.as_ref())
        .text("MaxSessionDuration", role.max_session);
    write_tags(xml, &role.tags);
}
