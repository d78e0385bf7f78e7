//! What a group launches from: a launch template, or a mixed instances policy around one.

use crate::world::TemplateRef;
use vpccni_core::ids::InstanceType;

/// What a group launches from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LaunchSource {
    /// The launch template.
    pub template: TemplateRef,
    /// The mixed instances policy around it, if there is one.
    pub mixed: Option<Mixed>,
}

/// A mixed instances policy, beside its template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mixed {
    /// In the order of priority.
    pub overrides: Vec<Override>,
    /// How on-demand and spot are mixed.
    pub distribution: Distribution,
}

/// One way to launch in a mixed instances policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Override {
    /// Another type than the template's.
    pub instance_type: Option<InstanceType>,
    /// Another template.
    pub template: Option<TemplateRef>,
}

/// How on-demand and spot instances are mixed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Distribution {
    /// `prioritized` or `lowest-price`; there are no prices here, so both take the first type that can be had.
    pub on_demand_allocation: String,
    /// At least so many are on-demand.
    pub on_demand_base: u32,
    /// And so many per cent of the rest.
    pub on_demand_percentage: u32,
    /// How spot types are chosen.
    pub spot_allocation: String,
    /// From so many pools, with `lowest-price`.
    pub spot_pools: Option<u32>,
    /// The highest price.
    pub spot_max_price: Option<String>,
}

impl Default for Distribution {
    fn default() -> Self {
        Self {
            on_demand_allocation: "prioritized".to_owned(),
            on_demand_base: 0,
            on_demand_percentage: 100,
            spot_allocation: "lowest-price".to_owned(),
            spot_pools: None,
            spot_max_price: None,
        }
    }
}
