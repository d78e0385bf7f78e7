//! Lifecycle hooks, and what is said of instances that they hold.

use super::{GROUP, named};
use crate::action::{Effect, Family};
use crate::error::ApiError;
use crate::wire::ids;
use crate::wire::params::Params;
use crate::wire::xml::Xml;
use crate::world::{Held, Hook, NewHook, Transition, Verdict};

pub(super) const ACTIONS: Family = &[
    ("CompleteLifecycleAction", complete),
    ("DeleteLifecycleHook", delete),
    ("DescribeLifecycleHooks", describe),
    ("PutLifecycleHook", put),
    ("RecordLifecycleActionHeartbeat", heartbeat),
];

/// Reads a hook; a member of a list in CreateAutoScalingGroup, or a whole PutLifecycleHook.
pub(super) fn read(params: &mut Params) -> Result<NewHook, ApiError> {
    Ok(NewHook {
        name: params.required("LifecycleHookName")?,
        transition: named(params, "LifecycleTransition", Transition::parse)?,
        heartbeat: params.parsed("HeartbeatTimeout")?,
        default_result: named(params, "DefaultResult", Verdict::parse)?,
        metadata: params.text("NotificationMetadata"),
    })
}

fn put(params: &mut Params) -> Result<Effect, ApiError> {
    let group = params.required(GROUP)?;
    let hook = read(params)?;
    Ok(Box::new(move |world| {
        world.put_hook(&group, &hook)?;
        Ok(Xml::default())
    }))
}

fn delete(params: &mut Params) -> Result<Effect, ApiError> {
    let group = params.required(GROUP)?;
    let hook = params.required("LifecycleHookName")?;
    Ok(Box::new(move |world| {
        world.delete_hook(&group, &hook)?;
        Ok(Xml::default())
    }))
}

fn describe(params: &mut Params) -> Result<Effect, ApiError> {
    let group = params.required(GROUP)?;
    let names = params.list("LifecycleHookNames.member");
    Ok(Box::new(move |world| {
        let hooks = world.scaling_group(&group)?.hooks.values();
        let found = hooks.filter(|hook| names.is_empty() || names.contains(&hook.name));
        let mut xml = Xml::default();
        xml.members("LifecycleHooks", found, |xml, hook| write(xml, &group, hook));
        Ok(xml)
    }))
}

fn write(xml: &mut Xml, group: &str, hook: &Hook) {
    xml.text("LifecycleHookName", &hook.name)
        .text("AutoScalingGroupName", group)
        .text("LifecycleTransition", hook.transition.as_str())
        .maybe("NotificationMetadata", hook.metadata.as_ref())
        .text("HeartbeatTimeout", hook.heartbeat)
        .text("GlobalTimeout", hook.global_timeout())
        .text("DefaultResult", hook.default_result.as_str());
}

fn read_held(params: &mut Params) -> Result<Held, ApiError> {
    Ok(Held {
        group: params.required(GROUP)?,
        hook: params.required("LifecycleHookName")?,
        token: params.text("LifecycleActionToken"),
        instance: ids::optional(params, "InstanceId")?,
    })
}

fn complete(params: &mut Params) -> Result<Effect, ApiError> {
    let held = read_held(params)?;
    let verdict = named(params, "LifecycleActionResult", Verdict::parse)?
        .ok_or_else(|| ApiError::missing("LifecycleActionResult"))?;
    Ok(Box::new(move |world| {
        world.complete_lifecycle(&held, verdict)?;
        Ok(Xml::default())
    }))
}

fn heartbeat(params: &mut Params) -> Result<Effect, ApiError> {
    let held = read_held(params)?;
    Ok(Box::new(move |world| {
        world.heartbeat(&held)?;
        Ok(Xml::default())
    }))
}
