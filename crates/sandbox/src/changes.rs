//! What the control API changes in the world itself. Unlike faults and limits, these changes are part of the state,
//! so they are in the journal and are made again from it.

use crate::eks;
use crate::error::{ApiError, Code};
use crate::world::{Holding, Timings, World};
use http::Method;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};
use std::net::Ipv4Addr;
use std::time::Duration;
use vpccni_core::ids::{InstanceType, SubnetId, Zone};

/// The clock stands at another time; the time itself is in the record.
pub(crate) const ADVANCE: &str = "clock/advance";
/// Things take otherwise long.
pub(crate) const TIMINGS: &str = "timings";
/// The account may have more or less of a thing.
pub(crate) const QUOTAS: &str = "quotas";
/// A zone has no capacity, or has it again: followed by its name.
pub(crate) const ZONE: &str = "zones/";
/// Addresses of a subnet are taken: followed by its id.
pub(crate) const SUBNET: &str = "subnets/";

/// Makes a change; gives what is answered.
pub(crate) fn apply(world: &mut World, what: &str, body: &[u8]) -> Result<String, ApiError> {
    let answer = match what {
        ADVANCE => json!({}),
        TIMINGS => set_timings(world, body)?,
        QUOTAS => set_quotas(world, body)?,
        _ => {
            if let Some(zone) = what.strip_prefix(ZONE) {
                set_capacity(world, zone, body)?
            } else if let Some(subnet) = what.strip_prefix(SUBNET) {
                occupy(world, subnet, body)?
            } else if let Some(told) = eks::control::serve(world, &Method::PUT, what, body) {
                told.map_err(wrong)?;
                json!({})
            } else {
                match eks::control::serve(world, &Method::PUT, what, body) {
                    Some(said) => said.map(|()| json!({})).map_err(wrong)?,
                    None => return Err(wrong(format!("there is no change {what:?}"))),
                }
            }
        }
    };
    Ok(answer.to_string())
}

fn wrong(message: impl Into<String>) -> ApiError {
    ApiError::new(Code::InvalidParameterValue, message)
}

fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, ApiError> {
    serde_json::from_slice(body).map_err(|error| wrong(error.to_string()))
}

/// The delays in seconds, by name.
pub(crate) fn timings(timings: &Timings) -> Value {
    let Ok(Value::Object(fields)) = serde_json::to_value(timings) else {
        return Value::Null;
    };
    let seconds = |value: Value| {
        serde_json::from_value::<Duration>(value)
            .unwrap_or_default()
            .as_secs_f64()
    };
    let fields = fields
        .into_iter()
        .map(|(name, value)| (name, seconds(value).into()));
    Value::Object(fields.collect())
}

/// Changes the delays that are named, in seconds.
fn set_timings(world: &mut World, body: &[u8]) -> Result<Value, ApiError> {
    let asked: Map<String, Value> = read(body)?;
    let Ok(Value::Object(mut fields)) = serde_json::to_value(world.timings) else {
        return Err(wrong("the delays do not write"));
    };
    for (name, value) in asked {
        let seconds = value.as_f64().and_then(|s| Duration::try_from_secs_f64(s).ok());
        let seconds = seconds.ok_or_else(|| wrong(format!("{name}: a number of seconds is needed")))?;
        let Some(field) = fields.get_mut(&name) else {
            let known: Vec<String> = fields.into_iter().map(|(name, _)| name).collect();
            return Err(wrong(format!("{name} is none of {}", known.join(", "))));
        };
        *field = serde_json::to_value(seconds).map_err(|error| wrong(error.to_string()))?;
    }
    let changed = serde_json::from_value(Value::Object(fields)).map_err(|error| wrong(error.to_string()))?;
    world.set_timings(changed);
    Ok(timings(&world.timings))
}

/// The quotas to change; what is left out stays.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct QuotasAsked {
    interfaces: Option<u32>,
    scaling_groups: Option<u32>,
}

fn set_quotas(world: &mut World, body: &[u8]) -> Result<Value, ApiError> {
    let asked: QuotasAsked = read(body)?;
    let quotas = &mut world.quotas;
    quotas.interfaces = asked.interfaces.unwrap_or(quotas.interfaces);
    quotas.scaling_groups = asked.scaling_groups.unwrap_or(quotas.scaling_groups);
    Ok(json!({ "interfaces": quotas.interfaces, "scaling_groups": quotas.scaling_groups }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Capacity {
    available: bool,
    instance_type: Option<String>,
    for_seconds: Option<f64>,
}

fn set_capacity(world: &mut World, zone: &str, body: &[u8]) -> Result<Value, ApiError> {
    let asked: Capacity = read(body)?;
    let zone = Zone::parse(zone).map_err(|error| wrong(error.to_string()))?;
    if asked.available {
        world.lift_shortages(&zone);
        return Ok(json!({}));
    }
    let lasts = asked
        .for_seconds
        .map(Duration::try_from_secs_f64)
        .transpose()
        .map_err(|error| wrong(format!("for_seconds: {error}")))?;
    let kind = asked
        .instance_type
        .as_deref()
        .map(InstanceType::parse)
        .transpose();
    let kind = kind.map_err(|error| wrong(error.to_string()))?;
    world.set_shortage(&zone, kind, lasts)?;
    Ok(json!({}))
}

/// Which addresses somebody else takes.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum Occupy {
    /// Exactly these.
    Addresses(Vec<Ipv4Addr>),
    /// One in every block of sixteen that is free: then no prefix fits, though most addresses are free.
    EveryBlock {},
    /// All but so many.
    AllBut(u32),
}

fn occupy(world: &mut World, subnet: &str, body: &[u8]) -> Result<Value, ApiError> {
    let subnet = SubnetId::parse(subnet).map_err(|error| wrong(error.to_string()))?;
    let holding = match read(body)? {
        Occupy::Addresses(addresses) => Holding::These(addresses),
        Occupy::EveryBlock {} => Holding::EveryBlock,
        Occupy::AllBut(left) => Holding::AllBut(left),
    };
    let made = world.occupy(&subnet, &holding)?;
    let made: Vec<&str> = made.iter().map(vpccni_core::ids::EniId::as_str).collect();
    let available = world.subnet(&subnet)?.pool.available();
    Ok(json!({ "interfaces": made, "available": available }))
}
