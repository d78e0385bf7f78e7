//! Nothing is left behind, even when this process is killed.
//!
//! A shell of our own holds the reading end of a pipe. When the pipe closes, because we are gone, it kills the
//! processes it was told of and removes the folder. (A parent-death signal would need unsafe code and is tied to the
//! thread that forked.)

use std::io::{self, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Mutex, PoisonError};

use std::os::unix::process::CommandExt;

const SCRIPT: &str = r#"
pids=""
while read -r verb what; do
    case "$verb" in
        watch) pids="$pids $what " ;;
        forget) pids="${pids%% $what *} ${pids#* $what }" ;;
    esac
done
for pid in $pids; do kill -KILL "$pid" 2>/dev/null; done
rm -rf "$1" 2>/dev/null || { sleep 1; rm -rf "$1"; }
"#;

/// The watcher of one folder and its processes. Dropping it cleans up.
#[derive(Debug)]
pub(crate) struct Guard {
    shell: Child,
    pipe: Mutex<Option<ChildStdin>>,
}

impl Guard {
    /// Starts the watcher of a folder.
    pub(crate) fn of(folder: &Path) -> io::Result<Self> {
        let mut shell = Command::new("/bin/sh")
            .args(["-c", SCRIPT, "guard"])
            .arg(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // A group of its own: the Ctrl-C that ends us must not end it.
            .process_group(0)
            .spawn()?;
        let pipe = Mutex::new(shell.stdin.take());
        Ok(Self { shell, pipe })
    }

    /// Kill this process when we are gone.
    pub(super) fn watch(&self, pid: u32) -> io::Result<()> {
        self.say("watch", pid)
    }

    /// The process has ended and its number may be given to another.
    pub(super) fn forget(&self, pid: u32) -> io::Result<()> {
        self.say("forget", pid)
    }

    fn say(&self, verb: &str, pid: u32) -> io::Result<()> {
        match self.pipe.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
            Some(pipe) => writeln!(pipe, "{verb} {pid}"),
            None => Ok(()),
        }
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        // Closing the pipe is the signal. The shell only kills what we told it and removes one folder: that is quick.
        drop(self.pipe.lock().unwrap_or_else(PoisonError::into_inner).take());
        if let Err(error) = self.shell.wait() {
            tracing::warn!(%error, "the guard of the test bed could not be joined");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sleeper() -> Child {
        Command::new("sleep").arg("600").spawn().unwrap()
    }

    #[test]
    fn kills_what_is_watched_and_not_what_is_forgotten() {
        let folder = tempfile::tempdir().unwrap().keep();
        let guard = Guard::of(&folder).unwrap();
        let mut children = [sleeper(), sleeper(), sleeper()];
        for child in &children {
            guard.watch(child.id()).unwrap();
        }
        guard.forget(children[1].id()).unwrap();
        drop(guard);
        assert!(!folder.exists());
        assert!(!children[0].wait().unwrap().success());
        assert!(!children[2].wait().unwrap().success());
        assert!(
            children[1].try_wait().unwrap().is_none(),
            "a forgotten process was killed"
        );
        children[1].kill().unwrap();
        children[1].wait().unwrap();
    }
}
