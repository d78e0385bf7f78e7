//! The end of a program that several owners may see to.

use std::process::{Child, ExitStatus};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Kills and reaps a child; one that has been reaped stays so.
pub(super) fn end(child: &Mutex<Child>) -> std::io::Result<ExitStatus> {
    let mut child = lock(child);
    child.kill().and_then(|()| child.wait())
}

pub(super) fn lock(child: &Mutex<Child>) -> MutexGuard<'_, Child> {
    child.lock().unwrap_or_else(PoisonError::into_inner)
}
