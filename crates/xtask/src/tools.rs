//! `cargo xtask tools`: the programs of the control plane, and what boxes need of the machine, with progress.

use std::env;
use std::ffi::OsStr;
use std::io::{ErrorKind, IsTerminal};
use std::process::{Command, ExitCode, Stdio};
use std::time::Duration;

use indicatif::ProgressBar;
use vpccni_testbed::{Program, Python, Toolbox, boxes};

use crate::terminal::say;

/// Finds or builds all programs and says where they are.
pub(crate) fn run() -> Result<ExitCode, String> {
    // A bar that spins shows a person that the quarter of an hour is not a hang; a log gets lines.
    let bar = std::io::stderr().is_terminal().then(ProgressBar::new_spinner);
    if let Some(bar) = &bar {
        bar.enable_steady_tick(Duration::from_millis(200));
    }
    let found = Toolbox::ready(&Program::ALL, &mut |line| match &bar {
        Some(bar) => bar.set_message(line.to_owned()),
        None => say(line),
    });
    if let Some(bar) = &bar {
        bar.finish_and_clear();
    }
    for (program, path) in found.map_err(|error| error.to_string())?.iter() {
        say(&format!("{:<24} {}", program.name(), path.display()));
    }
    match Python::ready(&mut say) {
        Ok(python) => say(&format!("{:<24} {}", "python", python.interpreter().display())),
        // Only comparisons need it, and they say that they are skipped.
        Err(error) if error.is_absence() => say(&format!("{:<24} none: {error}", "python")),
        Err(error) => return Err(error.to_string()),
    }
    machine();
    Ok(ExitCode::SUCCESS)
}

/// What the stories of the node agent need of the machine itself: installed where we may, named where not. They say
/// themselves that they are skipped.
fn machine() {
    let missing = boxes::packages();
    if missing.is_empty() {
        return;
    }
    let names: Vec<&str> = missing.into_iter().collect();
    say(&format!(
        "the nodes in boxes need: apt-get install {}",
        names.join(" ")
    ));
    let path = env::var_os("PATH").unwrap_or_default();
    match install(&names, nix::unistd::geteuid().is_root(), &path) {
        Ok(()) => {
            let left: Vec<&str> = boxes::packages().into_iter().collect();
            say(&if left.is_empty() {
                "installed".to_owned()
            } else {
                // A package of another distribution can have the name and not the program.
                format!(
                    "installed, and still not there: {}; their stories will be skipped",
                    left.join(" ")
                )
            });
        }
        Err(reason) => say(&format!(
            "not installed, {reason}: the stories of the node agent (e2e) will be skipped"
        )),
    }
}

/// Installs packages by the `apt-get` of this search path, without a question.
fn install(names: &[&str], is_root: bool, path: &OsStr) -> Result<(), String> {
    if !is_root {
        return Err("which needs root".to_owned());
    }
    let apt = |args: &[&str]| {
        let output = Command::new("apt-get")
            .args(args)
            .env("PATH", path)
            .env("DEBIAN_FRONTEND", "noninteractive")
            .stdin(Stdio::null())
            .output();
        match output {
            Ok(output) if output.status.success() => Ok(()),
            Ok(output) => {
                let said = String::from_utf8_lossy(&output.stderr);
                let last = said.lines().last().unwrap_or("it does not say why");
                Err(format!("apt-get {} failed: {last}", args[0]))
            }
            Err(error) if error.kind() == ErrorKind::NotFound => Err("there is no apt-get".to_owned()),
            Err(error) => Err(format!("apt-get cannot be run: {error}")),
        }
    };
    // A fresh machine has no lists; where they cannot be had, older ones may do.
    if let Err(reason) = apt(&["update", "-q"]) {
        say(&reason);
    }
    let install = ["install", "-y", "-q", "--no-install-recommends"];
    apt(&[&install, names].concat())
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;
    use std::path::Path;

    use super::*;

    /// A search path with an `apt-get` that writes down what it is asked, and then does this.
    fn apt(folder: &Path, then: &str) {
        let path = folder.join("apt-get");
        let log = folder.join("asked");
        let text = format!(
            "#!/bin/sh\necho \"$DEBIAN_FRONTEND $*\" >>'{}'\n{then}\n",
            log.display()
        );
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    #[test]
    fn packages_are_installed_without_a_question_after_the_lists() {
        let folder = tempfile::tempdir().unwrap();
        apt(folder.path(), "exit 0");
        install(&["nftables", "runc"], true, folder.path().as_os_str()).unwrap();
        let asked = fs::read_to_string(folder.path().join("asked")).unwrap();
        assert_eq!(
            asked,
            "noninteractive update -q\nnoninteractive install -y -q --no-install-recommends nftables runc\n"
        );
    }

    #[test]
    fn lists_that_cannot_be_had_do_not_stop_it_and_a_failure_is_told() {
        let folder = tempfile::tempdir().unwrap();
        apt(folder.path(), "[ $1 = install ]");
        install(&["runc"], true, folder.path().as_os_str()).unwrap();
        apt(folder.path(), "echo 'E: no such package' >&2; exit 100");
        let reason = install(&["runc"], true, folder.path().as_os_str()).unwrap_err();
        assert_eq!(reason, "apt-get install failed: E: no such package");
    }

    #[test]
    fn without_root_or_apt_nothing_is_tried() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().as_os_str();
        assert_eq!(install(&["runc"], true, path).unwrap_err(), "there is no apt-get");
        apt(folder.path(), "exit 0");
        assert_eq!(install(&["runc"], false, path).unwrap_err(), "which needs root");
        assert!(!folder.path().join("asked").exists());
    }
}
