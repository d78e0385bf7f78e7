//! The policies of roles: managed ones that are attached, and their own.

use super::document::PolicyDocument;
use super::managed::ManagedPolicy;
use super::{check_name, no_such};
use crate::error::{ApiError, Code};
use crate::world::World;

/// "Managed policies attached to an IAM role" of the quotas page.
const MAX_ATTACHED: usize = 10;

impl World {
    /// Attaches a managed policy; again is no error.
    pub fn attach_role_policy(&mut self, role: &str, arn: &str) -> Result<(), ApiError> {
        let role = self.role_mut(role)?;
        ManagedPolicy::of_arn(arn)?;
        if !role.attached.contains(arn) && role.attached.len() >= MAX_ATTACHED {
            return Err(ApiError::new(
                Code::IamLimitExceeded,
                format!("Cannot exceed quota for PoliciesPerRole: {MAX_ATTACHED}"),
            ));
        }
        role.attached.insert(arn.to_owned());
        Ok(())
    }

    /// Detaches a managed policy.
    pub fn detach_role_policy(&mut self, role: &str, arn: &str) -> Result<(), ApiError> {
        if self.role_mut(role)?.attached.remove(arn) {
            return Ok(());
        }
        Err(no_such(format!("Policy {arn} was not found.")))
    }

    /// Makes or replaces a policy of the role's own.
    pub fn put_role_policy(&mut self, role: &str, name: &str, document: &str) -> Result<(), ApiError> {
        check_name("policyName", name, 128)?;
        let document = PolicyDocument::parse(document)?;
        self.role_mut(role)?.inline.insert(name.to_owned(), document);
        Ok(())
    }

    /// A policy of the role's own.
    pub fn role_policy(&self, role: &str, name: &str) -> Result<&PolicyDocument, ApiError> {
        let found = self.role(role)?.inline.get(name);
        found.ok_or_else(|| no_policy(name))
    }

    /// Deletes a policy of the role's own.
    pub fn delete_role_policy(&mut self, role: &str, name: &str) -> Result<(), ApiError> {
        let gone = self.role_mut(role)?.inline.remove(name);
        gone.map(|_| ()).ok_or_else(|| no_policy(name))
    }

    /// How many roles have a managed policy.
    pub fn attachments_of(&self, arn: &str) -> usize {
        self.iam
            .roles
            .values()
            .filter(|role| role.attached.contains(arn))
            .count()
    }
}

fn no_policy(name: &str) -> ApiError {
    no_such(format!("The role policy with name {name} cannot be found."))
}
