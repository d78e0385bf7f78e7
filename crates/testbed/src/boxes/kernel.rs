//! The network state of a node as `ip`, `nft` and `conntrack` tell it, to be compared before and after.

use std::collections::BTreeSet;
use std::fmt;

use super::error::BoxError;
use super::node::NodeBox;

/// Every rule, route, link, address, neighbour and nftables line, without what changes by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KernelState {
    lines: BTreeSet<String>,
}

/// What one state has that another has not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KernelChange {
    /// What is there and was not.
    pub new: Vec<String>,
    /// What was there and is not.
    pub gone: Vec<String>,
}

impl NodeBox {
    /// The state now.
    pub fn kernel(&self) -> Result<KernelState, BoxError> {
        let mut lines = BTreeSet::new();
        for args in [
            &["-o", "rule"][..],
            &["-o", "-6", "rule"],
            &["-o", "route", "show", "table", "all"],
            &["-o", "-6", "route", "show", "table", "all"],
            &["-br", "link"],
            &["-br", "addr"],
            &["neigh", "show", "nud", "permanent"],
        ] {
            let text = self.space().tool("ip", args, "")?;
            let title = args.join(" ");
            lines.extend(text.lines().map(|line| format!("ip {title}: {}", stable(line))));
        }
        let text = self.space().tool("nft", &["-s", "list", "ruleset"], "")?;
        lines.extend(rules(&text).into_iter().map(|line| format!("nft: {line}")));
        Ok(KernelState { lines })
    }

    /// Tracked connections from or to an address.
    pub fn connections(&self, address: std::net::IpAddr) -> Result<Vec<String>, BoxError> {
        let family = if address.is_ipv4() { "ipv4" } else { "ipv6" };
        let text = self.space().tool("conntrack", &["-L", "-f", family], "")?;
        let name = address.to_string();
        let of_it = |line: &&str| line.split([' ', '=']).any(|word| word == name);
        Ok(text.lines().filter(of_it).map(str::to_owned).collect())
    }
}

impl KernelState {
    /// What is new and what is gone since.
    pub fn since(&self, before: &Self) -> KernelChange {
        let without = |one: &Self, other: &Self| one.lines.difference(&other.lines).cloned().collect();
        KernelChange {
            new: without(self, before),
            gone: without(before, self),
        }
    }

    /// The lines that contain a text.
    pub fn lines_with(&self, text: &str) -> Vec<&str> {
        let all = self.lines.iter().map(String::as_str);
        all.filter(|line| line.contains(text)).collect()
    }
}

impl KernelChange {
    /// Whether nothing changed.
    pub fn is_empty(&self) -> bool {
        self.new.is_empty() && self.gone.is_empty()
    }
}

impl fmt::Display for KernelChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.gone.iter().try_for_each(|line| writeln!(f, "- {line}"))?;
        self.new.iter().try_for_each(|line| writeln!(f, "+ {line}"))
    }
}

/// A line without what changes by itself: the numbers of peers in other namespaces, and routes that expire.
fn stable(line: &str) -> String {
    let mut words = line.split_whitespace();
    let mut kept = Vec::new();
    while let Some(word) = words.next() {
        match word.split_once("@if") {
            Some((name, _)) => kept.push(name),
            None if word == "expires" => drop(words.next()),
            None => kept.push(word),
        }
    }
    kept.join(" ")
}

/// Every line of a ruleset with the table and the chain or set that it is in.
fn rules(text: &str) -> Vec<String> {
    let (mut place, mut found) = (Vec::new(), Vec::new());
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        if let Some(name) = line.strip_suffix(" {") {
            place.push(name);
            found.push(place.join(": "));
        } else if line == "}" {
            place.pop();
        } else {
            found.push(format!("{}: {line}", place.join(": ")));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_changes_by_itself_is_not_compared() {
        assert_eq!(stable("eth0@if6  UP 10.0.0.4/20"), "eth0 UP 10.0.0.4/20");
        assert_eq!(
            stable("default via fe80::1 expires 1799sec pref medium"),
            "default via fe80::1 pref medium"
        );
    }

    #[test]
    fn a_rule_is_told_with_its_place() {
        let text = "table ip nat {\n\tchain POST {\n\t\ttype nat;\n\n\t\tcounter masquerade\n\t}\n}\n";
        assert_eq!(
            rules(text),
            [
                "table ip nat",
                "table ip nat: chain POST",
                "table ip nat: chain POST: type nat;",
                "table ip nat: chain POST: counter masquerade"
            ]
        );
    }
}
