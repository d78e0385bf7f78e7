//! The executable: reads its environment and standard input, prints the outcome, and lets no panic out.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::panic;
use std::path::Path;
use std::process::ExitCode;

use vpccni_cni::error::{CniError, Code};
use vpccni_cni::kernel::Netlink;
use vpccni_cni::{Outcome, aws_cni, egress_cni, failure, guarded};

fn main() -> ExitCode {
    // The runtime shows standard error to nobody who can use it; the error says what happened.
    panic::set_hook(Box::new(|_| ()));
    let outcome = guarded(call);
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
    // One file, two names: a second executable would carry the same code again.
    if called_as("egress-cni") {
        return egress_cni(&variables, &stdin, &mut Netlink);
    }
    aws_cni(&variables, &stdin, &mut Netlink)
}

fn called_as(name: &str) -> bool {
    std::env::args_os()
        .next()
        .is_some_and(|first| Path::new(&first).file_name().is_some_and(|file| file == name))
}
