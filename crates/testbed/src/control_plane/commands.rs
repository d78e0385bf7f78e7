//! kubectl and helm against the control plane, as a person runs them.

use std::process::{Output, Stdio};

use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use super::ControlPlane;
use crate::tools::{Program, ToolError};

/// A command line program could not be run, or failed.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// It is missing.
    #[error("{source}")]
    Tools {
        /// Why.
        source: ToolError,
    },
    /// It could not be run.
    #[error("run {program} {args}: {source}")]
    Run {
        /// Which one.
        program: Program,
        /// Its arguments.
        args: String,
        /// Why.
        source: std::io::Error,
    },
    /// It ended with an error.
    #[error("{program} {args}: {stderr}")]
    Failed {
        /// Which one.
        program: Program,
        /// Its arguments.
        args: String,
        /// What it said.
        stderr: String,
    },
}

impl ControlPlane {
    /// Runs kubectl as an administrator and returns how it ended, whatever that is.
    pub async fn kubectl(&self, args: &[&str], stdin: Option<&str>) -> Result<Output, CommandError> {
        self.command(Program::Kubectl, args, stdin).await
    }

    /// Runs kubectl and returns what it printed; an error when it failed.
    pub async fn kubectl_ok(&self, args: &[&str], stdin: Option<&str>) -> Result<String, CommandError> {
        text_of(Program::Kubectl, args, &self.kubectl(args, stdin).await?)
    }

    /// Runs helm as an administrator and returns how it ended, whatever that is.
    pub async fn helm(&self, args: &[&str]) -> Result<Output, CommandError> {
        self.command(Program::Helm, args, None).await
    }

    /// Runs helm and returns what it printed; an error when it failed.
    pub async fn helm_ok(&self, args: &[&str]) -> Result<String, CommandError> {
        text_of(Program::Helm, args, &self.helm(args).await?)
    }

    async fn command(
        &self,
        program: Program,
        args: &[&str],
        stdin: Option<&str>,
    ) -> Result<Output, CommandError> {
        let path = self
            .tools
            .path(program)
            .map_err(|source| CommandError::Tools { source })?;
        let run_error = |source| CommandError::Run {
            program,
            args: args.join(" "),
            source,
        };
        let mut child = Command::new(path)
            .args(args)
            .env("KUBECONFIG", self.kubeconfig_path())
            // Caches and plug-ins of the user must not show here, nor ours there.
            .env("HOME", self.folder())
            .env_remove("XDG_CACHE_HOME")
            .env_remove("XDG_CONFIG_HOME")
            .env_remove("XDG_DATA_HOME")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(run_error)?;
        let mut pipe = child.stdin.take();
        let feed = async move {
            if let (Some(pipe), Some(text)) = (pipe.as_mut(), stdin) {
                // A program that does not read its input closes the pipe: how it ends says enough.
                if let Err(error) = pipe.write_all(text.as_bytes()).await {
                    tracing::debug!(%error, "{program} did not read its input");
                }
            }
            drop(pipe);
        };
        let ((), output) = tokio::join!(feed, child.wait_with_output());
        output.map_err(run_error)
    }
}

fn text_of(program: Program, args: &[&str], output: &Output) -> Result<String, CommandError> {
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let stderr = String::from_utf8_lossy(&output.stderr).trim_end().to_owned();
    Err(CommandError::Failed {
        program,
        args: args.join(" "),
        stderr,
    })
}
