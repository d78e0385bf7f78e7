//! What reading remembers between rounds of one process. Losing it costs nothing but a re-read.

use super::door::{Counts, Door};
use jiff::{SignedDuration, Timestamp};
use vpccni_core::ports::{Addon, CloudError, SecurityGroup, Subnet};

/// How old what EKS said of the add-on may be: rounds come as often as pods change, and EKS allows few calls.
const FRESH: SignedDuration = SignedDuration::from_secs(5);

/// What EKS said of an add-on, and when.
#[derive(Debug)]
struct Heard {
    at: Timestamp,
    cluster: String,
    name: String,
    answer: Result<Option<Addon>, CloudError>,
}

/// What was read before.
#[derive(Debug, Default)]
pub struct Recall {
    kubernetes_version: Option<String>,
    /// What EKS said of the add-on last.
    addon: Option<Heard>,
    /// Subnets and groups with all their tags, and when they were read: only policies that select by tags need them.
    pub(super) tagged: Option<(Timestamp, Vec<Subnet>, Vec<SecurityGroup>)>,
}

impl Recall {
    /// With the version of an API server that was asked before.
    pub fn with_version(kubernetes_version: Option<String>) -> Self {
        Self {
            kubernetes_version,
            ..Self::default()
        }
    }

    /// The version of the API server, such as `v1.35.4`: asked once.
    pub async fn kubernetes_version(&mut self, counts: Counts<'_>) -> Option<String> {
        if self.kubernetes_version.is_none() {
            self.kubernetes_version = counts.kubernetes_version().await;
        }
        self.kubernetes_version.clone()
    }

    /// After an update of the add-on: what EKS said before is no longer so.
    pub fn forget_addon(&mut self) {
        self.addon = None;
    }

    /// Asks EKS for an add-on, or remembers.
    pub(super) async fn addon(
        &mut self,
        door: &Door<'_>,
        cluster: &str,
        name: &str,
    ) -> Result<Option<Addon>, CloudError> {
        let fresh = |heard: &&Heard| {
            heard.cluster == cluster && heard.name == name && door.now.duration_since(heard.at) < FRESH
        };
        if let Some(heard) = self.addon.as_ref().filter(fresh) {
            return heard.answer.clone();
        }
        let answer = door.eks.addon(cluster, name).await;
        self.addon = Some(Heard {
            at: door.now,
            cluster: cluster.to_owned(),
            name: name.to_owned(),
            answer: answer.clone(),
        });
        answer
    }
}
