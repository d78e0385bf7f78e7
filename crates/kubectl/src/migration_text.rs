//! The plan of a migration as a text, whether the migration exists or is only asked about.

use crate::output::{Cell, Paint, Style, Table, line, wrapped};
use vpccni_api::migration::{PlanStatus, RollbackStatus};
use vpccni_core::plural::counted;

fn number(number: Option<i64>) -> String {
    number.map_or_else(|| "?".to_owned(), |number| number.to_string())
}

fn number_of(number: Option<i64>, one: &str) -> String {
    number.map_or_else(|| format!("? {one}s"), |number| counted(number, one))
}

/// Stages, groups, budget, room and what stands in the way: what an approval is about.
pub(crate) fn plan_text(plan: &PlanStatus, paint: Paint) -> String {
    let mut text = String::new();
    for (number, stage) in plan.stages.iter().flatten().enumerate() {
        text.push_str(&wrapped(&format!("  stage {}  ", number + 1), stage));
    }
    text.push_str(&groups(plan, paint));
    line(
        &mut text,
        &format!(
            "  {}, at most {} away and {} extra at a time; about {}, {} to AWS; {}",
            number_of(plan.nodes, "node"),
            number(plan.max_unavailable),
            number(plan.max_surge),
            plan.eta.as_deref().unwrap_or("an unknown time"),
            number_of(plan.aws_calls, "call"),
            plan.direction.as_deref().unwrap_or("-")
        ),
    );
    text.push_str(&room(plan, paint));
    let lists = [
        ("  obstacle: ", &plan.obstacles),
        ("  note: ", &plan.notes),
        ("  without us: ", &plan.without_us),
    ];
    for (first, sentences) in lists {
        for sentence in sentences.iter().flatten() {
            text.push_str(&wrapped(first, sentence));
        }
    }
    text
}

fn room(plan: &PlanStatus, paint: Paint) -> String {
    let least = plan.min_free_prefixes.as_deref().unwrap_or_default();
    if least.is_empty() {
        return String::new();
    }
    let mut table = Table::new(&["SUBNET", "FEWEST FREE /28", "AT STEP"]);
    for subnet in least {
        let free = number(subnet.free);
        table.row(vec![
            subnet.subnet.clone().unwrap_or_default().into(),
            if subnet.free.is_some_and(|free| free < 0) {
                Cell::styled(format!("{free} (missing)"), Style::Bad)
            } else {
                free.into()
            },
            number(subnet.step).into(),
        ]);
    }
    table.text("  ", paint)
}

fn groups(plan: &PlanStatus, paint: Paint) -> String {
    let groups = plan.groups.as_deref().unwrap_or_default();
    let mut table = Table::new(&["GROUP", "METHOD", "NODES", "WAVES", "MAXPODS", "OWNER HAS TO"]);
    for planned in groups {
        let number = |number: Option<i64>| number.map_or_else(|| "-".to_owned(), |number| number.to_string());
        let name = planned.group.as_ref().map(|group| {
            let provider = group.provider.map_or("-", |provider| provider.as_str());
            format!("{provider}/{}", group.name.as_deref().unwrap_or("-"))
        });
        table.row(vec![
            name.unwrap_or_else(|| "-".to_owned()).into(),
            planned.method.map_or("-", |method| method.as_str()).into(),
            number(planned.nodes).into(),
            number(planned.waves).into(),
            number(planned.max_pods).into(),
            planned.owner.clone().unwrap_or_else(|| "-".to_owned()).into(),
        ]);
    }
    table.text("  ", paint) + &more(plan.groups_total, groups.len())
}

/// How many a list that is cut off does not show.
pub(crate) fn more(total: Option<i64>, shown: usize) -> String {
    let shown = i64::try_from(shown).unwrap_or(i64::MAX);
    match total.unwrap_or_default().saturating_sub(shown) {
        more if more > 0 => format!("  and {more} more\n"),
        _ => String::new(),
    }
}

/// Whether there is a way back, and what it would take.
pub(crate) fn way_back_text(back: &RollbackStatus) -> String {
    let feasible = match back.feasible {
        Some(true) => "feasible",
        Some(false) => "not feasible now",
        None => "not known",
    };
    let mut text = String::new();
    line(
        &mut text,
        &format!(
            "  {feasible}: {}, about {}",
            counted(back.nodes.unwrap_or_default(), "node"),
            back.eta.as_deref().unwrap_or("an unknown time")
        ),
    );
    for why in back.blocked_by.iter().flatten() {
        text.push_str(&wrapped("  blocked by ", why));
    }
    text
}
