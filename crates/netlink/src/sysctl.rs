//! Values under `/proc/sys`, of the calling thread's namespace.

use crate::errno::io;
use std::io::ErrorKind;
use std::path::PathBuf;
use vpccni_core::datapath::Sysctl;
use vpccni_core::ports::KernelError;

fn path(path: &str) -> PathBuf {
    PathBuf::from("/proc/sys").join(path)
}

/// What it is; none where the kernel has no such value.
pub(crate) fn read(name: &str) -> Result<Option<String>, KernelError> {
    match std::fs::read_to_string(path(name)) {
        Ok(text) => Ok(Some(text.trim_end().to_owned())),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(io("read", format!("sysctl {name}"), &error)),
    }
}

/// Writes it.
pub(crate) fn write(sysctl: &Sysctl) -> Result<(), KernelError> {
    match std::fs::write(path(&sysctl.path), &sysctl.value) {
        Err(error) if error.kind() == ErrorKind::NotFound && sysctl.optional => Ok(()),
        Err(error) => Err(io(
            "write",
            format!("sysctl {}={}", sysctl.path, sysctl.value),
            &error,
        )),
        Ok(()) => Ok(()),
    }
}
