//! Launch templates: numbered versions of what a launch is told, and launching from them.

use super::interfaces::token_mismatch;
use super::{InterfaceKind, LaunchData, Tags, Token, World, tags};
use crate::error::{ApiError, Code};
use jiff::Timestamp;
use std::collections::BTreeMap;

/// A template is named by its id or by its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TemplateKey {
    /// `lt-…`
    Id(String),
    /// Its name.
    Name(String),
}

/// A version of a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TemplateRef {
    /// The template.
    pub id_or_name: TemplateKey,
    /// A number, `$Latest` or `$Default`; none is `$Default`.
    pub version: Option<String>,
}

/// One version.
#[derive(Debug, Clone)]
pub struct TemplateVersion {
    /// Its number; 1 is the first.
    pub number: u64,
    /// What its maker said of it.
    pub description: Option<String>,
    /// Since when.
    pub created: Timestamp,
    /// Who made it.
    pub created_by: String,
    /// What it tells a launch.
    pub data: LaunchData,
}

/// A launch template.
#[derive(Debug, Clone)]
pub struct LaunchTemplate {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Since when.
    pub created: Timestamp,
    /// Who made it.
    pub created_by: String,
    /// The number of the default version.
    pub default_version: u64,
    /// The number of the latest version that is left.
    pub latest_version: u64,
    /// The highest number that was ever given: none is given twice.
    last_number: u64,
    /// Its versions that were not deleted.
    pub versions: BTreeMap<u64, TemplateVersion>,
    /// Its tags.
    pub tags: Tags,
}

impl LaunchTemplate {
    /// The number that a version means now.
    pub fn number_of(&self, version: Option<&str>) -> Result<u64, ApiError> {
        let number = match version.unwrap_or("$Default") {
            "$Default" => Some(self.default_version),
            "$Latest" => Some(self.latest_version),
            number => number.parse().ok(),
        };
        number
            .filter(|number| self.versions.contains_key(number))
            .ok_or_else(|| {
                ApiError::new(
                    Code::InvalidTemplateVersionNotFound,
                    format!(
                        "Could not find the specified version {} for the launch template with ID {}.",
                        version.unwrap_or("$Default"),
                        self.id
                    ),
                )
            })
    }
}

/// What CreateLaunchTemplate asks for.
#[derive(Debug, Clone)]
pub struct NewTemplate {
    /// The name.
    pub name: String,
    /// What is said of version 1.
    pub description: Option<String>,
    /// What version 1 tells a launch.
    pub data: LaunchData,
    /// Tags of the template.
    pub tags: Tags,
    /// A client token, and the request it stands for.
    pub token: Option<(String, String)>,
}

impl World {
    /// Makes a template with its first version, or finds the one that the same token made.
    pub fn create_template(&mut self, new: NewTemplate) -> Result<&LaunchTemplate, ApiError> {
        if let Some((token, fingerprint)) = &new.token
            && let Some(known) = self.template_tokens.get(token)
        {
            if known.fingerprint != *fingerprint {
                return Err(token_mismatch(token));
            }
            return self.template(&TemplateKey::Id(known.made.clone()));
        }
        check_name(&new.name)?;
        tags::check(&new.tags)?;
        self.check_data(&new.data)?;
        if self.templates.values().any(|t| t.name == new.name) {
            return Err(ApiError::new(
                Code::InvalidTemplateNameExists,
                "Launch template name already in use.",
            ));
        }
        let id = self.random.id("lt");
        let created_by = self.caller.arn();
        let first = TemplateVersion {
            number: 1,
            description: new.description,
            created: self.now,
            created_by: created_by.clone(),
            data: new.data,
        };
        let template = LaunchTemplate {
            id: id.clone(),
            name: new.name,
            created: self.now,
            created_by,
            default_version: 1,
            latest_version: 1,
            last_number: 1,
            versions: BTreeMap::from([(1, first)]),
            tags: new.tags,
        };
        if let Some((token, fingerprint)) = new.token {
            let made = id.clone();
            self.template_tokens.insert(token, Token { fingerprint, made });
        }
        Ok(self.templates.entry(id).or_insert(template))
    }

    /// Makes another version: of another one, what the new data leaves open, or of nothing. Gives its number.
    pub fn create_template_version(
        &mut self,
        key: &TemplateKey,
        source: Option<&str>,
        description: Option<String>,
        data: &LaunchData,
        token: Option<(String, String)>,
    ) -> Result<u64, ApiError> {
        if let Some((token, fingerprint)) = &token
            && let Some(known) = self.version_tokens.get(token)
        {
            return if known.fingerprint == *fingerprint {
                Ok(known.made)
            } else {
                Err(token_mismatch(token))
            };
        }
        let template = self.template(key)?;
        let id = template.id.clone();
        let under = if source.is_some() {
            let number = template.number_of(source)?;
            let found = template.versions.get(&number);
            found.map(|version| version.data.clone()).unwrap_or_default()
        } else {
            LaunchData::default()
        };
        let data = under.overlaid(data);
        self.check_data(&data)?;
        let (created, created_by) = (self.now, self.caller.arn());
        let template = self.templates.get_mut(&id).ok_or_else(ApiError::internal)?;
        template.last_number += 1;
        let number = template.last_number;
        template.latest_version = number;
        let version = TemplateVersion {
            number,
            description,
            created,
            created_by,
            data,
        };
        template.versions.insert(number, version);
        if let Some((token, fingerprint)) = token {
            let made = number;
            self.version_tokens.insert(token, Token { fingerprint, made });
        }
        Ok(number)
    }

    /// What is wrong in a template wherever it is launched.
    fn check_data(&self, data: &LaunchData) -> Result<(), ApiError> {
        for tags in data.tags.values() {
            tags::check(tags)?;
        }
        if !data.networks.is_empty() && !data.top.groups.is_empty() {
            return Err(ApiError::combination(
                "Network interfaces and instance-level security groups may not be specified on the same request",
            ));
        }
        if data
            .networks
            .iter()
            .any(|n| n.kind == Some(InterfaceKind::Branch))
        {
            return Err(ApiError::value("A branch interface cannot be launched"));
        }
        if let Some(name) = &data.instance_type
            && self.types.get(name.as_str()).is_none()
        {
            return Err(ApiError::value(format!(
                "Invalid value '{name}' for InstanceType."
            )));
        }
        Ok(())
    }

    /// Another version becomes the default one.
    pub fn set_default_version(
        &mut self,
        key: &TemplateKey,
        version: &str,
    ) -> Result<&LaunchTemplate, ApiError> {
        let template = self.template(key)?;
        let (id, number) = (template.id.clone(), template.number_of(Some(version))?);
        let template = self.templates.get_mut(&id).ok_or_else(ApiError::internal)?;
        template.default_version = number;
        Ok(template)
    }

    /// Deletes a template with all its versions; what was launched from it lives on.
    pub fn delete_template(&mut self, key: &TemplateKey) -> Result<LaunchTemplate, ApiError> {
        let id = self.template(key)?.id.clone();
        self.templates.remove(&id).ok_or_else(ApiError::internal)
    }

    /// Deletes a version; the default one stays.
    pub fn delete_template_version(&mut self, key: &TemplateKey, number: u64) -> Result<(), ApiError> {
        let template = self.template(key)?;
        let id = template.id.clone();
        template.number_of(Some(&number.to_string()))?;
        if number == template.default_version {
            return Err(ApiError::value(
                "The default version of a launch template cannot be deleted.",
            ));
        }
        if let Some(template) = self.templates.get_mut(&id) {
            template.versions.remove(&number);
            let last = template.versions.keys().next_back().copied();
            template.latest_version = last.unwrap_or(template.latest_version);
        }
        Ok(())
    }

    /// A template.
    pub fn template(&self, key: &TemplateKey) -> Result<&LaunchTemplate, ApiError> {
        match key {
            TemplateKey::Id(id) => self.templates.get(id).ok_or_else(|| {
                ApiError::new(
                    Code::InvalidTemplateIdNotFound,
                    format!("The specified launch template, with template ID {id}, does not exist."),
                )
            }),
            TemplateKey::Name(name) => {
                let found = self.templates.values().find(|t| t.name == *name);
                found.ok_or_else(|| {
                    ApiError::new(
                        Code::InvalidTemplateNameNotFound,
                        "At least one of the launch templates specified in the request does not exist.",
                    )
                })
            }
        }
    }

    /// The template and the version that are meant now.
    pub fn template_version(
        &self,
        template: &TemplateRef,
    ) -> Result<(&LaunchTemplate, &TemplateVersion), ApiError> {
        let found = self.template(&template.id_or_name)?;
        let number = found.number_of(template.version.as_deref())?;
        let version = found.versions.get(&number).ok_or_else(ApiError::internal)?;
        Ok((found, version))
    }
}

/// 3 to 128 characters of those that AWS allows.
fn check_name(name: &str) -> Result<(), ApiError> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "()./_-".contains(c);
    if (3..=128).contains(&name.len()) && name.chars().all(allowed) {
        return Ok(());
    }
    Err(ApiError::new(
        Code::InvalidTemplateNameMalformed,
        format!(
            "Launch template name '{name}' must be 3 to 128 characters long and hold only letters, digits and ()./_-"
        ),
    ))
}
