//! What was true a while ago: EC2's describes are eventually consistent, and metadata services learn late. Only as
//! much of the past is kept as the longest of these delays asks for, which is nothing at all by default.

use super::{Instance, Interface, SecurityGroup, Subnet, World};
use jiff::Timestamp;
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;
use vpccni_core::ids::{EniId, InstanceId, SecurityGroupId, SubnetId};

/// Former states of one kind of resource, each with the moment it ended; none stands for "was not there".
#[derive(Debug)]
struct Former<K, V> {
    ended: BTreeMap<K, VecDeque<(Timestamp, Option<V>)>>,
    order: VecDeque<(Timestamp, K)>,
}

impl<K, V> Default for Former<K, V> {
    fn default() -> Self {
        Self {
            ended: BTreeMap::new(),
            order: VecDeque::new(),
        }
    }
}

impl<K: Ord + Clone, V> Former<K, V> {
    /// A state ends now. Of several changes at one moment only the first ends something that anybody saw.
    fn end(&mut self, id: &K, before: Option<V>, now: Timestamp) {
        let states = self.ended.entry(id.clone()).or_default();
        if states.back().is_none_or(|(end, _)| *end < now) {
            states.push_back((now, before));
            self.order.push_back((now, id.clone()));
        }
    }

    fn forget_before(&mut self, oldest: Timestamp) {
        while let Some((end, id)) = self.order.front() {
            if *end > oldest {
                break;
            }
            if let Some(states) = self.ended.get_mut(id) {
                states.pop_front();
                if states.is_empty() {
                    self.ended.remove(id);
                }
            }
            self.order.pop_front();
        }
    }

    /// What it was at a moment; the outer none means that it has not changed since.
    #[expect(
        clippy::option_option,
        reason = "that it was not there is not that it has not changed"
    )]
    fn at(&self, id: &K, time: Timestamp) -> Option<Option<&V>> {
        let states = self.ended.get(id)?;
        let (_, state) = states.iter().find(|(end, _)| *end > time)?;
        Some(state.as_ref())
    }
}

impl<K: Ord + Clone, V: Clone> Former<K, V> {
    /// Puts the states of a moment into a map; gives what they replaced.
    fn put(&self, live: &mut BTreeMap<K, V>, time: Timestamp) -> Vec<(K, Option<V>)> {
        let mut replaced = Vec::new();
        for id in self.ended.keys() {
            if let Some(then) = self.at(id, time) {
                replaced.push((id.clone(), exchange(live, id, then.cloned())));
            }
        }
        replaced
    }
}

fn exchange<K: Ord + Clone, V>(live: &mut BTreeMap<K, V>, id: &K, state: Option<V>) -> Option<V> {
    match state {
        Some(state) => live.insert(id.clone(), state),
        None => live.remove(id),
    }
}

fn put_back<K: Ord + Clone, V>(live: &mut BTreeMap<K, V>, replaced: Vec<(K, Option<V>)>) {
    for (id, state) in replaced {
        // What takes its place again was a copy.
        drop(exchange(live, &id, state));
    }
}

/// The part of the past that somebody may still ask for.
#[derive(Debug, Default)]
pub(super) struct Past {
    keep: Duration,
    interfaces: Former<EniId, Interface>,
    instances: Former<InstanceId, Instance>,
    subnets: Former<SubnetId, Subnet>,
    groups: Former<SecurityGroupId, SecurityGroup>,
}

impl Past {
    fn forget(&mut self, now: Timestamp) {
        let oldest = now.checked_sub(self.keep).unwrap_or(Timestamp::MIN);
        self.interfaces.forget_before(oldest);
        self.instances.forget_before(oldest);
        self.subnets.forget_before(oldest);
        self.groups.forget_before(oldest);
    }
}

impl World {
    /// From now on so much of the past is kept, or more where more was asked for before.
    pub fn keep_past(&mut self, keep: Duration) {
        self.past.keep = self.past.keep.max(keep);
    }

    /// An interface is about to change, appear or vanish.
    pub(super) fn note_interface(&mut self, id: &EniId) {
        if !self.past.keep.is_zero() {
            self.past.forget(self.now);
            let before = self.interfaces.get(id).cloned();
            self.past.interfaces.end(id, before, self.now);
        }
    }

    /// An instance is about to change, appear or vanish.
    pub(super) fn note_instance(&mut self, id: &InstanceId) {
        if !self.past.keep.is_zero() {
            self.past.forget(self.now);
            let before = self.instances.get(id).cloned();
            self.past.instances.end(id, before, self.now);
        }
    }

    /// A subnet appears.
    pub(super) fn note_new_subnet(&mut self, id: &SubnetId) {
        if !self.past.keep.is_zero() {
            self.past.subnets.end(id, None, self.now);
        }
    }

    /// A security group appears.
    pub(super) fn note_new_group(&mut self, id: &SecurityGroupId) {
        if !self.past.keep.is_zero() {
            self.past.groups.end(id, None, self.now);
        }
    }

    /// An interface as it was so long ago.
    pub(super) fn interface_before(&self, id: &EniId, ago: Duration) -> Option<&Interface> {
        let time = self.now.checked_sub(ago).unwrap_or(Timestamp::MIN);
        match self.past.interfaces.at(id, time) {
            Some(then) => then,
            None => self.interfaces.get(id),
        }
    }

    /// The interfaces that changed of late.
    pub(super) fn changed_interfaces(&self) -> impl Iterator<Item = &EniId> {
        self.past.interfaces.ended.keys()
    }

    /// Looks at the world as it was so long ago: interfaces and instances in their states of then, and without the
    /// subnets and groups that are younger. What looks must not change anything.
    pub fn as_of<R>(&mut self, age: Duration, look: impl FnOnce(&mut Self) -> R) -> R {
        if age.is_zero() || self.past.keep.is_zero() {
            return look(self);
        }
        let time = self.now.checked_sub(age).unwrap_or(Timestamp::MIN);
        self.past.forget(self.now);
        let past = std::mem::take(&mut self.past);
        let interfaces = past.interfaces.put(&mut self.interfaces, time);
        let instances = past.instances.put(&mut self.instances, time);
        let subnets = past.subnets.put(&mut self.subnets, time);
        let groups = past.groups.put(&mut self.groups, time);
        let seen = look(self);
        put_back(&mut self.interfaces, interfaces);
        put_back(&mut self.instances, instances);
        put_back(&mut self.subnets, subnets);
        put_back(&mut self.groups, groups);
        self.past = past;
        seen
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn a_moment_has_the_state_that_ended_after_it() {
        let mut former: Former<u8, &str> = Former::default();
        former.end(&1, None, at(10));
        former.end(&1, Some("young"), at(20));
        former.end(&1, Some("changed in the same moment"), at(20));
        assert_eq!(former.at(&1, at(5)), Some(None));
        assert_eq!(former.at(&1, at(10)), Some(Some(&"young")));
        assert_eq!(former.at(&1, at(20)), None);
        let mut live = BTreeMap::from([(1, "old"), (2, "other")]);
        let replaced = former.put(&mut live, at(9));
        assert_eq!(live, BTreeMap::from([(2, "other")]));
        put_back(&mut live, replaced);
        assert_eq!(live, BTreeMap::from([(1, "old"), (2, "other")]));
    }

    #[test]
    fn what_is_too_old_is_forgotten() {
        let mut former: Former<u8, &str> = Former::default();
        former.end(&1, None, at(10));
        former.end(&1, Some("a"), at(20));
        former.forget_before(at(10));
        assert_eq!(former.at(&1, at(5)), Some(Some(&"a")));
        former.forget_before(at(20));
        assert!(former.ended.is_empty() && former.order.is_empty());
    }
}
