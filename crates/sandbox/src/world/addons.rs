//! The add-ons of a cluster. There is no Kubernetes here: what a user changed of EKS's fields is said by the test bed
//! (`set_addon_conflicts`), and follows the rules of resolveConflicts from there on.

use super::eks_rules::{eks_tags, invalid};
use super::identities::NewIdentity;
use super::updates::{Issue, Subject};
use super::{ACCOUNT, Due, Happened, Tags, World};
use crate::error::{ApiError, Code};
use jiff::Timestamp;

/// How far an add-on is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are AWS's own")]
pub enum AddonStatus {
    Creating,
    Active,
    CreateFailed,
    Updating,
    UpdateFailed,
    Deleting,
    Degraded,
}

impl AddonStatus {
    /// The status as AWS writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Creating => "CREATING",
            Self::Active => "ACTIVE",
            Self::CreateFailed => "CREATE_FAILED",
            Self::Updating => "UPDATING",
            Self::UpdateFailed => "UPDATE_FAILED",
            Self::Deleting => "DELETING",
            Self::Degraded => "DEGRADED",
        }
    }
}

/// What becomes of fields that a user changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Resolve {
    /// They are not touched, and the change fails. What is meant when nothing is said.
    #[default]
    None,
    /// They are set to EKS's values.
    Overwrite,
    /// They stay, and the change succeeds; when an add-on is created it is as `None`.
    Preserve,
}

impl Resolve {
    /// The word as AWS writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "NONE",
            Self::Overwrite => "OVERWRITE",
            Self::Preserve => "PRESERVE",
        }
    }
}

/// An add-on of a cluster.
#[derive(Debug, Clone)]
pub struct Addon {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Its ARN.
    pub arn: String,
    /// How far it is.
    pub status: AddonStatus,
    /// What is wrong with it.
    pub issues: Vec<Issue>,
    /// Its configuration document, as the user wrote it.
    pub configuration_values: Option<String>,
    /// Its role.
    pub service_account_role: Option<String>,
    /// The ids of its pod identity associations.
    pub identities: Vec<String>,
    /// Its tags.
    pub tags: Tags,
    /// Since when.
    pub created: Timestamp,
    /// When it changed last.
    pub modified: Timestamp,
    /// Fields of EKS that a user changed, in words such as
    /// `DaemonSet.apps aws-node - .spec.template.spec.containers[name="aws-node"].image`.
    pub conflicts: Vec<String>,
    resolve: Resolve,
}

/// What CreateAddon asks for.
#[derive(Debug, Clone, Default)]
pub struct NewAddon {
    /// The cluster.
    pub cluster: String,
    /// The name.
    pub name: String,
    /// The version; none means the default of the cluster's Kubernetes version.
    pub version: Option<String>,
    /// The configuration document.
    pub configuration_values: Option<String>,
    /// The role.
    pub service_account_role: Option<String>,
    /// Service accounts and their roles.
    pub identities: Vec<(String, String)>,
    /// What becomes of fields that a user changed.
    pub resolve: Resolve,
    /// Tags.
    pub tags: Tags,
}

/// What UpdateAddon asks for; what is none stays as it is.
#[derive(Debug, Clone, Default)]
pub struct AddonChange {
    /// The version.
    pub version: Option<String>,
    /// The configuration document, the whole of it: `{}` takes everything back.
    pub configuration_values: Option<String>,
    /// The role; an empty one takes it away.
    pub service_account_role: Option<String>,
    /// Service accounts and their roles, all of them.
    pub identities: Option<Vec<(String, String)>>,
    /// What becomes of fields that a user changed.
    pub resolve: Resolve,
}

impl World {
    /// Makes an add-on.
    pub fn create_addon(&mut self, new: NewAddon) -> Result<&Addon, ApiError> {
        self.idle_cluster(&new.cluster)?;
        if self.cluster(&new.cluster)?.addons.contains_key(&new.name) {
            return Err(ApiError::new(Code::EksResourceInUse, "Addon already exists."));
        }
        eks_tags(&new.tags)?;
        let version = self.addon_version(&new.cluster, &new.name, new.version.as_deref())?;
        self.check_values(&new.name, &version, new.configuration_values.as_deref())?;
        self.check_identities(&new.name, &new.identities)?;
        let arn = format!(
            "arn:aws:eks:{}:{ACCOUNT}:addon/{}/{}/{}",
            self.region,
            new.cluster,
            new.name,
            self.random.request_id()
        );
        let identities = self.own_identities(&new.cluster, &arn, &new.identities)?;
        let conflicts = self
            .addon_conflicts
            .remove(&(new.cluster.clone(), new.name.clone()))
            .unwrap_or_default();
        let due = Due::Addon {
            cluster: new.cluster.clone(),
            addon: new.name.clone(),
        };
        self.after(self.timings.addon_change, due);
        let addon = Addon {
            arn,
            version,
            status: AddonStatus::Creating,
            issues: Vec::new(),
            configuration_values: new.configuration_values,
            service_account_role: new.service_account_role,
            identities,
            tags: new.tags,
            created: self.now,
            modified: self.now,
            conflicts,
            resolve: new.resolve,
            name: new.name.clone(),
        };
        let cluster = self.cluster_mut(&new.cluster)?;
        Ok(cluster.addons.entry(new.name).or_insert(addon))
    }

    fn addon_version(&self, cluster: &str, name: &str, asked: Option<&str>) -> Result<String, ApiError> {
        let kubernetes = &self.cluster(cluster)?.version;
        let offer = self
            .catalogue
            .get(name, kubernetes)
            .ok_or_else(|| invalid(format!("Addon {name} specified is not supported in {kubernetes}")))?;
        match asked {
            None => Ok(offer.default.clone()),
            Some(version) if offer.versions.iter().any(|v| v == version) => Ok(version.to_owned()),
            Some(_) => Err(invalid("Addon version specified is not supported")),
        }
    }

    fn check_values(&self, addon: &str, version: &str, values: Option<&str>) -> Result<(), ApiError> {
        match values {
            Some(values) => self.catalogue.schemas.check(addon, version, values),
            None => Ok(()),
        }
    }

    fn check_identities(&self, addon: &str, asked: &[(String, String)]) -> Result<(), ApiError> {
        let known = self.catalogue.identities(addon);
        match asked
            .iter()
            .find(|(account, _)| !known.iter().any(|(name, _)| name == account))
        {
            None => Ok(()),
            Some((account, _)) => Err(invalid(format!(
                "Service account {account} is not supported by addon {addon} for pod identity associations"
            ))),
        }
    }

    /// The associations that an add-on owns, instead of those that it had.
    fn own_identities(
        &mut self,
        cluster: &str,
        arn: &str,
        asked: &[(String, String)],
    ) -> Result<Vec<String>, ApiError> {
        self.cluster_mut(cluster)?
            .identities
            .retain(|_, known| known.owner.as_deref() != Some(arn));
        let new = |(account, role): &(String, String)| NewIdentity {
            namespace: "kube-system".to_owned(),
            service_account: account.clone(),
            role: role.clone(),
            target_role: None,
            disable_session_tags: false,
            tags: Tags::new(),
            owner: Some(arn.to_owned()),
        };
        asked
            .iter()
            .map(|asked| {
                self.create_identity(cluster, new(asked))
                    .map(|made| made.id.clone())
            })
            .collect()
    }

    pub(crate) fn addon(&self, cluster: &str, name: &str) -> Result<&Addon, ApiError> {
        self.cluster(cluster)?
            .addons
            .get(name)
            .ok_or_else(|| no_addon(cluster, name))
    }

    fn addon_mut(&mut self, cluster: &str, name: &str) -> Result<&mut Addon, ApiError> {
        self.cluster_mut(cluster)?
            .addons
            .get_mut(name)
            .ok_or_else(|| no_addon(cluster, name))
    }

    /// An add-on that nothing changes at the moment.
    fn idle_addon(&self, cluster: &str, name: &str) -> Result<&Addon, ApiError> {
        let addon = self.addon(cluster, name)?;
        match addon.status {
            AddonStatus::Creating | AddonStatus::Updating | AddonStatus::Deleting => Err(ApiError::new(
                Code::EksResourceInUse,
                format!("Addon {name} is in {} status", addon.status.as_str()),
            )),
            _ => Ok(addon),
        }
    }

    /// Begins to change an add-on, and gives the id of the update. A document that is not given stays, and must then
    /// be good for the new version too.
    pub fn update_addon(
        &mut self,
        cluster: &str,
        name: &str,
        change: AddonChange,
        params: Vec<(&'static str, String)>,
    ) -> Result<String, ApiError> {
        self.idle_cluster(cluster)?;
        let addon = self.idle_addon(cluster, name)?;
        let version = match &change.version {
            Some(version) => self.addon_version(cluster, name, Some(version))?,
            None => addon.version.clone(),
        };
        let values = change
            .configuration_values
            .as_ref()
            .or(addon.configuration_values.as_ref());
        self.check_values(name, &version, values.map(String::as_str))?;
        if let Some(identities) = &change.identities {
            self.check_identities(name, identities)?;
        }
        let subject = Subject::Addon(name.to_owned());
        let id = self.begin_update(cluster, subject, "AddonUpdate", params)?;
        self.addon_mut(cluster, name)?.status = AddonStatus::Updating;
        self.change_after(self.timings.addon_change, cluster, &id, change);
        Ok(id)
    }

    /// An update of an add-on is applied, or fails on what a user changed.
    pub(super) fn change_addon(&mut self, cluster: &str, name: &str, change: AddonChange) -> Vec<Issue> {
        let now = self.now;
        let Ok(addon) = self.addon_mut(cluster, name) else {
            return Vec::new();
        };
        addon.modified = now;
        if change.resolve == Resolve::None && !addon.conflicts.is_empty() {
            addon.status = AddonStatus::UpdateFailed;
            addon.issues = vec![conflict(name, &addon.conflicts)];
            return addon.issues.clone();
        }
        if change.resolve == Resolve::Overwrite {
            addon.conflicts.clear();
        }
        addon.status = AddonStatus::Active;
        addon.issues.clear();
        if let Some(version) = change.version {
            addon.version = version;
        }
        if let Some(values) = change.configuration_values {
            addon.configuration_values = Some(values);
        }
        if let Some(role) = change.service_account_role {
            addon.service_account_role = Some(role).filter(|role| !role.is_empty());
        }
        let arn = addon.arn.clone();
        let Some(asked) = change.identities else {
            return Vec::new();
        };
        match self.own_identities(cluster, &arn, &asked) {
            Ok(made) => {
                if let Ok(addon) = self.addon_mut(cluster, name) {
                    addon.identities = made;
                }
                Vec::new()
            }
            Err(error) => {
                let issue = Issue {
                    code: "AddonPermissionFailure".to_owned(),
                    message: error.message().to_owned(),
                    resources: vec![name.to_owned()],
                };
                if let Ok(addon) = self.addon_mut(cluster, name) {
                    addon.status = AddonStatus::UpdateFailed;
                    addon.issues = vec![issue.clone()];
                }
                vec![issue]
            }
        }
    }

    /// Begins to delete an add-on. Whether its objects stay in Kubernetes is for who follows the events to do.
    pub fn delete_addon(&mut self, cluster: &str, name: &str, preserve: bool) -> Result<&Addon, ApiError> {
        self.idle_addon(cluster, name)?;
        let due = Due::Addon {
            cluster: cluster.to_owned(),
            addon: name.to_owned(),
        };
        self.after(self.timings.addon_change, due);
        self.emit(Happened::AddonDeleted {
            cluster: cluster.to_owned(),
            addon: name.to_owned(),
            preserved: preserve,
        });
        let addon = self.addon_mut(cluster, name)?;
        addon.status = AddonStatus::Deleting;
        Ok(addon)
    }

    /// What an add-on does by itself: it comes, or fails on what a user has there already, and it goes.
    pub(super) fn step_addon(&mut self, cluster: &str, name: &str) {
        let now = self.now;
        let Ok(addon) = self.addon_mut(cluster, name) else {
            return;
        };
        match addon.status {
            AddonStatus::Creating if addon.resolve == Resolve::Overwrite || addon.conflicts.is_empty() => {
                addon.conflicts.clear();
                addon.status = AddonStatus::Active;
                addon.modified = now;
            }
            AddonStatus::Creating => {
                addon.status = AddonStatus::CreateFailed;
                addon.issues = vec![conflict(name, &addon.conflicts)];
                addon.modified = now;
            }
            AddonStatus::Deleting => {
                let arn = addon.arn.clone();
                if let Ok(cluster) = self.cluster_mut(cluster) {
                    cluster.addons.remove(name);
                    cluster
                        .identities
                        .retain(|_, known| known.owner.as_ref() != Some(&arn));
                }
            }
            _ => {}
        }
    }

    /// Says which fields of EKS a user changed; for an add-on that is not there yet, what CreateAddon will find.
    pub fn set_addon_conflicts(
        &mut self,
        cluster: &str,
        name: &str,
        fields: Vec<String>,
    ) -> Result<(), ApiError> {
        self.cluster(cluster)?;
        if let Ok(addon) = self.addon_mut(cluster, name) {
            addon.conflicts = fields;
        } else {
            self.addon_conflicts
                .insert((cluster.to_owned(), name.to_owned()), fields);
        }
        Ok(())
    }

    /// Says what is wrong with an add-on that was well: it is DEGRADED until nothing is.
    pub fn set_addon_issues(
        &mut self,
        cluster: &str,
        name: &str,
        issues: Vec<Issue>,
    ) -> Result<(), ApiError> {
        self.idle_addon(cluster, name)?;
        let addon = self.addon_mut(cluster, name)?;
        addon.status = if issues.is_empty() {
            AddonStatus::Active
        } else {
            AddonStatus::Degraded
        };
        addon.issues = issues;
        Ok(())
    }
}

/// The words that users of EKS report.
fn conflict(addon: &str, fields: &[String]) -> Issue {
    Issue {
        code: "ConfigurationConflict".to_owned(),
        message: format!(
            "Conflicts found when trying to apply. Will not continue due to resolve conflicts mode. Conflicts:\n{}",
            fields.join("\n")
        ),
        resources: vec![addon.to_owned()],
    }
}

fn no_addon(cluster: &str, name: &str) -> ApiError {
    ApiError::new(
        Code::EksResourceNotFound,
        format!("No addon: {name} found in cluster: {cluster}"),
    )
}
