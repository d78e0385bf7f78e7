//! Auto Scaling groups and EKS managed node groups, with the launch templates behind them.

use super::marks::{MAXIMUM, MINIMUM, SUSPENDED, UPDATE};
use super::owner::owner;
use super::seen::{Groups, Seen};
use std::collections::{BTreeMap, BTreeSet};
use vpccni_core::ids::InstanceType;
use vpccni_core::known::Known;
use vpccni_core::limits;
use vpccni_core::migration::{GroupSize, Template, Update};
use vpccni_core::ports::groups::{
    AtOnce, LaunchSource, ManagedGroup, ManagedStatus, MemberState, ScalingGroup, TemplateRef,
    TemplateVersion, UpdateState,
};
use vpccni_core::ports::{CloudError, CloudErrorKind};
use vpccni_core::user_data::max_pods_of_encoded;

type Read = Vec<(String, Seen)>;

/// Nodes EKS takes out at a time where a group does not say it: its default is one.
const EKS_AT_ONCE: u32 = 1;

fn note(denied: &mut Option<String>, error: &CloudError) -> String {
    let text = error.to_string();
    if error.kind == CloudErrorKind::Denied {
        denied.get_or_insert_with(|| text.clone());
    }
    text
}

/// Auto Scaling groups of the user's own.
pub(super) async fn auto_scaling(from: Groups<'_>, names: Vec<String>, denied: &mut Option<String>) -> Read {
    if names.is_empty() {
        return Vec::new();
    }
    let found = match from.scaling.groups(&names).await {
        Ok(found) => found,
        Err(error) => {
            let why = note(denied, &error);
            return names
                .into_iter()
                .map(|name| (name, Seen::unknown(&why)))
                .collect();
        }
    };
    let by_name: BTreeMap<&str, &ScalingGroup> =
        found.iter().map(|group| (group.name.as_str(), group)).collect();
    let mut read = Vec::new();
    for name in names {
        let seen = match by_name.get(name.as_str()) {
            Some(group) => auto_scaling_group(from, group, denied).await,
            None => Seen::unknown("there is no Auto Scaling group of that name"),
        };
        read.push((name, seen));
    }
    read
}

async fn auto_scaling_group(from: Groups<'_>, group: &ScalingGroup, denied: &mut Option<String>) -> Seen {
    let template = match &group.launch {
        LaunchSource::Template(template) => Ok(vec![template]),
        LaunchSource::Mixed { template, own, .. } => Ok([template].into_iter().chain(own).collect()),
        LaunchSource::Configuration(name) => Err(format!(
            "the launch configuration {name}, which cannot be changed"
        )),
        LaunchSource::Unknown => Err("nothing that is known".to_owned()),
    };
    let mut template = match template {
        Ok(templates) => self::template(from, &templates, denied).await,
        Err(what) => Template {
            max_pods: Known::Unknown(format!("it launches from {what}")),
            owned_by: None,
            nitro_only: Known::not_read("its launch template"),
            karpenter: None,
        },
    };
    template.owned_by = template.owned_by.or_else(|| owner(&group.tags));
    if let LaunchSource::Mixed { types, .. } = &group.launch
        && !types.is_empty()
    {
        template.nitro_only = nitro(types);
    }
    let mut seen = Seen::of(template);
    seen.facts.subnets = group.subnets.iter().cloned().collect();
    seen.facts.paused = group.deleting.then(|| "it is being deleted".to_owned());
    sized(&mut seen, &[group]);
    seen
}

/// The size and what of it is ours, from the Auto Scaling groups that a group is made of.
fn sized(seen: &mut Seen, groups: &[&ScalingGroup]) {
    let size = groups.iter().fold(GroupSize::default(), |sum, group| GroupSize {
        min: sum.min + group.size.min,
        max: sum.max + group.size.max,
        desired: sum.desired + group.size.desired,
    });
    let members = groups.iter().flat_map(|group| &group.members);
    let there = members
        .filter(|member| member.state != MemberState::Leaving)
        .count();
    let marked = |mark: &str| groups.iter().any(|group| group.tags.contains_key(mark));
    seen.facts.size = Some(size);
    seen.view.size = Some(size);
    seen.view.instances = u32::try_from(there).ok();
    seen.view.suspended = marked(SUSPENDED);
    seen.view.frozen = marked(MAXIMUM);
    seen.view.minimum_lowered = marked(MINIMUM);
}

/// What templates say, where they agree.
async fn template(from: Groups<'_>, templates: &[&TemplateRef], denied: &mut Option<String>) -> Template {
    let mut merged: Option<Template> = None;
    for which in templates {
        let one = match from.templates.template_version(which).await {
            Ok(Some(version)) => of_version(&version),
            Ok(None) => Template {
                max_pods: Known::Unknown(format!("the launch template {} is gone", which.id)),
                owned_by: None,
                nitro_only: Known::not_read("its launch template"),
                karpenter: None,
            },
            Err(error) => {
                let why = note(denied, &error);
                Template {
                    max_pods: Known::Unknown(why.clone()),
                    owned_by: None,
                    nitro_only: Known::Unknown(why),
                    karpenter: None,
                }
            }
        };
        merged = Some(match merged {
            None => one,
            Some(before) => Template {
                max_pods: if before.max_pods == one.max_pods {
                    one.max_pods
                } else {
                    Known::Unknown("its launch templates give different numbers of pods".to_owned())
                },
                owned_by: before.owned_by.or(one.owned_by),
                nitro_only: if before.nitro_only == one.nitro_only {
                    one.nitro_only
                } else {
                    Known::Yes(false)
                },
                karpenter: None,
            },
        });
    }
    merged.unwrap_or_else(|| Template {
        max_pods: Known::Yes(None),
        owned_by: None,
        nitro_only: Known::not_read("its types"),
        karpenter: None,
    })
}

fn of_version(version: &TemplateVersion) -> Template {
    Template {
        max_pods: match max_pods_of_encoded(version.user_data.as_deref()) {
            Ok(max_pods) => Known::Yes(max_pods),
            Err(error) => Known::Unknown(format!("the launch template {}: {error}", version.name)),
        },
        owned_by: owner(&version.tags),
        nitro_only: version.instance_type.as_ref().map_or_else(
            || Known::not_read("its types"),
            |name| nitro(std::slice::from_ref(name)),
        ),
        karpenter: None,
    }
}

/// Whether all of these types are nitro types, by the table of limits.
pub(super) fn nitro(types: &[InstanceType]) -> Known<bool> {
    let mut all = true;
    for name in types {
        match limits::find(name) {
            Some(limits) => all &= limits.nitro,
            None => return Known::not_read(&format!("the instance type {name}")),
        }
    }
    Known::Yes(all)
}

/// EKS managed node groups.
pub(super) async fn managed(from: Groups<'_>, names: Vec<String>, denied: &mut Option<String>) -> Read {
    let mut read = Vec::new();
    for name in names {
        let seen = match from.cluster {
            None => Seen::unknown("the name of the cluster is not known"),
            Some(cluster) => match from.node_groups.managed_group(cluster, &name).await {
                Ok(Some(group)) => managed_group(from, &group, denied).await,
                Ok(None) => continue,
                Err(error) => Seen::unknown(&note(denied, &error)),
            },
        };
        read.push((name, seen));
    }
    read
}

async fn managed_group(from: Groups<'_>, group: &ManagedGroup, denied: &mut Option<String>) -> Seen {
    let templates: Vec<&TemplateRef> = group.template.iter().collect();
    let mut template = template(from, &templates, denied).await;
    if !group.instance_types.is_empty() {
        template.nitro_only = nitro(&group.instance_types);
    }
    let mut seen = Seen::of(template);
    let mut noted = None;
    match from.scaling.groups(&group.scaling_groups).await {
        Ok(parts) => {
            sized(&mut seen, &parts.iter().collect::<Vec<_>>());
            noted = parts.iter().find_map(|part| part.tags.get(UPDATE).cloned());
        }
        Err(error) => {
            note(denied, &error);
        }
    }
    seen.view.update_noted = noted.is_some();
    seen.view.newest_max_pods = newest(from, group, denied).await;
    let size = group.size;
    seen.facts.size = Some(size);
    seen.view.size = Some(size);
    seen.facts.subnets = group.subnets.iter().cloned().collect::<BTreeSet<_>>();
    seen.facts.paused = paused(&group.status);
    seen.facts.update_surge = Some(match group.at_once {
        Some(AtOnce::Nodes(nodes)) => nodes,
        Some(AtOnce::Percent(percent)) => (size.desired * percent).div_ceil(100).max(1),
        None => EKS_AT_ONCE,
    });
    let issue = group
        .issues
        .first()
        .map(|issue| format!("{}: {}", issue.code, issue.message));
    let ended = match &noted {
        Some(id) if group.status == ManagedStatus::Active => update(from, group, id, denied).await,
        _ => None,
    };
    seen.view.update = match (&group.status, &issue) {
        (ManagedStatus::Updating, _) => Update::Running,
        (ManagedStatus::Degraded | ManagedStatus::CreateFailed, Some(issue)) => Update::Failed {
            error: issue.clone(),
            at: from.now,
        },
        // A group that nobody has updated is Active as well.
        _ => ended.unwrap_or(Update::None),
    };
    seen.view.trouble = issue;
    seen
}

/// What the newest version of the group's template says; none where the group uses that one, or it cannot be read.
async fn newest(from: Groups<'_>, group: &ManagedGroup, denied: &mut Option<String>) -> Option<u32> {
    let latest = TemplateRef {
        version: "$Latest".to_owned(),
        ..group.template.clone()?
    };
    *template(from, &[&latest], denied).await.max_pods.as_option()?
}

/// How the update that we began has ended. A group is Active again after one that failed, too.
async fn update(
    from: Groups<'_>,
    group: &ManagedGroup,
    id: &str,
    denied: &mut Option<String>,
) -> Option<Update> {
    let found = from
        .node_groups
        .group_update(from.cluster?, &group.name, id)
        .await;
    let found = match found {
        Ok(found) => found?,
        Err(error) => {
            note(denied, &error);
            return None;
        }
    };
    let issues: Vec<String> = found
        .issues
        .iter()
        .map(|issue| format!("{}: {}", issue.code, issue.message))
        .collect();
    let error = |word: &str| Update::Failed {
        error: if issues.is_empty() {
            format!("the update {id} {word}, and EKS does not say why")
        } else {
            issues.join("; ")
        },
        at: found.created,
    };
    Some(match found.state {
        UpdateState::InProgress => Update::Running,
        UpdateState::Successful => Update::Done,
        UpdateState::Failed => error("failed"),
        UpdateState::Cancelled => error("was cancelled"),
    })
}

fn paused(status: &ManagedStatus) -> Option<String> {
    match status {
        ManagedStatus::Active | ManagedStatus::Updating => None,
        ManagedStatus::Degraded => Some("EKS calls it degraded".to_owned()),
        ManagedStatus::Creating => Some("it is being made".to_owned()),
        ManagedStatus::Deleting => Some("it is being deleted".to_owned()),
        ManagedStatus::CreateFailed => Some("it could not be made".to_owned()),
        ManagedStatus::DeleteFailed => Some("it could not be deleted".to_owned()),
        ManagedStatus::Other(word) => Some(format!("its status is {word}")),
    }
}
