//! What the stock agent left in iptables: found and taken away once the tables of ours are there, so that nothing is
//! translated or marked twice and at no moment not at all. Its nftables table `ip aws-cni` has the name of ours and is
//! replaced like any other state of it.
//!
//! The one module that starts programs: legacy iptables have a binary interface of their own, and rules of iptables'
//! nft flavour hold extensions only iptables understands. The programs are `xtables-legacy-multi` and
//! `xtables-nft-multi`; one is started only where the kernel has such tables. Connections and their marks stay.

use crate::nft;
use std::process::Command;
use vpccni_core::datapath::{EgressFamily, Family};
use vpccni_core::ports::KernelError;

const CHAINS: [&str; 2] = ["AWS-SNAT-CHAIN-", "AWS-CONNMARK-CHAIN-"];
/// What the stock agent writes beside its rules of CONNMARK.
const COMMENTS: [&str; 2] = ["AWS, primary ENI", "AWS, CONNMARK"];
/// Another program may hold the lock of iptables.
const WAIT: [&str; 2] = ["-w", "5"];

/// A failed step of taking over.
#[derive(Debug, thiserror::Error)]
pub enum LegacyError {
    /// The kernel could not be asked.
    #[error("failed to look for tables of iptables: {0}")]
    Kernel(KernelError),
    /// The program was not started.
    #[error("failed to start {program}: {source}")]
    Start {
        /// The program.
        program: &'static str,
        /// Why.
        source: std::io::Error,
    },
    /// The program said no.
    #[error("failed to run {command}: {reason}")]
    Refused {
        /// The program with its arguments.
        command: String,
        /// What it said.
        reason: String,
    },
}

/// Which iptables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Flavour {
    Legacy,
    Nft,
}

impl Flavour {
    fn program(self) -> &'static str {
        match self {
            Self::Legacy => "xtables-legacy-multi",
            Self::Nft => "xtables-nft-multi",
        }
    }
}

/// A table of iptables.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Table {
    flavour: Flavour,
    family: Family,
    name: &'static str,
}

/// A rule or a chain the stock agent left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leftover {
    table: Table,
    /// Arguments that take it away.
    removal: Vec<String>,
}

impl std::fmt::Display for Leftover {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{} -t {} {}",
            self.table.flavour.program(),
            self.table.name,
            self.removal.join(" ")
        )
    }
}

/// What is there, in the order to remove it: rules that lead to a chain come before the chain. A table whose program is
/// not installed cannot be read, and is said in the log.
pub fn find() -> Result<Vec<Leftover>, LegacyError> {
    let mut found = Vec::new();
    for table in tables()? {
        match list(&table) {
            Ok(text) => found.extend(leftovers(&table, &text)),
            Err(LegacyError::Start { program, source }) => {
                tracing::warn!(
                    program,
                    table = table.name,
                    %source,
                    "rules of iptables cannot be read"
                );
            }
            Err(error) => return Err(error),
        }
    }
    Ok(found)
}

/// Removes it.
pub fn remove(leftovers: &[Leftover]) -> Result<(), LegacyError> {
    for leftover in leftovers {
        call(&leftover.table, &leftover.removal)?;
    }
    Ok(())
}

/// The tables the kernel has, without making one by asking for it.
fn tables() -> Result<Vec<Table>, LegacyError> {
    let mut tables = Vec::new();
    for family in [Family::V4, Family::V6] {
        let legacy = std::fs::read_to_string(format!("/proc/thread-self/net/{family}_tables_names"));
        let legacy = legacy.unwrap_or_default();
        for name in ["nat", "mangle", "filter"] {
            if legacy.lines().any(|line| line == name) {
                tables.push(Table {
                    flavour: Flavour::Legacy,
                    family,
                    name,
                });
            }
            if nft::is_there(family, name).map_err(LegacyError::Kernel)? {
                tables.push(Table {
                    flavour: Flavour::Nft,
                    family,
                    name,
                });
            }
        }
    }
    Ok(tables)
}

fn call(table: &Table, arguments: &[String]) -> Result<String, LegacyError> {
    let program = table.flavour.program();
    let applet = match table.family {
        Family::V4 => "iptables",
        Family::V6 => "ip6tables",
    };
    let output = Command::new(program)
        .arg(applet)
        .args(WAIT)
        .args(["-t", table.name])
        .args(arguments)
        .output()
        .map_err(|source| LegacyError::Start { program, source })?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    Err(LegacyError::Refused {
        command: format!("{program} {applet} -t {} {}", table.name, arguments.join(" ")),
        reason: String::from_utf8_lossy(&output.stderr).trim().to_owned(),
    })
}

fn list(table: &Table) -> Result<String, LegacyError> {
    call(table, &["-S".to_owned()])
}

/// What of a listing is the stock agent's.
fn leftovers(table: &Table, listing: &str) -> Vec<Leftover> {
    let leftover = |removal: Vec<String>| Leftover {
        table: table.clone(),
        removal,
    };
    let (mut rules, mut flushes, mut chains) = (Vec::new(), Vec::new(), Vec::new());
    for line in listing.lines() {
        let mut words = words(line);
        match words.first().map(String::as_str) {
            Some("-N") if words.get(1).is_some_and(|chain| is_chain(chain)) => {
                let chain = words.swap_remove(1);
                flushes.push(leftover(vec!["-F".to_owned(), chain.clone()]));
                chains.push(leftover(vec!["-X".to_owned(), chain]));
            }
            Some("-A") if is_ours(table, &words) => {
                "-D".clone_into(&mut words[0]);
                rules.push(leftover(words));
            }
            _ => {}
        }
    }
    rules.append(&mut flushes);
    rules.append(&mut chains);
    rules
}

fn is_chain(name: &str) -> bool {
    CHAINS.iter().any(|prefix| name.starts_with(prefix))
}

/// Rules of chains of the kernel alone: those of the agent's own chains go with the chain.
fn is_ours(table: &Table, words: &[String]) -> bool {
    let after = |flag: &str| {
        let place = words.iter().position(|word| word == flag)?;
        words.get(place + 1).map(String::as_str)
    };
    if words.get(1).is_none_or(|chain| is_chain(chain)) {
        return false;
    }
    let target = after("-j").unwrap_or_default();
    let is_refusal = || {
        let ranges = [EgressFamily::V4, EgressFamily::V6].map(|family| family.range().to_string());
        table.name == "filter"
            && target == "REJECT"
            && after("-d").is_some_and(|to| ranges.iter().any(|range| range == to))
    };
    is_chain(target)
        || (target == "CONNMARK" && after("--comment").is_some_and(|comment| COMMENTS.contains(&comment)))
        || is_refusal()
}

/// The words of a line of `-S`: a comment with spaces is in double quotes, with a backslash before one of its own.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let (mut is_quoted, mut has_word) = (false, false);
    let mut letters = line.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '"' => {
                is_quoted = !is_quoted;
                has_word = true;
            }
            '\\' => word.extend(letters.next()),
            ' ' if !is_quoted => {
                if has_word || !word.is_empty() {
                    words.push(std::mem::take(&mut word));
                }
                has_word = false;
            }
            other => word.push(other),
        }
    }
    if has_word || !word.is_empty() {
        words.push(word);
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    const LISTING: &str = r#"-P PREROUTING ACCEPT
-N AWS-SNAT-CHAIN-0
-N KUBE-SERVICES
-A PREROUTING -m comment --comment "kubernetes service portals" -j KUBE-SERVICES
-A PREROUTING -m comment --comment "AWS, CONNMARK" -j CONNMARK --restore-mark --nfmask 0x80 --ctmask 0x80
-A PREROUTING -m comment --comment "somebody's \"own\"" -j CONNMARK --restore-mark
-A POSTROUTING -m comment --comment "AWS SNAT CHAIN" -j AWS-SNAT-CHAIN-0
-A AWS-SNAT-CHAIN-0 -d 10.0.0.0/16 -m comment --comment "AWS SNAT CHAIN" -j RETURN"#;

    fn table(name: &'static str) -> Table {
        Table {
            flavour: Flavour::Legacy,
            family: Family::V4,
            name,
        }
    }

    #[test]
    fn only_what_the_stock_agent_wrote_goes_and_chains_go_last() {
        let found: Vec<_> = leftovers(&table("nat"), LISTING)
            .into_iter()
            .map(|leftover| leftover.removal.join(" "))
            .collect();
        assert_eq!(
            found,
            [
                "-D PREROUTING -m comment --comment AWS, CONNMARK -j CONNMARK --restore-mark --nfmask 0x80 --ctmask 0x80",
                "-D POSTROUTING -m comment --comment AWS SNAT CHAIN -j AWS-SNAT-CHAIN-0",
                "-F AWS-SNAT-CHAIN-0",
                "-X AWS-SNAT-CHAIN-0",
            ]
        );
    }

    #[test]
    fn a_refusal_is_known_by_its_range() {
        let listing = "-A FORWARD -d 169.254.172.0/22 -m conntrack --ctstate NEW -j REJECT\n\
                       -A FORWARD -d 169.254.0.0/16 -j REJECT";
        assert_eq!(leftovers(&table("filter"), listing).len(), 1);
        assert_eq!(leftovers(&table("mangle"), listing).len(), 0);
    }

    #[test]
    fn words_keep_what_is_quoted() {
        assert_eq!(words(r#"a "b c" "" "d \"e\"""#), ["a", "b c", "", "d \"e\""]);
    }
}
