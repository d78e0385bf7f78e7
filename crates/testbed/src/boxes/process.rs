//! A program that runs in a box: its output is kept, and it can be killed as a crash would.

use std::fs::{self, File};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::child::{end, lock};
use super::error::BoxError;
use super::space::Space;

/// How often the end of a program is looked for; nothing tells of it without a thread.
const LOOK: Duration = Duration::from_millis(5);

/// A running program. It is killed when this is dropped.
#[derive(Debug)]
pub struct Running {
    child: Arc<Mutex<Child>>,
    pid: u32,
    log: PathBuf,
}

impl Running {
    /// Starts it with its output appended to a file.
    pub(super) fn start(space: &Space, command: &mut Command, log: PathBuf) -> Result<Self, BoxError> {
        let open = || File::options().create(true).append(true).open(&log);
        let output = open().map_err(BoxError::file("open", &log))?;
        let errors = output.try_clone().map_err(BoxError::file("open", &log))?;
        command.stdin(Stdio::null()).stdout(output).stderr(errors);
        let child = space.spawn(command)?;
        let pid = child.id();
        let child = Arc::new(Mutex::new(child));
        space.adopt(&child);
        Ok(Self { child, pid, log })
    }

    /// Its number, as this process sees it.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// How it ended, if it has.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        lock(&self.child).try_wait().ok().flatten()
    }

    /// All it printed, and what those before it with the same name did.
    pub fn log(&self) -> String {
        String::from_utf8_lossy(&fs::read(&self.log).unwrap_or_default()).into_owned()
    }

    /// Ends it with SIGKILL and waits until it is gone.
    pub fn kill(mut self) {
        self.end();
    }

    /// Asks it to end, and kills it when it has not in time. Gives how it ended.
    pub fn stop(mut self, within: Duration) -> Option<ExitStatus> {
        if let Ok(pid) = i32::try_from(self.pid())
            && let Err(errno) = kill(Pid::from_raw(pid), Signal::SIGTERM)
        {
            tracing::debug!(%errno, "signal not delivered");
        }
        let deadline = Instant::now() + within;
        while Instant::now() < deadline {
            if let Some(status) = self.ended() {
                return Some(status);
            }
            std::thread::sleep(LOOK);
        }
        self.end();
        None
    }

    fn end(&mut self) {
        if let Err(error) = end(&self.child) {
            tracing::warn!(%error, log = %self.log.display(), "a program of a box could not be ended");
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.end();
    }
}
