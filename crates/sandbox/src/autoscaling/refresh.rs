//! Instance refreshes.

use super::{GROUP, PAGE, named, source};
use crate::action::{Effect, Family};
use crate::error::{ApiError, Code};
use crate::wire::page::Page;
use crate::wire::params::Params;
use crate::wire::xml::Xml;
use crate::world::{NewRefresh, Preferences, Refresh, Unavailable, World};

pub(super) const ACTIONS: Family = &[
    ("CancelInstanceRefresh", cancel),
    ("DescribeInstanceRefreshes", describe),
    ("RollbackInstanceRefresh", roll_back),
    ("StartInstanceRefresh", start),
];

fn start(params: &mut Params) -> Result<Effect, ApiError> {
    let group = params.required(GROUP)?;
    if let Some(strategy) = params.text("Strategy").filter(|strategy| strategy != "Rolling") {
        return Err(ApiError::new(
            Code::UnsupportedOperation,
            format!("The sandbox models the strategy Rolling alone, not {strategy}"),
        ));
    }
    let new = NewRefresh {
        desired: params.structure("DesiredConfiguration", source::read)?.flatten(),
        preferences: params
            .structure("Preferences", read_preferences)?
            .unwrap_or_default(),
    };
    Ok(Box::new(move |world| {
        let id = world.start_refresh(&group, new)?;
        Ok(answer(&id))
    }))
}

fn read_preferences(params: &mut Params) -> Result<Preferences, ApiError> {
    let usual = Preferences::default();
    let percentages = params.list("CheckpointPercentages.member");
    let checkpoints = percentages
        .iter()
        .map(|text| {
            text.parse().map_err(|_| {
                ApiError::new(
                    Code::Validation,
                    format!("{text} is not a percentage of a checkpoint"),
                )
            })
        })
        .collect::<Result<_, _>>()?;
    let for_protected = |text: &str| Unavailable::parse(text).filter(|rule| *rule != Unavailable::Terminate);
    let for_standby = |text: &str| Unavailable::parse(text).filter(|rule| *rule != Unavailable::Refresh);
    Ok(Preferences {
        min_healthy: params
            .parsed("MinHealthyPercentage")?
            .unwrap_or(usual.min_healthy),
        max_healthy: params
            .parsed("MaxHealthyPercentage")?
            .unwrap_or(usual.max_healthy),
        warmup: params.parsed("InstanceWarmup")?,
        checkpoints,
        checkpoint_delay: params
            .parsed("CheckpointDelay")?
            .unwrap_or(usual.checkpoint_delay),
        skip_matching: params.parsed("SkipMatching")?.unwrap_or(false),
        auto_rollback: params.parsed("AutoRollback")?.unwrap_or(false),
        protected: named(params, "ScaleInProtectedInstances", for_protected)?.unwrap_or(usual.protected),
        standby: named(params, "StandbyInstances", for_standby)?.unwrap_or(usual.standby),
        bake: params.parsed("BakeTime")?.unwrap_or(usual.bake),
    })
}

fn cancel(params: &mut Params) -> Result<Effect, ApiError> {
    let group = params.required(GROUP)?;
    if params.parsed("WaitForTransitioningInstances")? == Some(false) {
        return Err(ApiError::new(
            Code::UnsupportedOperation,
            "The sandbox cancels a refresh when the replacements that began are done, not before",
        ));
    }
    Ok(Box::new(move |world| {
        let id = world.cancel_refresh(&group)?;
        Ok(answer(&id))
    }))
}

fn roll_back(params: &mut Params) -> Result<Effect, ApiError> {
    let group = params.required(GROUP)?;
    Ok(Box::new(move |world| {
        let id = world.roll_back_refresh(&group)?;
        Ok(answer(&id))
    }))
}

fn answer(id: &str) -> Xml {
    let mut xml = Xml::default();
    xml.text("InstanceRefreshId", id);
    xml
}

fn describe(params: &mut Params) -> Result<Effect, ApiError> {
    let group = params.required(GROUP)?;
    let ids = params.list("InstanceRefreshIds.member");
    let request = format!("refreshes?{group}?{}", ids.join(","));
    let page = Page::named(params, PAGE, (50, 100), &request)?;
    Ok(Box::new(move |world| {
        let all = world.scaling_group(&group)?.refreshes.iter().enumerate().rev();
        let found = all.filter(|(_, refresh)| ids.is_empty() || ids.contains(&refresh.id));
        // Newest first.
        let cut =
            page.cut(found.map(|(number, refresh)| (format!("{:010}", u32::MAX as usize - number), refresh)));
        let mut xml = Xml::default();
        xml.members("InstanceRefreshes", cut.items, |xml, refresh| {
            write(xml, world, &group, refresh);
        })
        .maybe("NextToken", cut.next);
        Ok(xml)
    }))
}

fn write(xml: &mut Xml, world: &World, group: &str, refresh: &Refresh) {
    xml.text("InstanceRefreshId", &refresh.id)
        .text("AutoScalingGroupName", group)
        .text("Status", refresh.status.as_str())
        .maybe("StatusReason", refresh.reason.as_ref())
        .text("StartTime", refresh.start)
        .maybe("EndTime", refresh.end)
        .text("PercentageComplete", refresh.percentage)
        .text("InstancesToUpdate", refresh.to_update)
        .text("Strategy", "Rolling")
        .element("Preferences", |xml| write_preferences(xml, &refresh.preferences));
    if let Some(desired) = &refresh.desired {
        xml.element("DesiredConfiguration", |xml| source::write(xml, world, desired));
    }
    if let Some(rollback) = &refresh.rollback {
        xml.element("RollbackDetails", |xml| {
            xml.text("RollbackReason", &rollback.reason)
                .text("RollbackStartTime", rollback.start)
                .text("PercentageCompleteOnRollback", rollback.percentage)
                .text("InstancesToUpdateOnRollback", rollback.to_update);
        });
    }
}

fn write_preferences(xml: &mut Xml, given: &Preferences) {
    xml.text("MinHealthyPercentage", given.min_healthy)
        .text("MaxHealthyPercentage", given.max_healthy)
        .maybe("InstanceWarmup", given.warmup)
        .members("CheckpointPercentages", &given.checkpoints, |xml, percentage| {
            xml.plain(&percentage.to_string());
        })
        .text("CheckpointDelay", given.checkpoint_delay)
        .text("SkipMatching", given.skip_matching)
        .text("AutoRollback", given.auto_rollback)
        .text("ScaleInProtectedInstances", given.protected.as_str())
        .text("StandbyInstances", given.standby.as_str())
        .text("BakeTime", given.bake);
}
