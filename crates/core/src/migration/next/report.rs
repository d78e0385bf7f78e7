//! The round as a report: numbers, nodes in work, time left, and what stopping here would mean.

use super::drain;
use super::finish::{frozen_for_good, shield_stays};
use super::round::Round;
use super::standing::{Standing, switched_at};
use super::watch::holds;
use crate::migration::plan::Direction;
use crate::migration::plan::estimate::remaining;
use crate::migration::report::{InFlight, Next, Phase, Progress, WaitingFor, WaitsOn};
use crate::migration::state::{Memory, NodeStep, State};
use jiff::SignedDuration;

/// While something was asked for: its effect is looked for soon.
const SOON: SignedDuration = SignedDuration::from_secs(5);
/// While others act; changes wake us earlier.
const LATER: SignedDuration = SignedDuration::from_secs(30);
/// After the end.
const RARELY: SignedDuration = SignedDuration::from_hours(1);

pub(super) fn report(round: Round<'_>, phase: Phase) -> Next {
    let progress = progress(&round);
    let left = progress.old + progress.mixed;
    let again_after = match (phase.is_final(), round.actions.is_empty()) {
        (true, true) => RARELY,
        (false, true) => LATER,
        (_, false) => SOON,
    };
    let stays = match phase {
        Phase::Aborting | Phase::Aborted => stays(&round),
        Phase::Completed => frozen(&round).collect(),
        _ => Vec::new(),
    };
    Next {
        phase,
        progress,
        in_flight: in_flight(&round),
        halt: holds(&round.memory, round.state.resumed).cloned(),
        eta: (!phase.is_final()).then(|| remaining(round.plan, round.memory.stage, left)),
        if_stopped: if_stopped(&round),
        stays,
        again_after,
        actions: round.actions,
        waiting_for: if phase.is_final() {
            None
        } else {
            round.waits.first()
        },
        blocked: round.blocked,
        memory: round.memory,
    }
}

/// A plan without a stage changes nothing; it cannot come from `plan`, and is not acted on.
pub(super) fn without_stages(state: &State, memory: Memory) -> Next {
    Next {
        phase: Phase::Planned,
        actions: Vec::new(),
        waiting_for: Some(WaitingFor {
            on: WaitsOn::Obstacle,
            what: "the plan has no stage".to_owned(),
            who: "a person".to_owned(),
            since: None,
            command: format!("kubectl get cnimigration {} -o yaml", state.name),
        }),
        progress: Progress::default(),
        in_flight: Vec::new(),
        blocked: Vec::new(),
        halt: None,
        eta: None,
        if_stopped: "Nothing was changed.".to_owned(),
        stays: Vec::new(),
        memory,
        again_after: LATER,
    }
}

fn progress(round: &Round<'_>) -> Progress {
    let mut progress = Progress {
        unavailable: round.unavailable,
        surge: round.surge,
        ..Progress::default()
    };
    for (_, view, standing) in round.nodes() {
        // One of the two is enough for a person who counts nodes: the old one, until it has gone.
        let well = matches!(standing, Standing::New | Standing::Young(_));
        if well && round.is_beside_its_old_node(view) {
            continue;
        }
        progress.total += 1;
        match standing {
            Standing::Old | Standing::Forgiven => progress.old += 1,
            Standing::Mixed => progress.mixed += 1,
            Standing::Young(_) => progress.young += 1,
            Standing::New => progress.replaced += 1,
            Standing::Failed(_) => progress.failed += 1,
        }
    }
    for (_, _, record) in round.in_work() {
        match record.step {
            NodeStep::Quarantined => progress.quarantined += 1,
            _ => progress.active += 1,
        }
    }
    progress
}

fn in_flight(round: &Round<'_>) -> Vec<InFlight> {
    let mut nodes: Vec<InFlight> = round
        .in_work()
        .into_iter()
        .map(|(name, view, record)| InFlight {
            node: name.clone(),
            step: record.step,
            since: record.since,
            pods_left: drain::left(view).map(|pods| u32::try_from(pods.len()).unwrap_or(u32::MAX)),
        })
        .collect();
    nodes.sort_by(|a, b| (a.since, &a.node).cmp(&(b.since, &b.node)));
    nodes
}

fn if_stopped(round: &Round<'_>) -> String {
    let old = round.nodes().any(|(_, _, standing)| standing.must_go());
    let mixed = round.nodes().any(|(_, _, standing)| *standing == Standing::Mixed);
    let templates = match round.stage.direction {
        Direction::Shrinking if !round.memory.templates_done.is_empty() => {
            " Groups whose template was changed give nodes with the lower max-pods."
        }
        _ => "",
    };
    match (switched_at(&round.memory, round.stage).is_some(), old, mixed) {
        (false, _, _) => {
            format!("Stopping here is stable: nodes run what they ran, and so does a scale-out.{templates}")
        }
        (true, false, _) => "Stopping here is stable: all nodes are as planned.".to_owned(),
        (true, true, false) => {
            "Stopping here is stable as long as the old nodes are shielded: they keep the old \
                                configuration, and a scale-out gives nodes of the new one."
                .to_owned()
        }
        (true, true, true) => {
            "Stopping here is not stable: mixed nodes promise more pods than they can carry. A \
                               scale-out gives nodes of the new configuration."
                .to_owned()
        }
    }
}

fn frozen(round: &Round<'_>) -> impl Iterator<Item = String> {
    let groups = round.world.groups.iter();
    let frozen = groups.filter(|(group, view)| view.frozen && frozen_for_good(round, group));
    frozen.map(|(group, _)| {
        format!("the maximum of {group}: its template promises more pods than its nodes carry")
    })
}

fn stays(round: &Round<'_>) -> Vec<String> {
    let mut stays = Vec::new();
    if shield_stays(round) {
        stays.push("updateStrategy OnDelete, as long as old nodes are left".to_owned());
    }
    if switched_at(&round.memory, round.stage).is_some() {
        stays.push("the new configuration, for new nodes".to_owned());
    }
    stays.extend(frozen(round));
    let grown = round
        .nodes()
        .filter(|(_, view, _)| view.ours.replaces.is_some())
        .count();
    if grown > 0 {
        stays.push(format!("{grown} replacements whose old nodes stay"));
    }
    stays.extend(
        round
            .memory
            .templates_done
            .iter()
            .map(|group| format!("the template of {group} as changed")),
    );
    stays
}
