//! Notices as Events of the agent's pod, or of its Node where the pod is not known.

use super::Whose;
use crate::notice::Notice;
use k8s_openapi::api::core::v1::ObjectReference;
use kube::Client;
use kube::runtime::events::{Event, EventType, Recorder, Reporter};
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::time::Duration;
use tokio::sync::mpsc::Receiver;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// The same notice is not told again for so long: a missing permission is met every few seconds.
const AGAIN_AFTER: Duration = Duration::from_mins(5);

/// Different notices that are remembered.
const REMEMBERED: usize = 64;

/// Tells every notice until the end.
pub(super) async fn tell(
    client: Client,
    whose: Whose,
    mut notices: Receiver<Notice>,
    stop: CancellationToken,
) -> Result<(), Infallible> {
    let about = about(&whose);
    let reporter = Reporter {
        controller: "ipamd".to_owned(),
        instance: Some(whose.node),
    };
    let recorder = Recorder::new(client, reporter);
    let mut told: BTreeMap<Notice, Instant> = BTreeMap::new();
    loop {
        let notice = tokio::select! {
            () = stop.cancelled() => return Ok(()),
            notice = notices.recv() => notice,
        };
        let Some(notice) = notice else {
            stop.cancelled().await;
            return Ok(());
        };
        let now = Instant::now();
        told.retain(|_, at| now.duration_since(*at) < AGAIN_AFTER);
        if told.contains_key(&notice) || told.len() >= REMEMBERED {
            continue;
        }
        let event = Event {
            type_: EventType::Warning,
            reason: notice.reason().to_owned(),
            note: Some(notice.text()),
            action: "Networking".to_owned(),
            secondary: None,
        };
        if let Err(error) = recorder.publish(&event, &about).await {
            tracing::debug!(%error, reason = notice.reason(), "an Event was not written");
        }
        told.insert(notice, now);
    }
}

fn about(whose: &Whose) -> ObjectReference {
    match &whose.pod {
        Some((namespace, name)) => ObjectReference {
            api_version: Some("v1".to_owned()),
            kind: Some("Pod".to_owned()),
            namespace: Some(namespace.clone()),
            name: Some(name.clone()),
            ..ObjectReference::default()
        },
        None => ObjectReference {
            api_version: Some("v1".to_owned()),
            kind: Some("Node".to_owned()),
            name: Some(whose.node.clone()),
            // Events about a Node carry its name where others have a uid, as the kubelet's own do.
            uid: Some(whose.node.clone()),
            ..ObjectReference::default()
        },
    }
}
