//! A machine as far as the kernel makes one: network, mount and process namespaces, held by one process.
//!
//! Nothing has a name in the file system, so nothing can collide and nothing can stay behind: the holder is process 1
//! of its namespace and ends when the pipe to us closes, also when we are killed; with it the kernel ends every
//! process, mount, interface and rule inside.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, Output, Stdio};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::thread;

use nix::sched::{CloneFlags, setns, unshare};

use super::cgroup::{self, Cgroup};
use super::child::end;
use super::error::BoxError;

/// Process 1: makes the mounts it is told, says so, reaps orphans, and ends when its input does.
const HOLDER: &str = r#"
set -e
mount --make-rprivate /
mount -t proc proc /proc
eval "$1"
exec unshare --cgroup /bin/sh -ec "$2"
"#;

/// What it goes on as. A shell that waits reaps every orphan.
const WAIT: &str = r"
echo ready
exec 3<&0
cat <&3 >/dev/null &
wait $!
";

/// The namespaces of one machine. They end when this is dropped.
#[derive(Debug)]
pub struct Space {
    holder: Child,
    input: Option<ChildStdin>,
    network: File,
    mounts: File,
    processes: File,
    cgroups: File,
    /// Programs that this process started inside: process 1 does not end before they are reaped.
    children: Mutex<Vec<Weak<Mutex<Child>>>>,
    // Removed when the processes are gone.
    _cgroup: Cgroup,
}

impl Space {
    /// Makes them; `mounts` is a piece of shell that runs as process 1 in the new mount namespace.
    pub fn new(mounts: &str) -> Result<Self, BoxError> {
        let cgroup = Cgroup::new()?;
        let (join, rest) = (cgroup.join(), format!("{}{mounts}{WAIT}", cgroup::MOUNT));
        let mut holder = on_thread(|| {
            let new = CloneFlags::CLONE_NEWNET | CloneFlags::CLONE_NEWNS | CloneFlags::CLONE_NEWPID;
            unshare(new).map_err(BoxError::kernel("make namespaces"))?;
            Command::new("/bin/sh")
                .args(["-c", HOLDER, "holder", &join, &rest])
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()
                .map_err(spawn_error("/bin/sh"))
        })?;
        let input = holder.stdin.take();
        let ready = holder.stdout.take().map(|output| {
            let mut line = String::new();
            BufReader::new(output).read_line(&mut line).map(|_| line)
        });
        if !matches!(&ready, Some(Ok(line)) if line.trim() == "ready") {
            return Err(not_ready(holder));
        }
        let pid = holder.id();
        let open = |name: &str| {
            let path = PathBuf::from(format!("/proc/{pid}/ns/{name}"));
            File::open(&path).map_err(BoxError::file("open", path))
        };
        Ok(Self {
            network: open("net")?,
            mounts: open("mnt")?,
            processes: open("pid")?,
            cgroups: open("cgroup")?,
            children: Mutex::default(),
            _cgroup: cgroup,
            holder,
            input,
        })
    }

    /// The number of process 1, as this process sees it.
    pub fn pid(&self) -> u32 {
        self.holder.id()
    }

    /// A path inside, as this process can open it.
    pub fn path(&self, inside: impl AsRef<std::path::Path>) -> PathBuf {
        let inside = inside.as_ref();
        let relative = inside.strip_prefix("/").unwrap_or(inside);
        PathBuf::from(format!("/proc/{}/root", self.pid())).join(relative)
    }

    /// Runs something on a thread of its own in the network namespace; sockets made there stay there.
    pub fn within<R: Send>(&self, run: impl FnOnce() -> R + Send) -> Result<R, BoxError> {
        within(&self.network, run)
    }

    /// Runs something on a thread of its own from which programs are started in all the namespaces, as cheaply as
    /// outside. The thread cannot start threads: they would be of two namespaces of processes.
    pub fn enter<R: Send>(&self, run: impl FnOnce() -> R + Send) -> Result<R, BoxError> {
        self.enter_at(&self.network, run)
    }

    /// The same in another network namespace.
    pub fn enter_at<R: Send>(&self, network: &File, run: impl FnOnce() -> R + Send) -> Result<R, BoxError> {
        let error = || BoxError::kernel::<nix::Error>("enter the namespaces");
        on_thread(|| {
            // The threads of a process share their folder and root; only one that does not may change its mounts.
            unshare(CloneFlags::CLONE_FS).map_err(error())?;
            setns(network, CloneFlags::CLONE_NEWNET).map_err(error())?;
            setns(&self.processes, CloneFlags::CLONE_NEWPID).map_err(error())?;
            setns(&self.cgroups, CloneFlags::CLONE_NEWCGROUP).map_err(error())?;
            setns(&self.mounts, CloneFlags::CLONE_NEWNS).map_err(error())?;
            Ok(run())
        })
    }

    /// Runs a program of this machine in the network namespace alone: its files and process numbers are ours.
    pub fn tool(&self, program: &str, args: &[&str], input: &str) -> Result<String, BoxError> {
        tool(&self.network, program, args, input)
    }

    /// The network namespace, for sockets and tools.
    pub fn network(&self) -> &File {
        &self.network
    }

    /// Ends this child with the machine, also where its owner outlives the machine.
    pub(super) fn adopt(&self, child: &Arc<Mutex<Child>>) {
        let mut children = self.children.lock().unwrap_or_else(PoisonError::into_inner);
        children.retain(|known| known.strong_count() > 0);
        children.push(Arc::downgrade(child));
    }

    /// Starts a program in all the namespaces. Its owner reaps it, or has it adopted.
    pub(super) fn spawn(&self, command: &mut Command) -> Result<Child, BoxError> {
        self.spawn_at(&self.network, command)
    }

    /// Starts a program in the mounts and processes of this machine, but in another network namespace: one of its pods.
    pub(super) fn spawn_at(&self, network: &File, command: &mut Command) -> Result<Child, BoxError> {
        let program = command.get_program().to_string_lossy().into_owned();
        self.enter_at(network, || command.spawn())?
            .map_err(spawn_error(&program))
    }

    /// Runs a program to its end, with some input; gives how it ended, whatever that is.
    pub fn output(&self, command: &mut Command, input: &str) -> Result<Output, BoxError> {
        self.output_at(&self.network, command, input)
    }

    /// The same in the network namespace of a pod.
    pub fn output_at(&self, network: &File, command: &mut Command, input: &str) -> Result<Output, BoxError> {
        let program = command.get_program().to_string_lossy().into_owned();
        let child = self.spawn_at(network, piped(command))?;
        finish(child, &program, input)
    }

    /// Runs a program and gives what it printed; an error where it failed.
    pub fn run(&self, program: &str, args: &[&str], input: &str) -> Result<String, BoxError> {
        let output = self.output(Command::new(program).args(args), input)?;
        text_of(program, args, input, &output)
    }
}

impl Drop for Space {
    fn drop(&mut self) {
        drop(self.input.take());
        let children = self.children.get_mut().unwrap_or_else(PoisonError::into_inner);
        for child in children.iter().filter_map(Weak::upgrade) {
            if let Err(error) = end(&child) {
                tracing::warn!(%error, "a program of a box could not be ended");
            }
        }
        if let Err(error) = self.holder.kill().and_then(|()| self.holder.wait()) {
            tracing::warn!(%error, "process 1 of a box could not be ended");
        }
    }
}

/// Runs something on a thread of its own in a network namespace.
pub fn within<R: Send>(network: &File, run: impl FnOnce() -> R + Send) -> Result<R, BoxError> {
    on_thread(|| {
        setns(network, CloneFlags::CLONE_NEWNET).map_err(BoxError::kernel("enter a network namespace"))?;
        Ok(run())
    })
}

/// Runs a program in a network namespace alone.
pub(super) fn tool(network: &File, program: &str, args: &[&str], input: &str) -> Result<String, BoxError> {
    let child = within(network, || piped(Command::new(program).args(args)).spawn())?;
    let output = finish(child.map_err(spawn_error(program))?, program, input)?;
    text_of(program, args, input, &output)
}

fn piped(command: &mut Command) -> &mut Command {
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
}

fn finish(mut child: Child, program: &str, input: &str) -> Result<Output, BoxError> {
    if let Some(mut pipe) = child.stdin.take()
        && let Err(error) = pipe.write_all(input.as_bytes())
    {
        // A program that does not read its input: how it ends says enough.
        tracing::debug!(%error, program, "the input was not read");
    }
    child.wait_with_output().map_err(spawn_error(program))
}

/// What a program printed, or an error that says what it was asked and what it said.
pub(super) fn text_of(
    program: &str,
    args: &[&str],
    input: &str,
    output: &Output,
) -> Result<String, BoxError> {
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let asked = if input.is_empty() {
        String::new()
    } else {
        format!("\ninput:\n{input}")
    };
    Err(BoxError::Failed {
        program: format!("{program} {}", args.join(" ")),
        status: output.status,
        stderr: format!("{}{asked}", said.trim_end()),
    })
}

/// Namespaces belong to threads: what changes them must not be done on one that is used again.
fn on_thread<R: Send>(run: impl FnOnce() -> Result<R, BoxError> + Send) -> Result<R, BoxError> {
    thread::scope(|scope| {
        let thread = thread::Builder::new()
            .name("namespace".to_owned())
            .spawn_scoped(scope, run)
            .map_err(BoxError::kernel("start a thread"))?;
        match thread.join() {
            Ok(result) => result,
            Err(panic) => std::panic::resume_unwind(panic),
        }
    })
}

fn not_ready(mut holder: Child) -> BoxError {
    let mut said = String::new();
    drop(holder.stdin.take());
    if let Some(mut errors) = holder.stderr.take()
        && let Err(error) = errors.read_to_string(&mut said)
    {
        said = error.to_string();
    }
    match holder.wait() {
        Ok(status) => BoxError::Failed {
            program: "process 1 of a box".to_owned(),
            status,
            stderr: said,
        },
        Err(source) => BoxError::Kernel {
            step: "wait for process 1 of a box".to_owned(),
            source,
        },
    }
}

fn spawn_error(program: &str) -> impl FnOnce(std::io::Error) -> BoxError + use<> {
    let program = program.to_owned();
    move |source| BoxError::Spawn { program, source }
}
