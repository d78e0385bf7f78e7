//! Tags of what EKS has, found by its ARN.

use super::clusters::{eks_tags, invalid};
use super::{Tags, World};
use crate::error::{ApiError, Code};

impl World {
    /// The tags of a cluster, an add-on, a node group or an association.
    pub fn tags_of_arn(&self, arn: &str) -> Result<&Tags, ApiError> {
        let (kind, names) = parts(arn)?;
        let cluster = names
            .first()
            .and_then(|name| self.clusters.get(*name))
            .ok_or_else(|| missing(arn))?;
        match kind {
            "cluster" => Some(&cluster.tags),
            "addon" => cluster
                .addons
                .values()
                .find(|addon| addon.arn == arn)
                .map(|addon| &addon.tags),
            "nodegroup" => cluster
                .nodegroups
                .values()
                .find(|group| group.arn == arn)
                .map(|group| &group.tags),
            "podidentityassociation" => cluster
                .identities
                .values()
                .find(|identity| identity.arn == arn)
                .map(|identity| &identity.tags),
            _ => None,
        }
        .ok_or_else(|| missing(arn))
    }

    fn tags_of_arn_mut(&mut self, arn: &str) -> Result<&mut Tags, ApiError> {
        let (kind, names) = parts(arn)?;
        let cluster = names
            .first()
            .and_then(|name| self.clusters.get_mut(*name))
            .ok_or_else(|| missing(arn))?;
        match kind {
            "cluster" => Some(&mut cluster.tags),
            "addon" => cluster
                .addons
                .values_mut()
                .find(|addon| addon.arn == arn)
                .map(|addon| &mut addon.tags),
            "nodegroup" => cluster
                .nodegroups
                .values_mut()
                .find(|group| group.arn == arn)
                .map(|group| &mut group.tags),
            "podidentityassociation" => cluster
                .identities
                .values_mut()
                .find(|identity| identity.arn == arn)
                .map(|identity| &mut identity.tags),
            _ => None,
        }
        .ok_or_else(|| missing(arn))
    }

    /// Sets tags.
    pub fn tag_arn(&mut self, arn: &str, tags: Tags) -> Result<(), ApiError> {
        let mut merged = self.tags_of_arn(arn)?.clone();
        merged.extend(tags);
        eks_tags(&merged)?;
        *self.tags_of_arn_mut(arn)? = merged;
        Ok(())
    }

    /// Takes tags away; a key that is not there is none.
    pub fn untag_arn(&mut self, arn: &str, keys: &[String]) -> Result<(), ApiError> {
        self.tags_of_arn_mut(arn)?.retain(|key, _| !keys.contains(key));
        Ok(())
    }
}

/// Kind and names of `arn:aws:eks:REGION:ACCOUNT:KIND/NAME/…`.
fn parts(arn: &str) -> Result<(&str, Vec<&str>), ApiError> {
    let resource = arn.splitn(6, ':').nth(5).filter(|_| arn.starts_with("arn:"));
    let (kind, names) = resource
        .and_then(|resource| resource.split_once('/'))
        .ok_or_else(|| invalid(format!("{arn} is not the ARN of a resource of EKS")))?;
    Ok((kind, names.split('/').collect()))
}

fn missing(arn: &str) -> ApiError {
    ApiError::new(
        Code::EksResourceNotFound,
        format!("No resource found for ARN: {arn}"),
    )
}
