//! `ipamd clean`: removes what the agent keeps in the kernel, and prints what that was.

use std::io::{self, Write};
use vpccni_core::datapath::CleanUp;
use vpccni_core::ports::{Kernel, KernelError};

/// The node was not cleaned, or nobody could be told.
#[derive(Debug, thiserror::Error)]
pub enum CleanError {
    /// The kernel said no.
    #[error(transparent)]
    Kernel(KernelError),
    /// What was removed could not be printed.
    #[error("failed to print what was removed: {0}")]
    Print(io::Error),
}

/// Removes it, and prints one line for each thing.
pub fn clean(kernel: &dyn Kernel, everything: bool, out: &mut dyn Write) -> Result<(), CleanError> {
    let how = if everything {
        CleanUp::Everything
    } else {
        CleanUp::KeepPods
    };
    let changes = kernel.clean(how).map_err(CleanError::Kernel)?;
    if changes.is_empty() {
        return writeln!(out, "nothing of the agent is here").map_err(CleanError::Print);
    }
    for change in changes {
        writeln!(out, "{change}").map_err(CleanError::Print)?;
    }
    Ok(())
}
