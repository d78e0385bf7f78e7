//! The texts of the metadata service as values.

use std::fmt::Display;
use std::str::FromStr;
use vpccni_core::net::{Ipv4Net, Ipv4Prefix};
use vpccni_core::ports::{CloudError, CloudErrorKind};

use super::fetch::ACTION;

pub(super) fn unreadable(path: &str, text: &str, problem: impl Display) -> CloudError {
    CloudError {
        kind: CloudErrorKind::Internal,
        action: ACTION,
        code: "UnreadableAnswer".to_owned(),
        message: format!("{path}: {text:?}: {problem}"),
    }
}

/// A path that every instance has is not there.
pub(super) fn missing(path: &str) -> CloudError {
    CloudError {
        kind: CloudErrorKind::NotFound,
        action: ACTION,
        code: "NotFound".to_owned(),
        message: format!("{path} is not there"),
    }
}

/// The whole text as one value.
pub(super) fn one<T>(path: &str, text: &str) -> Result<T, CloudError>
where
    T: FromStr,
    T::Err: Display,
{
    let text = text.trim();
    text.parse()
        .map_err(|problem: T::Err| unreadable(path, text, problem))
}

/// One value a line; names of branches end in a slash, which does not belong to them.
pub(super) fn lines<T>(path: &str, text: &str) -> Result<Vec<T>, CloudError>
where
    T: FromStr,
    T::Err: Display,
{
    text.lines()
        .map(|line| line.trim().trim_end_matches('/'))
        .filter(|line| !line.is_empty())
        .map(|line| one(path, line))
        .collect()
}

/// Networks that must be blocks of sixteen. A line of a prefix has its length after a slash, so only trailing slashes
/// were cut off before.
pub(super) fn prefixes(path: &str, nets: &[Ipv4Net]) -> Result<Vec<Ipv4Prefix>, CloudError> {
    nets.iter()
        .map(|net| {
            Ipv4Prefix::from_net(*net).ok_or_else(|| unreadable(path, &net.to_string(), "is not a /28"))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use vpccni_core::net::Mac;

    #[test]
    fn lists_lose_their_slashes_and_say_what_cannot_be_read() {
        let macs: Result<Vec<Mac>, _> = lines("macs/", "02:00:00:00:00:01/\n02:00:00:00:00:02/\n");
        assert_eq!(macs.map(|macs| macs.len()), Ok(2));
        let nets: Result<Vec<Ipv4Net>, _> = lines("ipv4-prefix", "10.0.0.16/28\n10.0.0.64/26");
        let error = prefixes("ipv4-prefix", &nets.unwrap()).map_err(|error| error.message);
        assert_eq!(
            error,
            Err("ipv4-prefix: \"10.0.0.64/26\": is not a /28".to_owned())
        );
    }
}
