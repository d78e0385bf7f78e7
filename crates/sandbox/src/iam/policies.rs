//! Managed policies, and the policies of roles.

use super::{PAGE, SIZES, encoded, write_marker};
use crate::action::{Effect, Family};
use crate::error::{ApiError, Code};
use crate::wire::page::Page;
use crate::wire::params::Params;
use crate::wire::xml::Xml;
use crate::world::{ManagedPolicy, World};

pub(super) const ACTIONS: Family = &[
    ("AttachRolePolicy", attach),
    ("DeleteRolePolicy", delete),
    ("DetachRolePolicy", detach),
    ("GetPolicy", get_managed),
    ("GetPolicyVersion", get_version),
    ("GetRolePolicy", get),
    ("ListAttachedRolePolicies", list_attached),
    ("ListRolePolicies", list),
    ("PutRolePolicy", put),
];

/// When AWS made its policies is not kept; it was before anything here.
const LONG_AGO: &str = "2020-01-01T00:00:00Z";

fn attach(params: &mut Params) -> Result<Effect, ApiError> {
    let (role, arn) = (params.required("RoleName")?, params.required("PolicyArn")?);
    Ok(Box::new(move |world| {
        world.attach_role_policy(&role, &arn)?;
        Ok(Xml::default())
    }))
}

fn detach(params: &mut Params) -> Result<Effect, ApiError> {
    let (role, arn) = (params.required("RoleName")?, params.required("PolicyArn")?);
    Ok(Box::new(move |world| {
        world.detach_role_policy(&role, &arn)?;
        Ok(Xml::default())
    }))
}

fn list_attached(params: &mut Params) -> Result<Effect, ApiError> {
    let name = params.required("RoleName")?;
    let prefix = params.text("PathPrefix").unwrap_or_else(|| "/".to_owned());
    let page = Page::named(params, PAGE, SIZES, &format!("attached?{name}?{prefix}"))?;
    Ok(Box::new(move |world| {
        let attached = world.role(&name)?.attached.iter();
        // All managed policies here have the path `/`.
        let found = attached.filter(|_| prefix == "/");
        let cut = page.cut(found.map(|arn| (arn.clone(), arn)));
        let mut xml = Xml::default();
        xml.members("AttachedPolicies", cut.items, |xml, arn| {
            xml.text("PolicyName", arn.rsplit('/').next().unwrap_or_default())
                .text("PolicyArn", arn);
        });
        write_marker(&mut xml, cut.next);
        Ok(xml)
    }))
}

fn put(params: &mut Params) -> Result<Effect, ApiError> {
    let (role, name) = (params.required("RoleName")?, params.required("PolicyName")?);
    let document = params.required("PolicyDocument")?;
    Ok(Box::new(move |world| {
        world.put_role_policy(&role, &name, &document)?;
        Ok(Xml::default())
    }))
}

fn get(params: &mut Params) -> Result<Effect, ApiError> {
    let (role, name) = (params.required("RoleName")?, params.required("PolicyName")?);
    Ok(Box::new(move |world| {
        let document = world.role_policy(&role, &name)?;
        let mut xml = Xml::default();
        xml.text("RoleName", &role)
            .text("PolicyName", &name)
            .text("PolicyDocument", encoded(&document.text));
        Ok(xml)
    }))
}

fn delete(params: &mut Params) -> Result<Effect, ApiError> {
    let (role, name) = (params.required("RoleName")?, params.required("PolicyName")?);
    Ok(Box::new(move |world| {
        world.delete_role_policy(&role, &name)?;
        Ok(Xml::default())
    }))
}

fn list(params: &mut Params) -> Result<Effect, ApiError> {
    let name = params.required("RoleName")?;
    let page = Page::named(params, PAGE, SIZES, &format!("inline?{name}"))?;
    Ok(Box::new(move |world| {
        let names = world.role(&name)?.inline.keys();
        let cut = page.cut(names.map(|name| (name.clone(), name)));
        let mut xml = Xml::default();
        xml.members("PolicyNames", cut.items, |xml, name| {
            xml.plain(name);
        });
        write_marker(&mut xml, cut.next);
        Ok(xml)
    }))
}

fn get_managed(params: &mut Params) -> Result<Effect, ApiError> {
    let arn = params.required("PolicyArn")?;
    Ok(Box::new(move |world| {
        let policy = ManagedPolicy::of_arn(&arn)?;
        let mut xml = Xml::default();
        xml.element("Policy", |xml| write_managed(xml, world, policy));
        Ok(xml)
    }))
}

fn write_managed(xml: &mut Xml, world: &World, policy: &ManagedPolicy) {
    let arn = policy.arn();
    xml.text("PolicyName", policy.name)
        .text("PolicyId", policy.id())
        .text("AttachmentCount", world.attachments_of(&arn))
        .text("Arn", arn)
        .text("Path", "/")
        .text("DefaultVersionId", policy.version)
        .text("PermissionsBoundaryUsageCount", 0)
        .text("IsAttachable", true)
        .text("Description", policy.description)
        .text("CreateDate", LONG_AGO)
        .text("UpdateDate", LONG_AGO);
}

fn get_version(params: &mut Params) -> Result<Effect, ApiError> {
    let (arn, version) = (params.required("PolicyArn")?, params.required("VersionId")?);
    Ok(Box::new(move |_| {
        let policy = ManagedPolicy::of_arn(&arn)?;
        let document = policy.document.filter(|_| policy.version == version);
        let document = document.ok_or_else(|| {
            ApiError::new(
                Code::UnsupportedOperation,
                format!(
                    "The sandbox does not keep the version {version} of {}",
                    policy.name
                ),
            )
        })?;
        let mut xml = Xml::default();
        xml.element("PolicyVersion", |xml| {
            xml.text("Document", encoded(document))
                .text("VersionId", &version)
                .text("IsDefaultVersion", true)
                .text("CreateDate", LONG_AGO);
        });
        Ok(xml)
    }))
}
