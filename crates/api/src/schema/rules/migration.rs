//! Rules about acceptance, windows and the replacement of nodes: envelopes that must be whole.

use super::rule::Rule;

/// Five fields of a cron line; names of months and days are allowed.
const CRON: &str = "^[0-9*/,-]+ [0-9*/,-]+ [0-9*/,-]+ [0-9A-Za-z*/,-]+ [0-9A-Za-z*/,-]+$";
const ZONE: &str = "^[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+)*$";
const HASH: &str = "^sha256:[0-9a-f]{64}$";

pub(super) fn rules() -> Vec<Rule> {
    let mut rules = vec![
        Rule::new(
            "spec.safety.accept[].rule",
            "self.matches('^[a-z0-9]+(-[a-z0-9]+)*$')",
            "spec.safety.accept[].rule: write the name of a rule as the finding shows it, like prefix-mode-in-place",
        ),
        hash("spec.safety.accept[].changeHash"),
        hash("spec.migration.approval.changeHash"),
        budget(
            "spec.migration.budget.maxUnavailable",
            "^(100%|[1-9][0-9]?%|[1-9][0-9]{0,4})$",
            "10% or 3",
        ),
        budget(
            "spec.migration.budget.maxSurge",
            "^(100%|[1-9]?[0-9]%|0|[1-9][0-9]{0,4})$",
            "10%, 3 or 0",
        ),
    ];
    for at in ["spec.rollout.windows[]", "spec.migration.windows[]"] {
        rules.extend(window(at));
    }
    rules.extend(strategy());
    rules
}

fn hash(at: &'static str) -> Rule {
    Rule::new(
        at,
        format!("self.matches('{HASH}')"),
        format!(
            "{at}: write the hash of the change as the finding shows it: sha256: and 64 hexadecimal digits"
        ),
    )
}

fn budget(at: &'static str, pattern: &str, example: &str) -> Rule {
    Rule::new(
        at,
        format!("self.matches('{pattern}')"),
        format!("{at}: write a percentage up to 100% or a number of nodes, like {example}"),
    )
}

fn window(at: &'static str) -> Vec<Rule> {
    vec![
        Rule::new(
            at,
            format!("self.schedule.matches('{CRON}')"),
            format!(
                "{at}.schedule: write minute, hour, day of month, month and day of week, like 0 2 * * 1-5"
            ),
        )
        .blaming(".schedule"),
        Rule::new(
            at,
            format!("!has(self.timeZone) || self.timeZone.matches('{ZONE}')"),
            format!("{at}.timeZone: write a name of the time zone database, like Asia/Tokyo or UTC"),
        )
        .blaming(".timeZone"),
    ]
}

fn strategy() -> Vec<Rule> {
    let strategy = |word: &str| format!("self.?strategy.orValue('Refuse') == '{word}'");
    vec![
        Rule::new(
            "spec.migration",
            format!("!({}) || (has(self.windows) && self.windows.size() > 0)", strategy("Automatic")),
            "spec.migration.windows: strategy Automatic replaces nodes without asking, so say when; add a window",
        )
        .blaming(".windows"),
        Rule::new(
            "spec.migration",
            format!("!({}) || has(self.approval) && has(self.approval.maxNodes)", strategy("Automatic")),
            "spec.migration.approval.maxNodes: strategy Automatic replaces nodes without asking, so say how many; \
             set approval.maxNodes",
        )
        .blaming(".approval.maxNodes"),
        Rule::new(
            "spec.migration",
            format!(
                "!({}) || !has(self.approval) || (has(self.approval.changeHash) && has(self.approval.maxNodes))",
                strategy("Plan")
            ),
            "spec.migration.approval: an approval is for one change and so many nodes; set changeHash and maxNodes, \
             or leave it out and approve the CniMigration",
        )
        .blaming(".approval"),
    ]
}
