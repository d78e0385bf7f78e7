//! EKS managed node groups as wholes: the group that takes over, the end of the old one, and rolls by EKS.

use super::groups;
use super::marks::{SUCCESSOR_OF, UPDATE};
use super::outcome::{ActError, Acted, Outcome};
use super::templates;
use crate::context::Context;
use crate::write::WriteSite;
use std::collections::BTreeMap;
use vpccni_core::plural::counted;
use vpccni_core::ports::groups::{
    GroupSize, ManagedGroup, ManagedStatus, NewTemplate, NodeGroupCopy, NodeGroupRoll, TemplateRef,
    request_token,
};
use vpccni_core::safety::NodeGroup;
use vpccni_core::user_data::{Family, encoded_with_max_pods};

/// The volume whose size EKS's `diskSize` is.
fn device(family: Family) -> &'static str {
    match family {
        Family::Bottlerocket => "/dev/xvdb",
        Family::Al2 | Family::Al2023 | Family::Unknown => "/dev/xvda",
    }
}

/// Makes the group that takes over: the settings of the old one, no node yet, and no minimum, so that it grows inside
/// the budget only.
pub(super) async fn create(ctx: &Context, group: &NodeGroup, name: &str, max_pods: Option<u32>) -> Acted {
    let (cluster, old) = groups::managed(ctx, group).await?;
    if let Some(there) = ctx.node_groups.managed_group(&cluster, name).await? {
        if there.tags.get(SUCCESSOR_OF) == Some(&group.name) {
            ctx.writer.unchanged(WriteSite::CreateSuccessor);
            return Ok(Outcome::Unchanged);
        }
        return Err(ActError::refused(format!(
            "there is a node group {name} already, and it is not the successor of {}",
            group.name
        )));
    }
    let template = template(ctx, group, &old, (name, max_pods)).await?;
    let copy = NodeGroupCopy {
        token: token(&cluster, name, &group.name, template.as_ref()),
        cluster,
        like: group.name.clone(),
        name: name.to_owned(),
        template,
        size: GroupSize {
            min: 0,
            max: old.size.max,
            desired: 0,
        },
        tags: BTreeMap::from([(SUCCESSOR_OF.to_owned(), group.name.clone())]),
    };
    let call = ctx.node_groups.create_like(&copy);
    let target = groups::target(group);
    ctx.writer
        .outside(WriteSite::CreateSuccessor, &target, call)
        .await?;
    Ok(Outcome::Done)
}

/// The same request is the same change; another template, or another start, is another request.
fn token(cluster: &str, name: &str, from: &str, template: Option<&TemplateRef>) -> String {
    let (id, version) = template.map_or(("", ""), |at| (at.id.as_str(), at.version.as_str()));
    request_token(&[cluster, name, from, id, version])
}

/// What the successor launches from: a new version of the old group's template, or a template of our own. None leaves
/// it to the settings of the old group.
async fn template(
    ctx: &Context,
    group: &NodeGroup,
    old: &ManagedGroup,
    (name, max_pods): (&str, Option<u32>),
) -> Result<Option<TemplateRef>, ActError> {
    let family = old
        .ami_type
        .as_deref()
        .map_or(Family::Unknown, Family::of_ami_type);
    let Some(max_pods) = max_pods else {
        return Ok(old.template.clone());
    };
    if let Some(its) = &old.template {
        let new = templates::for_successor(ctx, group, its, (max_pods, family)).await?;
        return Ok(Some(new));
    }
    if old.remote_access {
        return Err(ActError::refused(format!(
            "{group} lets EKS open SSH, which it does for no group with a launch template: give it one of your own"
        )));
    }
    let user_data = encoded_with_max_pods(None, max_pods, family).map_err(|error| {
        ActError::refused(format!("a launch template for {name} cannot be made: {error}"))
    })?;
    let new = NewTemplate {
        name: format!("vpccni-{name}-{max_pods}"),
        token: request_token(&[name, &user_data]),
        user_data,
        volume: old.disk_gib.map(|gib| (device(family).to_owned(), gib)),
        tags: BTreeMap::from([(SUCCESSOR_OF.to_owned(), group.name.clone())]),
    };
    let call = ctx.templates.create_template(&new);
    let made = ctx
        .writer
        .outside(WriteSite::CreateTemplate, &groups::target(group), call)
        .await?;
    Ok(Some(made))
}

/// Deletes a group that has no instance left; its successor gets its minimum first.
pub(super) async fn delete(ctx: &Context, group: &NodeGroup) -> Acted {
    let cluster = groups::cluster(ctx)?;
    let Some(old) = ctx.node_groups.managed_group(&cluster, &group.name).await? else {
        ctx.writer.unchanged(WriteSite::DeleteGroup);
        return Ok(Outcome::Unchanged);
    };
    if old.status == ManagedStatus::Deleting {
        ctx.writer.unchanged(WriteSite::DeleteGroup);
        return Ok(Outcome::Unchanged);
    }
    let scaling = ctx.scaling.groups(&old.scaling_groups).await?;
    let left = scaling.iter().map(|group| group.members.len()).sum::<usize>();
    if left > 0 {
        return Err(ActError::moved(format!(
            "{group} has {} left",
            counted(left, "instance")
        )));
    }
    let minimum = scaling
        .iter()
        .find_map(|group| group.tags.get(super::marks::MINIMUM)?.parse().ok());
    give_minimum(ctx, &cluster, group, minimum.unwrap_or(old.size.min)).await?;
    let call = ctx.node_groups.delete_group(&cluster, &group.name);
    let target = groups::target(group);
    ctx.writer.outside(WriteSite::DeleteGroup, &target, call).await?;
    Ok(Outcome::Done)
}

/// The minimum of the old group, to its successor: the old one is the last to remember it.
async fn give_minimum(ctx: &Context, cluster: &str, old: &NodeGroup, minimum: u32) -> Result<(), ActError> {
    for name in ctx.eks.nodegroups(cluster).await? {
        let Some(found) = ctx.node_groups.managed_group(cluster, &name).await? else {
            continue;
        };
        if found.tags.get(SUCCESSOR_OF) != Some(&old.name) || found.size.min >= minimum {
            continue;
        }
        let size = GroupSize {
            min: minimum,
            desired: found.size.desired.max(minimum),
            ..found.size
        };
        let call = ctx.node_groups.resize(cluster, &name, size);
        let target = groups::target(old);
        ctx.writer.outside(WriteSite::BoundGroup, &target, call).await?;
    }
    Ok(())
}

/// Lets EKS roll a group to the newest version of its template, or to the newest image, and notes which update that is:
/// a group is Active again after one that failed, and only the update says why.
pub(super) async fn update(ctx: &Context, group: &NodeGroup) -> Acted {
    let (cluster, found) = groups::managed(ctx, group).await?;
    if found.status == ManagedStatus::Updating {
        ctx.writer.unchanged(WriteSite::UpdateGroup);
        return Ok(Outcome::Unchanged);
    }
    let template = match &found.template {
        None => None,
        Some(its) => {
            let latest = TemplateRef {
                id: its.id.clone(),
                version: "$Latest".to_owned(),
            };
            let number = templates::version(ctx, &latest).await?.number.to_string();
            if its.version == number {
                ctx.writer.unchanged(WriteSite::UpdateGroup);
                return Ok(Outcome::Unchanged);
            }
            Some(TemplateRef {
                version: number,
                ..latest
            })
        }
    };
    let scaling = groups::read(ctx, group).await?;
    // After a failure the same token would only bring the failed update back.
    let last = scaling.tags.get(UPDATE).map_or("", String::as_str);
    let from = format!("{} {last}", found.release.as_deref().unwrap_or_default());
    let roll = NodeGroupRoll {
        token: token(&cluster, &group.name, &from, template.as_ref()),
        cluster,
        name: group.name.clone(),
        template,
    };
    let call = ctx.node_groups.roll(&roll);
    let target = groups::target(group);
    let id = ctx.writer.outside(WriteSite::UpdateGroup, &target, call).await?;
    groups::keep(ctx, group, &scaling, (UPDATE, id)).await?;
    Ok(Outcome::Done)
}

/// Forgets which update was begun.
pub(super) async fn forget(ctx: &Context, group: &NodeGroup) -> Acted {
    let found = groups::read(ctx, group).await?;
    if !found.tags.contains_key(UPDATE) {
        ctx.writer.unchanged(WriteSite::TagGroup);
        return Ok(Outcome::Unchanged);
    }
    groups::forget(ctx, group, &found, UPDATE).await?;
    Ok(Outcome::Done)
}
