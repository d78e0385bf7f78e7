//! Whether an API server would take the policy of a file: its schema has rules (CEL) that only it evaluates, and so have
//! admission policies. It is asked by a dry run, which writes nothing.

use crate::failure::Failure;
use kube::api::{Patch, PatchParams};
use kube::{Api, Client, ResourceExt};
use vpccni_api::CniPolicy;

/// How the dry run calls itself.
const MANAGER: &str = "kubectl-vpc_cni";

/// What a plan says that was made without an answer.
pub(crate) const NOT_ASKED: &str = "whether the rules of the schema hold: only an API server with the definitions of this project \
     checks them (kubectl apply --dry-run=server -f FILE)";

/// Asks. An answer that is no judgement of the policy is the sentence for what is not known.
pub(crate) async fn check(client: &Client, policy: &CniPolicy) -> Result<Option<String>, Failure> {
    let bare = CniPolicy {
        status: None,
        ..policy.clone()
    };
    let name = policy.name_any();
    let params = PatchParams::apply(MANAGER).force().dry_run();
    let api: Api<CniPolicy> = Api::all(client.clone());
    match api.patch(&name, &params, &Patch::Apply(&bare)).await {
        Ok(_) => Ok(None),
        Err(kube::Error::Api(status)) if status.code == 422 || is_admission(&status.message) => {
            Err(Failure::Refused(status.message.clone()))
        }
        Err(kube::Error::Api(status)) if status.code == 404 => Ok(Some(NOT_ASKED.to_owned())),
        Err(kube::Error::Api(status)) if status.code == 403 => Ok(Some(format!(
            "{NOT_ASKED}; you may not patch cnipolicies.vpccni.io, which a dry run needs"
        ))),
        Err(error) => Err(Failure::object("check by a dry run", format!("CniPolicy {name}"))(error)),
    }
}

/// Both a missing right and a policy of admission are answered with 403.
fn is_admission(message: &str) -> bool {
    message.contains("ValidatingAdmissionPolicy") || message.contains("admission webhook")
}
