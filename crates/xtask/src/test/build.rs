//! Building all test programs, and running one.

use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use cargo_metadata::{Message, MetadataCommand, TargetKind};

use super::libtest::{self, Counts};
use crate::terminal::complain;

/// A test program.
#[derive(Debug)]
pub(super) struct Program {
    /// What it is called in the report.
    pub(super) name: String,
    pub(super) package: String,
    /// Whether it is one of `tests/`.
    pub(super) integration: bool,
    file: PathBuf,
    folder: PathBuf,
}

/// Builds the tests of the workspace; the compiler's messages go to the terminal.
pub(super) fn programs(root: &Path) -> Result<Vec<Program>, String> {
    let metadata = MetadataCommand::new()
        .manifest_path(root.join("Cargo.toml"))
        .no_deps()
        .exec()
        .map_err(|error| format!("cargo metadata: {error}"))?;
    let mut cargo = Command::new("cargo")
        .args([
            "test",
            "--workspace",
            "--no-run",
            "--message-format=json-render-diagnostics",
        ])
        .current_dir(root)
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| format!("run cargo test: {error}"))?;
    let output = cargo.stdout.take().ok_or("cargo test has no output")?;
    let mut found = Vec::new();
    for message in Message::parse_stream(BufReader::new(output)) {
        let Message::CompilerArtifact(artifact) =
            message.map_err(|error| format!("read cargo's messages: {error}"))?
        else {
            continue;
        };
        let package = metadata
            .packages
            .iter()
            .find(|package| package.id == artifact.package_id);
        if let (true, Some(file), Some(package)) = (artifact.profile.test, artifact.executable, package) {
            let kind = artifact.target.kind.first().cloned().unwrap_or(TargetKind::Lib);
            let folder = package
                .manifest_path
                .parent()
                .map(|folder| folder.as_std_path().to_owned());
            found.push(Program {
                name: format!("{} ({kind} {})", package.name, artifact.target.name),
                package: package.name.to_string(),
                integration: kind == TargetKind::Test,
                file: file.into_std_path_buf(),
                folder: folder.unwrap_or_else(|| root.to_owned()),
            });
        }
    }
    let status = cargo
        .wait()
        .map_err(|error| format!("wait for cargo test: {error}"))?;
    if !status.success() {
        return Err("the tests do not build".to_owned());
    }
    found.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(found)
}

impl Program {
    /// Runs it as cargo does: in the folder of its package.
    pub(super) fn run(&self, filter: Option<&str>) -> Result<Counts, String> {
        let output = Command::new(&self.file)
            // Also the output of tests that pass: it says what was skipped, and why.
            .arg("--show-output")
            .args(filter)
            .current_dir(&self.folder)
            .env("CARGO_MANIFEST_DIR", &self.folder)
            .stderr(Stdio::piped())
            .output()
            .map_err(|error| format!("run {}: {error}", self.file.display()))?;
        let text = String::from_utf8_lossy(&output.stdout);
        let mut counts = libtest::parse(&self.name, &text);
        if !output.status.success() {
            complain(&text);
            complain(&String::from_utf8_lossy(&output.stderr));
            if counts.failed == 0 {
                // It did not get as far as a result: killed, or it called exit.
                counts += Counts::of_one(&format!("{}: ended with {}", self.name, output.status), false);
            }
        }
        Ok(counts)
    }
}
