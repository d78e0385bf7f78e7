//! New versions of launch templates, with another number of pods in their user data and nothing else changed. A
//! template that somebody else writes is never edited: the error says who, and what to set.

use super::groups;
use super::marks::VERSION;
use super::outcome::{ActError, Acted, Outcome};
use crate::context::Context;
use crate::write::{Target, WriteSite};
use std::collections::BTreeSet;
use vpccni_core::ports::groups::{LaunchSource, NewVersion, ScalingGroup, TemplateRef, TemplateVersion};
use vpccni_core::safety::{NodeGroup, Provider};
use vpccni_core::user_data::{Family, encoded_with_max_pods, max_pods_of_encoded};
use vpccni_observe::migration::owner;

const LATEST: &str = "$Latest";

/// Gives the nodes that a group will launch this number of pods.
pub(super) async fn edit(ctx: &Context, group: &NodeGroup, max_pods: u32) -> Acted {
    let edited = match group.provider {
        Provider::AutoScalingGroup => {
            let found = groups::read(ctx, group).await?;
            edit_all(ctx, group, &found, max_pods).await?
        }
        Provider::ManagedNodeGroup => {
            let (_, found) = groups::managed(ctx, group).await?;
            let family = found
                .ami_type
                .as_deref()
                .map_or(Family::Unknown, Family::of_ami_type);
            let template = found.template.ok_or_else(|| {
                ActError::refused(format!(
                    "{group} has no launch template: only a new group can have one"
                ))
            })?;
            newer(ctx, group, &template, (max_pods, family))
                .await?
                .is_some_and(|(_, made)| made)
        }
        Provider::Karpenter | Provider::SelfManaged => {
            return Err(ActError::refused(format!("{group} has no launch template")));
        }
    };
    if edited {
        return Ok(Outcome::Done);
    }
    ctx.writer.unchanged(WriteSite::EditTemplate);
    Ok(Outcome::Unchanged)
}

/// Every template of a group gets its version, and the group launches from it. A group that follows `$Latest` does so
/// by itself; one that follows `$Default` is set to the number, because others may follow it, too.
async fn edit_all(
    ctx: &Context,
    group: &NodeGroup,
    found: &ScalingGroup,
    max_pods: u32,
) -> Result<bool, ActError> {
    let templates: BTreeSet<&TemplateRef> = match &found.launch {
        LaunchSource::Template(template) => BTreeSet::from([template]),
        LaunchSource::Mixed { template, own, .. } => own.iter().chain([template]).collect(),
        LaunchSource::Configuration(name) => {
            return Err(ActError::refused(format!(
                "{group} launches from the launch configuration {name}, which cannot be changed: give it a launch \
                 template with {max_pods} pods"
            )));
        }
        LaunchSource::Unknown => {
            return Err(ActError::refused(format!(
                "{group} names nothing that it launches from"
            )));
        }
    };
    let mut edited = false;
    for template in templates {
        let Some((new, made)) = newer(ctx, group, template, (max_pods, Family::Unknown)).await? else {
            continue;
        };
        edited |= made;
        if template.version == LATEST {
            continue;
        }
        if template.version.starts_with('$') {
            groups::keep(ctx, group, found, (VERSION, template.version.clone())).await?;
        }
        let call = ctx.scaling.use_template(&found.name, &new);
        let target = groups::target(group);
        ctx.writer.outside(WriteSite::UseTemplate, &target, call).await?;
        edited = true;
    }
    Ok(edited)
}

/// The version with this number of pods, and whether it was made now; none where the template has it already.
async fn newer(
    ctx: &Context,
    group: &NodeGroup,
    template: &TemplateRef,
    (max_pods, family): (u32, Family),
) -> Result<Option<(TemplateRef, bool)>, ActError> {
    let now = version(ctx, template).await?;
    let understood = |error: vpccni_core::user_data::UserDataError| {
        ActError::refused(format!(
            "the launch template {} of {group}: {error}; give it {max_pods} pods by hand",
            now.name
        ))
    };
    if max_pods_of_encoded(now.user_data.as_deref()).map_err(understood)? == Some(max_pods) {
        return Ok(None);
    }
    let description = format!("version {} with {max_pods} pods, by vpc-cni-operator", now.number);
    let at = |number: u64| TemplateRef {
        id: template.id.clone(),
        version: number.to_string(),
    };
    if now.latest != now.number {
        let latest = version(ctx, &at(now.latest)).await?;
        // Made by an earlier round whose next step did not happen.
        if latest.description.as_ref() == Some(&description) {
            return Ok(Some((at(latest.number), false)));
        }
    }
    let number = create(ctx, &now, max_pods, family, description).await?;
    Ok(Some((at(number), true)))
}

/// A version of a template; one that is gone drops the action.
pub(super) async fn version(ctx: &Context, template: &TemplateRef) -> Result<TemplateVersion, ActError> {
    let found = ctx.templates.template_version(template).await?;
    found.ok_or_else(|| {
        ActError::moved(format!(
            "there is no version {} of the launch template {}",
            template.version, template.id
        ))
    })
}

async fn create(
    ctx: &Context,
    now: &TemplateVersion,
    max_pods: u32,
    family: Family,
    description: String,
) -> Result<u64, ActError> {
    if let Some(owner) = owner(&now.tags) {
        return Err(ActError::refused(format!(
            "the launch template {} is written by {owner}: set its max-pods to {max_pods} there",
            now.name
        )));
    }
    let user_data = encoded_with_max_pods(now.user_data.as_deref(), max_pods, family)
        .map_err(|error| ActError::refused(format!("the launch template {}: {error}", now.name)))?;
    let new = NewVersion {
        id: now.id.clone(),
        source: now.number,
        user_data,
        description,
        token: format!("vpccni-{}-{}-{max_pods}", now.id, now.number),
    };
    let target = Target::outside("LaunchTemplate", &now.name);
    let call = ctx.templates.create_version(&new);
    Ok(ctx.writer.outside(WriteSite::EditTemplate, &target, call).await?)
}

/// As [`edit`], for a group to be made from another one's template.
pub(super) async fn for_successor(
    ctx: &Context,
    group: &NodeGroup,
    template: &TemplateRef,
    (max_pods, family): (u32, Family),
) -> Result<TemplateRef, ActError> {
    let new = newer(ctx, group, template, (max_pods, family)).await?;
    Ok(new.map_or_else(|| template.clone(), |(new, _)| new))
}
