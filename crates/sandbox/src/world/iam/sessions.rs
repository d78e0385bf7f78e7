//! Who a caller is, and the sessions in which callers are somebody else: roles that were assumed.

use super::roles::Role;
use crate::error::{ApiError, Code};
use crate::world::{ACCOUNT, World};
use jiff::Timestamp;
use std::time::Duration;

/// AWS's bounds and default of a session, in seconds.
const SHORTEST: u32 = 900;
const USUAL: u32 = 3600;

/// A role that was assumed.
#[derive(Debug, Clone)]
pub struct Session {
    /// Its access key.
    pub access_key: String,
    /// The name of the role.
    pub role: String,
    /// The ARN and the id that whoever signs with the key has.
    pub identity: Identity,
    /// Until when.
    pub expires: Timestamp,
}

/// What GetCallerIdentity tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The ARN.
    pub arn: String,
    /// The id.
    pub user_id: String,
    /// The account.
    pub account: String,
}

/// What AssumeRole asks for.
#[derive(Debug, Clone)]
pub struct NewSession {
    /// The ARN of the role.
    pub role_arn: String,
    /// The name of the session.
    pub name: String,
    /// Seconds.
    pub duration: Option<u32>,
}

/// What a web identity token claims. Its signature is not checked: there is nobody here to ask for the keys.
#[derive(Debug, Clone)]
pub struct WebIdentity {
    /// Who says it.
    pub issuer: String,
    /// To whom it says it.
    pub audiences: Vec<String>,
    /// Until when, in seconds since 1970.
    pub expires: Option<i64>,
}

impl World {
    /// Begins a session of a role. Who may assume it is not enforced.
    pub fn assume_role(&mut self, new: &NewSession) -> Result<&Session, ApiError> {
        let caller = self.caller_identity().arn;
        let Some(role) = self.role_of_arn(&new.role_arn) else {
            // As AWS says it, which does not tell whether there is such a role.
            return Err(ApiError::new(
                Code::AccessDenied,
                format!(
                    "User: {caller} is not authorized to perform: sts:AssumeRole on resource: {}",
                    new.role_arn
                ),
            ));
        };
        let role = role.clone();
        self.begin_session(&role, new)
    }

    /// Begins a session of a role for whoever brings a token of a known provider.
    pub fn assume_role_with(&mut self, new: &NewSession, token: &WebIdentity) -> Result<&Session, ApiError> {
        let bare = token.issuer.strip_prefix("https://").unwrap_or(&token.issuer);
        let provider = self.iam.providers.values().find(|p| p.url == bare);
        let Some(provider) = provider else {
            return Err(ApiError::new(
                Code::InvalidIdentityToken,
                format!(
                    "No OpenIDConnect provider found in your account for {}",
                    token.issuer
                ),
            ));
        };
        if !token.audiences.iter().any(|to| provider.clients.contains(to)) {
            return Err(ApiError::new(
                Code::InvalidIdentityToken,
                "Incorrect token audience",
            ));
        }
        if let Some(expires) = token.expires.filter(|expires| *expires <= self.now.as_second()) {
            return Err(ApiError::new(
                Code::ExpiredToken,
                format!(
                    "Token expired: current date/time {} must be before the expiration date/time {expires}",
                    self.now.as_second()
                ),
            ));
        }
        let Some(role) = self.role_of_arn(&new.role_arn).cloned() else {
            return Err(ApiError::new(
                Code::AccessDenied,
                "Not authorized to perform sts:AssumeRoleWithWebIdentity",
            ));
        };
        self.begin_session(&role, new)
    }

    fn begin_session(&mut self, role: &Role, new: &NewSession) -> Result<&Session, ApiError> {
        let seconds = new.duration.unwrap_or(USUAL);
        if !(SHORTEST..=role.max_session).contains(&seconds) {
            return Err(ApiError::new(
                Code::Validation,
                format!(
                    "The requested DurationSeconds must be between {SHORTEST} and the MaxSessionDuration set for \
                     this role, {}.",
                    role.max_session
                ),
            ));
        }
        super::check_name("roleSessionName", &new.name, 64)?;
        let expires = self.now.checked_add(Duration::from_secs(seconds.into()));
        let access_key = self.iam_id("ASIA");
        let session = Session {
            access_key: access_key.clone(),
            role: role.name.clone(),
            identity: in_role(role, &new.name),
            expires: expires.unwrap_or(Timestamp::MAX),
        };
        let now = self.now;
        self.iam.sessions.retain(|_, old| now < old.expires);
        Ok(self.iam.sessions.entry(access_key).or_insert(session))
    }

    /// Who makes the request that is served now: a session of a role, or the one role that everybody is.
    pub fn caller_identity(&self) -> Identity {
        let session = self.iam.sessions.get(&self.caller.access_key);
        if let Some(session) = session.filter(|session| self.now < session.expires) {
            return session.identity.clone();
        }
        let account = self.caller.account.clone();
        Identity {
            arn: format!("arn:aws:sts::{account}:assumed-role/sandbox/session"),
            user_id: "AROASANDBOX0000000000:session".to_owned(),
            account,
        }
    }
}

/// Who somebody is in a role.
fn in_role(role: &Role, session: &str) -> Identity {
    Identity {
        arn: format!("arn:aws:sts::{ACCOUNT}:assumed-role/{}/{session}", role.name),
        user_id: format!("{}:{session}", role.id),
        account: ACCOUNT.to_owned(),
    }
}
