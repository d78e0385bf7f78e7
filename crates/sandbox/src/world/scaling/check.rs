//! What always holds of Auto Scaling groups.

use super::members::Lifecycle;
use crate::world::{InstanceState, World};

impl World {
    /// What does not hold of groups, in words.
    pub(in crate::world) fn scaling_violations(&self) -> Vec<String> {
        let mut found = Vec::new();
        for (name, group) in &self.scaling.groups {
            if !(group.min..=group.max).contains(&group.desired) {
                found.push(format!("{name} desires {} outside its bounds", group.desired));
            }
            for (id, member) in &group.members {
                if self.scaling.owners.get(id) != Some(name) {
                    found.push(format!("{id} is a member of {name}, and the books do not know"));
                }
                let gone = self
                    .instances
                    .get(id)
                    .is_none_or(|instance| instance.state == InstanceState::Terminated);
                let held = member.lifecycle == Lifecycle::TerminatingWait;
                if gone && member.lifecycle.is_ending() && !held && group.next_step.is_none() {
                    found.push(format!("{id} is gone, and {name} waits for its end"));
                }
            }
        }
        for (id, name) in &self.scaling.owners {
            let known = self
                .scaling
                .groups
                .get(name)
                .is_some_and(|g| g.members.contains_key(id));
            if !known {
                found.push(format!(
                    "the books say that {id} is a member of {name}, which does not know it"
                ));
            }
        }
        found
    }
}
