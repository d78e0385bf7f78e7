//! What has to be there before the demo: the programs of the control plane, and the operator, freshly built.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use cargo_metadata::MetadataCommand;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;
use vpccni_testbed::{Options, Toolbox};

use super::error::DemoError;
use super::page::Page;

/// Finds the programs of the control plane, or builds them once.
pub(super) async fn tools(page: &Page) -> Result<Toolbox, DemoError> {
    let progress = page.progress();
    progress
        .step("finding the programs of the control plane (what is missing is built once, about ten minutes)");
    let programs = Options::default().programs();
    let found =
        tokio::task::spawn_blocking(move || Toolbox::ready(&programs, &mut |line| progress.step(line)));
    match found.await {
        Ok(found) => found.map_err(DemoError::Tools),
        Err(error) => Err(DemoError::Build(error.to_string())),
    }
}

/// Builds the operator with everything else of the workspace, so that the features of its dependencies are those of
/// every other build, and says where it is.
pub(super) async fn operator(page: &Page, root: &Path) -> Result<PathBuf, DemoError> {
    let progress = page.progress();
    progress.step("building the programs: cargo build --workspace (about ten minutes the first time)");
    let mut cargo = Command::new("cargo");
    cargo
        .args(["build", "--workspace"])
        .current_dir(root)
        .kill_on_drop(true);
    // `cargo run` sets these for us. Build scripts that look at them would take them for a change and build anew.
    for (name, _) in std::env::vars_os() {
        if name
            .to_str()
            .is_some_and(|name| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_"))
        {
            cargo.env_remove(name);
        }
    }
    let failed = |error: std::io::Error| DemoError::Build(error.to_string());
    let mut child = cargo
        .stdin(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(failed)?;
    let mut said = String::new();
    if let Some(stderr) = child.stderr.take() {
        let mut lines = BufReader::new(stderr).lines();
        while let Some(line) = lines.next_line().await.map_err(failed)? {
            progress.detail(line.trim());
            said.push_str(&line);
            said.push('\n');
        }
    }
    if !child.wait().await.map_err(failed)?.success() {
        return Err(DemoError::Build(said));
    }
    let metadata = MetadataCommand::new()
        .manifest_path(root.join("Cargo.toml"))
        .no_deps()
        .exec();
    let target = metadata
        .map_err(|error| DemoError::Build(error.to_string()))?
        .target_directory;
    Ok(target.join("debug/vpc-cni-operator").into_std_path_buf())
}
