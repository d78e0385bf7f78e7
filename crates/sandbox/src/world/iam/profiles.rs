//! Instance profiles: how an instance gets a role.

use super::{check_name, check_path, check_tags, conflict, exists, no_such};
use crate::error::{ApiError, Code};
use crate::world::{ACCOUNT, Tags, World};
use jiff::Timestamp;

/// An instance profile.
#[derive(Debug, Clone)]
pub struct InstanceProfile {
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
    /// The name of its role; there is one at most.
    pub role: Option<String>,
    /// Its tags.
    pub tags: Tags,
}

/// What CreateInstanceProfile asks for.
#[derive(Debug, Clone)]
pub struct NewProfile {
    /// The name.
    pub name: String,
    /// The path; `/` where none is given.
    pub path: Option<String>,
    /// Tags.
    pub tags: Tags,
}

impl World {
    /// Makes an instance profile without a role.
    pub fn create_profile(&mut self, new: NewProfile) -> Result<&InstanceProfile, ApiError> {
        check_name("instanceProfileName", &new.name, 128)?;
        let path = new.path.unwrap_or_else(|| "/".to_owned());
        check_path(&path)?;
        check_tags(&new.tags)?;
        let name = new.name;
        if self
            .iam
            .profiles
            .keys()
            .any(|known| known.eq_ignore_ascii_case(&name))
        {
            return Err(exists(format!("Instance Profile {name} already exists.")));
        }
        let profile = InstanceProfile {
            id: self.iam_id("AIPA"),
            arn: format!("arn:aws:iam::{ACCOUNT}:instance-profile{path}{name}"),
            path,
            created: self.now,
            role: None,
            tags: new.tags,
            name: name.clone(),
        };
        Ok(self.iam.profiles.entry(name).or_insert(profile))
    }

    /// An instance profile.
    pub fn profile(&self, name: &str) -> Result<&InstanceProfile, ApiError> {
        self.iam.profiles.get(name).ok_or_else(|| no_profile(name))
    }

    fn profile_mut(&mut self, name: &str) -> Result<&mut InstanceProfile, ApiError> {
        self.iam.profiles.get_mut(name).ok_or_else(|| no_profile(name))
    }

    /// The role of the instance profile of an ARN.
    pub fn role_of_profile(&self, arn: &str) -> Option<&super::Role> {
        let profile = self.iam.profiles.values().find(|profile| profile.arn == arn)?;
        self.iam.roles.get(profile.role.as_ref()?)
    }

    /// Deletes an instance profile without a role.
    pub fn delete_profile(&mut self, name: &str) -> Result<(), ApiError> {
        if self.profile(name)?.role.is_some() {
            return Err(conflict(
                "Cannot delete entity, must remove roles from instance profile first.",
            ));
        }
        self.iam.profiles.remove(name);
        Ok(())
    }

    /// Gives an instance profile its role.
    pub fn add_role_to_profile(&mut self, name: &str, role: &str) -> Result<(), ApiError> {
        self.profile(name)?;
        self.role(role)?;
        let profile = self.profile_mut(name)?;
        if profile.role.is_some() {
            return Err(ApiError::new(
                Code::IamLimitExceeded,
                "Cannot exceed quota for InstanceSessionsPerInstanceProfile: 1",
            ));
        }
        profile.role = Some(role.to_owned());
        Ok(())
    }

    /// Takes the role of an instance profile away.
    pub fn remove_role_from_profile(&mut self, name: &str, role: &str) -> Result<(), ApiError> {
        let profile = self.profile_mut(name)?;
        if profile.role.as_deref() != Some(role) {
            return Err(no_such(format!(
                "The role with name {role} cannot be found in instance profile {name}."
            )));
        }
        profile.role = None;
        Ok(())
    }

    /// Sets tags of an instance profile.
    pub fn tag_profile(&mut self, name: &str, new: &Tags) -> Result<(), ApiError> {
        let mut merged = self.profile(name)?.tags.clone();
        merged.extend(new.clone());
        check_tags(&merged)?;
        self.profile_mut(name)?.tags = merged;
        Ok(())
    }

    /// Takes tags of an instance profile away.
    pub fn untag_profile(&mut self, name: &str, keys: &[String]) -> Result<(), ApiError> {
        self.profile_mut(name)?.tags.retain(|key, _| !keys.contains(key));
        Ok(())
    }
}

fn no_profile(name: &str) -> ApiError {
    no_such(format!("Instance Profile {name} cannot be found."))
}
