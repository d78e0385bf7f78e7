//! Who makes a request: the account and the key, told by the access key of its signature.

use super::ACCOUNT;

/// Who makes a request. An access key of twelve digits stands for the account of that number; any other belongs to
/// the account that owns the sandbox.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Caller {
    /// The account.
    pub account: String,
    /// The access key; empty where the request is unsigned.
    pub access_key: String,
}

impl Caller {
    /// Who signs with this key.
    pub fn of_key(access_key: &str) -> Self {
        let is_account = access_key.len() == 12 && access_key.bytes().all(|b| b.is_ascii_digit());
        Self {
            account: if is_account { access_key } else { ACCOUNT }.to_owned(),
            access_key: access_key.to_owned(),
        }
    }

    /// Who it is, as AWS writes it.
    pub fn arn(&self) -> String {
        format!("arn:aws:sts::{}:assumed-role/sandbox/session", self.account)
    }
}

impl Default for Caller {
    fn default() -> Self {
        Self::of_key("")
    }
}
