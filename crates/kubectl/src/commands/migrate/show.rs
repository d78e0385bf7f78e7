//! A migration as a text: where it stands, what it waits for, its plan, its nodes, and the ways out.

use crate::migration_text::{more, plan_text, way_back_text};
use crate::output::{Cell, Paint, Style, Table, age, facts, heading, indented, line, wrapped};
use jiff::Timestamp;
use kube::ResourceExt;
use vpccni_api::CniMigration;
use vpccni_api::migration::{CniMigrationStatus, DesiredState, MigrationPhase, MigrationProgress};
use vpccni_core::plural::counted;

/// Cells of the bar of progress.
const BAR: i64 = 40;

/// All of it.
pub(super) fn text(migration: &CniMigration, now: Timestamp, paint: Paint) -> String {
    let mut text = head(migration, now, paint);
    let Some(status) = &migration.status else {
        return text + "\nThe operator has not said anything about it yet.\n";
    };
    text.push_str(&situation(status, now, paint));
    text.push_str(&in_flight(status, now, paint));
    text.push_str(&plan(migration, paint));
    text.push_str(&way_back(status, paint));
    let next = next(migration);
    if !next.is_empty() {
        text.push_str(&heading("Next", paint));
        for step in next {
            line(&mut text, &format!("  {step}"));
        }
    }
    text
}

/// Where it stands, in a few lines: what `watch` draws.
pub(super) fn short(migration: &CniMigration, now: Timestamp, paint: Paint) -> String {
    let mut text = head(migration, now, paint);
    if let Some(status) = &migration.status {
        text.push_str(&situation(status, now, paint));
        text.push_str(&in_flight(status, now, paint));
    }
    text
}

fn head(migration: &CniMigration, now: Timestamp, paint: Paint) -> String {
    let spec = &migration.spec;
    let status = migration.status.as_ref();
    let state = migration
        .phase()
        .map_or("not planned yet", MigrationPhase::as_str);
    let wanted = spec.desired_state.unwrap_or(DesiredState::Run);
    let made = migration.metadata.creation_timestamp.as_ref();
    let made = made.map_or_else(String::new, |made| format!(", {} old", age(made.0, now)));
    let mut rows = vec![
        ("Migration", format!("{}{made}", migration.name_any())),
        ("Phase", format!("{state}, wanted is {wanted}")),
        ("Change", spec.change_hash.clone()),
    ];
    rows.push(("Approved", approved(migration, now)));
    let progress = status.and_then(|status| status.progress.as_ref());
    if let Some(progress) = progress {
        rows.push(("Progress", bar(progress, paint)));
        rows.push(("", counts(progress)));
    }
    if let Some(eta) = status.and_then(|status| status.summary.as_ref()?.eta.as_deref())
        && !migration.has_ended()
    {
        rows.push(("ETA", eta.to_owned()));
    }
    facts(&rows, paint)
}

fn approved(migration: &CniMigration, now: Timestamp) -> String {
    let Some(approval) = &migration.spec.approval else {
        return "by nobody yet".to_owned();
    };
    let by = approval.by.as_deref().unwrap_or("somebody");
    let nodes = approval.max_nodes.map_or_else(String::new, |nodes| {
        format!(", at most {}", counted(nodes, "node"))
    });
    let until = match &approval.not_after {
        Some(until) if until.0 < now => format!(", expired {} ago", age(until.0, now)),
        Some(until) => format!(", until {:.0}", until.0),
        None => String::new(),
    };
    format!("by {by}{nodes}{until}")
}

fn bar(progress: &MigrationProgress, paint: Paint) -> String {
    let total = progress.total.unwrap_or_default().max(0);
    let replaced = progress.replaced.unwrap_or_default().clamp(0, total);
    let cells = |part: i64| {
        let cells = if total == 0 { 0 } else { part * BAR / total };
        usize::try_from(cells).unwrap_or_default()
    };
    let (done, whole) = (cells(replaced), cells(total.max(1)));
    format!(
        "[{}{}] {replaced}/{total}",
        paint.on(Style::Good, &"#".repeat(done)),
        ".".repeat(whole.saturating_sub(done))
    )
}

fn counts(progress: &MigrationProgress) -> String {
    let MigrationProgress {
        total: _,
        replaced: _,
        active,
        quarantined,
        mixed,
        old,
        young,
        failed,
    } = progress;
    let numbers = [
        (active, "in work"),
        (young, "being verified"),
        (failed, "failed"),
        (quarantined, "quarantined"),
        (mixed, "mixed"),
        (old, "old"),
    ];
    let shown: Vec<String> = numbers
        .iter()
        .map(|(number, what)| format!("{} {what}", number.unwrap_or_default()))
        .collect();
    shown.join(", ")
}

fn situation(status: &CniMigrationStatus, now: Timestamp, paint: Paint) -> String {
    let mut text = String::new();
    if let Some(halt) = &status.halt {
        let since = halt
            .since
            .as_ref()
            .map_or_else(String::new, |since| format!(" {} ago", age(since.0, now)));
        let reason = halt.reason.as_deref().unwrap_or("by itself");
        text.push_str(&heading(
            &paint.on(Style::Bad, &format!("Halted{since}: {reason}")),
            paint,
        ));
        text.push_str(&indented(2, halt.message.as_deref().unwrap_or_default()));
        if let Some(runbook) = &halt.runbook {
            line(&mut text, &format!("  runbook: {runbook}"));
        }
    }
    if let Some(waiting) = &status.waiting_for {
        let since = waiting
            .since
            .as_ref()
            .map_or_else(String::new, |since| format!(", since {}", age(since.0, now)));
        text.push_str(&heading("Waiting for", paint));
        text.push_str(&indented(2, waiting.what.as_deref().unwrap_or_default()));
        if let Some(who) = &waiting.who {
            line(&mut text, &format!("  who acts: {who}{since}"));
        }
        if let Some(command) = &waiting.command {
            line(&mut text, &format!("  {command}"));
        }
    }
    for failure in status.failures.iter().flatten() {
        text.push_str(&wrapped("  failed, tried again: ", failure));
    }
    text
}

fn in_flight(status: &CniMigrationStatus, now: Timestamp, paint: Paint) -> String {
    let mut text = String::new();
    let nodes = status.in_flight.as_deref().unwrap_or_default();
    if !nodes.is_empty() {
        let mut table = Table::new(&["NODE", "STEP", "SINCE", "PODS LEFT"]);
        for node in nodes {
            let since = node.since.as_ref().map(|since| age(since.0, now));
            table.row(vec![
                node.node.clone().unwrap_or_default().into(),
                node.step.map_or("-", |step| step.as_str()).into(),
                since.unwrap_or_else(|| "-".to_owned()).into(),
                node.pods_left
                    .map_or_else(|| "-".to_owned(), |pods| pods.to_string())
                    .into(),
            ]);
        }
        text.push_str(&heading("Nodes in work", paint));
        text.push_str(&table.text("  ", paint));
        text.push_str(&more(status.in_flight_total, nodes.len()));
    }
    let blocked = status.blocked.as_deref().unwrap_or_default();
    if !blocked.is_empty() {
        let mut table = Table::new(&["POD", "NODE", "SINCE", "KEPT BY"]);
        for pod in blocked {
            let since = pod.since.as_ref().map(|since| age(since.0, now));
            table.row(vec![
                Cell::styled(pod.pod.clone().unwrap_or_default(), Style::Bad),
                pod.node.clone().unwrap_or_default().into(),
                since.unwrap_or_else(|| "-".to_owned()).into(),
                pod.by.clone().unwrap_or_default().into(),
            ]);
        }
        text.push_str(&heading("Pods that do not leave", paint));
        text.push_str(&table.text("  ", paint));
        text.push_str(&more(status.blocked_total, blocked.len()));
    }
    text
}

/// The plan: what an approval is about.
pub(super) fn plan(migration: &CniMigration, paint: Paint) -> String {
    let Some(plan) = migration.status.as_ref().and_then(|status| status.plan.as_ref()) else {
        return heading("Plan", paint) + "  there is none yet\n";
    };
    heading("Plan", paint) + &plan_text(plan, paint)
}

fn way_back(status: &CniMigrationStatus, paint: Paint) -> String {
    let mut text = String::new();
    if let Some(back) = &status.rollback {
        text.push_str(&heading("The way back", paint));
        text.push_str(&way_back_text(back));
    }
    if let Some(words) = &status.if_stopped {
        text.push_str(&heading("If it stopped here", paint));
        text.push_str(&indented(2, words));
    }
    for stays in status.stays.iter().flatten() {
        text.push_str(&wrapped("  stays: ", stays));
    }
    text
}

fn next(migration: &CniMigration) -> Vec<String> {
    let name = migration.name_any();
    let step = |verb: &str| format!("kubectl vpc-cni migrate {verb} {name}");
    match migration.phase() {
        Some(MigrationPhase::Planned) if migration.spec.approval.is_none() => vec![step("approve")],
        Some(MigrationPhase::Halted) => vec![step("resume"), step("rollback")],
        Some(MigrationPhase::Paused) => vec![step("resume")],
        phase if phase.is_none_or(MigrationPhase::is_final) => Vec::new(),
        _ => vec![step("watch"), step("pause")],
    }
}
