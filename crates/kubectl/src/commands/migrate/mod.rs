//! `migrate`: the replacement of nodes, followed and steered. The operator computes and writes everything that is shown;
//! a person writes what is wanted, and what is approved.

mod approve;
mod show;
mod steer;
mod watch;

use crate::args::{Flags, MigrateCommand};
use crate::connect;
use crate::failure::Failure;
use crate::output::{Out, Paint, Table, age, count};
use jiff::Timestamp;
use kube::api::ListParams;
use kube::{Api, Client, ResourceExt};
use std::process::ExitCode;
use vpccni_api::CniMigration;
use vpccni_api::migration::MigrationPhase;

/// Does what the command line says.
pub(super) async fn run(flags: &Flags, command: MigrateCommand, out: &mut Out) -> Result<ExitCode, Failure> {
    let client = connect::cluster(flags).await?;
    let migrations: Api<CniMigration> = Api::all(client.clone());
    match command {
        MigrateCommand::List => list(&migrations, out).await?,
        MigrateCommand::Show(named) => {
            let found = find(&migrations, named.name.as_deref()).await?;
            out.show(&found, |found, paint| show::text(found, Timestamp::now(), paint))?;
        }
        MigrateCommand::Approve(approve) => approve::run(&client, &migrations, &approve, out).await?,
        MigrateCommand::Pause(named) => steer::pause(&migrations, &named, out).await?,
        MigrateCommand::Resume(named) => steer::resume(&migrations, &named, out).await?,
        MigrateCommand::Abort(confirmed) => steer::abort(&migrations, &confirmed, out).await?,
        MigrateCommand::Rollback(confirmed) => steer::roll_back(&migrations, &confirmed, out).await?,
        MigrateCommand::Watch(named) => return watch::run(&migrations, &named, out).await,
    }
    Ok(ExitCode::SUCCESS)
}

/// What is read of a migration, without what only server-side apply needs.
fn lean(mut migration: CniMigration) -> CniMigration {
    migration.metadata.managed_fields = None;
    migration
}

async fn all(migrations: &Api<CniMigration>) -> Result<Vec<CniMigration>, Failure> {
    let list = migrations.list(&ListParams::default()).await;
    let list = list.map_err(Failure::object("list", "the CniMigrations"))?;
    Ok(list.items.into_iter().map(lean).collect())
}

/// The one of this name, or the only one that has not ended.
async fn find(migrations: &Api<CniMigration>, name: Option<&str>) -> Result<CniMigration, Failure> {
    if let Some(name) = name {
        let found = migrations.get_opt(name).await;
        let found = found.map_err(Failure::object("read", format!("the CniMigration {name}")))?;
        return found.map(lean).ok_or_else(|| Failure::NotFound {
            what: format!("there is no CniMigration {name}"),
            hint: "`kubectl vpc-cni migrate list` lists them".to_owned(),
        });
    }
    let mut open: Vec<CniMigration> = all(migrations).await?;
    open.retain(|migration| !migration.has_ended());
    match open.len() {
        1 => Ok(open.remove(0)),
        0 => Err(Failure::NotFound {
            what: "no migration is open".to_owned(),
            hint: "one is made when a refused change can be reached by replacing nodes and \
                   spec.migration.strategy is Plan or Automatic; `kubectl vpc-cni plan` shows what is refused, \
                   `kubectl vpc-cni migrate list` those that have ended"
                .to_owned(),
        }),
        several => {
            let names: Vec<String> = open.iter().map(ResourceExt::name_any).collect();
            Err(Failure::NotFound {
                what: format!("{} are open: {}", count(several, "migration"), names.join(", ")),
                hint: "name one of them".to_owned(),
            })
        }
    }
}

async fn list(migrations: &Api<CniMigration>, out: &mut Out) -> Result<(), Failure> {
    let all = all(migrations).await?;
    out.show(&all, |all, paint| list_text(all, Timestamp::now(), paint))
}

fn list_text(all: &[CniMigration], now: Timestamp, paint: Paint) -> String {
    if all.is_empty() {
        return "There is no migration.\n".to_owned();
    }
    let mut table = Table::new(&["NAME", "PHASE", "REPLACED", "ACTIVE", "ETA", "AGE", "WAITING FOR"]);
    for migration in all {
        let status = migration.status.as_ref();
        let summary = status.and_then(|status| status.summary.as_ref());
        let text = |text: Option<&String>| text.map_or("-", String::as_str).to_owned();
        let active = status.and_then(|status| status.progress.as_ref()?.active);
        let made = migration.metadata.creation_timestamp.as_ref();
        let waiting = status.and_then(|status| status.waiting_for.as_ref()?.what.as_ref());
        table.row(vec![
            migration.name_any().into(),
            migration.phase().map_or("-", MigrationPhase::as_str).into(),
            text(summary.and_then(|summary| summary.replaced.as_ref())).into(),
            active
                .map_or_else(|| "-".to_owned(), |active| active.to_string())
                .into(),
            text(summary.and_then(|summary| summary.eta.as_ref())).into(),
            made.map_or_else(|| "-".to_owned(), |made| age(made.0, now))
                .into(),
            text(waiting).into(),
        ]);
    }
    table.text("", paint)
}

/// The name of the person, as the API server knows it.
async fn whoami(client: &Client) -> Option<String> {
    use k8s_openapi::api::authentication::v1::SelfSubjectReview;
    let reviews: Api<SelfSubjectReview> = Api::all(client.clone());
    let review = reviews
        .create(&kube::api::PostParams::default(), &SelfSubjectReview::default())
        .await
        .ok()?;
    review.status?.user_info?.username
}

#[cfg(test)]
mod tests;
