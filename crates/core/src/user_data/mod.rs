//! The largest number of pods of a node, where its user data says it: read, and set to another number with every other
//! byte left as it is. What is not understood is an error, and nothing is changed.
//!
//! Understood are the call of `/etc/eks/bootstrap.sh` of Amazon Linux 2, the `NodeConfig` of Amazon Linux 2023, both
//! alone or as parts of a MIME document, and the settings of Bottlerocket.

mod base64;
mod multipart;
mod node_config;
mod settings;
mod shell;

use std::ops::Range;

/// Why user data can be neither read nor changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UserDataError {
    /// It is kept as base64, and this is none.
    #[error("the user data is not base64")]
    NotBase64,
    /// Its bytes are no text: compressed, or of another encoding.
    #[error("the user data is {0}, not text")]
    NotText(&'static str),
    /// It is text that says something other than what is understood here.
    #[error("the user data is not understood: {0}")]
    NotUnderstood(String),
}

impl UserDataError {
    fn of(why: impl Into<String>) -> Self {
        Self::NotUnderstood(why.into())
    }
}

/// What reads the user data, which decides what to write where nothing is said yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Family {
    /// Amazon Linux 2: `bootstrap.sh`.
    Al2,
    /// Amazon Linux 2023: nodeadm.
    Al2023,
    /// Bottlerocket.
    Bottlerocket,
    /// Not known.
    Unknown,
}

impl Family {
    /// The family of an EKS `amiType`.
    pub fn of_ami_type(ami_type: &str) -> Self {
        if ami_type.starts_with("AL2023_") {
            Self::Al2023
        } else if ami_type.starts_with("AL2_") {
            Self::Al2
        } else if ami_type.starts_with("BOTTLEROCKET_") {
            Self::Bottlerocket
        } else {
            Self::Unknown
        }
    }
}

/// A replacement of some bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Edit {
    at: Range<usize>,
    with: String,
}

/// What was found, and the edits that would set the number.
#[derive(Debug, Default, PartialEq, Eq)]
struct Scan {
    /// The number that counts, where one is said.
    value: Option<u32>,
    edits: Vec<Edit>,
}

/// The number of pods that user data sets; none where it leaves it to the image.
pub fn max_pods(text: &str) -> Result<Option<u32>, UserDataError> {
    if text.trim().is_empty() {
        return Ok(None);
    }
    // Which family adds what is missing, and with which number, does not change what is there.
    scan(text, 0, Family::Al2023).map(|scan| scan.value)
}

/// The user data with this number of pods, everything else byte for byte as it is.
pub fn with_max_pods(text: &str, max_pods: u32, family: Family) -> Result<String, UserDataError> {
    if text.trim().is_empty() {
        return from_nothing(max_pods, family);
    }
    let mut scan = scan(text, max_pods, family)?;
    scan.edits.sort_by_key(|edit| edit.at.start);
    let mut changed = text.to_owned();
    for edit in scan.edits.iter().rev() {
        changed.replace_range(edit.at.clone(), &edit.with);
    }
    Ok(changed)
}

/// As [`max_pods`], of the base64 that a launch template holds; none is empty user data.
pub fn max_pods_of_encoded(encoded: Option<&str>) -> Result<Option<u32>, UserDataError> {
    max_pods(&decode(encoded)?)
}

/// As [`with_max_pods`], from and to the base64 that a launch template holds.
pub fn encoded_with_max_pods(
    encoded: Option<&str>,
    max_pods: u32,
    family: Family,
) -> Result<String, UserDataError> {
    let changed = with_max_pods(&decode(encoded)?, max_pods, family)?;
    Ok(base64::encode(changed.as_bytes()))
}

fn decode(encoded: Option<&str>) -> Result<String, UserDataError> {
    let bytes = base64::decode(encoded.unwrap_or_default()).ok_or(UserDataError::NotBase64)?;
    if bytes.starts_with(&[0x1f, 0x8b]) {
        return Err(UserDataError::NotText("compressed"));
    }
    String::from_utf8(bytes).map_err(|_| UserDataError::NotText("not UTF-8"))
}

fn scan(text: &str, max_pods: u32, family: Family) -> Result<Scan, UserDataError> {
    if multipart::is_one(text) {
        return multipart::scan(text, max_pods, family);
    }
    if text.trim_start().starts_with("#!") {
        let whole = 0..text.len();
        return shell::scan(text, whole, max_pods)?
            .ok_or_else(|| UserDataError::of("the script does not call /etc/eks/bootstrap.sh"));
    }
    if node_config::is_one(text) {
        return node_config::scan(text, 0..text.len(), max_pods);
    }
    if settings::is_one(text) {
        return settings::scan(text, max_pods);
    }
    Err(UserDataError::of(
        "it is no MIME document, no script, no NodeConfig and no settings of Bottlerocket",
    ))
}

fn from_nothing(max_pods: u32, family: Family) -> Result<String, UserDataError> {
    match family {
        Family::Al2023 => Ok(multipart::document(max_pods)),
        Family::Bottlerocket => Ok(format!("[settings.kubernetes]\nmax-pods = {max_pods}\n")),
        Family::Al2 => Err(UserDataError::of(
            "there is none, and the call of bootstrap.sh that EKS adds takes no number of pods",
        )),
        Family::Unknown => Err(UserDataError::of("there is none, and the image is not known")),
    }
}

/// The decimal number at the start, with its length in bytes.
fn leading_number(text: &str) -> Option<(u32, usize)> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    Some((text.get(..digits)?.parse().ok()?, digits))
}

/// Every `--max-pods=N` and `--max-pods N` in a range: the last number, which is the one that counts, and the edits.
fn flags(text: &str, within: Range<usize>, max_pods: u32) -> Result<Scan, UserDataError> {
    const FLAG: &str = "--max-pods";
    let mut scan = Scan::default();
    let mut from = within.start;
    while let Some(found) = text.get(from..within.end).and_then(|rest| rest.find(FLAG)) {
        let after = from + found + FLAG.len();
        from = after;
        let rest = text.get(after..within.end).unwrap_or_default();
        let skipped = match rest.bytes().next() {
            Some(b'=') => 1,
            Some(b' ' | b'\t') => rest.len() - rest.trim_start_matches([' ', '\t']).len(),
            // Another flag that begins alike.
            Some(byte) if byte.is_ascii_alphanumeric() || byte == b'-' => continue,
            _ => return Err(UserDataError::of("--max-pods has no number")),
        };
        let number = leading_number(rest.get(skipped..).unwrap_or_default());
        let Some((value, digits)) = number else {
            return Err(UserDataError::of("--max-pods is not a plain number"));
        };
        scan.value = Some(value);
        let start = after + skipped;
        scan.edits.push(Edit {
            at: start..start + digits,
            with: max_pods.to_string(),
        });
    }
    Ok(scan)
}

#[cfg(test)]
mod tests;
