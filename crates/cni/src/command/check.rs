//! CHECK: the kernel against the result of the ADD.

use super::Call;
use crate::error::{CniError, Code};
use crate::pods::Pod;
use crate::result::CniResult;

pub(super) fn run(call: &mut Call<'_>) -> Result<(), CniError> {
    let Some(previous) = &call.conf.prev_result else {
        return Err(CniError::new(Code::InvalidConfig, "CHECK needs prevResult"));
    };
    let result = CniResult::read(previous)?;
    let Some(pod) = Pod::new(call.env, call.conf).of_result(&result) else {
        let message = format!("prevResult has no address of {}", call.env.if_name);
        return Err(CniError::new(Code::InvalidConfig, message));
    };
    for network in &pod.networks {
        call.kernel.check(call.env.netns(), network).map_err(|error| {
            let message = format!("{} is not as it was set up", network.container_if);
            CniError::because(Code::Network, message, error)
        })?;
    }
    Ok(())
}
