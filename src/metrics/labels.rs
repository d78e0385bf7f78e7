//! The label sets of the families in the table, one type each.

use prometheus_client::encoding::EncodeLabelSet;

macro_rules! label_sets {
    ($($name:ident { $($field:ident: $type:ty),+ })+) => {
        $(#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, EncodeLabelSet)]
        pub(super) struct $name {
            $(pub(super) $field: $type,)+
        })+
    };
}

label_sets! {
    ConfigLabels { hash: String, mode: String, cni_version: String }
    KindLabels { kind: String }
    ConditionLabels { r#type: String, status: &'static str }
    FindingLabels { rule: String, severity: String }
    RuleLabels { rule: String }
    DriftLabels { key: String, owner_class: String }
    ModeLabels { mode: String }
    CallLabels { action: String, outcome: &'static str }
    ControllerLabels { controller: &'static str }
    ResultLabels { controller: &'static str, result: &'static str }
    CategoryLabels { controller: &'static str, category: &'static str }
    WriteLabels { site: &'static str, outcome: &'static str }
    PhaseLabels { phase: &'static str }
    OnLabels { on: &'static str }
    ReasonLabels { reason: &'static str }
    StateLabels { state: &'static str }
    StepLabels { step: &'static str }
    BudgetLabels { of: &'static str, part: &'static str }
    SubnetLabels { subnet: String }
    EventLabels { reason: &'static str, outcome: &'static str }
}
