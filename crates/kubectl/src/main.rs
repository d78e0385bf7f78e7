//! The program kubectl-vpc_cni: reads the command line, does what it says, and ends with the code that says how it went.

use clap::Parser;
use std::process::ExitCode;
use vpccni_kubectl::args::Args;
use vpccni_kubectl::{Out, run};

// A person waits for one answer at a time: more threads would only start more slowly.
#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(error) => {
            // 2 means refused: a wrong command line is an error like any other, and help is none.
            let code = u8::from(error.use_stderr());
            // Where nobody reads it, there is nobody to tell.
            return error.print().map_or(ExitCode::SUCCESS, |()| ExitCode::from(code));
        }
    };
    let mut out = Out::standard(&args.flags);
    // On the heap: what a look holds is more than a stack should.
    match Box::pin(run(args, &mut out)).await {
        Ok(code) => code,
        Err(failure) => {
            out.complain(&failure);
            ExitCode::FAILURE
        }
    }
}
