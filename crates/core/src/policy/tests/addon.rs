//! The configuration carried by the EKS managed add-on.

use super::scene::{carry_out, edit, name, text, world};
use crate::config::Key;
use crate::known::Known;
use crate::policy::*;
use crate::version::CniVersion;
use std::collections::BTreeMap;

fn version(text: &str) -> CniVersion {
    CniVersion::parse(text).unwrap()
}

/// A policy whose carrier is an add-on with an empty document; EKS owns everything that is there.
fn carried(settings: &[(Key, &str)]) -> PolicyWorld {
    let mut world = world(settings);
    let target = world.target.as_mut().unwrap();
    for seen in target.settings.values_mut() {
        seen.owners = vec![Owner {
            manager: "eks".to_owned(),
            class: ManagerClass::Eks,
        }];
    }
    target.version = Known::Yes(version("v1.22.4-eksbuild.3"));
    target.addon = AddonState::Carries(AddonCarrier {
        name: "add-on vpc-cni of prod".to_owned(),
        writer: AddonWriter::Operator,
        version: Known::Yes(version("v1.22.4-eksbuild.3")),
        busy: None,
        issues: Vec::new(),
        document: BTreeMap::new(),
        offered: Known::Yes(vec![
            version("v1.20.4-eksbuild.2"),
            version("v1.22.4-eksbuild.3"),
            version("v1.23.0-eksbuild.1"),
        ]),
    });
    world
}

fn addon(world: &mut PolicyWorld) -> &mut AddonCarrier {
    match &mut world.target.as_mut().unwrap().addon {
        AddonState::Carries(addon) => addon,
        other => panic!("{other:?}"),
    }
}

/// One round: whose the keys are is seen anew, as the observer does.
fn decide(world: &mut PolicyWorld) -> PolicyPlan {
    let recorded = world.record.settings.clone();
    owners_through_addon(world.target.as_mut().unwrap(), &recorded);
    plan(world)
}

fn conditions(world: &PolicyWorld, plan: &PolicyPlan) -> BTreeMap<&'static str, (&'static str, String)> {
    let cloud = CloudView::Observed(String::new());
    let said = report(
        world,
        plan,
        &Outcomes::default(),
        &cloud,
        &EniConfigsView::NotUsed,
    );
    let row = |condition: Condition| (condition.kind, (condition.reason, condition.message));
    said.conditions.into_iter().map(row).collect()
}

#[test]
fn a_safe_change_is_one_update_and_then_nothing() {
    let mut world = carried(&[(Key::WarmEniTarget, "2"), (Key::WarmPrefixTarget, "2")]);
    let planned = decide(&mut world);
    let [
        Action::UpdateAddon {
            set,
            unset,
            version: None,
            overwrite: false,
            ..
        },
    ] = planned.steps.as_slice()
    else {
        panic!("{:?}", planned.steps);
    };
    let expected = [
        (name(Key::WarmEniTarget), text("2")),
        (name(Key::WarmPrefixTarget), text("2")),
    ];
    assert_eq!(*set, expected.into());
    assert!(unset.is_empty());
    carry_out(&mut world, &planned);
    let settled = decide(&mut world);
    assert_eq!(settled.steps, Vec::new());
    assert_eq!(conditions(&world, &settled)["ConfigApplied"].0, "Applied");
    // A new value of the policy is no drift, however often it comes.
    for warm in ["3", "4", "5", "6"] {
        world.intent.settings.insert(name(Key::WarmEniTarget), text(warm));
        let planned = decide(&mut world);
        assert_eq!(planned.verdict.differs[0].kind, RowKind::Write, "{warm}");
        carry_out(&mut world, &planned);
    }
}

#[test]
fn an_unsafe_change_is_refused_as_for_a_daemon_set() {
    let mut world = carried(&[(Key::EnablePrefixDelegation, "true")]);
    let planned = decide(&mut world);
    assert_eq!(planned.steps, Vec::new());
    assert!(planned.verdict.refused);
}

#[test]
fn what_is_no_longer_named_stays_in_the_document() {
    let mut world = carried(&[(Key::WarmEniTarget, "2")]);
    let planned = decide(&mut world);
    carry_out(&mut world, &planned);
    world.intent.settings.clear();
    let planned = decide(&mut world);
    assert_eq!(planned.steps, Vec::new());
    carry_out(&mut world, &planned);
    let addon = addon(&mut world);
    assert_eq!(addon.document[&name(Key::WarmEniTarget)], text("2"));
}

#[test]
fn removing_takes_it_out_of_the_document() {
    let mut world = carried(&[]);
    addon(&mut world)
        .document
        .insert(name(Key::WarmEniTarget), text("1"));
    world.intent.unset.insert(name(Key::WarmEniTarget));
    let planned = decide(&mut world);
    let [Action::UpdateAddon { unset, .. }] = planned.steps.as_slice() else {
        panic!("{:?}", planned.steps);
    };
    assert_eq!(*unset, [name(Key::WarmEniTarget)].into());
    carry_out(&mut world, &planned);
    assert_eq!(decide(&mut world).steps, Vec::new());
}

#[test]
fn a_default_of_eks_is_not_removed_and_a_document_is_not_sent_twice() {
    let mut world = carried(&[]);
    world.intent.unset.insert(name(Key::WarmEniTarget));
    assert_eq!(decide(&mut world).steps, Vec::new());
    let mut world = carried(&[(Key::WarmEniTarget, "2")]);
    addon(&mut world)
        .document
        .insert(name(Key::WarmEniTarget), text("2"));
    let planned = decide(&mut world);
    assert_eq!(planned.steps, Vec::new());
    let said = conditions(&world, &planned);
    assert_eq!(said["ConfigApplied"].0, "AddonUpdating");
    assert!(said["ConfigApplied"].1.contains("WARM_ENI_TARGET=2"), "{said:?}");
}

#[test]
fn while_eks_works_on_it_everything_waits() {
    let mut world = carried(&[(Key::WarmEniTarget, "2")]);
    addon(&mut world).busy = Some("EKS says UPDATING; it takes one update at a time".to_owned());
    let planned = decide(&mut world);
    assert_eq!(planned.steps, Vec::new());
    assert_eq!(planned.verdict.pending[0].why, Why::AddonBusy);
    let said = conditions(&world, &planned);
    assert_eq!(said["ConfigApplied"].0, "AddonUpdating");
    assert_eq!(said["Reconciling"].0, "AddonUpdating");
}

#[test]
fn an_external_writer_is_waited_for() {
    let mut world = carried(&[(Key::WarmEniTarget, "2")]);
    addon(&mut world).writer = AddonWriter::External;
    let planned = decide(&mut world);
    assert_eq!(planned.steps, Vec::new());
    let said = conditions(&world, &planned);
    assert_eq!(said["ConfigApplied"].0, "WaitingForWriter");
    assert!(said["ConfigApplied"].1.contains("WARM_ENI_TARGET=2"), "{said:?}");
}

#[test]
fn what_the_document_has_no_place_for_is_said() {
    let mut world = carried(&[(Key::WarmEniTarget, "2"), (Key::AgentProfiling, "true")]);
    world.target.as_mut().unwrap().has_agent = true;
    let planned = decide(&mut world);
    let [Action::UpdateAddon { set, .. }] = planned.steps.as_slice() else {
        panic!("{:?}", planned.steps);
    };
    assert_eq!(set.keys().collect::<Vec<_>>(), [&name(Key::WarmEniTarget)]);
    let said = conditions(&world, &planned);
    assert_eq!(said["ConfigApplied"].0, "NotInAddonDocument");
    assert!(said["ConfigApplied"].1.contains("--enable-profiling"), "{said:?}");
}

#[test]
fn what_somebody_else_wrote_into_the_document_is_taken_with_a_word() {
    let mut world = carried(&[(Key::WarmEniTarget, "2")]);
    addon(&mut world)
        .document
        .insert(name(Key::WarmEniTarget), text("1"));
    let planned = decide(&mut world);
    assert!(matches!(planned.verdict.differs[0].kind, RowKind::TakeOver(_)));
    assert!(matches!(
        planned.steps[0],
        Action::UpdateAddon { overwrite: false, .. }
    ));
}

#[test]
fn what_others_put_into_the_daemon_set_is_overwritten_where_it_is_ours_and_else_left() {
    let mut world = carried(&[(Key::WarmEniTarget, "2")]);
    let planned = decide(&mut world);
    carry_out(&mut world, &planned);
    edit(&mut world, Key::WarmEniTarget, "7", "kubectl-edit");
    let planned = decide(&mut world);
    assert!(matches!(planned.verdict.differs[0].kind, RowKind::Drift(_)));
    assert!(matches!(
        planned.steps[0],
        Action::UpdateAddon { overwrite: true, .. }
    ));
    let mut world = carried(&[(Key::WarmEniTarget, "2")]);
    world.intent.take_over_from.clear();
    edit(&mut world, Key::WarmEniTarget, "7", "kubectl-edit");
    let planned = decide(&mut world);
    assert!(matches!(planned.verdict.differs[0].kind, RowKind::Blocked(_)));
    assert_eq!(planned.steps, Vec::new());
}

#[test]
fn the_version_is_set_and_reviewed() {
    let mut world = carried(&[]);
    world.intent.version = Some(version("v1.23.0"));
    let planned = decide(&mut world);
    let [Action::UpdateAddon { version: to, .. }] = planned.steps.as_slice() else {
        panic!("{:?}", planned.steps);
    };
    assert_eq!(*to, Some(version("v1.23.0-eksbuild.1")));
    world.intent.version = Some(version("v1.99.0"));
    let planned = decide(&mut world);
    assert_eq!(planned.steps, Vec::new());
    let said = &conditions(&world, &planned)["ConfigApplied"];
    assert_eq!(said.0, "VersionMismatch");
    assert!(
        said.1.contains("does not offer") && said.1.contains("v1.23.0-eksbuild.1"),
        "{said:?}"
    );
}

#[test]
fn the_version_waits_for_the_window() {
    let mut world = carried(&[]);
    world.intent.version = Some(version("v1.23.0"));
    world.intent.window = Window::Closed("2026-11-22T02:00:00Z".to_owned());
    let planned = decide(&mut world);
    assert_eq!(planned.steps, Vec::new());
    let said = &conditions(&world, &planned)["ConfigApplied"];
    assert_eq!(said.0, "WaitingForWindow");
    assert_eq!(
        said.1,
        "outside the rollout window (2026-11-22T02:00:00Z): version v1.23.0-eksbuild.1 to come"
    );
    world.intent.window = Window::Open;
    assert_eq!(decide(&mut world).steps.len(), 1);
}

#[test]
fn nothing_of_an_add_on_is_released_because_nothing_is_held() {
    let mut world = carried(&[(Key::WarmEniTarget, "2")]);
    let planned = decide(&mut world);
    carry_out(&mut world, &planned);
    let mut target = world.target.clone().unwrap();
    target.addon = AddonState::Absent;
    assert_eq!(release(&target), Vec::new());
}
