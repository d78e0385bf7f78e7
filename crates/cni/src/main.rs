//! The executable: reads its environment and standard input, prints the outcome, and lets no panic out.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::panic::{self, AssertUnwindSafe};
use std::process::ExitCode;
use std::sync::{Mutex, PoisonError};

use vpccni_cni::error::{CniError, Code};
use vpccni_cni::kernel::Netlink;
use vpccni_cni::{Outcome, aws_cni, failure};

/// What the panic said, for the error.
static PANIC: Mutex<String> = Mutex::new(String::new());

fn main() -> ExitCode {
    panic::set_hook(Box::new(|info| {
        *PANIC.lock().unwrap_or_else(PoisonError::into_inner) = info.to_string();
    }));
    let outcome = panic::catch_unwind(AssertUnwindSafe(call)).unwrap_or_else(|_| {
        let said = PANIC.lock().unwrap_or_else(PoisonError::into_inner);
        failure(
            &CniError::because(Code::Internal, "the plugin made a mistake", &*said),
            None,
        )
    });
    let written = io::stdout().lock().write_all(outcome.stdout.as_bytes());
    if outcome.success && written.is_ok() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn call() -> Outcome {
    let variables: BTreeMap<String, String> = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .filter(|(name, _)| name.starts_with("CNI_"))
        .collect();
    let mut stdin = Vec::new();
    if let Err(error) = io::stdin().lock().read_to_end(&mut stdin) {
        return failure(&CniError::because(Code::Io, "read standard input", error), None);
    }
    aws_cni(&variables, &stdin, &mut Netlink)
}
