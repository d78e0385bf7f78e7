//! Small tasks beside the pool.

use crate::agent::{Ask, Facts};
use crate::annotations::Annotations;
use crate::args::Args;
use crate::install;
use crate::kubernetes::Kubernetes;
use crate::node::{Node, Pace};
use crate::ops::Tools;
use std::convert::Infallible;
use std::net::Ipv6Addr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use vpccni_core::config::Key;
use vpccni_core::conflist::{FILE_NAME, NodeFacts, Spec, render};
use vpccni_core::eniconfig;
use vpccni_core::node_enis::{takes_trunk, wanted_features};
use vpccni_rpc::IPAMD_SOCKET;
use vpccni_rpc::server::HealthSwitch;
use vpccni_telemetry::supervisor::Supervisor;

/// A node whose pool cannot be filled is called ready all the same after so long: host network pods need no address.
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// The health service follows the pool.
pub(super) async fn pool_health(
    health: HealthSwitch,
    mut facts: watch::Receiver<Facts>,
    stop: CancellationToken,
) -> Result<(), Infallible> {
    loop {
        let ready = facts.borrow_and_update().ready;
        health.set_pool(ready).await;
        tokio::select! {
            () = stop.cancelled() => break,
            changed = facts.changed() => if changed.is_err() {
                stop.cancelled().await;
                break;
            },
        }
    }
    health.set_serving(false).await;
    Ok(())
}

/// Writes annotations of pods where the settings ask for them.
pub(super) fn annotations(
    tools: &Tools,
    asks: &mpsc::Sender<Ask>,
    supervisor: &mut Supervisor,
    stop: &CancellationToken,
) -> Option<Annotations> {
    let wanted = tools.node.settings.effective.is_on(Key::AnnotatePodIp);
    let kubernetes = tools.kubernetes.as_ref().filter(|_| wanted)?.clone();
    let annotations = Annotations::new();
    let writing = annotations.clone();
    let pace = Arc::clone(&tools.pace);
    supervisor.add(
        "annotations",
        writing.write(kubernetes, asks.clone(), pace, stop.clone()),
    );
    Some(annotations)
}

/// Asks the resource controller for a trunk until that is written down.
pub(super) async fn features(
    kubernetes: Kubernetes,
    node: Arc<Node>,
    pace: Arc<Pace>,
    stop: CancellationToken,
) -> Result<(), Infallible> {
    let effective = &node.settings.effective;
    // The place of a trunk that is still to come is kept free from the first start on.
    let has_place = takes_trunk(Some(&node.limits));
    loop {
        let seen = kubernetes.node();
        let config = seen.as_ref().map(|node| {
            let (label, annotation) = (effective.eni_config_label(), effective.eni_config_annotation());
            eniconfig::resolve(&node.labels, &node.annotations, label, annotation)
        });
        match kubernetes
            .ask_for(&wanted_features(effective, has_place, config))
            .await
        {
            Ok(()) => {
                stop.cancelled().await;
                return Ok(());
            }
            Err(error) => tracing::warn!(%error, "the CNINode does not say yet that the node wants a trunk"),
        }
        tokio::select! {
            () = stop.cancelled() => return Ok(()),
            () = tokio::time::sleep(Pace::jittered(pace.tick * 2)) => {}
        }
    }
}

/// Waits until a pod would get an address. Not for ever, but for custom networking, where a node without one serves
/// no pod at all.
pub(super) async fn ready(mut facts: watch::Receiver<Facts>, forever: bool) {
    let is_ready = facts.wait_for(|facts| facts.ready);
    if forever {
        is_ready.await.ok();
    } else if tokio::time::timeout(LONGEST_WAIT, is_ready).await.is_err() {
        tracing::warn!("there is no address yet; the list of plugins is written all the same");
    }
}

/// Writes the list of plugins.
pub(super) fn write_conflist(args: &Args, node: &Node, ipv6: Option<Ipv6Addr>) -> Result<(), String> {
    let effective = &node.settings.effective;
    let socket = args.socket.to_string_lossy();
    let facts = NodeFacts {
        spec: Spec::V0_4_0,
        ipv4: node.identity.local_ipv4,
        ipv6,
        socket: Some(socket.as_ref()).filter(|socket| *socket != IPAMD_SOCKET),
    };
    let text = render(effective, &facts).map_err(|error| error.to_string())?;
    let folder = Path::new(effective.text(Key::CniConfDir));
    install::conflist(folder, FILE_NAME, &text).map_err(|error| error.to_string())?;
    tracing::info!(folder = %folder.display(), "the list of plugins is written");
    Ok(())
}
