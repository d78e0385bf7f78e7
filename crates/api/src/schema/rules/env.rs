//! Rules about variables without a field: what has a field is written there, and nothing is set and removed at once.

use super::rule::Rule;
use crate::schema::names;
use vpccni_core::config::Place;

/// The containers: list of the policy, place, prefix in `unset`.
const CONTAINERS: [(&str, Place, &str); 3] = [
    ("spec.extraEnv.awsNode[]", Place::AwsNode, ""),
    ("spec.extraEnv.init[]", Place::Init, "init "),
    ("spec.extraEnv.nodeAgent[]", Place::NodeAgent, "nodeagent "),
];

pub(super) fn rules() -> Vec<Rule> {
    let mut rules: Vec<Rule> = CONTAINERS
        .iter()
        .flat_map(|(at, place, _)| extra(at, *place))
        .collect();
    rules.extend(unset());
    rules
}

fn extra(at: &'static str, place: Place) -> Vec<Rule> {
    let list = at.trim_end_matches("[]");
    let fields = names::fields_by_name(place);
    let mut rules = vec![
        Rule::new(
            at,
            "self.name.matches('^[A-Za-z_][A-Za-z0-9_.-]*$')",
            format!("{list}[].name: write the name of a variable: letters, digits, _, . and -, no digit first"),
        )
        .blaming(".name"),
        Rule::new(
            at,
            format!("!(self.name in {fields})"),
            format!("{list}[].name: this variable has a field of its own; set that"),
        )
        .saying(format!(
            "'{list}[].name: ' + self.name + ' has a field of its own; set spec.' + {fields}[self.name]"
        ))
        .blaming(".name"),
        Rule::new(
            at,
            "!(has(self.value) && has(self.valueFrom))",
            format!("{list}[].valueFrom: give value or valueFrom, not both"),
        )
        .blaming(".valueFrom"),
        Rule::new(
            at,
            "!has(self.valueFrom) || [has(self.valueFrom.fieldRef), has(self.valueFrom.resourceFieldRef), \
             has(self.valueFrom.configMapKeyRef), has(self.valueFrom.secretKeyRef)].filter(x, x).size() == 1",
            format!(
                "{list}[].valueFrom: give exactly one of fieldRef, resourceFieldRef, configMapKeyRef and secretKeyRef"
            ),
        )
        .blaming(".valueFrom"),
    ];
    rules.extend(names::without_field(place).map(|names| {
        Rule::new(
            at,
            format!("!(self.name in {names})"),
            format!(
                "{list}[].name: this variable goes with the image or is filled in by Kubernetes; take it off the list"
            ),
        )
        .blaming(".name")
    }));
    rules
}

fn unset() -> Vec<Rule> {
    let mut rules = vec![
        Rule::new(
            "spec.unset",
            format!(
                "self.all(u, u.matches('^((init|nodeagent) )?[A-Za-z_][A-Za-z0-9_.-]*$') || u in {})",
                names::flags_and_keys()
            ),
            "spec.unset: write NAME for a variable of aws-node, init NAME, nodeagent NAME, or a flag or ConfigMap key \
             that exists, like --log-level or amazon-vpc-cni/warm-ip-target",
        ),
        Rule::new(
            "spec.unset",
            format!("!self.exists(u, u in {})", names::filled_in()),
            "spec.unset: aws-node needs MY_NODE_NAME and MY_POD_NAME, which Kubernetes fills in; take them off the list",
        ),
    ];
    // One rule a setting: CEL's cost estimate refuses a message made by filtering the list.
    rules.extend(names::settable().map(|row| {
        let (name, path) = (row.key.to_string(), row.path);
        Rule::new(
            "spec",
            format!(
                "!(has(self.unset) && {} in self.unset && self.?{}.hasValue())",
                names::quote(&name),
                path.replace('.', ".?")
            ),
            format!("spec.unset: {name} is also set by spec.{path}; remove one of the two"),
        )
        .blaming(".unset")
    }));
    rules.extend(CONTAINERS.map(|(at, _, prefix)| {
        let list = at.trim_end_matches("[]");
        let field = list.trim_start_matches("spec.extraEnv.");
        let name = if prefix.is_empty() {
            "e.name".to_owned()
        } else {
            format!("'{prefix}' + e.name")
        };
        Rule::new(
            "spec",
            format!(
                "!has(self.unset) || !has(self.extraEnv) || !has(self.extraEnv.{field}) \
                 || self.extraEnv.{field}.all(e, !({name} in self.unset))"
            ),
            format!("spec.unset: a variable is also set by {list}; remove one of the two"),
        )
        .blaming(".unset")
    }));
    rules
}
