//! Rules of security groups: kept, shown and checked against each other. What they let through is not modelled.

use super::World;
use crate::error::{ApiError, Code};
use std::fmt;
use vpccni_core::ids::SecurityGroupId;

/// AWS's default quota of rules in one direction.
const MAX_RULES: usize = 60;

/// Who is let in or out.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Peer {
    /// An IPv4 network.
    V4(String),
    /// An IPv6 network.
    V6(String),
    /// The members of a group.
    Group(SecurityGroupId),
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::V4(cidr) | Self::V6(cidr) => f.write_str(cidr),
            Self::Group(id) => write!(f, "{id}"),
        }
    }
}

/// What of them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Traffic {
    /// `tcp`, `udp`, `icmp`, `icmpv6`, a number, or `-1` for everything.
    pub protocol: String,
    /// First and last port, or type and code; none where the protocol has none or all are meant.
    pub ports: Option<(i32, i32)>,
}

/// A rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// Its id.
    pub id: String,
    /// Outgoing traffic.
    pub egress: bool,
    /// What traffic.
    pub traffic: Traffic,
    /// From or to whom.
    pub peer: Peer,
    /// Its description.
    pub description: Option<String>,
}

/// A rule that is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewRule {
    /// What traffic.
    pub traffic: Traffic,
    /// From or to whom.
    pub peer: Peer,
    /// A description.
    pub description: Option<String>,
}

impl NewRule {
    /// Everything, to anywhere: what a new group lets out.
    pub(super) fn everything(peer: Peer) -> Self {
        Self {
            traffic: Traffic {
                protocol: "-1".to_owned(),
                ports: None,
            },
            peer,
            description: None,
        }
    }

    /// Whether a rule says the same; the description does not count.
    fn is(&self, rule: &Rule) -> bool {
        self.traffic == rule.traffic && self.peer == rule.peer
    }
}

impl World {
    /// Adds rules to a group, or none of them.
    pub fn authorize(
        &mut self,
        id: &SecurityGroupId,
        egress: bool,
        rules: &[NewRule],
    ) -> Result<Vec<Rule>, ApiError> {
        let group = self.group(id)?;
        for (index, rule) in rules.iter().enumerate() {
            let again = rules
                .iter()
                .take(index)
                .any(|other| other.traffic == rule.traffic && other.peer == rule.peer);
            if again || group.in_direction(egress).any(|known| rule.is(known)) {
                return Err(ApiError::new(
                    Code::InvalidPermissionDuplicate,
                    format!("the specified rule \"{}\" already exists", words(rule)),
                ));
            }
            if let Peer::Group(peer) = &rule.peer
                && self.group(peer)?.vpc != group.vpc
            {
                return Err(ApiError::value(format!(
                    "You have specified two resources that belong to different networks: {id} and {peer}"
                )));
            }
        }
        if group.in_direction(egress).count() + rules.len() > MAX_RULES {
            return Err(ApiError::new(
                Code::RulesPerSecurityGroupLimitExceeded,
                "The maximum number of rules per security group has been reached.",
            ));
        }
        let made: Vec<Rule> = rules.iter().map(|rule| self.new_rule(egress, rule)).collect();
        if let Some(group) = self.groups.get_mut(id) {
            group.rules.extend(made.clone());
        }
        Ok(made)
    }

    pub(super) fn new_rule(&mut self, egress: bool, rule: &NewRule) -> Rule {
        Rule {
            id: self.random.id("sgr"),
            egress,
            traffic: rule.traffic.clone(),
            peer: rule.peer.clone(),
            description: rule.description.clone(),
        }
    }

    /// Takes rules away, by what they say or by their ids, or none of them.
    pub fn revoke(
        &mut self,
        id: &SecurityGroupId,
        egress: bool,
        rules: &[NewRule],
        ids: &[String],
    ) -> Result<Vec<Rule>, ApiError> {
        let group = self.group(id)?;
        let mut gone = Vec::new();
        for rule in rules {
            let known = group.in_direction(egress).find(|known| rule.is(known));
            gone.push(known.cloned().ok_or_else(|| {
                ApiError::new(
                    Code::InvalidPermissionNotFound,
                    "The specified rule does not exist in this security group.",
                )
            })?);
        }
        for wanted in ids {
            let known = group.in_direction(egress).find(|known| known.id == *wanted);
            gone.push(known.cloned().ok_or_else(|| {
                ApiError::new(
                    Code::InvalidRuleNotFound,
                    format!("The security group rule ID '{wanted}' does not exist"),
                )
            })?);
        }
        if let Some(group) = self.groups.get_mut(id) {
            group.rules.retain(|rule| !gone.contains(rule));
        }
        Ok(gone)
    }
}

fn words(rule: &NewRule) -> String {
    let Traffic { protocol, ports } = &rule.traffic;
    let protocol = if protocol == "-1" { "ALL" } else { protocol };
    let ports = ports.map_or_else(String::new, |(first, last)| {
        format!(", from port: {first}, to port: {last}")
    });
    format!("peer: {}, {}{ports}, ALLOW", rule.peer, protocol.to_uppercase())
}
