//! The command line of `migrate`.

use super::duration;
use clap::{Args as ClapArgs, Subcommand};
use std::time::Duration;

/// `migrate`
#[derive(Debug, Clone, ClapArgs)]
pub struct Migrate {
    /// What to do.
    #[command(subcommand)]
    pub command: MigrateCommand,
}

/// What to do with a migration. Without a name it is the only one that has not ended.
#[derive(Debug, Clone, Subcommand)]
pub enum MigrateCommand {
    /// List the migrations
    List,
    /// Show the plan, the progress, what is waited for, and the way back
    Show(Named),
    /// Approve the plan that is shown: this change, so many nodes, until then
    #[command(after_long_help = APPROVE_HELP)]
    Approve(Approve),
    /// Start nothing new; nodes that are only cordoned are uncordoned at once
    Pause(Named),
    /// Go on after a pause or a halt
    Resume(Named),
    /// End it where it stands; everything that was set aside is given back
    Abort(Confirmed),
    /// Bring the nodes back to where they were, by replacing them again
    Rollback(Confirmed),
    /// Follow it until it has ended
    #[command(after_long_help = WATCH_HELP)]
    Watch(Named),
}

const APPROVE_HELP: &str = "\
An approval is an envelope: for one change, for so many nodes, until a time. A new plan inside it goes
ahead, one outside waits for another approval. It needs the verb approve on cnimigrations.

Examples:
  kubectl vpc-cni migrate approve                           shows the plan, then asks
  kubectl vpc-cni migrate approve --max-nodes 60 --expires 48h
  kubectl vpc-cni migrate approve default-3f9c2a1b --yes --change-hash sha256:…";

const WATCH_HELP: &str = "\
At a terminal the view is drawn anew as things happen; elsewhere each change is a line (with -o json a
JSON object a line).

Exit codes:
  0  it is completed
  1  an error
  2  it ended otherwise: rolled back or aborted";

/// A migration.
#[derive(Debug, Clone, Default, ClapArgs)]
pub struct Named {
    /// The migration [default: the only one that has not ended]
    pub name: Option<String>,
}

/// A migration, and whether to ask.
#[derive(Debug, Clone, Default, ClapArgs)]
pub struct Confirmed {
    /// Which one.
    #[command(flatten)]
    pub named: Named,

    /// Do not ask
    #[arg(short, long)]
    pub yes: bool,
}

/// `migrate approve`
#[derive(Debug, Clone, ClapArgs)]
pub struct Approve {
    /// Which one, and whether to ask.
    #[command(flatten)]
    pub confirmed: Confirmed,

    /// The most nodes that may be replaced [default: those of the plan]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i64).range(1..=100_000))]
    pub max_nodes: Option<i64>,

    /// How long the approval holds
    #[arg(long, value_name = "DURATION", default_value = "24h", value_parser = duration)]
    pub expires: Duration,

    /// Approve only if the migration is for this change
    #[arg(long, value_name = "HASH")]
    pub change_hash: Option<String>,
}
