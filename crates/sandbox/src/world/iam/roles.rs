//! Roles.

use super::document::PolicyDocument;
use super::{check_name, check_path, check_tags, conflict, exists, no_such};
use crate::error::{ApiError, Code};
use crate::world::{ACCOUNT, Tags, World};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};

/// AWS's default and bounds of a session, in seconds.
const SESSION: u32 = 3600;
const SESSIONS: std::ops::RangeInclusive<u32> = 3600..=43_200;

/// A role.
#[derive(Debug, Clone)]
pub struct Role {
    /// Its name.
    pub name: String,
    /// Its path.
    pub path: String,
    /// Its id.
    pub id: String,
    /// Its ARN.
    pub arn: String,
    /// Since when.
    pub created: Timestamp,
    /// Who may assume it; kept and shown, not enforced.
    pub trust: PolicyDocument,
    /// What it says of itself.
    pub description: Option<String>,
    /// The longest session, in seconds.
    pub max_session: u32,
    /// Its tags.
    pub tags: Tags,
    /// The ARNs of the managed policies that it has.
    pub attached: BTreeSet<String>,
    /// Its own policies by name.
    pub inline: BTreeMap<String, PolicyDocument>,
}

/// What CreateRole asks for.
#[derive(Debug, Clone)]
pub struct NewRole {
    /// The name.
    pub name: String,
    /// The path; `/` where none is given.
    pub path: Option<String>,
    /// Who may assume it.
    pub trust: String,
    /// What it says of itself.
    pub description: Option<String>,
    /// The longest session, in seconds.
    pub max_session: Option<u32>,
    /// Tags.
    pub tags: Tags,
}

impl World {
    /// Makes a role.
    pub fn create_role(&mut self, new: NewRole) -> Result<&Role, ApiError> {
        check_name("roleName", &new.name, 64)?;
        let path = new.path.unwrap_or_else(|| "/".to_owned());
        check_path(&path)?;
        check_tags(&new.tags)?;
        let max_session = new.max_session.unwrap_or(SESSION);
        if !SESSIONS.contains(&max_session) {
            return Err(ApiError::new(
                Code::Validation,
                format!(
                    "MaxSessionDuration must be between {} and {}",
                    SESSIONS.start(),
                    SESSIONS.end()
                ),
            ));
        }
        let name = new.name;
        // Names are unique without regard to case.
        if self
            .iam
            .roles
            .keys()
            .any(|known| known.eq_ignore_ascii_case(&name))
        {
            return Err(exists(format!("Role with name {name} already exists.")));
        }
        let role = Role {
            id: self.iam_id("AROA"),
            arn: format!("arn:aws:iam::{ACCOUNT}:role{path}{name}"),
            path,
            created: self.now,
            trust: PolicyDocument::parse(&new.trust)?,
            description: new.description,
            max_session,
            tags: new.tags,
            attached: BTreeSet::new(),
            inline: BTreeMap::new(),
            name: name.clone(),
        };
        Ok(self.iam.roles.entry(name).or_insert(role))
    }

    /// A role.
    pub fn role(&self, name: &str) -> Result<&Role, ApiError> {
        self.iam.roles.get(name).ok_or_else(|| no_role(name))
    }

    pub(super) fn role_mut(&mut self, name: &str) -> Result<&mut Role, ApiError> {
        self.iam.roles.get_mut(name).ok_or_else(|| no_role(name))
    }

    /// The role of an ARN.
    pub fn role_of_arn(&self, arn: &str) -> Option<&Role> {
        self.iam.roles.values().find(|role| role.arn == arn)
    }

    /// Deletes a role that has nothing and is in no profile.
    pub fn delete_role(&mut self, name: &str) -> Result<(), ApiError> {
        let role = self.role(name)?;
        if !role.attached.is_empty() {
            return Err(conflict("Cannot delete entity, must detach all policies first."));
        }
        if !role.inline.is_empty() {
            return Err(conflict("Cannot delete entity, must delete policies first."));
        }
        if self
            .iam
            .profiles
            .values()
            .any(|profile| profile.role.as_deref() == Some(name))
        {
            return Err(conflict(
                "Cannot delete entity, must remove roles from instance profile first.",
            ));
        }
        self.iam.roles.remove(name);
        Ok(())
    }
}

fn no_role(name: &str) -> ApiError {
    no_such(format!("The role with name {name} cannot be found."))
}
