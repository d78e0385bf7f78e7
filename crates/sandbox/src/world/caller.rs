//! Who makes a request: the account, the key and, where the key came from a metadata service, the instance.

use super::ACCOUNT;
use vpccni_core::ids::InstanceId;

/// How the keys begin that a metadata service gives out; what follows spells the id of the instance.
const OF_INSTANCE: &str = "ASIAIMDS";

/// The alphabet of access keys.
const DIGITS: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// A key of an instance has so many digits of five bits after its beginning; 64 bits need thirteen.
const LENGTH: usize = 13;

/// Who makes a request. An access key of twelve digits stands for the account of that number; any other belongs to
/// the account that owns the sandbox.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Caller {
    /// The account.
    pub account: String,
    /// The access key; empty where the request is unsigned.
    pub access_key: String,
    /// The instance whose role signs.
    pub instance: Option<InstanceId>,
}

impl Caller {
    /// Who signs with this key.
    pub fn of_key(access_key: &str) -> Self {
        let is_account = access_key.len() == 12 && access_key.bytes().all(|b| b.is_ascii_digit());
        Self {
            account: if is_account { access_key } else { ACCOUNT }.to_owned(),
            access_key: access_key.to_owned(),
            instance: instance_of(access_key),
        }
    }

    /// What it is called in books and rules: the instance, the key, or `anonymous`.
    pub fn name(&self) -> &str {
        match &self.instance {
            Some(instance) => instance.as_str(),
            None if self.access_key.is_empty() => "anonymous",
            None => &self.access_key,
        }
    }

    /// Whether somebody means this caller by a text: by its account, its key or its instance.
    pub fn is(&self, text: &str) -> bool {
        self.account == text || self.access_key == text || self.name() == text
    }

    /// Who it is, as AWS writes it: the role, and the session that an instance names after itself.
    pub fn arn(&self) -> String {
        let session = self.instance.as_ref().map_or("session", InstanceId::as_str);
        format!("arn:aws:sts::{}:assumed-role/sandbox/{session}", self.account)
    }
}

impl Default for Caller {
    fn default() -> Self {
        Self::of_key("")
    }
}

/// The access key that the metadata service of an instance gives out: it spells the id, so nothing has to be kept.
pub(crate) fn key_of_instance(instance: &InstanceId) -> Option<String> {
    let mut number = u64::from_str_radix(instance.as_str().strip_prefix("i-0")?, 16).ok()?;
    let mut digits = Vec::with_capacity(LENGTH);
    for _ in 0..LENGTH {
        digits.push(char::from(*DIGITS.get((number & 31) as usize)?));
        number >>= 5;
    }
    Some(OF_INSTANCE.chars().chain(digits.into_iter().rev()).collect())
}

fn instance_of(key: &str) -> Option<InstanceId> {
    let digits = key.strip_prefix(OF_INSTANCE).filter(|d| d.len() == LENGTH)?;
    let number = digits.bytes().try_fold(0_u64, |number, digit| {
        let value = DIGITS.iter().position(|d| *d == digit)? as u64;
        number.checked_mul(32)?.checked_add(value)
    })?;
    InstanceId::parse(&format!("i-0{number:016x}")).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_of_an_instance_leads_back_to_it() {
        for id in [
            "i-0ffffffffffffffff",
            "i-00000000000000000",
            "i-0123456789abcdef0",
        ] {
            let id = InstanceId::parse(id).unwrap();
            let key = key_of_instance(&id).unwrap();
            assert!(key.starts_with("ASIA"), "{key}");
            let caller = Caller::of_key(&key);
            assert_eq!((caller.name(), caller.account.as_str()), (id.as_str(), ACCOUNT));
        }
    }

    #[test]
    fn any_other_key_is_somebody_without_an_instance() {
        assert_eq!(Caller::of_key("").name(), "anonymous");
        assert_eq!(Caller::of_key("ASIAIMDS").instance, None);
        assert_eq!(Caller::of_key("ASIAIMDS!!!!!!!!!!!!!").instance, None);
        assert_eq!(Caller::of_key("210987654321").account, "210987654321");
        assert!(Caller::of_key("210987654321").is("210987654321"));
    }
}
