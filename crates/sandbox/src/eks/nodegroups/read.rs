//! What requests about node groups say, in forms that several of them share.

use crate::eks::input::invalid;
use crate::error::ApiError;
use crate::world::{self, MaxUnavailable, Sizes, TemplateKey, TemplateRef, UpdateRules};
use serde::{Deserialize, Serialize};
use vpccni_core::ids::InstanceType;

/// `scalingConfig`.
#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[expect(clippy::struct_field_names, reason = "the names are those of the API")]
pub(super) struct Scaling {
    pub(super) min_size: Option<u32>,
    pub(super) max_size: Option<u32>,
    pub(super) desired_size: Option<u32>,
}

impl Scaling {
    /// What is not said stays; whether the three fit together is for the world to say.
    pub(super) fn over(&self, before: Sizes) -> Sizes {
        Sizes {
            min: self.min_size.unwrap_or(before.min),
            max: self.max_size.unwrap_or(before.max),
            desired: self.desired_size.unwrap_or(before.desired),
        }
    }
}

/// `updateConfig`.
#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct UpdateConfig {
    pub(super) max_unavailable: Option<u32>,
    pub(super) max_unavailable_percentage: Option<u32>,
    pub(super) update_strategy: Option<String>,
}

impl UpdateConfig {
    /// Either a count or a share, 1 to 100 both; what is not said stays.
    pub(super) fn over(&self, before: UpdateRules) -> Result<UpdateRules, ApiError> {
        let within = |value: u32| {
            let sound = Some(value).filter(|value| (1..=100).contains(value));
            sound.ok_or_else(|| invalid("maxUnavailable and maxUnavailablePercentage are between 1 and 100"))
        };
        let max_unavailable = match (self.max_unavailable, self.max_unavailable_percentage) {
            (None, None) => before.max_unavailable,
            (Some(nodes), None) => MaxUnavailable::Nodes(within(nodes)?),
            (None, Some(share)) => MaxUnavailable::Percent(within(share)?),
            (Some(_), Some(_)) => {
                return Err(invalid(
                    "Either maxUnavailable or maxUnavailablePercentage is allowed, not both",
                ));
            }
        };
        let minimal = match self.update_strategy.as_deref() {
            None => before.minimal,
            Some("DEFAULT") => false,
            Some("MINIMAL") => true,
            Some(other) => return Err(invalid(format!("updateStrategy {other} is not valid"))),
        };
        Ok(UpdateRules {
            max_unavailable,
            minimal,
        })
    }
}

/// A taint.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Taint {
    pub(super) key: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) value: Option<String>,
    pub(super) effect: String,
}

impl Taint {
    pub(super) fn checked(self) -> Result<world::Taint, ApiError> {
        let Self { key, value, effect } = self;
        match effect.as_str() {
            "NO_SCHEDULE" | "NO_EXECUTE" | "PREFER_NO_SCHEDULE" => Ok(world::Taint { key, value, effect }),
            _ => Err(invalid(format!("The effect {effect} of a taint is not valid"))),
        }
    }
}

/// `launchTemplate`: by id or by name.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Template {
    id: Option<String>,
    name: Option<String>,
    version: Option<String>,
}

impl Template {
    pub(super) fn checked(self) -> Result<TemplateRef, ApiError> {
        let id_or_name = match (self.id, self.name) {
            (Some(id), None) => TemplateKey::Id(id),
            (None, Some(name)) => TemplateKey::Name(name),
            _ => {
                return Err(invalid(
                    "Either the id or the name of a launch template is needed, not both",
                ));
            }
        };
        Ok(TemplateRef {
            id_or_name,
            version: self.version,
        })
    }
}

/// `capacityType`.
pub(super) fn spot(word: Option<&str>) -> Result<bool, ApiError> {
    match word {
        None | Some("ON_DEMAND") => Ok(false),
        Some("SPOT") => Ok(true),
        Some(other) => Err(invalid(format!(
            "The sandbox does not model the capacityType {other}"
        ))),
    }
}

/// `instanceTypes`.
pub(super) fn types(names: &[String]) -> Result<Vec<InstanceType>, ApiError> {
    let read = |name: &String| {
        InstanceType::parse(name).map_err(|_| invalid(format!("[{name}] is not a valid instance type")))
    };
    names.iter().map(read).collect()
}
