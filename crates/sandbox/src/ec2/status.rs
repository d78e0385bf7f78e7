//! DescribeInstanceStatus. What runs is well: nothing here makes the hardware of an instance fail.

use super::describe::Query;
use super::instances::write_state;
use crate::action::{Effect, Family};
use crate::error::ApiError;
use crate::wire::filter::Filterable;
use crate::wire::params::Params;
use crate::wire::xml::Xml;
use crate::world::{Instance, InstanceState, Tags};
use std::borrow::Cow;
use vpccni_core::ids::InstanceId;

pub(super) const ACTIONS: Family = &[("DescribeInstanceStatus", describe)];

struct Status<'w>(&'w Instance);

impl Status<'_> {
    fn summary(&self) -> &'static str {
        if self.0.state == InstanceState::Running {
            "ok"
        } else {
            "not-applicable"
        }
    }

    fn reachability(&self) -> Option<&'static str> {
        (self.0.state == InstanceState::Running).then_some("passed")
    }
}

impl Filterable for Status<'_> {
    const NAMES: &'static [&'static str] = &[
        "availability-zone",
        "event.code",
        "instance-state-code",
        "instance-state-name",
        "instance-status.reachability",
        "instance-status.status",
        "system-status.reachability",
        "system-status.status",
    ];

    fn values(&self, name: &str) -> Vec<Cow<'_, str>> {
        let (code, state) = self.0.state.parts();
        match name {
            "availability-zone" => vec![self.0.zone.as_str().into()],
            "instance-state-code" => vec![code.to_string().into()],
            "instance-state-name" => vec![state.into()],
            "instance-status.status" | "system-status.status" => vec![self.summary().into()],
            "instance-status.reachability" | "system-status.reachability" => {
                self.reachability().map(Cow::from).into_iter().collect()
            }
            // No maintenance is ever scheduled.
            _ => Vec::new(),
        }
    }

    fn tags(&self) -> Option<&Tags> {
        Some(&self.0.tags)
    }
}

fn describe(params: &mut Params) -> Result<Effect, ApiError> {
    let all: bool = params.parsed("IncludeAllInstances")?.unwrap_or(false);
    // Nothing here is managed by another service, so there is nothing that this would hide or show.
    let _managed: Option<bool> = params.parsed("IncludeManagedResources")?;
    let query: Query<InstanceId> = Query::parse::<Status<'_>>(params, "InstanceId")?;
    Ok(Box::new(move |world| {
        let mut asked: Vec<&Instance> = query
            .ids
            .iter()
            .map(|id| world.instance(id))
            .collect::<Result<_, _>>()?;
        if query.ids.is_empty() {
            let own = world.instances.values();
            asked = own.filter(|i| i.owner == world.caller.account).collect();
        }
        let shown = asked
            .into_iter()
            .filter(|instance| all || instance.state == InstanceState::Running)
            .map(Status)
            .filter(|status| query.filters.accept(status));
        let cut = query
            .page
            .cut(shown.map(|status| (status.0.id.to_string(), status)));
        let mut xml = Xml::default();
        xml.set("instanceStatusSet", cut.items, |xml, status| write(xml, &status))
            .maybe("nextToken", cut.next);
        Ok(xml)
    }))
}

fn write(xml: &mut Xml, status: &Status<'_>) {
    xml.text("instanceId", &status.0.id)
        .text("availabilityZone", &status.0.zone);
    write_state(xml, "instanceState", status.0.state);
    for name in ["instanceStatus", "systemStatus"] {
        xml.element(name, |xml| {
            xml.text("status", status.summary());
            if let Some(passed) = status.reachability() {
                xml.set("details", [passed], |xml, passed| {
                    xml.text("name", "reachability").text("status", passed);
                });
            }
        });
    }
}
