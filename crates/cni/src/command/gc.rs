//! GC: has ipamd take back what belongs to no attachment that the runtime knows.

use super::{Call, away};
use crate::error::{CniError, Code};
use crate::ipamd::Ipamd;

pub(super) async fn run(call: &mut Call<'_>) -> Result<(), CniError> {
    let Some(valid) = &call.conf.valid_attachments else {
        // To take that for an empty list would take the addresses of all running pods.
        call.log
            .warn("the runtime says nothing of its attachments: nothing to collect");
        return Ok(());
    };
    let ipamd = Ipamd::dial(&call.conf.ipamd_socket)
        .await
        .map_err(|error| away(&error, Code::TryAgainLater))?;
    let released = ipamd.gc(&call.conf.name, valid).await?;
    call.log.info(format_args!(
        "took {released} attachments back, {} are in use",
        valid.len()
    ));
    Ok(())
}
