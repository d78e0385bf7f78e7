//! Security groups: existence, name and VPC. Their rules are in `rules`.

use super::{NewRule, Peer, Rule, Tags, World, tags};
use crate::error::{ApiError, Code};
use vpccni_core::ids::{SecurityGroupId, VpcId};

/// AWS's default quota of groups on one interface.
const MAX_PER_INTERFACE: usize = 5;

/// A security group.
#[derive(Debug, Clone)]
pub struct SecurityGroup {
    /// Its id.
    pub id: SecurityGroupId,
    /// Its name, unique in the VPC.
    pub name: String,
    /// Its description.
    pub description: String,
    /// Its VPC.
    pub vpc: VpcId,
    /// The account that owns it.
    pub owner: String,
    /// Its rules.
    pub rules: Vec<Rule>,
    /// Its tags.
    pub tags: Tags,
}

impl SecurityGroup {
    /// Its rules for traffic in one direction.
    pub fn in_direction(&self, egress: bool) -> impl Iterator<Item = &Rule> {
        self.rules.iter().filter(move |rule| rule.egress == egress)
    }
}

impl World {
    /// Makes a group.
    pub fn create_group(
        &mut self,
        vpc: &VpcId,
        name: &str,
        description: &str,
        tags: Tags,
    ) -> Result<SecurityGroupId, ApiError> {
        self.vpc(vpc)?;
        tags::check(&tags)?;
        if name.starts_with("sg-") {
            return Err(ApiError::value(format!(
                "Value ({name}) for parameter groupName is invalid."
            )));
        }
        if self.groups.values().any(|g| g.vpc == *vpc && g.name == name) {
            return Err(ApiError::new(
                Code::InvalidGroupDuplicate,
                format!("The security group '{name}' already exists for VPC '{vpc}'"),
            ));
        }
        let id = self.new_id("sg", SecurityGroupId::parse)?;
        // A new group lets everything out; the default one also lets its own members in.
        let out = NewRule::everything(Peer::V4("0.0.0.0/0".to_owned()));
        let mut rules = vec![self.new_rule(true, &out)];
        if name == "default" {
            let members = NewRule::everything(Peer::Group(id.clone()));
            rules.push(self.new_rule(false, &members));
        }
        self.note_new_group(&id);
        let group = SecurityGroup {
            id: id.clone(),
            name: name.to_owned(),
            description: description.to_owned(),
            vpc: vpc.clone(),
            owner: self.caller.account.clone(),
            rules,
            tags,
        };
        self.groups.insert(id.clone(), group);
        Ok(id)
    }

    /// Deletes a group that no interface has and no other group names.
    pub fn delete_group(&mut self, id: &SecurityGroupId) -> Result<(), ApiError> {
        let group = self.group(id)?;
        if group.name == "default" {
            return Err(ApiError::new(
                Code::CannotDelete,
                format!("the specified group: \"{id}\" name: \"default\" cannot be deleted by a user"),
            ));
        }
        let named = |other: &SecurityGroup| {
            other.id != *id
                && other
                    .rules
                    .iter()
                    .any(|rule| rule.peer == Peer::Group(id.clone()))
        };
        let used = self
            .interfaces
            .values()
            .any(|interface| interface.groups.contains(id));
        if used || self.groups.values().any(named) {
            return Err(ApiError::new(
                Code::DependencyViolation,
                format!("resource {id} has a dependent object"),
            ));
        }
        self.groups.remove(id);
        Ok(())
    }

    pub(crate) fn group(&self, id: &SecurityGroupId) -> Result<&SecurityGroup, ApiError> {
        let found = self.groups.get(id).filter(|g| g.owner == self.caller.account);
        found.ok_or_else(|| {
            ApiError::new(
                Code::InvalidGroupNotFound,
                format!("The security group '{id}' does not exist"),
            )
        })
    }

    /// The groups of a new interface: those that were asked for, all of the same VPC, or the default one.
    pub(super) fn groups_for(
        &self,
        vpc: &VpcId,
        asked: &[SecurityGroupId],
    ) -> Result<Vec<SecurityGroupId>, ApiError> {
        if asked.is_empty() {
            let default = self
                .groups
                .values()
                .find(|g| g.vpc == *vpc && g.name == "default" && g.owner == self.caller.account);
            // Whoever a subnet is shared with has no default group in its VPC, and must name one.
            let default = default.ok_or_else(|| ApiError::missing("SecurityGroupId"))?;
            return Ok(vec![default.id.clone()]);
        }
        if asked.len() > MAX_PER_INTERFACE {
            return Err(ApiError::new(
                Code::SecurityGroupsPerInterfaceLimitExceeded,
                "The maximum number of security groups per interface has been reached.",
            ));
        }
        for id in asked {
            if self.group(id)?.vpc != *vpc {
                return Err(ApiError::value(format!(
                    "Security group {id} and the subnet belong to different networks."
                )));
            }
        }
        Ok(asked.to_vec())
    }
}
