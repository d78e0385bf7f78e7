//! DescribeScalingActivities, and activities in the answers of other actions.

use super::{GROUP, PAGE};
use crate::action::{Effect, Family};
use crate::error::ApiError;
use crate::wire::page::Page;
use crate::wire::params::Params;
use crate::wire::xml::Xml;
use crate::world::Activity;

pub(super) const ACTIONS: Family = &[("DescribeScalingActivities", describe)];

fn describe(params: &mut Params) -> Result<Effect, ApiError> {
    let group = params.text(GROUP);
    let ids = params.list("ActivityIds.member");
    let with_deleted = params.parsed("IncludeDeletedGroups")?.unwrap_or(false);
    let request = format!(
        "activities?{}?{}",
        group.clone().unwrap_or_default(),
        ids.join(",")
    );
    let page = Page::named(params, PAGE, (100, 100), &request)?;
    Ok(Box::new(move |world| {
        if let Some(name) = group.as_ref().filter(|_| !with_deleted) {
            world.scaling_group(name)?;
        }
        let lives = |activity: &Activity| {
            let now = world.scaling.groups.get(&activity.group);
            now.is_some_and(|group| group.arn == activity.group_arn)
        };
        let found = world
            .scaling
            .activities()
            .filter(|activity| group.as_ref().is_none_or(|name| activity.group == *name))
            .filter(|activity| ids.is_empty() || ids.contains(&activity.id))
            .filter(|activity| with_deleted || lives(activity));
        // Newest first: the key falls as the number rises, and does not change between two pages.
        let cut = page.cut(found.map(|activity| (format!("{:020}", u64::MAX - activity.number), activity)));
        let mut xml = Xml::default();
        xml.members("Activities", cut.items, write)
            .maybe("NextToken", cut.next);
        Ok(xml)
    }))
}

/// The answer of an action that began activities.
pub(super) fn write_all(begun: &[Activity]) -> Xml {
    let mut xml = Xml::default();
    xml.members("Activities", begun, write);
    xml
}

pub(super) fn write(xml: &mut Xml, activity: &Activity) {
    xml.text("ActivityId", &activity.id)
        .text("AutoScalingGroupName", &activity.group)
        .text("AutoScalingGroupARN", &activity.group_arn)
        .text("Description", &activity.description)
        .text("Cause", &activity.cause)
        .text("StartTime", activity.start)
        .maybe("EndTime", activity.end)
        .text("StatusCode", activity.status.as_str())
        .maybe("StatusMessage", activity.message.as_ref())
        .text("Progress", activity.progress)
        .text("Details", &activity.details);
}
