//! The planner against a small target that keeps owners as server-side apply does.

mod addon;
mod properties;
mod scene;

use super::*;
use crate::config::{Key, Place};
use crate::known::Known;
use crate::safety::{Acceptance, EniFacts, NodeGroup, NodeMode, Provider};
use scene::{carry_out, edit, name, settled, text, value, world};
use std::collections::BTreeSet;

#[test]
fn observing_writes_nothing_and_says_what_would_change() {
    let mut world = world(&[(Key::WarmEniTarget, "2")]);
    world.intent.state = ManagementState::Observe;
    let plan = plan(&world);
    assert_eq!(plan.steps, Vec::new());
    let row = &plan.verdict.differs[0];
    assert_eq!(
        (row.from.clone(), row.to.clone()),
        (Some(text("1")), Some(text("2")))
    );
    assert!(matches!(row.kind, RowKind::TakeOver(_)));
}

#[test]
fn a_safe_change_is_taken_over_and_applied_once() {
    let mut world = world(&[(Key::WarmEniTarget, "2")]);
    let first = plan(&world);
    assert!(matches!(first.steps.as_slice(), [Action::Apply { .. }]));
    carry_out(&mut world, &first);
    assert_eq!(value(&world, Key::WarmEniTarget), Some("2".to_owned()));
    assert_eq!(plan(&world).steps, Vec::new());
}

#[test]
fn keys_of_others_are_left() {
    let mut world = world(&[(Key::WarmEniTarget, "2")]);
    world.intent.take_over_from.clear();
    let blocked = plan(&world);
    assert_eq!(blocked.steps, Vec::new());
    assert!(matches!(blocked.verdict.differs[0].kind, RowKind::Blocked(_)));
    world.intent.take_over_from = vec!["argocd".to_owned()];
    edit(&mut world, Key::WarmEniTarget, "1", "argocd-controller");
    assert!(matches!(
        plan(&world).verdict.differs[0].kind,
        RowKind::Blocked(_)
    ));
}

#[test]
fn a_template_that_promises_too_much_is_named_before_its_group_grows() {
    let mut world = settled(&[(Key::WarmEniTarget, "2")]);
    let group = world.seen.nodes[0].group.clone();
    let aligned = |world: &PolicyWorld| {
        let (plan, cloud) = (plan(world), CloudView::Observed(String::new()));
        let said = report(
            world,
            &plan,
            &Outcomes::default(),
            &cloud,
            &EniConfigsView::NotUsed,
        );
        let mut conditions = said.conditions.into_iter();
        let found = conditions
            .find(|condition| condition.kind == "MaxPodsAligned")
            .unwrap();
        (found.reason, found.message)
    };
    let mut with = |template: Known<Option<u32>>| {
        world.templates.insert(group.clone(), template);
        aligned(&world)
    };
    for fine in [
        Known::Yes(Some(29)),
        Known::Yes(None),
        Known::Unknown("denied".to_owned()),
    ] {
        assert_eq!(with(fine).0, "Aligned");
    }
    let (reason, message) = with(Known::Yes(Some(110)));
    assert_eq!(reason, "TemplateOverCommitted");
    let named = format!("the template of {group} gives its next node 110 pods, and its types carry 29");
    assert!(message.contains(&named), "{message}");
    world.templates.insert(
        NodeGroup {
            provider: Provider::Karpenter,
            name: "empty".to_owned(),
        },
        Known::Yes(Some(500)),
    );
    assert!(!aligned(&world).1.contains("empty"), "its types are not known");
}

#[test]
fn the_same_value_in_other_words_is_no_change() {
    let mut world = world(&[(Key::EnableIpv4, "true")]);
    edit(&mut world, Key::EnableIpv4, "T", "kubectl-edit");
    assert_eq!(plan(&world).verdict.differs, Vec::new());
}

#[test]
fn a_removed_field_keeps_its_value_under_the_released_manager() {
    let mut world = settled(&[(Key::WarmEniTarget, "2"), (Key::WarmIpTarget, "4")]);
    world.intent.settings.remove(&name(Key::WarmIpTarget));
    let leaving = plan(&world);
    assert!(matches!(
        leaving.steps.as_slice(),
        [Action::HandToReleased { .. }, Action::Apply { .. }]
    ));
    carry_out(&mut world, &leaving);
    assert_eq!(value(&world, Key::WarmIpTarget), Some("4".to_owned()));
    assert!(leaving.verdict.released.contains(&name(Key::WarmIpTarget)));
    assert_eq!(plan(&world).steps, Vec::new());
    let seen = &world.target.as_ref().unwrap().settings[&name(Key::WarmIpTarget)];
    assert!(!seen.is_ours());
}

#[test]
fn unset_removes_a_variable() {
    let mut world = world(&[]);
    world.intent.unset.insert(name(Key::WarmEniTarget));
    let unset = plan(&world);
    carry_out(&mut world, &unset);
    assert_eq!(value(&world, Key::WarmEniTarget), None);
    assert_eq!(plan(&world).steps, Vec::new());
}

#[test]
fn an_unsafe_change_is_refused_whole_and_the_applied_stays_enforced() {
    let mut world = settled(&[(Key::WarmEniTarget, "2")]);
    world
        .intent
        .settings
        .insert(name(Key::EnablePrefixDelegation), text("true"));
    world.intent.settings.insert(name(Key::WarmEniTarget), text("3"));
    let refused = plan(&world);
    assert!(refused.verdict.refused);
    assert_eq!(refused.steps, Vec::new());
    assert_eq!(refused.verdict.pending.len(), 2);
    edit(&mut world, Key::WarmEniTarget, "7", "kubectl-edit");
    let corrected = plan(&world);
    carry_out(&mut world, &corrected);
    assert_eq!(value(&world, Key::WarmEniTarget), Some("2".to_owned()));
    assert_eq!(
        value(&world, Key::EnablePrefixDelegation),
        Some("false".to_owned())
    );
}

#[test]
fn safe_first_applies_what_no_finding_names() {
    let mut world = world(&[(Key::EnablePrefixDelegation, "true"), (Key::WarmEniTarget, "3")]);
    world.intent.apply_mode = ApplyMode::SafeFirst;
    let plan = plan(&world);
    carry_out(&mut world, &plan);
    assert_eq!(value(&world, Key::WarmEniTarget), Some("3".to_owned()));
    assert_eq!(
        value(&world, Key::EnablePrefixDelegation),
        Some("false".to_owned())
    );
    let waiting: Vec<String> = plan
        .verdict
        .pending
        .iter()
        .map(|pending| pending.name.to_string())
        .collect();
    assert_eq!(waiting, ["ENABLE_PREFIX_DELEGATION"]);
}

#[test]
fn an_accepted_finding_lets_the_change_through() {
    let mut world = world(&[(Key::EnablePrefixDelegation, "true")]);
    let refused = plan(&world);
    let hash = refused.verdict.change_hash.clone().unwrap();
    let rules: BTreeSet<_> = refused
        .verdict
        .review
        .findings
        .iter()
        .map(|finding| finding.rule)
        .collect();
    world.intent.accept = rules
        .iter()
        .map(|rule| Acceptance {
            rule: rule.0.to_owned(),
            change_hash: hash.clone(),
            reason: "tested".to_owned(),
            until: 10,
        })
        .collect();
    assert!(!plan(&world).verdict.refused);
    world.now = 11;
    assert!(plan(&world).verdict.refused);
}

#[test]
fn drift_is_corrected_but_not_when_that_would_be_unsafe() {
    let mut world = settled(&[(Key::WarmEniTarget, "2"), (Key::EnablePrefixDelegation, "false")]);
    edit(&mut world, Key::WarmEniTarget, "9", "kubectl-edit");
    let corrected = plan(&world);
    assert!(matches!(corrected.verdict.differs[0].kind, RowKind::Drift(_)));
    carry_out(&mut world, &corrected);
    assert_eq!(value(&world, Key::WarmEniTarget), Some("2".to_owned()));
    edit(&mut world, Key::EnablePrefixDelegation, "true", "kubectl-edit");
    let node = &mut world.seen.nodes[0];
    node.mode = NodeMode::Mixed;
    node.enis = Known::Yes(EniFacts {
        attached: 1,
        secondary_ips: 8,
        prefixes: 1,
        ..EniFacts::default()
    });
    let held = plan(&world);
    assert_eq!(held.steps, Vec::new());
    assert_eq!(held.verdict.held.len(), 1);
    assert!(!held.verdict.refused, "the policy asked for nothing new");
}

#[test]
fn breaking_the_glass_suspends_and_taking_it_back_resumes() {
    let mut world = settled(&[(Key::WarmEniTarget, "2")]);
    edit(&mut world, Key::WarmEniTarget, "9", "kubectl-edit");
    world.target.as_mut().unwrap().break_glass = Some("incident-7".to_owned());
    let suspended = plan(&world);
    assert_eq!(suspended.steps, Vec::new());
    assert_eq!(
        suspended.verdict.suspended[&name(Key::WarmEniTarget)].by,
        "kubectl-edit"
    );
    let settings = world.record.settings.clone();
    carry_out(&mut world, &suspended);
    world.record.settings = settings;
    assert_eq!(plan(&world).steps, Vec::new());
    world.target.as_mut().unwrap().break_glass = None;
    let resumed = plan(&world);
    carry_out(&mut world, &resumed);
    assert_eq!(value(&world, Key::WarmEniTarget), Some("2".to_owned()));
}

#[test]
fn a_fight_is_given_up() {
    let mut world = settled(&[(Key::WarmEniTarget, "2")]);
    edit(&mut world, Key::WarmEniTarget, "1", "argocd-controller");
    world
        .fights
        .reverted
        .insert(name(Key::WarmEniTarget), ("argocd-controller".to_owned(), 3));
    let plan = plan(&world);
    assert_eq!(plan.steps, Vec::new());
    assert!(matches!(plan.verdict.differs[0].kind, RowKind::Fought(_, 3)));
}

#[test]
fn a_closed_window_holds_a_restart() {
    let mut world = world(&[(Key::WarmEniTarget, "2")]);
    world.intent.window = Window::Closed("2026-11-22T02:00:00Z".to_owned());
    let plan = plan(&world);
    assert_eq!(plan.steps, Vec::new());
    assert_eq!(plan.verdict.pending[0].why, Why::OutsideWindow);
}

#[test]
fn a_rollout_that_crash_loops_is_stopped_until_the_policy_changes() {
    let mut world = settled(&[(Key::WarmEniTarget, "2")]);
    let hash = plan(&world).verdict.hash;
    let rollout = &mut world.target.as_mut().unwrap().rollout;
    rollout.updated = 1;
    rollout.unavailable = 1;
    rollout.crash_looping = vec!["aws-node-x: aws-node CrashLoopBackOff".to_owned()];
    let stopped = plan(&world);
    assert!(matches!(stopped.steps.as_slice(), [Action::StopRollout { .. }]));
    carry_out(&mut world, &stopped);
    world.target.as_mut().unwrap().rollout.on_delete = true;
    world.record.stalled_hash = Some(hash);
    assert_eq!(plan(&world).steps, Vec::new());
    world.intent.settings.insert(name(Key::WarmEniTarget), text("1"));
    assert!(matches!(
        plan(&world).steps.as_slice(),
        [Action::ResumeRollout, Action::Apply { .. }]
    ));
}

#[test]
fn a_stalled_configuration_is_remembered_until_it_is_left_behind() {
    let mut world = settled(&[(Key::WarmEniTarget, "2")]);
    assert_eq!(world.stalled_after("new", true), Some("new".to_owned()));
    assert_eq!(world.stalled_after("new", false), None);
    world.record.stalled_hash = Some("old".to_owned());
    // A cache that does not show yet that its rollout is stopped.
    assert_eq!(world.stalled_after("old", false), Some("old".to_owned()));
    assert_eq!(world.stalled_after("new", false), None);
    world.target.as_mut().unwrap().stopped_strategy = Some("{}".to_owned());
    assert_eq!(world.stalled_after("new", false), Some("old".to_owned()));
}

#[test]
fn releasing_leaves_every_value_and_no_owner_of_ours() {
    let mut world = settled(&[(Key::WarmEniTarget, "2")]);
    let steps = release(world.target.as_ref().unwrap());
    carry_out(
        &mut world,
        &PolicyPlan {
            steps,
            verdict: Verdict::default(),
        },
    );
    assert_eq!(value(&world, Key::WarmEniTarget), Some("2".to_owned()));
    let target = world.target.as_ref().unwrap();
    assert!(!target.settings.values().any(Seen::is_ours));
    assert_eq!(release(target), Vec::new());
}

#[test]
fn keys_of_the_add_on_are_never_taken_while_it_is_there() {
    let mut world = world(&[(Key::WarmEniTarget, "2")]);
    world.intent.take_over_from = vec!["eks".to_owned()];
    edit(&mut world, Key::WarmEniTarget, "1", "eks");
    world.target.as_mut().unwrap().addon = AddonState::Present("v1.23.0-eksbuild.1".to_owned());
    assert!(matches!(
        plan(&world).verdict.differs[0].kind,
        RowKind::Blocked(_)
    ));
    world.target.as_mut().unwrap().addon = AddonState::Absent;
    assert!(matches!(
        plan(&world).verdict.differs[0].kind,
        RowKind::TakeOver(_)
    ));
}

#[test]
fn without_a_target_nothing_is_planned_and_the_report_says_so() {
    let mut world = world(&[(Key::WarmEniTarget, "2")]);
    world.target = None;
    let planned = plan(&world);
    assert_eq!(planned.steps, Vec::new());
    let cloud = CloudView::Observed(String::new());
    let report = report(
        &world,
        &planned,
        &Outcomes::default(),
        &cloud,
        &EniConfigsView::NotUsed,
    );
    let stalled = report
        .conditions
        .iter()
        .find(|condition| condition.kind == "Stalled")
        .unwrap();
    assert_eq!(
        (stalled.status, stalled.reason),
        (ConditionStatus::True, "TargetNotFound")
    );
}

#[test]
fn places_are_told_apart() {
    let init = SettingName {
        place: Place::Init,
        name: "ENABLE_IPv6".to_owned(),
    };
    assert_eq!(init.key(), Some(Key::InitEnableIpv6));
}
