//! One program of the control plane: started in a group of its own, its output in a file, stopped and reaped.

use std::ffi::OsString;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::process::{Child, Command};

use super::error::StartError;
use super::guard::Guard;
use crate::tools::{Program, Toolbox};

/// Lines of a log that an error carries.
const LOG_LINES: usize = 25;
/// How long a killed process may take to be gone; SIGKILL needs milliseconds.
const KILL_GRACE: Duration = Duration::from_secs(2);

/// A running program.
#[derive(Debug)]
pub(super) struct Process {
    program: Program,
    child: Child,
    pid: u32,
    log: PathBuf,
    guard: Arc<Guard>,
}

impl Process {
    /// Starts a program with its log in a folder.
    pub(super) fn start(
        tools: &Toolbox,
        program: Program,
        args: &[OsString],
        folder: &Path,
        guard: &Arc<Guard>,
    ) -> Result<Self, StartError> {
        let path = tools
            .path(program)
            .map_err(|source| StartError::Tools { source })?;
        let log = folder.join(format!("{program}.log"));
        let open = || File::options().create(true).append(true).open(&log);
        let output = open().map_err(StartError::file("open", &log))?;
        let errors = output.try_clone().map_err(StartError::file("open", &log))?;
        let spawn_error = |source| StartError::Spawn { program, source };
        let child = Command::new(path)
            .args(args)
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(output)
            .stderr(errors)
            // The Ctrl-C of a terminal goes to its foreground group: we decide when the control plane ends.
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .map_err(spawn_error)?;
        let pid = child
            .id()
            .ok_or_else(|| spawn_error(std::io::ErrorKind::NotFound.into()))?;
        guard.watch(pid).map_err(spawn_error)?;
        Ok(Self {
            program,
            child,
            pid,
            log,
            guard: Arc::clone(guard),
        })
    }

    /// Which program it is.
    pub(super) fn program(&self) -> Program {
        self.program
    }

    /// Its process number.
    pub(super) fn pid(&self) -> u32 {
        self.pid
    }

    /// How it ended, if it has.
    pub(super) fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }

    /// The last lines of its log.
    pub(super) fn log_tail(&self) -> String {
        let text = fs::read(&self.log).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(LOG_LINES)..].join("\n")
    }

    /// Asks it to end, and kills it when it has not after `grace`.
    pub(super) async fn stop(mut self, grace: Duration) {
        if self.ended().is_none() {
            self.signal(Signal::SIGTERM);
            if tokio::time::timeout(grace, self.child.wait()).await.is_err() {
                tracing::debug!(program = %self.program, "did not end in time: killed");
            }
        }
        // What is still there is killed and reaped by drop.
    }

    fn signal(&self, signal: Signal) {
        let Ok(pid) = i32::try_from(self.pid) else { return };
        if let Err(errno) = kill(Pid::from_raw(pid), signal) {
            tracing::debug!(program = %self.program, %errno, "signal not delivered");
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if self.ended().is_none() {
            self.signal(Signal::SIGKILL);
            let deadline = Instant::now() + KILL_GRACE;
            while self.ended().is_none() && Instant::now() < deadline {
                std::thread::sleep(Duration::from_millis(2));
            }
        }
        if let Err(error) = self.guard.forget(self.pid) {
            tracing::debug!(program = %self.program, %error, "the guard is gone");
        }
    }
}
