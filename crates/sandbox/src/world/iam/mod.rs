//! IAM as nodes, their bootstrap and Karpenter meet it: roles with policies, instance profiles, identity providers, and
//! the sessions that STS gives out. What a role may do is not enforced here; `simulate` says what its policies allow.

mod document;
mod managed;
mod policies;
mod profiles;
mod providers;
mod roles;
mod sessions;
mod simulate;

pub use document::PolicyDocument;
pub use managed::ManagedPolicy;
pub use profiles::{InstanceProfile, NewProfile};
pub use providers::{IdentityProvider, NewProvider};
pub use roles::{NewRole, Role};
pub use sessions::{Identity, NewSession, Session, WebIdentity};
pub use simulate::{Decision, Evaluation};

use super::{Tags, World, tags};
use crate::error::{ApiError, Code};
use std::collections::BTreeMap;

/// Everything of IAM.
#[derive(Debug, Default)]
pub struct Iam {
    /// Roles by name.
    pub roles: BTreeMap<String, Role>,
    /// Instance profiles by name.
    pub profiles: BTreeMap<String, InstanceProfile>,
    /// Identity providers by ARN.
    pub providers: BTreeMap<String, IdentityProvider>,
    /// Sessions by access key.
    sessions: BTreeMap<String, Session>,
}

impl World {
    /// An id as IAM has them: four letters that say of what, and sixteen more.
    fn iam_id(&mut self, prefix: &str) -> String {
        const LETTERS: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
        let mut id = prefix.to_owned();
        for _ in 0..16 {
            let index = usize::try_from(self.random.below(32)).unwrap_or(0);
            id.push(LETTERS.get(index).map_or('A', |letter| char::from(*letter)));
        }
        id
    }
}

/// The names of IAM: letters, digits and `+=,.@-_`.
fn check_name(what: &str, name: &str, longest: usize) -> Result<(), ApiError> {
    let fits = |c: char| c.is_ascii_alphanumeric() || "+=,.@-_".contains(c);
    if (1..=longest).contains(&name.len()) && name.chars().all(fits) {
        return Ok(());
    }
    Err(ApiError::new(
        Code::Validation,
        format!(
            "1 validation error detected: Value '{name}' at '{what}' failed to satisfy constraint: Member must \
             satisfy regular expression pattern: [\\w+=,.@-]+"
        ),
    ))
}

/// A path begins and ends with a slash.
fn check_path(path: &str) -> Result<(), ApiError> {
    let graphic = path.bytes().all(|b| b.is_ascii_graphic());
    if path.starts_with('/') && path.ends_with('/') && path.len() <= 512 && graphic {
        return Ok(());
    }
    Err(ApiError::new(
        Code::Validation,
        "The specified value for path is invalid. It must begin and end with / and contain only alphanumeric \
         characters and/or / characters.",
    ))
}

fn check_tags(new: &Tags) -> Result<(), ApiError> {
    tags::check(new).map_err(|error| match error.code() {
        code if code == Code::TagLimitExceeded.as_str() => {
            ApiError::new(Code::IamLimitExceeded, error.message())
        }
        _ => ApiError::new(Code::IamInvalidInput, error.message()),
    })
}

fn no_such(message: impl Into<String>) -> ApiError {
    ApiError::new(Code::NoSuchEntity, message)
}

fn exists(message: impl Into<String>) -> ApiError {
    ApiError::new(Code::EntityAlreadyExists, message)
}

fn conflict(message: &str) -> ApiError {
    ApiError::new(Code::DeleteConflict, message)
}
