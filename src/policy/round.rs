//! What one round saw, decided and did: the status, the Events and the metrics are made from it.

use vpccni_api::CniPolicy;
use vpccni_core::eni_configs::EniPlan;
use vpccni_core::policy::{Outcomes, PolicyPlan};
use vpccni_observe::policy::Observed;

/// One round, when everything is done but telling.
#[derive(Debug, Clone, Copy)]
pub(super) struct Round<'a> {
    pub(super) policy: &'a CniPolicy,
    pub(super) observed: &'a Observed,
    pub(super) plan: &'a PolicyPlan,
    pub(super) outcomes: &'a Outcomes,
    pub(super) eni: &'a EniPlan,
}
