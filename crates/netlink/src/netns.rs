//! Network namespaces: open one, and run something inside it.
//!
//! A thread that entered another namespace never comes back to its pool: each entry has a thread of its own, which ends
//! with the work.

use crate::errno::{failed, io};
use nix::sched::{CloneFlags, setns, unshare};
use std::fs::File;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::path::{Path, PathBuf};
use vpccni_core::ports::KernelError;

/// The namespace of the calling thread.
const OWN: &str = "/proc/thread-self/ns/net";

/// A network namespace that is held open: it lives at least as long as this.
#[derive(Debug)]
pub struct NetNs(File);

impl NetNs {
    /// A path by which any thread of this process can open it, for as long as this is held.
    pub fn path(&self) -> PathBuf {
        PathBuf::from(format!("/proc/{}/fd/{}", std::process::id(), self.0.as_raw_fd()))
    }
}

impl AsFd for NetNs {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// Opens a namespace by its path, such as `/var/run/netns/cni-…`.
pub fn open(path: &Path) -> Result<NetNs, KernelError> {
    File::open(path).map(NetNs).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => KernelError::NoNamespace {
            path: path.display().to_string(),
        },
        _ => io("open", path.display().to_string(), &error),
    })
}

/// The namespace of the calling thread.
pub fn current() -> Result<NetNs, KernelError> {
    open(Path::new(OWN))
}

/// A new, empty namespace. It is gone when this and everything in it are.
pub fn create() -> Result<NetNs, KernelError> {
    on_a_thread(|| {
        unshare(CloneFlags::CLONE_NEWNET)
            .map_err(|errno| failed("make", "a network namespace", errno as i32))?;
        current()
    })?
}

/// Runs the work inside the namespace, on a thread of its own, and waits for it.
pub fn within<T: Send>(namespace: &NetNs, work: impl FnOnce() -> T + Send) -> Result<T, KernelError> {
    on_a_thread(|| {
        setns(namespace, CloneFlags::CLONE_NEWNET)
            .map_err(|errno| failed("enter", "a network namespace", errno as i32))?;
        Ok(work())
    })?
}

fn on_a_thread<T: Send>(work: impl FnOnce() -> T + Send) -> Result<T, KernelError> {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new()
            .name("netns".to_owned())
            .spawn_scoped(scope, work)
            .map_err(|error| io("start", "a thread", &error))?;
        // A panic of the work is the caller's own, in tests an assertion: it goes on where it would have gone.
        Ok(thread
            .join()
            .unwrap_or_else(|cause| std::panic::resume_unwind(cause)))
    })
}
