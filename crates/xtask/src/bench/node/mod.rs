//! The node agent: ADD and its burst, ipamd through its socket, memory and size, against the reference plugins and the
//! bare work of the kernel in the same run. The node is one in a box, with the agent as it is shipped.

mod baselines;
mod call;
mod figures;
mod sample;
mod scene;

use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use self::figures::Figure;
use super::endpoint::machine;
use super::results;
use crate::terminal::{complain, say};

/// What ships: small before fast, and static.
const PROFILE: &str = "node";
/// That of the plugin.
const PLUGIN_PROFILE: &str = "plugin";

/// As on a node, where the checkpoint is: folders of boxes are made here.
const MEMORY: &str = "/dev/shm";

const TITLE: &str = "The node agent";

/// How the node agent is measured.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct NodeArgs {
    /// Pods that live on the node while everything is measured; their ADDs are timed.
    #[arg(long, default_value_t = 250)]
    pods: usize,
    /// Bursts of thirty pods; the median counts.
    #[arg(long, default_value_t = 5)]
    bursts: usize,
    /// Starts and stops of pods before the memory of ipamd is read.
    #[arg(long, default_value_t = 1000)]
    churn: usize,
    /// Calls of each baseline.
    #[arg(long, default_value_t = 100)]
    baseline: usize,
    /// Seconds of each load through the socket.
    #[arg(long, default_value_t = 5)]
    seconds: u32,
    /// Writes the figures to bench/RESULTS.md.
    #[arg(long)]
    record: bool,
    /// What else is to be known of this run, for the record.
    #[arg(long, default_value = "")]
    note: String,
    /// Measure what is built already, with the folder of temporary files as it is.
    #[arg(long, hide = true)]
    built: bool,
}

pub(super) fn run(root: &Path, args: &NodeArgs) -> Result<ExitCode, String> {
    if !args.built {
        build(root)?;
        return Err(again_in_memory());
    }
    let programs = folder(root);
    let runtime = tokio::runtime::Runtime::new().map_err(|error| format!("start the runtime: {error}"))?;
    let before = load();
    let figures = runtime.block_on(scene::measure(&programs, args))?;
    let text = report(args, &figures, &before);
    say(&text);
    if args.record {
        results::record_section(root, TITLE, &text)?;
    }
    Ok(if figures.iter().all(Figure::is_well) {
        ExitCode::SUCCESS
    } else {
        complain("a figure is not as wanted");
        ExitCode::FAILURE
    })
}

/// The target of a static executable for this machine.
fn target() -> String {
    format!("{}-unknown-linux-gnu", std::env::consts::ARCH)
}

/// The target of the plugin, which is that of the image: what a C library does before `main` is a good part of what a
/// process of three milliseconds does at all.
fn plugin_target() -> String {
    format!("{}-unknown-linux-musl", std::env::consts::ARCH)
}

fn targets(root: &Path) -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from)
}

fn folder(root: &Path) -> PathBuf {
    targets(root).join(target()).join(PROFILE)
}

/// Static, as the image is built; the generated client of EC2 takes a while.
fn build(root: &Path) -> Result<(), String> {
    let plugin_target = plugin_target();
    if !is_installed(&plugin_target)? {
        return Err(format!(
            "the target of the plugin is missing: rustup target add {plugin_target}"
        ));
    }
    say(&format!(
        "building the profiles {PROFILE} and {PLUGIN_PROFILE} (about a quarter of an hour the first time)"
    ));
    cargo_build(root, PROFILE, &target(), "vpccni-ipamd")?;
    cargo_build(root, PLUGIN_PROFILE, &plugin_target, "vpccni-cni")?;
    // One folder for both, as in the image.
    let plugin = targets(root)
        .join(plugin_target)
        .join(PLUGIN_PROFILE)
        .join("aws-cni");
    std::fs::copy(&plugin, folder(root).join("aws-cni"))
        .map(drop)
        .map_err(|error| format!("copy {}: {error}", plugin.display()))
}

/// Whether the compiler has the standard library of a target.
fn is_installed(target: &str) -> Result<bool, String> {
    let output = Command::new("rustc")
        .args(["--print", "target-libdir", "--target", target])
        .output()
        .map_err(|error| format!("run rustc: {error}"))?;
    let folder = String::from_utf8_lossy(&output.stdout);
    Ok(output.status.success() && Path::new(folder.trim()).is_dir())
}

/// The flag is for the target alone.
fn cargo_build(root: &Path, profile: &str, target: &str, package: &str) -> Result<(), String> {
    let variable = target.to_uppercase().replace('-', "_");
    let status = Command::new("cargo")
        .args(["build", "--profile", profile, "--target", target, "-p", package])
        .env(
            format!("CARGO_TARGET_{variable}_RUSTFLAGS"),
            "-C target-feature=+crt-static",
        )
        .current_dir(root)
        .status()
        .map_err(|error| format!("run cargo: {error}"))?;
    if status.success() {
        Ok(())
    } else {
        Err(format!("cargo build --profile {profile} failed"))
    }
}

/// Becomes the same program with its temporary files in memory; comes back only with an error.
fn again_in_memory() -> String {
    let program = match std::env::current_exe() {
        Ok(program) => program,
        Err(error) => return format!("find this program: {error}"),
    };
    let error = Command::new(&program)
        .args(std::env::args_os().skip(1))
        .arg("--built")
        .env("TMPDIR", MEMORY)
        .exec();
    format!("start {}: {error}", program.display())
}

/// The load averages of the machine: others may work beside.
fn load() -> String {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').take(3).collect::<Vec<_>>().join(" ")
}

fn report(args: &NodeArgs, figures: &[Figure], before: &str) -> String {
    let note = if args.note.is_empty() {
        String::new()
    } else {
        format!("\n{}\n", args.note)
    };
    format!(
        "`cargo xtask bench node --pods {} --bursts {} --churn {} --baseline {} --seconds {} --record`\n\n\
         {}; everything shares them. Load average {before} before the run, {} after it. Profiles `{PROFILE}` and `{PLUGIN_PROFILE}`, \
         static, the plugin with the C library of the image (musl); a node in a box (m5.4xlarge, prefixes, no cooldown), its checkpoint on tmpfs and synced at each change. Times of \
         a plugin are from its start to its end, as a runtime sees them.\n{note}\n{}",
        args.pods,
        args.bursts,
        args.churn,
        args.baseline,
        args.seconds,
        machine(),
        load(),
        figures::table(figures)
    )
}
