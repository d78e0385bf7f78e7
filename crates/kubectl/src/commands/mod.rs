//! The commands, each in a file of its own: it looks, has `core` decide where there is something to decide, and shows.

mod explain;
mod migrate;
mod nodes;
mod release;
mod snapshot;
mod status;
mod subnets;

use crate::args::{Args, Command, Flags, Plan};
use crate::failure::Failure;
use crate::look::look;
use crate::output::Out;
use crate::plan::{PlanView, Verdict, render, view};
use crate::policy_file;
use serde::Serialize;
use std::process::ExitCode;
use vpccni_core::version::CniVersion;

/// The plan is refused, or a key belongs to somebody else.
const REFUSED: u8 = 2;

/// Nothing is refused, and something would change.
const CHANGES: u8 = 3;

/// Does what the command line says, and gives the code to end with.
pub async fn run(args: Args, out: &mut Out) -> Result<ExitCode, Failure> {
    let Args { command, flags } = args;
    let flags = &flags;
    match command {
        Command::Plan(plan) => return run_plan(flags, &plan, out).await,
        Command::Explain(explain) => explain::run(explain.rule.as_deref(), out)?,
        Command::Status => status::run(flags, out).await?,
        Command::Nodes(looking) => nodes::run(flags, &looking, out).await?,
        Command::Subnets(subnets) => subnets::run(flags, &subnets, out).await?,
        Command::Snapshot(snapshot) => snapshot::run(flags, &snapshot, out).await?,
        Command::Migrate(args) => return migrate::run(flags, args.command, out).await,
        Command::Release(release) => release::run(flags, &release, out).await?,
        Command::Completion(completion) => {
            let mut text = Vec::new();
            let mut definition = Args::definition();
            clap_complete::generate(completion.shell, &mut definition, "kubectl-vpc_cni", &mut text);
            out.write(&String::from_utf8_lossy(&text))?;
        }
        Command::Version => out.show(&Version::default(), |version, _| {
            format!(
                "kubectl-vpc_cni {}\nrules and defaults of the VPC CNI up to {}\n",
                version.version, version.cni_reference
            )
        })?,
    }
    Ok(ExitCode::SUCCESS)
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Version {
    version: &'static str,
    cni_reference: String,
}

impl Default for Version {
    fn default() -> Self {
        Self {
            version: env!("CARGO_PKG_VERSION"),
            cni_reference: CniVersion::REFERENCE.to_string(),
        }
    }
}

async fn run_plan(flags: &Flags, plan: &Plan, out: &mut Out) -> Result<ExitCode, Failure> {
    let given = plan.filename.as_deref().map(policy_file::read).transpose()?;
    let look = look(flags, &plan.looking, given).await?;
    let Some(view) = view(&look) else {
        let target = look.sight.stores.scope().target;
        return Err(Failure::NoTarget(format!("{}/{}", target.namespace, target.name)));
    };
    out.show(&view, render)?;
    Ok(code(&view, plan.exit_code))
}

fn code(view: &PlanView, changes_matter: bool) -> ExitCode {
    match view.verdict {
        Verdict::Refused | Verdict::Blocked => ExitCode::from(REFUSED),
        Verdict::Applicable if changes_matter => ExitCode::from(CHANGES),
        Verdict::Applicable | Verdict::Unchanged => ExitCode::SUCCESS,
    }
}
