//! Pod identity associations: which role the pods of a service account take.

use super::clusters::{eks_tags, invalid};
use super::{ACCOUNT, Tags, World};
use crate::error::{ApiError, Code};
use jiff::Timestamp;

/// An association.
#[derive(Debug, Clone)]
pub struct PodIdentity {
    /// Its id.
    pub id: String,
    /// Its ARN.
    pub arn: String,
    /// The namespace of the service account.
    pub namespace: String,
    /// The service account.
    pub service_account: String,
    /// The role that the pods take.
    pub role: String,
    /// A role that they take by way of that one.
    pub target_role: Option<String>,
    /// Whether the session goes without EKS's tags.
    pub disable_session_tags: bool,
    /// What the target role asks to see; EKS makes it with the target role.
    pub external_id: Option<String>,
    /// The ARN of the add-on that owns it.
    pub owner: Option<String>,
    /// Its tags.
    pub tags: Tags,
    /// Since when.
    pub created: Timestamp,
    /// When it changed last.
    pub modified: Timestamp,
}

/// What CreatePodIdentityAssociation asks for.
#[derive(Debug, Clone)]
pub struct NewIdentity {
    /// The namespace of the service account.
    pub namespace: String,
    /// The service account.
    pub service_account: String,
    /// The role.
    pub role: String,
    /// A role that is taken by way of that one.
    pub target_role: Option<String>,
    /// Whether the session goes without EKS's tags.
    pub disable_session_tags: bool,
    /// Tags.
    pub tags: Tags,
    /// The ARN of the add-on that owns it.
    pub owner: Option<String>,
}

/// What UpdatePodIdentityAssociation asks for; what is none stays.
#[derive(Debug, Clone, Default)]
pub struct IdentityChange {
    /// The role.
    pub role: Option<String>,
    /// The target role; an empty one takes it away.
    pub target_role: Option<String>,
    /// Whether the session goes without EKS's tags.
    pub disable_session_tags: Option<bool>,
}

impl World {
    /// Makes an association; a service account has one at most.
    pub fn create_identity(&mut self, cluster: &str, new: NewIdentity) -> Result<&PodIdentity, ApiError> {
        eks_tags(&new.tags)?;
        check_role(&new.role)?;
        let known = self.cluster(cluster)?.identities.values();
        if let Some(known) = known
            .into_iter()
            .find(|known| known.namespace == new.namespace && known.service_account == new.service_account)
        {
            return Err(ApiError::new(
                Code::EksResourceInUse,
                format!("Association already exists: {}", known.id),
            ));
        }
        let id = self.random.id("a");
        let external_id = self.external_id(cluster, new.target_role.as_deref());
        let identity = PodIdentity {
            arn: format!(
                "arn:aws:eks:{}:{ACCOUNT}:podidentityassociation/{cluster}/{id}",
                self.region
            ),
            namespace: new.namespace,
            service_account: new.service_account,
            role: new.role,
            target_role: new.target_role,
            disable_session_tags: new.disable_session_tags,
            external_id,
            owner: new.owner,
            tags: new.tags,
            created: self.now,
            modified: self.now,
            id: id.clone(),
        };
        let cluster = self.cluster_mut(cluster)?;
        Ok(cluster.identities.entry(id).or_insert(identity))
    }

    fn external_id(&mut self, cluster: &str, target: Option<&str>) -> Option<String> {
        target.filter(|role| !role.is_empty()).map(|_| {
            let id = self.random.request_id();
            format!("{}/{ACCOUNT}/{cluster}/{id}", self.region)
        })
    }

    /// An association by its id.
    pub fn identity(&self, cluster: &str, id: &str) -> Result<&PodIdentity, ApiError> {
        self.cluster(cluster)?
            .identities
            .get(id)
            .ok_or_else(|| no_identity(id))
    }

    /// Changes an association.
    pub fn update_identity(
        &mut self,
        cluster: &str,
        id: &str,
        change: IdentityChange,
    ) -> Result<&PodIdentity, ApiError> {
        self.identity(cluster, id)?;
        if let Some(role) = &change.role {
            check_role(role)?;
        }
        let external_id = self.external_id(cluster, change.target_role.as_deref());
        let now = self.now;
        let identity = self
            .cluster_mut(cluster)?
            .identities
            .get_mut(id)
            .ok_or_else(|| no_identity(id))?;
        if let Some(role) = change.role {
            identity.role = role;
        }
        if let Some(role) = change.target_role {
            identity.target_role = Some(role).filter(|role| !role.is_empty());
            identity.external_id = external_id;
        }
        if let Some(disabled) = change.disable_session_tags {
            identity.disable_session_tags = disabled;
        }
        identity.modified = now;
        Ok(identity)
    }

    /// Deletes an association and gives what it was.
    pub fn delete_identity(&mut self, cluster: &str, id: &str) -> Result<PodIdentity, ApiError> {
        self.cluster_mut(cluster)?
            .identities
            .remove(id)
            .ok_or_else(|| no_identity(id))
    }
}

fn check_role(role: &str) -> Result<(), ApiError> {
    if role.starts_with("arn:aws") && role.contains(":role/") {
        return Ok(());
    }
    Err(invalid(format!("{role} is not the ARN of a role")))
}

fn no_identity(id: &str) -> ApiError {
    ApiError::new(
        Code::EksResourceNotFound,
        format!("The association {id} was not found"),
    )
}
