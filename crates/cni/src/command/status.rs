//! STATUS: whether an ADD would work now. Pods that exist need nothing of ipamd, so it is never 51.

use super::{Call, away};
use crate::error::{CniError, Code};
use crate::ipamd::Ipamd;
use vpccni_rpc::health::{Health, OVERALL, POOL};

pub(super) async fn run(call: &mut Call<'_>) -> Result<(), CniError> {
    let ipamd = Ipamd::dial(&call.conf.ipamd_socket)
        .await
        .map_err(|error| away(&error, Code::NotAvailable))?;
    for (service, not) in [
        (OVERALL, "ipamd does not serve"),
        (POOL, "ipamd has no address for a pod now"),
    ] {
        match ipamd.health(service).await {
            Ok(Health::Serving) => {}
            // An agent without our service has nothing to say of its pool.
            Ok(Health::Unknown) if service == POOL => {}
            Ok(Health::NotServing | Health::Unknown) => return Err(CniError::new(Code::NotAvailable, not)),
            Err(status) => return Err(CniError::because(Code::NotAvailable, not, status.message())),
        }
    }
    Ok(())
}
