//! Auto Scaling over the Query protocol: one file a family of actions.

mod activities;
mod describe;
mod groups;
mod hooks;
mod instances;
mod refresh;
mod source;
mod tags;

use crate::action::Family;
use crate::error::{ApiError, Code};
use crate::query::QueryService;
use crate::wire::params::Params;

const FAMILIES: &[Family] = &[
    activities::ACTIONS,
    describe::ACTIONS,
    groups::ACTIONS,
    hooks::ACTIONS,
    instances::ACTIONS,
    refresh::ACTIONS,
    tags::ACTIONS,
];

pub(crate) const SERVICE: QueryService = QueryService {
    version: "2011-01-01",
    namespace: "http://autoscaling.amazonaws.com/doc/2011-01-01/",
    families: FAMILIES,
};

/// The parameter that most actions have.
const GROUP: &str = "AutoScalingGroupName";
/// The names of the parameters of pages.
const PAGE: (&str, &str) = ("MaxRecords", "NextToken");

/// A value that is one of AWS's names.
fn named<T>(
    params: &mut Params,
    name: &str,
    parse: impl Fn(&str) -> Option<T>,
) -> Result<Option<T>, ApiError> {
    let Some(text) = params.text(name) else {
        return Ok(None);
    };
    parse(&text).map(Some).ok_or_else(|| not_allowed(name, &text))
}

/// Values of which each is one of AWS's names.
fn all_named<T>(
    params: &mut Params,
    name: &str,
    parse: impl Fn(&str) -> Option<T>,
) -> Result<Vec<T>, ApiError> {
    let texts = params.list(name);
    texts
        .iter()
        .map(|text| parse(text).ok_or_else(|| not_allowed(name, text)))
        .collect()
}

fn not_allowed(name: &str, value: &str) -> ApiError {
    ApiError::new(
        Code::Validation,
        format!("Value '{value}' at '{name}' failed to satisfy constraint: the sandbox does not know it"),
    )
}
