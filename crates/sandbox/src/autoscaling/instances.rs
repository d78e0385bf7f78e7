//! What is done with single instances of a group.

use super::{GROUP, activities};
use crate::action::{Effect, Family};
use crate::error::{ApiError, Code};
use crate::wire::ids;
use crate::wire::params::Params;
use crate::wire::xml::Xml;
use vpccni_core::ids::InstanceId;

pub(super) const ACTIONS: Family = &[
    ("AttachInstances", attach),
    ("DetachInstances", detach),
    ("EnterStandby", enter_standby),
    ("ExitStandby", exit_standby),
    ("SetInstanceHealth", set_health),
    ("SetInstanceProtection", set_protection),
    ("TerminateInstanceInAutoScalingGroup", terminate),
];

const IDS: &str = "InstanceIds.member";

fn read(params: &mut Params) -> Result<(String, Vec<InstanceId>), ApiError> {
    Ok((params.required(GROUP)?, ids::list(params, IDS)?))
}

fn attach(params: &mut Params) -> Result<Effect, ApiError> {
    let (name, ids) = read(params)?;
    Ok(Box::new(move |world| {
        world.attach_to_group(&name, &ids)?;
        Ok(Xml::default())
    }))
}

fn detach(params: &mut Params) -> Result<Effect, ApiError> {
    let (name, ids) = read(params)?;
    let decrement = params.required_parsed("ShouldDecrementDesiredCapacity")?;
    Ok(Box::new(move |world| {
        let begun = world.detach_from_group(&name, &ids, decrement)?;
        Ok(activities::write_all(&begun))
    }))
}

fn enter_standby(params: &mut Params) -> Result<Effect, ApiError> {
    let (name, ids) = read(params)?;
    let decrement = params.required_parsed("ShouldDecrementDesiredCapacity")?;
    Ok(Box::new(move |world| {
        let begun = world.enter_standby(&name, &ids, decrement)?;
        Ok(activities::write_all(&begun))
    }))
}

fn exit_standby(params: &mut Params) -> Result<Effect, ApiError> {
    let (name, ids) = read(params)?;
    Ok(Box::new(move |world| {
        let begun = world.exit_standby(&name, &ids)?;
        Ok(activities::write_all(&begun))
    }))
}

fn set_health(params: &mut Params) -> Result<Effect, ApiError> {
    let id: InstanceId = ids::required(params, "InstanceId")?;
    let healthy = match params.required("HealthStatus")?.as_str() {
        "Healthy" => true,
        "Unhealthy" => false,
        other => {
            return Err(ApiError::new(
                Code::Validation,
                format!("HealthStatus {other} is neither Healthy nor Unhealthy"),
            ));
        }
    };
    let respect_grace = params.parsed("ShouldRespectGracePeriod")?.unwrap_or(true);
    Ok(Box::new(move |world| {
        world.set_health(&id, healthy, respect_grace)?;
        Ok(Xml::default())
    }))
}

fn set_protection(params: &mut Params) -> Result<Effect, ApiError> {
    let (name, ids) = read(params)?;
    let protected = params.required_parsed("ProtectedFromScaleIn")?;
    Ok(Box::new(move |world| {
        world.set_protection(&name, &ids, protected)?;
        Ok(Xml::default())
    }))
}

fn terminate(params: &mut Params) -> Result<Effect, ApiError> {
    let id: InstanceId = ids::required(params, "InstanceId")?;
    let decrement = params.required_parsed("ShouldDecrementDesiredCapacity")?;
    Ok(Box::new(move |world| {
        let activity = world.terminate_in_group(&id, decrement)?;
        let mut xml = Xml::default();
        xml.element("Activity", |xml| activities::write(xml, activity));
        Ok(xml)
    }))
}
