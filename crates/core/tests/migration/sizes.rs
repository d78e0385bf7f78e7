//! Groups end as large as their owners want them, and budgets are not part of themselves.

use super::cluster::{Cluster, asg};
use vpccni_core::migration::{Desired, NodeStep, Phase, Share};

/// To the end, with a person who answers every halt.
fn to_the_end(cluster: &mut Cluster) -> Phase {
    let mut phase = Phase::Planned;
    cluster.until(|_, next| next.phase == Phase::Halted || next.phase.is_final());
    for _ in 0..9 {
        cluster.resumed = Some(cluster.now);
        phase = cluster
            .until(|_, next| next.phase == Phase::Halted || next.phase.is_final() && next.actions.is_empty())
            .phase;
        if phase.is_final() {
            break;
        }
    }
    phase
}

#[test]
fn new_nodes_that_fail_leave_their_group_as_large_as_it_was() {
    let mut cluster = Cluster::approved(&[(asg(), 4)], true);
    cluster.groups.get_mut(&asg()).unwrap().broken = true;
    cluster.until(|_, next| next.phase == Phase::Halted);
    cluster.groups.get_mut(&asg()).unwrap().broken = false;
    assert_eq!(to_the_end(&mut cluster), Phase::Completed);
    assert_eq!(cluster.sizes(), 4, "{}", cluster.log.join("\n"));
}

#[test]
fn a_way_back_uses_up_what_was_asked_for_on_the_way_there() {
    let mut cluster = Cluster::approved(&[(asg(), 4)], true);
    cluster.until_at(NodeStep::ReplacementReady);
    cluster.desired = Desired::RollBack;
    assert_eq!(to_the_end(&mut cluster), Phase::RolledBack);
    assert_eq!(cluster.sizes(), 4, "{}", cluster.log.join("\n"));
}

#[test]
fn a_node_that_is_lost_while_it_waits_is_made_good_once() {
    let mut cluster = Cluster::approved(&[(asg(), 4)], true);
    let waits = cluster.until_at(NodeStep::Selected);
    cluster.until(|cluster, _| cluster.sizes() == 5);
    cluster.ends(&waits, 60);
    assert_eq!(to_the_end(&mut cluster), Phase::Completed);
    assert_eq!(cluster.sizes(), 4, "{}", cluster.log.join("\n"));
}

#[test]
fn a_size_that_its_owner_changes_stays_changed() {
    for change in [1, -1] {
        let mut cluster = Cluster::approved(&[(asg(), 4)], true);
        cluster
            .until(|cluster, _| cluster.memory.canaries_passed && cluster.at(NodeStep::Selected).is_empty());
        let group = cluster.groups.get_mut(&asg()).unwrap();
        group.desired = group.desired.saturating_add_signed(change);
        if change < 0 {
            let spare = cluster
                .nodes
                .iter()
                .find(|(_, node)| node.new && node.gone_at.is_none());
            let spare = spare.unwrap().0.clone();
            cluster.ends(&spare, 0);
        }
        assert_eq!(to_the_end(&mut cluster), Phase::Completed);
        let size = 4_u32.saturating_add_signed(change);
        assert_eq!(cluster.sizes(), size, "{}", cluster.log.join("\n"));
    }
}

#[test]
fn a_percentage_is_not_of_the_nodes_it_adds() {
    let mut cluster = Cluster::approved(&[(asg(), 9)], true);
    cluster.settings.budget.unavailable = Share::Percent(20);
    cluster.settings.budget.surge = Share::Percent(20);
    cluster.approve();
    let most = std::cell::Cell::new(0);
    cluster.until(|_, next| {
        most.set(most.get().max(next.progress.surge));
        next.phase.is_final()
    });
    assert_eq!(most.get(), 1, "{}", cluster.log.join("\n"));
}
