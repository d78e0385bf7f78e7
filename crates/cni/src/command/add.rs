//! ADD: addresses from ipamd, links in the kernel, policies, and the result.

use super::{Call, away};
use crate::error::{CniError, Code};
use crate::ipamd::{Ipamd, PolicyAgent};
use crate::pods::{Pod, PodNetworks};
use crate::result::CniResult;

pub(super) async fn run(call: &mut Call<'_>) -> Result<CniResult, CniError> {
    let (env, conf) = (call.env, call.conf);
    let ipamd = Ipamd::dial(&conf.ipamd_socket)
        .await
        .map_err(|error| away(&error, Code::TryAgainLater))?;
    let reply = ipamd.add(env, conf).await?;
    let pod = Pod::new(env, conf);
    let set_up = match pod.of_reply(&reply) {
        Ok(networks) => set_up(call, &networks).map(|()| networks),
        Err(error) => Err(error),
    };
    let networks = match set_up {
        Ok(networks) => networks,
        Err(error) => {
            give_back(call, &ipamd).await;
            return Err(error);
        }
    };
    if !reply.network_policy_mode.is_empty() {
        let agent = PolicyAgent::dial(&conf.policy_socket).await?;
        let interfaces = networks.networks.len();
        agent.enforce(env, &reply.network_policy_mode, interfaces).await?;
    }
    for network in &networks.networks {
        let (name, address, table) = (&network.host_veth, network.address, network.table);
        call.log
            .info(format_args!("added {name} with {address} of table {table}"));
    }
    Ok(pod.result(&networks))
}

/// All interfaces, or none.
fn set_up(call: &mut Call<'_>, pod: &PodNetworks) -> Result<(), CniError> {
    for (done, network) in pod.networks.iter().enumerate() {
        let Err(error) = call.kernel.add(call.env.netns(), network) else {
            continue;
        };
        for network in pod.networks.iter().take(done + 1) {
            if let Err(error) = call.kernel.delete(network) {
                call.log
                    .warn(format_args!("clean up after {}: {error}", network.host_veth));
            }
        }
        let message = format!("set up {} with {}", network.container_if, network.address);
        return Err(CniError::because(Code::Network, message, error));
    }
    Ok(())
}

/// The addresses of a pod that was not set up must not wait for a DEL that may never come.
async fn give_back(call: &Call<'_>, ipamd: &Ipamd) {
    let reason = vpccni_rpc::REASON_SETUP_FAILED;
    if let Err(status) = ipamd.del(call.env, call.conf, reason).await {
        let why = status.message();
        call.log
            .warn(format_args!("give back the addresses of a pod not set up: {why}"));
    }
}
