//! The nodes a violation is about, by group, as subjects and as words: a finding over 57 nodes names groups and numbers.

use super::finding::{Subject, SubjectKind};
use super::world::{NodeFacts, NodePodFacts, World};
use std::collections::BTreeMap;

/// Groups a message lists before it says how many more there are.
const GROUPS_NAMED: usize = 5;
/// Nodes a message names as examples.
const NODES_NAMED: usize = 3;

/// Nodes by group: never empty, and the order they came in cannot be seen.
#[derive(Debug, Clone)]
pub(super) struct Affected<'a>(BTreeMap<&'a str, Vec<&'a NodeFacts>>);

impl<'a> Affected<'a> {
    /// The nodes, none where there are none.
    pub(super) fn of(nodes: impl IntoIterator<Item = &'a NodeFacts>) -> Option<Self> {
        let mut groups: BTreeMap<&str, Vec<&NodeFacts>> = BTreeMap::new();
        for node in nodes {
            let name = node.group.name.as_str();
            let name = if name.is_empty() { "ungrouped" } else { name };
            groups.entry(name).or_default().push(node);
        }
        for nodes in groups.values_mut() {
            nodes.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        }
        (!groups.is_empty()).then_some(Self(groups))
    }

    /// Nodes that take part and for which the test holds.
    pub(super) fn among(world: &'a World, test: impl Fn(&NodeFacts) -> bool) -> Option<Self> {
        Self::of(taking_part(world).filter(|node| test(node)))
    }

    pub(super) fn nodes(&self) -> usize {
        self.0.values().map(Vec::len).sum()
    }

    /// One subject a group.
    pub(super) fn subjects(&self) -> Vec<Subject> {
        let subject = |(name, nodes): (&&str, &Vec<_>)| subject(SubjectKind::NodeGroup, *name, nodes.len());
        self.0.iter().map(subject).collect()
    }

    /// `57 nodes (blue 40, green 17; such as ip-a, ip-b, ip-c)`.
    pub(super) fn phrase(&self) -> String {
        let groups = self.listed(|name, nodes| format!("{name} {}", nodes.len()), ", ");
        let mut names: Vec<&str> = self.0.values().flatten().map(|node| node.name.as_str()).collect();
        names.sort_unstable();
        let such_as = if names.len() > NODES_NAMED { "such as " } else { "" };
        names.truncate(NODES_NAMED);
        format!(
            "{} ({groups}; {such_as}{})",
            counted(self.nodes(), "node"),
            names.join(", ")
        )
    }

    /// One clause a group, for the groups that are listed.
    pub(super) fn listed(&self, describe: impl Fn(&str, &[&NodeFacts]) -> String, separator: &str) -> String {
        let mut clauses: Vec<String> = self
            .0
            .iter()
            .take(GROUPS_NAMED)
            .map(|(name, nodes)| describe(name, nodes))
            .collect();
        if self.0.len() > GROUPS_NAMED {
            clauses.push(format!(
                "and {}",
                counted(self.0.len() - GROUPS_NAMED, "more group")
            ));
        }
        clauses.join(separator)
    }
}

/// Nodes on which aws-node runs.
pub(super) fn taking_part(world: &World) -> impl Iterator<Item = &NodeFacts> {
    world.nodes.iter().filter(|node| node.takes_part())
}

/// So many of a sort of pods on the nodes that take part, as far as they could be read.
pub(super) fn pods_in(world: &World, sort: impl Fn(&NodePodFacts) -> u32) -> String {
    let pods = taking_part(world).filter_map(|node| node.pods.as_option());
    counted(pods.map(|pods| u64::from(sort(pods))).sum::<u64>(), "pod")
}

/// `1 node`, `57 nodes`, `2 policies`.
pub(super) fn counted(count: impl TryInto<u64>, noun: &str) -> String {
    let count = count.try_into().unwrap_or(u64::MAX);
    match (count, noun.strip_suffix('y')) {
        (1, _) => format!("1 {noun}"),
        (_, Some(stem)) => format!("{count} {stem}ies"),
        (_, None) if noun.ends_with('s') => format!("{count} {noun}es"),
        _ => format!("{count} {noun}s"),
    }
}

/// `29`, or `29 to 110`.
pub(super) fn range(values: impl Iterator<Item = u32> + Clone) -> Option<String> {
    let (least, most) = (values.clone().min()?, values.max()?);
    Some(if least == most {
        least.to_string()
    } else {
        format!("{least} to {most}")
    })
}

/// A subject that stands for so many.
pub(super) fn subject(kind: SubjectKind, name: impl Into<String>, count: usize) -> Subject {
    Subject {
        kind,
        name: name.into(),
        count: u32::try_from(count).unwrap_or(u32::MAX),
    }
}

/// A subject that is a single thing.
#[expect(
    clippy::needless_pass_by_value,
    reason = "keys are Copy, ids come as references, literals as they \
                                                   are"
)]
pub(super) fn single(kind: SubjectKind, name: impl ToString) -> Subject {
    subject(kind, name.to_string(), 1)
}
