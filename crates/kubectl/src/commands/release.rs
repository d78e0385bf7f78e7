//! `release`: deletes the CniPolicy, upon which the operator gives up what it holds, and waits until it has.
//!
//! Nothing of the target is written here: only the operator knows how to hand its keys over without losing their values.

use crate::args::{Flags, Release as Args};
use crate::connect;
use crate::failure::Failure;
use crate::output::{Out, confirm, count};
use k8s_openapi::api::apps::v1::DaemonSet;
use kube::api::{DeleteParams, Preconditions};
use kube::{Api, Client, ResourceExt};
use serde::Serialize;
use std::path::Path;
use std::time::Duration;
use tokio::time::{Instant, sleep};
use vpccni_api::{CniPolicy, POLICY_NAME};
use vpccni_core::policy::FIELD_MANAGER;
use vpccni_observe::policy::scope;
use vpccni_observe::stores::TargetRef;
use vpccni_observe::target::LiveTarget;

/// How often is looked whether the operator has let go.
const POLL: Duration = Duration::from_secs(1);

#[derive(Debug, Serialize)]
struct Released {
    target: String,
    released: bool,
}

/// Asks, deletes, waits.
pub(super) async fn run(flags: &Flags, args: &Args, out: &mut Out) -> Result<(), Failure> {
    let client = connect::cluster(flags).await?;
    let policies: Api<CniPolicy> = Api::all(client.clone());
    let found = policies.get_opt(POLICY_NAME).await;
    let found = found.map_err(Failure::object("read", "the CniPolicy default"))?;
    let target = found
        .as_ref()
        .map_or_else(TargetRef::default, |policy| scope(policy).target);
    if let Some(policy) = &found {
        if let Some(path) = &args.save {
            save(policy, path)?;
        }
        if !args.yes {
            confirm(&question(policy, &target), "release")?;
        }
        delete(&policies, policy).await?;
    }
    wait(&client, &target, args.wait).await?;
    let released = Released {
        target: format!("{}/{}", target.namespace, target.name),
        released: true,
    };
    out.show(&released, |released, _| {
        format!(
            "{} is released: every value stays, and none is enforced any more.\n",
            released.target
        )
    })
}

fn question(policy: &CniPolicy, target: &TargetRef) -> String {
    let status = policy.status.as_ref();
    let keys = status
        .and_then(|status| status.applied.as_ref()?.owned_keys.as_ref())
        .map_or(0, Vec::len);
    format!(
        "This deletes the CniPolicy default. The operator then hands back {} of {}/{}: every value stays as it \
         is, and nobody corrects it any more. Nodes stay as they are.",
        count(keys, "key"),
        target.namespace,
        target.name
    )
}

/// The policy without what the API server and the operator put into it: what can be applied again.
fn save(policy: &CniPolicy, path: &Path) -> Result<(), Failure> {
    let mut copy = CniPolicy::new(POLICY_NAME, policy.spec.clone());
    copy.metadata.labels.clone_from(&policy.metadata.labels);
    let failed = |source| Failure::Write {
        path: path.to_owned(),
        source,
    };
    let text = serde_norway::to_string(&copy).map_err(|error| failed(std::io::Error::other(error)))?;
    std::fs::write(path, text).map_err(failed)
}

/// Only the policy the person was asked about is deleted.
async fn delete(policies: &Api<CniPolicy>, policy: &CniPolicy) -> Result<(), Failure> {
    let params = DeleteParams {
        preconditions: Some(Preconditions {
            uid: policy.uid(),
            resource_version: None,
        }),
        ..DeleteParams::default()
    };
    match policies.delete(POLICY_NAME, &params).await {
        Ok(_) => Ok(()),
        Err(kube::Error::Api(status)) if status.code == 404 => Ok(()),
        Err(error) => Err(Failure::object("delete", "the CniPolicy default")(error)),
    }
}

async fn wait(client: &Client, target: &TargetRef, limit: Duration) -> Result<(), Failure> {
    let sets: Api<DaemonSet> = Api::namespaced(client.clone(), &target.namespace);
    let name = format!("{}/{}", target.namespace, target.name);
    let deadline = Instant::now() + limit;
    loop {
        let set = sets.get_opt(&target.name).await;
        let set = set.map_err(Failure::object("read", format!("the DaemonSet {name}")))?;
        let live = set.and_then(|set| LiveTarget::of(&set).ok());
        if live.is_none_or(|live| !live.is_applied_by(FIELD_MANAGER)) {
            return Ok(());
        }
        if Instant::now() >= deadline {
            return Err(Failure::TimedOut {
                what: format!("the policy is gone, and the operator has not let go of {name}"),
                hint: "is the operator running? `kubectl -n vpc-cni-operator get pods`; without it, run \
                       `vpc-cni-operator release` as docs/guides/uninstall.md tells"
                    .to_owned(),
            });
        }
        sleep(POLL).await;
    }
}
