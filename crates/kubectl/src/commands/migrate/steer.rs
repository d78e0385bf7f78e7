//! Pause, resume, abort, roll back: one field of the spec each. The schema lets only legal moves through.

use super::find;
use crate::args::{Confirmed, Named};
use crate::failure::Failure;
use crate::output::{Out, confirm, indented};
use jiff::Timestamp;
use kube::api::{Patch, PatchParams};
use kube::{Api, ResourceExt};
use serde_json::{Value, json};
use vpccni_api::CniMigration;
use vpccni_api::migration::{DesiredState, MigrationPhase};
use vpccni_core::plural::counted;

/// As whom the plugin writes: a field manager of its own, so that it shows what a person did with it.
const MANAGER: &str = "kubectl-vpc_cni";

/// Nothing new is started.
pub(super) async fn pause(
    migrations: &Api<CniMigration>,
    named: &Named,
    out: &mut Out,
) -> Result<(), Failure> {
    let migration = open(migrations, named).await?;
    desire(migrations, &migration, DesiredState::Pause).await?;
    let name = migration.name_any();
    say(
        out,
        &migration,
        &format!(
            "{name} is paused: nothing new is started, and nodes that are only cordoned are uncordoned. Go on with \
             `kubectl vpc-cni migrate resume {name}`."
        ),
    )
}

/// After a pause in the direction it had, and after a halt.
pub(super) async fn resume(
    migrations: &Api<CniMigration>,
    named: &Named,
    out: &mut Out,
) -> Result<(), Failure> {
    let migration = open(migrations, named).await?;
    let status = migration.status.as_ref();
    let goes_back = status.and_then(|status| status.memory.as_ref()?.going_back) == Some(true);
    let state = if goes_back {
        DesiredState::RollBack
    } else {
        DesiredState::Run
    };
    let halted = status.and_then(|status| status.halt.as_ref());
    let mut spec = json!({"desiredState": state});
    let mut answered = String::new();
    if let Some(halt) = halted {
        spec["resumedAt"] = json!(Timestamp::now().to_string());
        let reason = halt.reason.as_deref().unwrap_or("its halt");
        answered = format!(" {reason} is answered: it halts again where that goes on.");
    }
    write(migrations, &migration, spec).await?;
    let way = if goes_back { " on its way back" } else { "" };
    say(
        out,
        &migration,
        &format!("{} goes on{way}.{answered}", migration.name_any()),
    )
}

/// It ends where it stands.
pub(super) async fn abort(
    migrations: &Api<CniMigration>,
    confirmed: &Confirmed,
    out: &mut Out,
) -> Result<(), Failure> {
    let migration = open(migrations, &confirmed.named).await?;
    if !confirmed.yes {
        confirm(&abort_question(&migration), "abort")?;
    }
    desire(migrations, &migration, DesiredState::Abort).await?;
    say(
        out,
        &migration,
        &format!(
            "{} is being given back and ends where it stands.",
            migration.name_any()
        ),
    )
}

fn abort_question(migration: &CniMigration) -> String {
    let status = migration.status.as_ref();
    let mut text = format!(
        "This ends {} for good; replaced nodes stay as they are.\n",
        migration.name_any()
    );
    if let Some(words) = status.and_then(|status| status.if_stopped.as_deref()) {
        text.push_str(&indented(0, words));
    }
    for stays in status
        .and_then(|status| status.stays.as_ref())
        .into_iter()
        .flatten()
    {
        text.push_str(&indented(2, &format!("stays: {stays}")));
    }
    text
}

/// The nodes are brought back.
pub(super) async fn roll_back(
    migrations: &Api<CniMigration>,
    confirmed: &Confirmed,
    out: &mut Out,
) -> Result<(), Failure> {
    let migration = find(migrations, confirmed.named.name.as_deref()).await?;
    if migration.phase() == Some(MigrationPhase::RolledBack) {
        return Err(Failure::NotFound {
            what: format!("{} is rolled back already", migration.name_any()),
            hint: "`kubectl vpc-cni migrate list` lists all".to_owned(),
        });
    }
    if !confirmed.yes {
        confirm(&rollback_question(&migration), "rollback")?;
    }
    desire(migrations, &migration, DesiredState::RollBack).await?;
    say(
        out,
        &migration,
        &format!(
            "{} goes back; follow it with `kubectl vpc-cni migrate watch`.",
            migration.name_any()
        ),
    )
}

fn rollback_question(migration: &CniMigration) -> String {
    let way = migration
        .status
        .as_ref()
        .and_then(|status| status.rollback.as_ref());
    let nodes = way.and_then(|way| way.nodes);
    let mut text = format!(
        "This brings {} of {} back by replacing what is new again{}.\n",
        nodes.map_or_else(|| "the nodes".to_owned(), |nodes| counted(nodes, "node")),
        migration.name_any(),
        way.and_then(|way| way.eta.as_ref())
            .map_or_else(String::new, |eta| format!(", in about {eta}"))
    );
    if way.and_then(|way| way.feasible) == Some(false) {
        text.push_str("It does not look feasible now:\n");
        for why in way.and_then(|way| way.blocked_by.as_ref()).into_iter().flatten() {
            text.push_str(&indented(2, why));
        }
    }
    text
}

async fn open(migrations: &Api<CniMigration>, named: &Named) -> Result<CniMigration, Failure> {
    let migration = find(migrations, named.name.as_deref()).await?;
    if migration.has_ended() {
        return Err(Failure::NotFound {
            what: format!("{} has ended", migration.name_any()),
            hint: "a new migration follows when the policy still asks for the change".to_owned(),
        });
    }
    Ok(migration)
}

async fn desire(
    migrations: &Api<CniMigration>,
    migration: &CniMigration,
    state: DesiredState,
) -> Result<(), Failure> {
    write(migrations, migration, json!({"desiredState": state})).await
}

/// Writes into the spec of the very object that was shown, not of another that got its name.
pub(super) async fn write(
    migrations: &Api<CniMigration>,
    migration: &CniMigration,
    spec: Value,
) -> Result<(), Failure> {
    let name = migration.name_any();
    let params = PatchParams {
        field_manager: Some(MANAGER.to_owned()),
        ..PatchParams::default()
    };
    let body = json!({"metadata": {"uid": migration.uid()}, "spec": spec});
    migrations
        .patch(&name, &params, &Patch::Merge(body))
        .await
        .map(drop)
        .map_err(Failure::object("change", format!("the CniMigration {name}")))
}

/// What was done, as a sentence to people and with the name to programs.
pub(super) fn say(out: &mut Out, migration: &CniMigration, sentence: &str) -> Result<(), Failure> {
    let view = json!({"migration": migration.name_any(), "done": sentence});
    out.show(&view, |_, _| indented(0, sentence))
}
