//! What to do now: pure, total, from nothing but what is recorded and seen.
//!
//! A round first looks whether something stops it, then takes every node that is in work one step further, or gives it
//! back, then selects new ones. Records and memory come before deeds: a deed is only asked for in a round that sees the
//! record that allows it, so that a crash at any point loses time and nothing else.

mod advance;
mod arrivals;
mod drain;
mod finish;
mod give_back;
mod prepare;
mod report;
mod round;
mod select;
mod sizes;
mod standing;
mod templates;
mod waiting;
mod watch;

use super::plan::{MigrationPlan, Stage};
use super::report::{Next, Phase};
use super::settings::OnWindowEnd;
use super::state::{Baseline, Desired, Memory, NodeStep, State};
use super::world::World;
use crate::ids::NodeName;
use crate::plural::counted;
use jiff::Timestamp;
use round::{Leave, Round};
use std::collections::BTreeSet;
use waiting::Rank;

/// The next round of a migration.
pub fn next(state: &State, world: &World, now: Timestamp) -> Next {
    let plan = state.active_plan();
    let mut memory = state.memory.clone();
    turn_back(state, &mut memory);
    watch::answer(state, world, &mut memory);
    let Some(stage) = stage(plan, &memory) else {
        return report::without_stages(state, memory);
    };
    let mut round = Round::new(state, world, now, (plan, stage), memory);
    give_back::strays(&mut round);
    let phase = decide(&mut round);
    report::report(round, phase)
}

/// The stage that is worked on; after the end the last one, which the nodes are measured by.
fn stage<'a>(plan: &'a MigrationPlan, memory: &Memory) -> Option<&'a Stage> {
    let index = usize::try_from(memory.stage).unwrap_or(usize::MAX);
    plan.stages.get(index).or_else(|| plan.stages.last())
}

/// On the way back the reversed plan is worked on from its beginning.
fn turn_back(state: &State, memory: &mut Memory) {
    let begun = memory.started.is_some() && memory.ended.is_none();
    if state.desired == Desired::RollBack && !memory.going_back && begun && state.back.is_some() {
        memory.going_back = true;
        memory.stage = 0;
        next_stage(memory);
    }
}

fn next_stage(memory: &mut Memory) {
    memory.templates_done.clear();
    memory.updates_begun.clear();
    memory.canaries_well = None;
    memory.canaries_passed = false;
}

fn decide(round: &mut Round<'_>) -> Phase {
    let desired = round.state.desired;
    if round.state.memory.ended.is_some() {
        return ended(round);
    }
    let never_began = round.state.memory.started.is_none();
    let phase = match desired {
        Desired::Abort => abort(round),
        Desired::RollBack if never_began => abort(round),
        _ if never_began => planned(round),
        _ => run(round),
    };
    // Said at once: a wish that comes after the end must not make another end of it.
    if round.memory.ended.is_some() {
        return ended(round);
    }
    phase
}

/// How it ended.
fn ended(round: &Round<'_>) -> Phase {
    match round.state.desired {
        Desired::Abort => Phase::Aborted,
        _ if round.state.goes_back() => Phase::RolledBack,
        _ => Phase::Completed,
    }
}

/// Waits for what stands in its way, for approval and for the window; then it begins.
fn planned(round: &mut Round<'_>) -> Phase {
    let name = round.state.name.clone();
    for obstacle in &round.plan.obstacles {
        let command = format!("kubectl vpc-cni migrate show {name}");
        round
            .waits
            .add(Rank::Obstacle, obstacle.to_string(), "a person", None, command);
    }
    let approved = is_covered(round);
    if round.state.desired == Desired::Pause {
        paused(round, "it is paused".to_owned());
    }
    if !round.world.window.open {
        let what = format!("it starts in a window; {}", round.world.window.text);
        wait_for_window(round, what);
    }
    let free =
        round.plan.obstacles.is_empty() && round.world.window.open && round.state.desired == Desired::Run;
    if approved && free {
        round.memory.started = Some(round.now);
        round.memory.baseline = Some(Baseline {
            pods_pending_long: round.world.pods_pending_long,
            at: round.now,
        });
    }
    Phase::Planned
}

/// Whether the approval covers what is planned. The way back was asked for as such.
fn is_covered(round: &mut Round<'_>) -> bool {
    if round.state.goes_back() {
        return true;
    }
    let name = round.state.name.clone();
    let command = format!("kubectl vpc-cni migrate approve {name}");
    let Some(approval) = &round.state.approval else {
        let plan = &round.state.plan;
        let (hash, nodes, groups) = (plan.hash.short(), plan.nodes, plan.groups.len());
        let (nodes, groups) = (counted(nodes, "node"), counted(groups, "group"));
        let what = format!("the plan {hash}, {nodes} in {groups}, waits for approval");
        round.waits.add(
            Rank::Approval,
            what,
            "a person with the verb approve",
            None,
            command,
        );
        return false;
    };
    let nodes = replaced_or_left(round);
    match approval.covers(&round.state.plan, nodes, round.now) {
        Ok(()) => true,
        Err(why) => {
            round.waits.add(
                Rank::Approval,
                why.to_string(),
                "a person with the verb approve",
                None,
                command,
            );
            false
        }
    }
}

/// Nodes that were replaced, and those that still have to be. A replacement and the node it replaces are one, as long as
/// both are there.
fn replaced_or_left(round: &Round<'_>) -> u32 {
    let (mut counted, mut arrived) = (0_usize, 0_usize);
    for (_, view, standing) in round.nodes() {
        let new = round.is_made_new(view, standing);
        let pair = round.is_beside_its_old_node(view);
        counted += usize::from(standing.must_go() || new && !pair);
        arrived += usize::from(new && view.ours.replaces.is_none());
    }
    let replaced: BTreeSet<&NodeName> = round
        .nodes()
        .filter_map(|(_, view, _)| view.ours.replaces.as_ref())
        .collect();
    // New nodes come before anybody can say whose place they take.
    let waiting = round.in_work().into_iter().filter(|(name, _, record)| {
        let asked = record.grow_to.is_some() || record.step == NodeStep::Selected;
        asked && round.standing(name).must_go() && !replaced.contains(name)
    });
    let pairs = arrived.min(waiting.count());
    u32::try_from(counted - pairs.min(counted)).unwrap_or(u32::MAX)
}

fn abort(round: &mut Round<'_>) -> Phase {
    round.leave.abort = true;
    give_back::give_back(round);
    if finish::put_back(round) && round.in_work().is_empty() && round.actions.is_empty() {
        round.memory.ended = Some(round.now);
    }
    Phase::Aborting
}

fn run(round: &mut Round<'_>) -> Phase {
    watch::watch(round);
    sizes::look(round);
    let stopped = leave(round);
    let ready = prepare::prepare(round);
    if round.leave.go_on {
        round.memory.stopped = None;
        advance::advance(round);
        select::canaries(round);
    } else {
        give_back::give_back(round);
    }
    if ready && round.leave.begin {
        select::select(round);
    }
    let done = finish::stage_is_done(round);
    if ready && done && round.leave.begin {
        end_of_stage(round);
    }
    stopped.unwrap_or_else(|| phase(round, ready))
}

/// What may be done in this round; the phase where something stops it.
fn leave(round: &mut Round<'_>) -> Option<Phase> {
    let covered = is_covered(round);
    let halt = watch::holds(&round.memory, round.state.resumed).cloned();
    let (desired, window) = (round.state.desired, &round.world.window);
    let uncordon = round.plan.settings.on_window_end == OnWindowEnd::Uncordon;
    let no_way_back = round.state.goes_back() && round.state.back.is_none();
    round.leave = Leave {
        begin: halt.is_none() && desired != Desired::Pause && window.open && covered && !no_way_back,
        go_on: halt.is_none() && desired != Desired::Pause && (window.open || !uncordon) && !no_way_back,
        abort: false,
    };
    let name = round.state.name.clone();
    if let Some(halt) = halt {
        let what = format!("it halted: {}", halt.reason);
        let look = halt.reason.look();
        let command = format!("{look}; once it is mended: kubectl vpc-cni migrate resume {name}");
        round
            .waits
            .add(Rank::Halted, what, "a person", Some(halt.since), command);
        return Some(Phase::Halted);
    }
    if desired == Desired::Pause {
        paused(round, "it is paused".to_owned());
        return Some(Phase::Paused);
    }
    if no_way_back {
        paused(round, "the way back is not planned yet".to_owned());
        return Some(Phase::Paused);
    }
    if !window.open {
        let what = format!("the window is closed; {}", window.text);
        wait_for_window(round, what);
    }
    let idle = round.in_work().is_empty() || !round.leave.go_on;
    (idle && (!round.world.window.open || !covered)).then_some(Phase::Paused)
}

fn wait_for_window(round: &mut Round<'_>, what: String) {
    let command = "kubectl get cnipolicy default -o jsonpath={.spec.migration.windows}";
    round
        .waits
        .add(Rank::Window, what, "nobody, it goes on by itself", None, command);
}

fn paused(round: &mut Round<'_>, what: String) {
    let command = format!("kubectl vpc-cni migrate resume {}", round.state.name);
    give_back::say_paused(round, what, "a person", command);
}

fn end_of_stage(round: &mut Round<'_>) {
    let last = usize::try_from(round.memory.stage)
        .unwrap_or(usize::MAX)
        .saturating_add(1)
        >= round.plan.stages.len();
    if last {
        if finish::put_back(round) && round.actions.is_empty() {
            round.memory.ended = Some(round.now);
        }
    } else if finish::unguard(round) && round.actions.is_empty() {
        round.memory.stage += 1;
        next_stage(&mut round.memory);
    }
}

fn phase(round: &Round<'_>, ready: bool) -> Phase {
    if round.state.goes_back() {
        return Phase::RollingBack;
    }
    let old = round.nodes().any(|(_, _, standing)| standing.must_go());
    let begun = !round.in_work().is_empty();
    match (ready, round.memory.canaries_passed, old) {
        (false, false, _) if !begun => Phase::Approved,
        (true, false, true) if !begun && round.actions.is_empty() => Phase::Prepared,
        (_, false, true) => Phase::Canary,
        (_, _, true) => Phase::Rolling,
        (_, _, false) => Phase::Verifying,
    }
}
