//! OpenID Connect providers: whose tokens AssumeRoleWithWebIdentity takes.

use super::{check_tags, exists, no_such};
use crate::error::{ApiError, Code};
use crate::world::{ACCOUNT, Tags, World};
use jiff::Timestamp;

/// An OpenID Connect provider.
#[derive(Debug, Clone)]
pub struct IdentityProvider {
    /// Its ARN.
    pub arn: String,
    /// Its address, without the scheme.
    pub url: String,
    /// For whom its tokens are.
    pub clients: Vec<String>,
    /// Thumb prints; kept and shown.
    pub thumbprints: Vec<String>,
    /// Since when.
    pub created: Timestamp,
    /// Its tags.
    pub tags: Tags,
}

/// What CreateOpenIDConnectProvider asks for.
#[derive(Debug, Clone)]
pub struct NewProvider {
    /// The address.
    pub url: String,
    /// For whom its tokens are.
    pub clients: Vec<String>,
    /// Thumb prints.
    pub thumbprints: Vec<String>,
    /// Tags.
    pub tags: Tags,
}

impl World {
    /// Makes a provider and gives its ARN.
    pub fn create_provider(&mut self, new: NewProvider) -> Result<String, ApiError> {
        check_tags(&new.tags)?;
        let bare = new.url.strip_prefix("https://").filter(|rest| !rest.is_empty());
        let Some(bare) = bare else {
            return Err(ApiError::new(
                Code::Validation,
                "Invalid Open ID Connect Provider URL: it must begin with https://",
            ));
        };
        let arn = format!("arn:aws:iam::{ACCOUNT}:oidc-provider/{bare}");
        if self.iam.providers.contains_key(&arn) {
            return Err(exists(format!("Provider with url {} already exists.", new.url)));
        }
        let provider = IdentityProvider {
            arn: arn.clone(),
            url: bare.to_owned(),
            clients: new.clients,
            thumbprints: new.thumbprints,
            created: self.now,
            tags: new.tags,
        };
        self.iam.providers.insert(arn.clone(), provider);
        Ok(arn)
    }

    /// A provider.
    pub fn provider(&self, arn: &str) -> Result<&IdentityProvider, ApiError> {
        self.iam
            .providers
            .get(arn)
            .ok_or_else(|| no_such(format!("OpenIDConnect Provider not found for arn {arn}")))
    }

    /// Deletes a provider; one that is not there is no error.
    pub fn delete_provider(&mut self, arn: &str) {
        self.iam.providers.remove(arn);
    }
}
