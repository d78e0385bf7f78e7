//! The variables a runtime calls a plugin with, checked as the CNI specification says.

use crate::args::PodArgs;
use crate::error::{CniError, Code};
use std::collections::BTreeMap;
use std::path::Path;

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// Give a container its network.
    Add,
    /// Take it away.
    Del,
    /// See whether it is still as it was given.
    Check,
    /// Whether an ADD would work.
    Status,
    /// Take away what belongs to no container.
    Gc,
    /// Say which versions are known.
    Version,
}

impl Command {
    /// As the runtime writes it.
    pub fn text(self) -> &'static str {
        match self {
            Self::Add => "ADD",
            Self::Del => "DEL",
            Self::Check => "CHECK",
            Self::Status => "STATUS",
            Self::Gc => "GC",
            Self::Version => "VERSION",
        }
    }

    fn read(text: &str) -> Result<Self, CniError> {
        [
            Self::Add,
            Self::Del,
            Self::Check,
            Self::Status,
            Self::Gc,
            Self::Version,
        ]
        .into_iter()
        .find(|command| command.text() == text)
        .ok_or_else(|| invalid(format!("CNI_COMMAND {text:?} is not known")))
    }

    fn needs(self) -> &'static [&'static str] {
        match self {
            Self::Add | Self::Check => &["CNI_CONTAINERID", "CNI_NETNS", "CNI_IFNAME"],
            Self::Del => &["CNI_CONTAINERID", "CNI_IFNAME"],
            Self::Status | Self::Gc | Self::Version => &[],
        }
    }
}

/// The environment of one call. Texts that the command does not need may be empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Environment {
    /// What is to be done.
    pub command: Command,
    /// The sandbox.
    pub container_id: String,
    /// The path of its network namespace; a DEL may come without.
    pub netns: String,
    /// The name the interface has in there.
    pub if_name: String,
    /// The pod.
    pub pod: PodArgs,
    /// Where plugins lie.
    pub path: String,
    /// CNI_ARGS as they came, for plugins called from here.
    pub raw_args: String,
}

impl Environment {
    /// Reads `CNI_*`.
    pub fn read(variables: &BTreeMap<String, String>) -> Result<Self, CniError> {
        let of = |name: &str| variables.get(name).map(String::as_str).unwrap_or_default();
        let command = Command::read(of("CNI_COMMAND"))?;
        let missing: Vec<&str> = command
            .needs()
            .iter()
            .copied()
            .filter(|name| of(name).is_empty())
            .collect();
        if !missing.is_empty() {
            let missing = missing.join(", ");
            return Err(invalid(format!("{} needs {missing}", command.text())));
        }
        if !command.needs().is_empty() {
            check_container_id(of("CNI_CONTAINERID"))?;
            check_if_name(of("CNI_IFNAME"))?;
        }
        Ok(Self {
            command,
            container_id: of("CNI_CONTAINERID").to_owned(),
            netns: of("CNI_NETNS").to_owned(),
            if_name: of("CNI_IFNAME").to_owned(),
            pod: PodArgs::read(of("CNI_ARGS"))?,
            path: of("CNI_PATH").to_owned(),
            raw_args: of("CNI_ARGS").to_owned(),
        })
    }

    /// The network namespace.
    pub fn netns(&self) -> &Path {
        Path::new(&self.netns)
    }
}

fn invalid(message: String) -> CniError {
    CniError::new(Code::InvalidEnvironment, message)
}

/// Letters, digits, `_`, `.` and `-`, the first a letter or digit: ids and names of networks are parts of paths.
pub(crate) fn is_identifier(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric();
    text.starts_with(plain) && text.chars().all(|c| plain(c) || "_.-".contains(c))
}

fn check_container_id(id: &str) -> Result<(), CniError> {
    if is_identifier(id) {
        return Ok(());
    }
    Err(invalid(format!(
        "CNI_CONTAINERID {id:?} has characters it must not have"
    )))
}

/// The kernel's rules for names of links.
fn check_if_name(name: &str) -> Result<(), CniError> {
    let bad = |c: char| c == '/' || c == ':' || c.is_whitespace();
    if name.len() > 15 || matches!(name, "." | "..") || name.contains(bad) {
        return Err(invalid(format!("CNI_IFNAME {name:?} is no name of an interface")));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[(&str, &str)]) -> Result<Environment, CniError> {
        let variables = pairs
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        Environment::read(&variables)
    }

    fn refused(pairs: &[(&str, &str)]) -> String {
        let error = read(pairs).unwrap_err();
        assert_eq!(error.code, Code::InvalidEnvironment);
        error.message
    }

    #[test]
    fn what_a_command_needs_must_be_there() {
        let del = [
            ("CNI_COMMAND", "DEL"),
            ("CNI_CONTAINERID", "c1"),
            ("CNI_IFNAME", "eth0"),
        ];
        assert_eq!(read(&del).unwrap().netns, "");
        assert_eq!(
            refused(&[("CNI_COMMAND", "ADD"), ("CNI_IFNAME", "eth0")]),
            "ADD needs CNI_CONTAINERID, CNI_NETNS"
        );
        assert!(read(&[("CNI_COMMAND", "STATUS")]).is_ok());
        assert!(refused(&[]).contains("CNI_COMMAND \"\""));
        assert!(refused(&[("CNI_COMMAND", "add")]).contains("not known"));
    }

    #[test]
    fn ids_and_names_must_be_such() {
        let with = |id, name| {
            read(&[
                ("CNI_COMMAND", "DEL"),
                ("CNI_CONTAINERID", id),
                ("CNI_IFNAME", name),
            ])
            .is_ok()
        };
        assert!(with("a-1_b.c", "a-name-of-15-ch"));
        for id in ["../up", "-x", "a b", "a/b"] {
            assert!(!with(id, "eth0"), "{id}");
        }
        for name in ["sixteen-letters-", "..", "a/b", "a:b", "a b"] {
            assert!(!with("c1", name), "{name}");
        }
    }
}
