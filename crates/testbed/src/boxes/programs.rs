//! The programs of the machine that boxes and their stories need. They are a distribution's, so they are not built: what
//! is missing is named with its package.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// The programs that every box needs, and the Debian package of each.
const BOXES: [(&str, &str); 7] = [
    ("ip", "iproute2"),
    ("nft", "nftables"),
    ("mount", "mount"),
    ("sh", "dash"),
    ("unshare", "util-linux"),
    ("find", "findutils"),
    ("cat", "coreutils"),
];

/// What the stories look at boxes with.
pub const STORIES: [(&str, &str); 4] = [
    ("ping", "iputils-ping"),
    ("curl", "curl"),
    ("conntrack", "conntrack"),
    ("tcpdump", "tcpdump"),
];

/// What a story steps the clock of an agent with.
pub const CLOCK: [(&str, &str); 1] = [("faketime", "faketime")];

/// What a node with a kubelet needs besides; the kubelet itself is built by `cargo xtask tools`.
pub(super) const KUBELET: [(&str, &str); 7] = [
    ("containerd", "containerd"),
    ("ctr", "containerd"),
    ("containerd-shim-runc-v2", "containerd"),
    ("runc", "runc"),
    ("iptables", "iptables"),
    ("busybox", "busybox-static"),
    ("tar", "tar"),
];

/// Where the reference plugins are; their package has no program in the search path.
pub const REFERENCE_PLUGINS: &str = "/usr/lib/cni";
const REFERENCE_PACKAGE: &str = "containernetworking-plugins";

/// What this machine lacks for boxes and for these programs besides, with the way to get it.
pub fn missing(programs: &[(&str, &str)]) -> Option<String> {
    if !nix::unistd::geteuid().is_root() {
        return Some("network namespaces need root".to_owned());
    }
    let wanted = BOXES.iter().chain(programs);
    let (names, packages): (Vec<&str>, BTreeSet<&str>) = wanted
        .filter(|(program, _)| find(program).is_none())
        .copied()
        .unzip();
    (!names.is_empty()).then(|| {
        let packages: Vec<&str> = packages.into_iter().collect();
        format!(
            "{} not found (Debian: apt-get install {})",
            names.join(", "),
            packages.join(" ")
        )
    })
}

/// The Debian packages that this machine lacks for all that runs in boxes.
pub fn packages() -> BTreeSet<&'static str> {
    let programs = BOXES.iter().chain(&STORIES).chain(&CLOCK).chain(&KUBELET);
    let mut missing: BTreeSet<&str> = programs
        .filter(|(program, _)| find(program).is_none())
        .map(|(_, package)| *package)
        .collect();
    if !Path::new(REFERENCE_PLUGINS).join("loopback").is_file() {
        missing.insert(REFERENCE_PACKAGE);
    }
    missing
}

/// A program of this machine; the folders of the administrator are not in everyone's path.
pub(crate) fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    folders.extend(["/usr/sbin", "/sbin", "/usr/bin", "/bin"].map(PathBuf::from));
    folders
        .into_iter()
        .map(|folder| folder.join(program))
        .find(|path| path.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_there_is_named_with_its_package() {
        let reason = missing(&[("no-such-program", "no-such-package"), ("sh", "dash")]).unwrap();
        if nix::unistd::geteuid().is_root() {
            assert!(reason.contains("no-such-program"), "{reason}");
            assert!(reason.contains("apt-get install no-such-package"), "{reason}");
        } else {
            assert!(reason.contains("root"), "{reason}");
        }
    }

    #[test]
    fn a_program_is_found_where_it_is() {
        assert!(find("sh").is_some_and(|path| path.is_file()));
        assert_eq!(find("no-such-program"), None);
    }
}
