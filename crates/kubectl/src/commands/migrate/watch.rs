//! `migrate watch`: the view is drawn anew until the migration has ended. Elsewhere than at a terminal each change is one
//! line.

use super::{find, lean, show};
use crate::args::Named;
use crate::failure::Failure;
use crate::output::Out;
use jiff::Timestamp;
use kube::{Api, ResourceExt};
use std::process::ExitCode;
use std::time::Duration;
use tokio::time::sleep;
use vpccni_api::CniMigration;
use vpccni_api::migration::MigrationPhase;

/// A person sees a change within two seconds, and one read every two seconds is nothing to an API server.
const POLL: Duration = Duration::from_secs(2);

/// Reads that may fail one after the other, such as while an API server is replaced: about as long as that takes.
const FAILURES: u32 = 30;

/// It ended otherwise than completed.
const NOT_COMPLETED: u8 = 2;

/// Follows it.
pub(super) async fn run(
    migrations: &Api<CniMigration>,
    named: &Named,
    out: &mut Out,
) -> Result<ExitCode, Failure> {
    let mut seen = find(migrations, named.name.as_deref()).await?;
    let name = seen.name_any();
    let mut screen = Screen::default();
    loop {
        screen.draw(&seen, out)?;
        if seen.has_ended() {
            return Ok(match seen.phase() {
                Some(MigrationPhase::Completed) => ExitCode::SUCCESS,
                _ => ExitCode::from(NOT_COMPLETED),
            });
        }
        sleep(POLL).await;
        seen = again(migrations, &name).await?;
    }
}

/// The newest state; an API server that is away for a minute is no end.
async fn again(migrations: &Api<CniMigration>, name: &str) -> Result<CniMigration, Failure> {
    let mut failed = 0;
    loop {
        match migrations.get_opt(name).await {
            Ok(Some(found)) => return Ok(lean(found)),
            Ok(None) => {
                return Err(Failure::NotFound {
                    what: format!("the CniMigration {name} was deleted"),
                    hint: "`kubectl vpc-cni status` shows where the policy stands".to_owned(),
                });
            }
            Err(error @ kube::Error::Api(_)) => {
                return Err(Failure::object("read", format!("the CniMigration {name}"))(error));
            }
            Err(error) if failed >= FAILURES => {
                return Err(Failure::object("read", format!("the CniMigration {name}"))(error));
            }
            Err(_) => failed += 1,
        }
        sleep(POLL).await;
    }
}

/// What was drawn last.
#[derive(Debug, Default)]
struct Screen {
    lines: usize,
    last: Option<String>,
}

impl Screen {
    fn draw(&mut self, migration: &CniMigration, out: &mut Out) -> Result<(), Failure> {
        let now = Timestamp::now();
        if out.is_terminal() {
            let text = show::short(migration, now, out.paint());
            let text = format!("{}{text}", erase(self.lines));
            self.lines = text.lines().count();
            return out.write(&text);
        }
        let line = line(migration);
        if self.last.as_ref() == Some(&line) {
            return Ok(());
        }
        self.last = Some(line.clone());
        out.show_line(migration, &format!("{now:.0}  {line}"))
    }
}

/// Moves to the first of so many lines above and clears from there on.
fn erase(lines: usize) -> String {
    if lines == 0 {
        String::new()
    } else {
        format!("\u{1b}[{lines}A\u{1b}[J")
    }
}

/// Where it stands, in one line.
fn line(migration: &CniMigration) -> String {
    let status = migration.status.as_ref();
    let mut parts = vec![
        migration
            .phase()
            .map_or("not planned yet", MigrationPhase::as_str)
            .to_owned(),
    ];
    if let Some(progress) = status.and_then(|status| status.progress.as_ref()) {
        let number = |number: Option<i64>| number.unwrap_or_default();
        parts.push(format!(
            "{}/{} replaced, {} in work, {} mixed, {} old",
            number(progress.replaced),
            number(progress.total),
            number(progress.active),
            number(progress.mixed),
            number(progress.old)
        ));
    }
    if let Some(eta) = status.and_then(|status| status.summary.as_ref()?.eta.as_ref()) {
        parts.push(format!("ETA {eta}"));
    }
    if let Some(halt) = status.and_then(|status| status.halt.as_ref()?.reason.as_ref()) {
        parts.push(format!("halted: {halt}"));
    }
    if let Some(what) = status.and_then(|status| status.waiting_for.as_ref()?.what.as_ref()) {
        parts.push(format!("waiting for {what}"));
    }
    parts.join("; ")
}
