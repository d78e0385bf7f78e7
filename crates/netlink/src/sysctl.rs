//! Values under `/proc/sys`, of the calling thread's namespace.

use crate::errno::io;
use std::fs::File;
use std::io::{ErrorKind, Read};
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

/// Longer than any value that is written here.
const LONG: usize = 64;

/// Whether it has that value.
fn is(sysctl: &Sysctl) -> std::io::Result<bool> {
    let mut buffer = [0; LONG];
    // The kernel gives a value in one read.
    let length = File::open(path(&sysctl.path))?.read(&mut buffer)?;
    let text = buffer.get(..length).unwrap_or_default();
    Ok(length < LONG && text.trim_ascii_end() == sysctl.value.as_bytes())
}

/// Writes it, unless it is so already.
///
/// Some values want the kernel's lock of links even for a write that changes nothing, such as `forwarding`, and who
/// writes one does not wait for that lock: the kernel has the call begin anew until it is free. Thirty pods that start
/// together would spend a third of their time in that.
pub(crate) fn write(sysctl: &Sysctl) -> Result<(), KernelError> {
    // Where it cannot be read, writing it says why.
    if is(sysctl).unwrap_or(false) {
        return Ok(());
    }
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
