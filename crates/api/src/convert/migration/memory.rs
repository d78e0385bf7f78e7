//! What a migration remembers between rounds.

use super::group::{node_group, node_group_of};
use super::halt::halt_of;
use crate::migration::{GroupSizeStatus, HaltStatus, MemoryStatus, SwitchedStatus};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use vpccni_core::migration::{Baseline, ConfigId, Memory, Switched, Wanted};
use vpccni_core::safety::NodeGroup;

fn small(value: Option<i64>) -> u32 {
    value
        .and_then(|value| u32::try_from(value).ok())
        .unwrap_or_default()
}

/// As it is stored; the halt has a field of its own.
pub fn memory(memory: &Memory) -> MemoryStatus {
    let Memory {
        started,
        going_back,
        stage,
        switched,
        templates_done,
        updates_begun,
        sizes,
        canaries_well,
        canaries_passed,
        stopped,
        baseline,
        halt: _,
        shield_losses,
        shield_seen,
        ended,
    } = memory;
    let switched = switched.iter().map(|switched| SwitchedStatus {
        to: Some(switched.to.to_string()),
        at: Some(Time(switched.at)),
    });
    MemoryStatus {
        started: started.map(Time),
        going_back: Some(*going_back),
        stage: Some(i64::from(*stage)),
        switched: Some(switched.collect()),
        templates_done: Some(templates_done.iter().map(node_group).collect()),
        updates_begun: Some(updates_begun.iter().map(node_group).collect()),
        sizes: Some(sizes.iter().map(size).collect()),
        canaries_well: canaries_well.map(Time),
        canaries_passed: Some(*canaries_passed),
        stopped: stopped.map(Time),
        pods_pending_long: baseline.map(|baseline| i64::from(baseline.pods_pending_long)),
        baseline_at: baseline.map(|baseline| Time(baseline.at)),
        shield_losses: Some(i64::from(*shield_losses)),
        shield_seen: Some(*shield_seen),
        ended: ended.map(Time),
    }
}

fn size((group, books): (&NodeGroup, &Wanted)) -> GroupSizeStatus {
    let Wanted {
        nodes,
        seen,
        asked,
        going,
    } = *books;
    GroupSizeStatus {
        group: Some(node_group(group)),
        wanted: Some(i64::from(nodes)),
        seen: Some(i64::from(seen)),
        asked: Some(i64::from(asked)),
        going: Some(i64::from(going)),
    }
}

/// A row that lacks something is none: it is made anew from what is seen.
fn size_of(row: &GroupSizeStatus) -> Option<(NodeGroup, Wanted)> {
    let GroupSizeStatus {
        group,
        wanted,
        seen,
        asked,
        going,
    } = row;
    let number = |value: &Option<i64>| u32::try_from((*value)?).ok();
    let books = Wanted {
        nodes: number(wanted)?,
        seen: number(seen)?,
        asked: number(asked)?,
        going: number(going)?,
    };
    Some((node_group_of(group.as_ref()?), books))
}

/// What was stored.
pub fn memory_of(memory: Option<&MemoryStatus>, halt: Option<&HaltStatus>) -> Memory {
    let Some(memory) = memory else {
        return Memory {
            halt: halt.and_then(halt_of),
            ..Memory::default()
        };
    };
    let MemoryStatus {
        started,
        going_back,
        stage,
        switched,
        templates_done,
        updates_begun,
        sizes,
        canaries_well,
        canaries_passed,
        stopped,
        pods_pending_long,
        baseline_at,
        shield_losses,
        shield_seen,
        ended,
    } = memory;
    let time = |time: &Option<Time>| time.as_ref().map(|time| time.0);
    let switched = switched.iter().flatten().filter_map(|row| {
        Some(Switched {
            to: ConfigId(row.to.clone()?),
            at: row.at.as_ref()?.0,
        })
    });
    Memory {
        started: time(started),
        going_back: going_back.unwrap_or_default(),
        stage: small(*stage),
        switched: switched.collect(),
        templates_done: templates_done.iter().flatten().map(node_group_of).collect(),
        updates_begun: updates_begun.iter().flatten().map(node_group_of).collect(),
        sizes: sizes.iter().flatten().filter_map(size_of).collect(),
        canaries_well: time(canaries_well),
        canaries_passed: canaries_passed.unwrap_or_default(),
        stopped: time(stopped),
        baseline: time(baseline_at).map(|at| Baseline {
            pods_pending_long: small(*pods_pending_long),
            at,
        }),
        halt: halt.and_then(halt_of),
        shield_losses: small(*shield_losses),
        shield_seen: shield_seen.unwrap_or_default(),
        ended: time(ended),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use vpccni_core::safety::Provider;

    #[test]
    fn a_memory_comes_back_as_it_was() {
        let at = |text: &str| Some(text.parse().unwrap());
        let group = NodeGroup {
            provider: Provider::Karpenter,
            name: "default".to_owned(),
        };
        let before = Memory {
            started: at("2026-11-21T20:00:00Z"),
            going_back: true,
            stage: 1,
            switched: vec![Switched {
                to: ConfigId("0123456789ab".to_owned()),
                at: "2026-11-21T20:01:00Z".parse().unwrap(),
            }],
            templates_done: [group.clone()].into(),
            updates_begun: [group.clone()].into(),
            sizes: [(
                group,
                Wanted {
                    nodes: 3,
                    seen: 5,
                    asked: 6,
                    going: 2,
                },
            )]
            .into(),
            canaries_well: at("2026-11-21T20:02:00Z"),
            canaries_passed: true,
            stopped: at("2026-11-21T20:03:00Z"),
            baseline: Some(Baseline {
                pods_pending_long: 3,
                at: "2026-11-21T20:00:00Z".parse().unwrap(),
            }),
            halt: None,
            shield_losses: 2,
            shield_seen: true,
            ended: at("2026-11-21T20:04:00Z"),
        };
        assert_eq!(memory_of(Some(&memory(&before)), None), before);
        assert_eq!(memory_of(None, None), Memory::default());
        assert_eq!(
            memory_of(Some(&memory(&Memory::default())), None),
            Memory::default()
        );
    }
}
