//! `cargo xtask tools`: the programs of the control plane, and what boxes need of the machine, with progress.

use std::io::IsTerminal;
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
    let names = missing.into_iter().collect::<Vec<_>>().join(" ");
    say(&format!("the nodes in boxes need: apt-get install {names}"));
    let apt = |args: &str| {
        Command::new("apt-get")
            .args(args.split(' '))
            .env("DEBIAN_FRONTEND", "noninteractive")
            .stdout(Stdio::null())
            .status()
            .is_ok_and(|status| status.success())
    };
    // Without root, or on another distribution, it fails at once and changes nothing.
    let done = apt("update -q") && apt(&format!("install -y -q --no-install-recommends {names}"));
    say(if done {
        "installed"
    } else {
        "not installed: their stories will be skipped"
    });
}
