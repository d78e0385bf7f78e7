//! What a command looks at: a cluster, of which a snapshot is taken, or the file of one. From here on both are the same.

use crate::args::{Flags, Looking};
use crate::connect;
use crate::failure::Failure;
use crate::rules::{NOT_ASKED, check};
use jiff::Timestamp;
use kube::Client;
use std::path::{Path, PathBuf};
use vpccni_api::CniPolicy;
use vpccni_observe::snapshot::{Sight, Snapshot, Source};

/// What was looked at, and for which policy.
#[derive(Debug)]
pub(crate) struct Look {
    pub(crate) snapshot: Snapshot,
    pub(crate) policy: CniPolicy,
    /// Whether the policy is in the cluster, or was given in a file.
    pub(crate) has_policy: bool,
    pub(crate) sight: Sight,
    /// The file, where it was no live cluster.
    pub(crate) file: Option<PathBuf>,
    /// Why the API server did not judge the policy of a file.
    pub(crate) unchecked: Option<String>,
}

/// Looks, for a policy in place of the cluster's where one is given.
pub(crate) async fn look(
    flags: &Flags,
    looking: &Looking,
    given: Option<CniPolicy>,
) -> Result<Look, Failure> {
    let (snapshot, unchecked) = if let Some(path) = &looking.snapshot {
        (read(path)?, given.is_some().then(|| NOT_ASKED.to_owned()))
    } else {
        // On the heap, as below: the state of these is more than a stack should hold.
        let client = Box::pin(connect::cluster(flags)).await?;
        let unchecked = match &given {
            Some(policy) => Box::pin(check(&client, policy)).await?,
            None => None,
        };
        let name = looking.cluster_name.clone();
        (take_of(&client, name, given.as_ref()).await?, unchecked)
    };
    let unusable = |source| Failure::Snapshot {
        path: looking.snapshot.clone().unwrap_or_else(|| "the cluster".into()),
        source,
    };
    let has_policy = given.is_some() || snapshot.standing_policy().map_err(unusable)?.is_some();
    let policy = snapshot.policy(given).map_err(unusable)?;
    let seen = Box::pin(snapshot.observe(&policy)).await;
    let sight = seen.map_err(Failure::Intent)?;
    Ok(Look {
        snapshot,
        policy,
        has_policy,
        sight,
        file: looking.snapshot.clone(),
        unchecked,
    })
}

/// Takes a snapshot of the cluster.
pub(crate) async fn take(
    flags: &Flags,
    cluster_name: Option<String>,
    policy: Option<&CniPolicy>,
) -> Result<Snapshot, Failure> {
    let client = Box::pin(connect::cluster(flags)).await?;
    take_of(&client, cluster_name, policy).await
}

async fn take_of(
    client: &Client,
    cluster_name: Option<String>,
    policy: Option<&CniPolicy>,
) -> Result<Snapshot, Failure> {
    let (ec2, eks, groups) = Box::pin(connect::aws()).await;
    let source = Source {
        policy,
        cluster_name,
        ec2,
        eks,
        groups,
        now: Timestamp::now(),
        by: format!("kubectl-vpc_cni {}", env!("CARGO_PKG_VERSION")),
    };
    let taken = Box::pin(Snapshot::take(client, source)).await;
    taken.map_err(Failure::Take)
}

fn read(path: &Path) -> Result<Snapshot, Failure> {
    let text = std::fs::read_to_string(path).map_err(|source| Failure::Read {
        path: path.to_owned(),
        source,
    })?;
    Snapshot::parse(&text).map_err(|source| Failure::Snapshot {
        path: path.to_owned(),
        source,
    })
}
