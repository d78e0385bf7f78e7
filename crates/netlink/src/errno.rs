//! Errors of the kernel in the words of the port.

use nix::errno::Errno;
use vpccni_core::ports::KernelError;

/// A number the kernel gave, positive.
pub(crate) fn failed(call: &'static str, object: impl Into<String>, errno: i32) -> KernelError {
    KernelError::Call {
        call,
        object: object.into(),
        errno,
        reason: Errno::from_raw(errno).desc().to_owned(),
    }
}

/// An error of the standard library.
pub(crate) fn io(call: &'static str, object: impl Into<String>, error: &std::io::Error) -> KernelError {
    KernelError::Call {
        call,
        object: object.into(),
        errno: error.raw_os_error().unwrap_or_default(),
        reason: error.to_string(),
    }
}

/// An answer that makes no sense.
pub(crate) fn answer(call: &'static str, reason: impl Into<String>) -> KernelError {
    KernelError::Answer {
        call,
        reason: reason.into(),
    }
}
