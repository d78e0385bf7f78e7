//! `explain`: a rule of the review, from the table the review itself uses.

use crate::failure::Failure;
use crate::output::{Cell, Out, Paint, Style, Table, wrapped};
use serde::Serialize;
use vpccni_api::policy::{FindingResolution, FindingSeverity};
use vpccni_core::safety::{FAMILIES, Rule, explain, rules};

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct RuleView {
    rule: &'static str,
    title: &'static str,
    family: &'static str,
    severity: FindingSeverity,
    resolution: FindingResolution,
    acceptable: bool,
    transitions: &'static [&'static str],
    about: Vec<String>,
    because: Vec<Ground>,
    instead: &'static str,
}

#[derive(Debug, Serialize)]
struct Ground {
    says: &'static str,
    source: &'static str,
}

/// Explains one rule, or lists all.
pub(super) fn run(name: Option<&str>, out: &mut Out) -> Result<(), Failure> {
    match name {
        None => {
            let all: Vec<RuleView> = rules().map(view).collect();
            out.show(&all, |all, paint| list(all, paint))
        }
        Some(name) => {
            let rule = explain(name).ok_or_else(|| unknown(name))?;
            out.show(&view(rule), text)
        }
    }
}

fn view(rule: &'static Rule) -> RuleView {
    let family = FAMILIES
        .iter()
        .find(|family| family.rules.iter().any(|other| other.id == rule.id));
    let parts = rule.parts.iter().map(ToString::to_string);
    RuleView {
        rule: rule.id.0,
        title: rule.title,
        family: family.map_or("Acceptances", |family| family.title),
        severity: rule.severity.into(),
        resolution: rule.resolution.into(),
        acceptable: rule.acceptable,
        transitions: rule.unsafe_ids,
        about: rule.keys.iter().map(ToString::to_string).chain(parts).collect(),
        because: rule
            .basis
            .iter()
            .map(|basis| Ground {
                says: basis.says,
                source: basis.source,
            })
            .collect(),
        instead: rule.fix,
    }
}

fn list(all: &[RuleView], paint: Paint) -> String {
    let mut table = Table::new(&["RULE", "SEVERITY", "RESOLUTION", "SAYS"]);
    for rule in all {
        table.row(vec![
            Cell::styled(rule.rule, Style::Bold),
            rule.severity.as_str().into(),
            rule.resolution.as_str().into(),
            rule.title.into(),
        ]);
    }
    table.text("", paint)
}

fn text(rule: &RuleView, paint: Paint) -> String {
    let mut text = format!("{}\n{}.\n\n", paint.on(Style::Bold, rule.rule), rule.title);
    let acceptable = if rule.acceptable {
        "yes: spec.safety.accept, for one change, with a reason and a date"
    } else {
        "no"
    };
    let rows = [
        ("Family      ", rule.family.to_owned()),
        ("Severity    ", rule.severity.to_string()),
        ("Resolution  ", rule.resolution.to_string()),
        ("Acceptable  ", acceptable.to_owned()),
        ("Transitions ", rule.transitions.join(", ")),
        ("About       ", rule.about.join(", ")),
    ];
    for (name, value) in rows.iter().filter(|(_, value)| !value.is_empty()) {
        text.push_str(&wrapped(name, value));
    }
    for ground in &rule.because {
        text.push_str(&wrapped(
            "Because     ",
            &format!("{} ({})", ground.says, ground.source),
        ));
    }
    text.push_str(&wrapped("Instead     ", rule.instead));
    text
}

fn unknown(name: &str) -> Failure {
    let alike: Vec<&str> = rules()
        .map(|rule| rule.id.0)
        .filter(|id| id.contains(name) || name.split('-').any(|word| word.len() > 3 && id.contains(word)))
        .take(5)
        .collect();
    let hint = if alike.is_empty() {
        "`kubectl vpc-cni explain` lists all rules".to_owned()
    } else {
        format!(
            "is it one of {}? `kubectl vpc-cni explain` lists all",
            alike.join(", ")
        )
    };
    Failure::NotFound {
        what: format!("there is no rule {name}"),
        hint,
    }
}
