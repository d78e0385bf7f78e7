//! `migrate approve`: the plan is shown, and what is approved is what was shown.

use super::{find, show, steer, whoami};
use crate::args::Approve;
use crate::failure::Failure;
use crate::output::{Out, confirm};
use jiff::{SignedDuration, Timestamp};
use kube::{Api, Client, ResourceExt};
use serde_json::json;
use vpccni_api::CniMigration;
use vpccni_core::plural::counted;

/// Shows, asks, writes.
pub(super) async fn run(
    client: &Client,
    migrations: &Api<CniMigration>,
    args: &Approve,
    out: &mut Out,
) -> Result<(), Failure> {
    let migration = find(migrations, args.confirmed.named.name.as_deref()).await?;
    let name = migration.name_any();
    let hash = migration.spec.change_hash.clone();
    if migration.has_ended() {
        return Err(Failure::NotFound {
            what: format!("{name} has ended: there is nothing to approve"),
            hint: "`kubectl vpc-cni migrate list` lists all".to_owned(),
        });
    }
    if let Some(wanted) = args.change_hash.as_ref().filter(|wanted| **wanted != hash) {
        return Err(Failure::NotFound {
            what: format!("{name} is for the change {hash}, not for {wanted}"),
            hint: "look at the plan again with `kubectl vpc-cni migrate show`".to_owned(),
        });
    }
    let planned = migration
        .status
        .as_ref()
        .and_then(|status| status.plan.as_ref()?.nodes);
    let Some(max_nodes) = args.max_nodes.or(planned).filter(|nodes| *nodes > 0) else {
        return Err(Failure::NotFound {
            what: format!("{name} has no plan yet that says how many nodes it replaces"),
            hint: "wait until `kubectl vpc-cni migrate show` shows its plan, or give --max-nodes".to_owned(),
        });
    };
    let now = Timestamp::now();
    let not_after = SignedDuration::try_from(args.expires)
        .ok()
        .and_then(|lasts| now.checked_add(lasts).ok())
        .unwrap_or(Timestamp::MAX);
    let until = format!("{not_after:.0}");
    let nodes = counted(max_nodes, "node");
    if !args.confirmed.yes {
        let plan = show::plan(&migration, out.paint());
        let question = format!(
            "{plan}\nApproved will be: this change, at most {nodes}, until {until}.\nchange hash {hash}"
        );
        confirm(&question, "approve")?;
    }
    let approval = json!({
        "changeHash": hash,
        "maxNodes": max_nodes,
        "notAfter": until,
        "by": whoami(client).await,
        "at": format!("{now:.0}"),
    });
    steer::write(migrations, &migration, json!({"approval": approval})).await?;
    let sentence = format!(
        "{name} is approved for at most {nodes} until {until}. Follow it with `kubectl vpc-cni migrate watch`."
    );
    steer::say(out, &migration, &sentence)
}
