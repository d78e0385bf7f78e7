//! A plan as people read it: what was seen, what would change, what refuses it, the room, and what to do next.

use super::proposal;
use super::room::{Room, run_text};
use super::view::{Change, Deed, EniDeed, PlanView, Verdict};
use crate::output::{Cell, Paint, Style, Table, count, facts, heading, indented, line, wrapped};
use std::collections::BTreeSet;
use vpccni_api::migration::MigrationPhase;
use vpccni_api::policy::{
    ChangeClass, FindingResolution, FindingSeverity, FindingStatus, MigrationStrategy, Restarts,
};
use vpccni_core::policy::may_be_listed;

/// The plan as a text.
pub(crate) fn render(view: &PlanView, paint: Paint) -> String {
    let mut text = head(view, paint);
    text.push_str(&changes(view, paint));
    text.push_str(&eni_configs(view, paint));
    text.push_str(&findings(view, paint));
    if let Some(found) = &view.proposal {
        text.push_str(&proposal::text(found, paint));
    }
    text.push_str(&capacity(&view.capacity, paint));
    text.push_str(&unknown(view, paint));
    text.push_str(&result(view, paint));
    text
}

fn head(view: &PlanView, paint: Paint) -> String {
    let seen = &view.seen;
    let policy = if view.policy.exists {
        format!(
            "default, {}, {}, strategy {}",
            view.policy.management_state, view.policy.apply_mode, view.policy.strategy
        )
    } else {
        "none in the cluster: shown is what one that only observes would see".to_owned()
    };
    let version = seen.cni.as_deref().unwrap_or("of unknown version");
    let nodes = seen.nodes;
    let modes = [
        (nodes.secondary_ip, "secondary IP"),
        (nodes.prefix, "prefix"),
        (nodes.mixed, "mixed"),
        (nodes.unknown, "unknown"),
        (nodes.ignored, "without aws-node"),
    ];
    let modes: Vec<String> = modes
        .iter()
        .filter(|(number, _)| *number > 0)
        .map(|(number, mode)| format!("{number} {mode}"))
        .collect();
    let source = seen.file.as_deref().unwrap_or("the cluster");
    let mut rows = vec![
        ("Policy", policy),
        ("Target", format!("DaemonSet {}, CNI {version}", seen.target)),
        (
            "Nodes",
            format!("{} ({})", count(nodes.total, "node"), modes.join(", ")),
        ),
        ("Seen", format!("{source}, {}", seen.at)),
    ];
    if let Some(open) = &view.migration {
        let phase = open.phase.map_or("not planned yet", MigrationPhase::as_str);
        rows.push((
            "Open",
            format!(
                "{}, {phase}: what it changes follows it, not this plan",
                open.name
            ),
        ));
    }
    facts(&rows, paint)
}

fn changes(view: &PlanView, paint: Paint) -> String {
    let mut text = String::new();
    if !view.changes.is_empty() {
        let mut table = Table::new(&["", "KEY", "FROM", "TO", "OWNER", "FULL EFFECT AFTER", "RESTARTS"]);
        for change in &view.changes {
            table.row(change_row(change));
        }
        text.push_str(&heading("Changes", paint));
        text.push_str(&table.text("  ", paint));
    }
    if let Some(version) = &view.version {
        text.push_str(&heading("Version", paint));
        let what = if version.is_changed {
            "the add-on is changed to it"
        } else {
            "it is only asserted: change the image of the DaemonSet"
        };
        line(
            &mut text,
            &format!(
                "  {} runs, the policy says {}; {what}",
                version.running, version.wanted
            ),
        );
    }
    text
}

fn change_row(change: &Change) -> Vec<Cell> {
    let planned = &change.change;
    let (sign, style) = match change.action {
        Deed::Keep => (" ", Style::Dim),
        Deed::Write if planned.from.is_none() => ("+", Style::Good),
        Deed::Write if planned.to.is_none() => ("-", Style::Bad),
        Deed::Write | Deed::TakeOver | Deed::PutBack => ("~", Style::Warning),
        Deed::LeaveToOwner | Deed::LeaveToFight | Deed::LeaveSuspended => ("!", Style::Bad),
    };
    let owner = planned.owner.as_deref().unwrap_or("-");
    let owner = match change.action {
        Deed::TakeOver => format!("{owner} (taken over)"),
        Deed::PutBack => format!("{owner} (put back)"),
        Deed::LeaveToOwner => format!("{owner} (left alone)"),
        Deed::LeaveToFight => format!("{owner} (sets it back)"),
        Deed::LeaveSuspended => "break-glass (left alone)".to_owned(),
        Deed::Keep | Deed::Write => owner.to_owned(),
    };
    let value = |value: &Option<String>| match value {
        Some(value) if value.is_empty() => "\"\"".to_owned(),
        Some(value) => vpccni_api::convert::bounded(value, 40),
        None => "(absent)".to_owned(),
    };
    vec![
        Cell::styled(sign, style),
        planned.key.clone().into(),
        value(&planned.from).into(),
        value(&planned.to).into(),
        owner.into(),
        effect(planned.change_class).into(),
        match planned.restarts {
            Restarts::Pods => "aws-node",
            Restarts::None => "nothing",
        }
        .into(),
    ]
}

fn effect(class: ChangeClass) -> &'static str {
    match class {
        ChangeClass::None => "nothing: nobody reads it",
        ChangeClass::ControlPlane => "the write",
        ChangeClass::Restart => "the restart",
        ChangeClass::RecyclePods => "new pods",
        ChangeClass::NewEnis => "new interfaces",
        ChangeClass::ReplaceNodes => "new nodes",
        ChangeClass::ReplaceNodesMaxPods => "new nodes, new max-pods",
        ChangeClass::ClusterLifetime => "a new cluster",
    }
}

fn eni_configs(view: &PlanView, paint: Paint) -> String {
    if view.eni_configs.is_empty() {
        return String::new();
    }
    let mut table = Table::new(&["", "ENICONFIG", "SUBNET", "NODES", "ACTION"]);
    for config in &view.eni_configs {
        let (sign, style, action) = match config.action {
            EniDeed::Write => ("~", Style::Warning, "written".to_owned()),
            EniDeed::Release => ("~", Style::Warning, "handed back, and stays".to_owned()),
            EniDeed::Refuse => ("!", Style::Bad, "refused".to_owned()),
            EniDeed::Invalid => ("!", Style::Bad, config.problems.join("; ")),
        };
        table.row(vec![
            Cell::styled(sign, style),
            config.name.clone().into(),
            config.subnet.clone().into(),
            config.nodes.to_string().into(),
            action.into(),
        ]);
    }
    heading("ENIConfigs", paint) + &table.text("  ", paint)
}

fn findings(view: &PlanView, paint: Paint) -> String {
    if view.findings.is_empty() {
        return String::new();
    }
    let mut text = heading("Findings", paint);
    for finding in &view.findings {
        text.push_str(&one(finding, paint));
    }
    text
}

fn one(finding: &FindingStatus, paint: Paint) -> String {
    let style = match finding.severity {
        FindingSeverity::Warn => Style::Warning,
        FindingSeverity::Refuse | FindingSeverity::Never => Style::Bad,
    };
    let mut text = format!(
        "  {} {}  ({})\n",
        paint.on(style, finding.severity.as_str()),
        paint.on(Style::Bold, &finding.rule),
        way_out(finding.resolution)
    );
    if !finding.subjects.is_empty() {
        let names: Vec<String> = finding
            .subjects
            .iter()
            .map(|subject| {
                let times = if subject.count > 1 {
                    format!(" ({})", subject.count)
                } else {
                    String::new()
                };
                format!("{} {}{times}", subject.kind, subject.name)
            })
            .collect();
        let shown = i64::try_from(names.len()).unwrap_or(i64::MAX);
        let more = match finding.subjects_total - shown {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        text.push_str(&wrapped("    about    ", &format!("{}{more}", names.join(", "))));
    }
    text.push_str(&wrapped("    because  ", &finding.message));
    text.push_str(&wrapped("    instead  ", &finding.fix));
    text
}

fn way_out(resolution: FindingResolution) -> &'static str {
    match resolution {
        FindingResolution::ReplaceNodes => "the way: replace the nodes",
        FindingResolution::RecyclePods => "the way: recreate the pods",
        FindingResolution::FixPrerequisite => "the way: mend something first",
        FindingResolution::Acknowledge => "the way: accept it knowingly",
        FindingResolution::None => "no way leads there",
    }
}

fn capacity(rooms: &[Room], paint: Paint) -> String {
    if rooms.is_empty() {
        return String::new();
    }
    let mut table = Table::new(&[
        "SUBNET",
        "ZONE",
        "CIDR",
        "FREE /28",
        "RESERVED",
        "LARGEST RUN",
        "FRAGMENTED",
    ]);
    for room in rooms {
        let mut row: Vec<Cell> = vec![room.subnet.clone().into(), room.zone.clone().into()];
        match &room.blocks {
            Some(blocks) => row.extend([
                room.cidr.clone().unwrap_or_default().into(),
                blocks.free_prefixes.to_string().into(),
                blocks.free_in_reservations.to_string().into(),
                run_text(blocks.largest_run.as_ref()).into(),
                Cell::from(format!("{} %", blocks.fragmentation)),
            ]),
            None => row.push(room.unknown.clone().unwrap_or_default().into()),
        }
        table.row(row);
    }
    heading("Room for prefixes", paint) + &table.text("  ", paint)
}

fn unknown(view: &PlanView, paint: Paint) -> String {
    if view.unknown.is_empty() {
        return String::new();
    }
    let mut text = heading("Not known", paint);
    for sentence in &view.unknown {
        text.push_str(&wrapped("  - ", sentence));
    }
    text
}

fn result(view: &PlanView, paint: Paint) -> String {
    let (style, sentence) = match view.verdict {
        Verdict::Unchanged => (
            Style::Good,
            "Nothing would change: everything is as the policy says.".to_owned(),
        ),
        Verdict::Applicable => (Style::Good, applicable(view)),
        Verdict::Blocked => (
            Style::Bad,
            "Blocked: keys marked with ! belong to somebody else and are left alone.".to_owned(),
        ),
        Verdict::Refused => (Style::Bad, refused(view)),
    };
    let mut text = format!("\n{}\n", paint.on(style, sentence.trim_end()));
    if let Some(hash) = &view.change_hash {
        line(&mut text, &format!("change hash {hash}"));
    }
    let next = next_steps(view);
    if !next.is_empty() {
        text.push_str(&heading("Next", paint));
        for step in next {
            text.push_str(&indented(2, &step));
        }
    }
    text
}

fn applicable(view: &PlanView) -> String {
    let written = view
        .changes
        .iter()
        .filter(|change| matches!(change.action, Deed::Write | Deed::TakeOver | Deed::PutBack));
    let settings = count(written.count(), "setting");
    let restarts = view
        .changes
        .iter()
        .any(|change| change.change.restarts == Restarts::Pods);
    let restarts = if restarts {
        "; aws-node restarts on every node"
    } else {
        ""
    };
    let waits: BTreeSet<&str> = view
        .pending
        .iter()
        .map(|pending| pending.waits_for.as_str())
        .collect();
    let waits: Vec<&str> = waits.into_iter().collect();
    if waits.is_empty() {
        format!("Nothing is refused: {settings} would be applied{restarts}.")
    } else {
        format!(
            "Nothing is refused: {settings} would be applied{restarts}. It waits for {}.",
            waits.join("; ")
        )
    }
}

fn refused(view: &PlanView) -> String {
    let refusing = refusing(view).count();
    let rules = count(refusing, "finding");
    match view.policy.apply_mode {
        vpccni_api::policy::ApplyMode::Atomic => {
            format!("Refused by {rules}: nothing of it is applied, and what runs stays enforced.")
        }
        vpccni_api::policy::ApplyMode::SafeFirst => {
            format!("Refused by {rules}: only settings that no refusing finding is about are applied.")
        }
    }
}

fn refusing(view: &PlanView) -> impl Iterator<Item = &FindingStatus> {
    view.findings
        .iter()
        .filter(|finding| finding.severity != FindingSeverity::Warn)
}

fn next_steps(view: &PlanView) -> Vec<String> {
    let mut steps: Vec<String> = refusing(view)
        .map(|finding| finding.rule.as_str())
        .collect::<BTreeSet<_>>()
        .into_iter()
        .map(|rule| format!("kubectl vpc-cni explain {rule}"))
        .collect();
    let is_path = |finding: &FindingStatus| finding.resolution == FindingResolution::ReplaceNodes;
    let reachable = refusing(view).next().is_some() && refusing(view).all(is_path);
    if let Some(open) = &view.migration {
        steps.push(format!("kubectl vpc-cni migrate show {}", open.name));
    } else if reachable && view.policy.strategy != MigrationStrategy::Refuse {
        steps.push(
            "kubectl vpc-cni migrate list (the operator makes a migration of it, which waits for approval)"
                .to_owned(),
        );
    } else if reachable {
        steps.push(
            "spec.migration.strategy: Plan (makes a CniMigration that replaces the nodes once you approve it)".to_owned(),
        );
    }
    for change in &view.changes {
        let Some(owner) = change.change.owner.as_deref() else {
            continue;
        };
        if change.action == Deed::LeaveToOwner && may_be_listed(owner, true) {
            let step = format!("spec.ownership.takeOverFrom: [{owner}] (takes its keys over)");
            if !steps.contains(&step) {
                steps.push(step);
            }
        } else if change.action == Deed::LeaveToOwner {
            let step = format!(
                "{owner} writes {} again and again: change it where {owner} reads it, or take it out of the policy",
                change.change.key
            );
            steps.push(step);
        }
    }
    steps
}
