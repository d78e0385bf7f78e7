//! DEL: takes away what an ADD made. It may come twice, without an ADD before it, or while ipamd is away, and none of
//! that is an error: a runtime that cannot delete a sandbox keeps it, and its address, for ever.

use super::Call;
use crate::error::{CniError, Code};
use crate::ipamd::{Ipamd, PolicyAgent, Released};
use crate::pods::{Pod, PodNetworks};
use crate::result::CniResult;
use vpccni_core::datapath::PodNetwork;

pub(super) async fn run(call: &mut Call<'_>) -> Result<(), CniError> {
    let kept = kept(call);
    if let Some(pod) = kept.as_ref().filter(|pod| pod.vlan != 0) {
        return branch(call, pod);
    }
    let (env, conf) = (call.env, call.conf);
    let ipamd = match Ipamd::dial(&conf.ipamd_socket).await {
        Ok(ipamd) => ipamd,
        Err(error) => {
            without_ipamd(call, kept.as_ref(), &error.to_string());
            return Ok(());
        }
    };
    match ipamd.del(env, conf, vpccni_rpc::REASON_DELETED).await {
        Ok(Released::Unknown) => unknown(call, kept.as_ref()),
        Ok(Released::Had(reply)) if reply.success => {
            let networks = Pod::new(env, conf).of_released(&reply.allocations, reply.pod_vlan_id)?;
            // An empty namespace belongs to a branch whose VLAN and names may be in use by the pod's next sandbox.
            if reply.pod_vlan_id == 0 || !env.netns.is_empty() {
                tear_down(call, &networks)?;
            }
            forget_policies(call, &reply.network_policy_mode).await
        }
        Ok(Released::Had(_)) => Err(CniError::new(
            Code::Refused,
            "ipamd did not take the addresses back",
        )),
        Err(status) => {
            without_ipamd(call, kept.as_ref(), status.message());
            Ok(())
        }
    }
}

/// Its addresses may be others' by now, so what the result of the ADD says is no reason to delete. But a DEL that was
/// killed when ipamd had taken the addresses back leaves all as the ADD had made it: while the sandbox and the host
/// still fit together, what they have is the sandbox's own.
fn unknown(call: &mut Call<'_>, kept: Option<&PodNetworks>) -> Result<(), CniError> {
    let networks = kept.map_or_else(Vec::new, |pod| pod.networks.clone());
    let netns = call.env.netns();
    let is_whole = |call: &mut Call<'_>| {
        let mut networks = networks.iter();
        networks.all(|network| call.kernel.check(netns, network).is_ok())
    };
    if networks.is_empty() || call.env.netns.is_empty() || !is_whole(call) {
        call.log
            .info("ipamd does not know the sandbox: nothing to delete");
        return Ok(());
    }
    call.log
        .info("ipamd does not know the sandbox: a DEL before this one was cut short");
    tear_down(call, &networks)
}

/// What the result of the ADD says, if there is one that can be used.
fn kept(call: &Call<'_>) -> Option<PodNetworks> {
    let result = match CniResult::read(call.conf.prev_result.as_ref()?) {
        Ok(result) => result,
        Err(error) => {
            call.log.warn(format_args!("go without prevResult: {error}"));
            return None;
        }
    };
    Pod::new(call.env, call.conf).of_result(&result)
}

/// ipamd keeps nothing for a pod with groups of its own, so all is local. Without a namespace the sandbox is gone for
/// long, and its VLAN and names may be in use by the pod's next one.
fn branch(call: &mut Call<'_>, pod: &PodNetworks) -> Result<(), CniError> {
    if call.env.netns.is_empty() {
        call.log.info("the namespace is gone: nothing to delete");
        return Ok(());
    }
    tear_down(call, &pod.networks)
}

/// ipamd frees the addresses by itself when it is back and sees that the sandbox is gone.
fn without_ipamd(call: &mut Call<'_>, kept: Option<&PodNetworks>, why: &str) {
    call.log.warn(format_args!("delete without ipamd: {why}"));
    let Some(pod) = kept else {
        call.log.warn("no prevResult either: nothing to delete");
        return;
    };
    if let Err(error) = tear_down(call, &pod.networks) {
        call.log.warn(error);
    }
}

fn tear_down(call: &mut Call<'_>, networks: &[PodNetwork]) -> Result<(), CniError> {
    let mut failed = None;
    for network in networks {
        match call.kernel.delete(network) {
            Ok(()) => {
                let (name, address) = (&network.host_veth, network.address);
                call.log.info(format_args!("deleted {name} with {address}"));
            }
            Err(error) => {
                let message = format!("delete {} with {}", network.host_veth, network.address);
                failed = Some(CniError::because(Code::Network, message, error));
            }
        }
    }
    failed.map_or(Ok(()), Err)
}

async fn forget_policies(call: &Call<'_>, mode: &str) -> Result<(), CniError> {
    if mode.is_empty() {
        return Ok(());
    }
    let agent = PolicyAgent::dial(&call.conf.policy_socket).await?;
    if let Err(status) = agent.forget(call.env).await {
        let why = status.message();
        call.log.warn(format_args!(
            "the network-policy agent did not forget the pod: {why}"
        ));
    }
    Ok(())
}
