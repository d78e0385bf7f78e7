//! The version of the VPC CNI that reads a configuration: defaults and the set of variables depend on it.

use std::fmt;

/// A release of amazon-vpc-cni-k8s, such as `v1.23.1` or `v1.23.0-eksbuild.1`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CniVersion {
    /// First number; always 1 so far.
    pub major: u16,
    /// Second number.
    pub minor: u16,
    /// Third number.
    pub patch: u16,
    /// The build of the EKS add-on, 0 for an upstream release.
    pub eksbuild: u16,
}

/// A text that is no version.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, thiserror::Error)]
#[error("{0:?} is not a version of the VPC CNI; write it like v1.23.1 or v1.23.0-eksbuild.1")]
pub struct InvalidVersion(pub String);

impl CniVersion {
    /// The release whose behaviour this project is written against.
    pub const REFERENCE: Self = Self::new(1, 23, 1);

    /// An upstream release.
    pub const fn new(major: u16, minor: u16, patch: u16) -> Self {
        Self {
            major,
            minor,
            patch,
            eksbuild: 0,
        }
    }

    /// Parses `v1.23.1`, `1.23.1` and `v1.23.0-eksbuild.1`; other suffixes (`-rc.1`, `-custom`) are ignored.
    pub fn parse(text: &str) -> Result<Self, InvalidVersion> {
        let invalid = || InvalidVersion(text.to_owned());
        let (numbers, suffix) = match text.trim_start_matches('v').split_once('-') {
            Some((numbers, suffix)) => (numbers, suffix),
            None => (text.trim_start_matches('v'), ""),
        };
        let mut parts = numbers.split('.').map(str::parse::<u16>);
        let mut next = || parts.next().and_then(Result::ok).ok_or_else(invalid);
        let (major, minor, patch) = (next()?, next()?, next()?);
        if parts.next().is_some() {
            return Err(invalid());
        }
        let eksbuild = suffix
            .strip_prefix("eksbuild.")
            .and_then(|n| n.parse().ok())
            .unwrap_or(0);
        Ok(Self {
            major,
            minor,
            patch,
            eksbuild,
        })
    }

    /// Whether this is what is wanted: any build of it, where no build is named.
    pub fn fits(self, wanted: Self) -> bool {
        let build = if wanted.eksbuild == 0 { 0 } else { self.eksbuild };
        Self {
            eksbuild: build,
            ..self
        } == wanted
    }

    /// Whether the code of this version has what `release` brought, whatever the add-on build.
    pub fn has(self, release: Self) -> bool {
        (self.major, self.minor, self.patch) >= (release.major, release.minor, release.patch)
    }
}

impl fmt::Display for CniVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "v{}.{}.{}", self.major, self.minor, self.patch)?;
        if self.eksbuild > 0 {
            write!(f, "-eksbuild.{}", self.eksbuild)
        } else {
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_parse_and_order() {
        let parse = |text| CniVersion::parse(text);
        assert_eq!(parse("v1.23.1"), Ok(CniVersion::REFERENCE));
        assert_eq!(
            parse("1.23.0-eksbuild.1").map(|v| v.to_string()),
            Ok("v1.23.0-eksbuild.1".to_owned())
        );
        assert!(parse("v1.9.0") < parse("v1.10.1"));
        assert!(parse("latest").is_err());
        assert!(parse("1.2").is_err());
        assert!(parse("1.2.3.4").is_err());
    }

    #[test]
    fn an_addon_build_has_what_its_release_has() {
        let addon = CniVersion {
            eksbuild: 1,
            ..CniVersion::new(1, 23, 0)
        };
        assert!(addon.has(CniVersion::new(1, 23, 0)));
        assert!(!addon.has(CniVersion::new(1, 23, 1)));
    }
}
