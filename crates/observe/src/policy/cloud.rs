//! What the cloud said of itself in the last inventory, as a condition tells it.

use crate::inventory::{Inventory, sentence};
use std::collections::BTreeMap;
use vpccni_core::known::Known;
use vpccni_core::plural::counted;
use vpccni_core::policy::CloudView;
use vpccni_core::ports::CloudErrorKind;

pub(super) fn cloud_view(inventory: &Inventory) -> CloudView {
    let Some(worst) = inventory.failures.iter().min_by_key(|failure| rank(failure.kind)) else {
        let subnets = inventory.subnets.as_option().map_or(0, BTreeMap::len);
        let instances = inventory.interfaces.as_option().map_or(0, BTreeMap::len);
        return match &inventory.vpc {
            Known::Yes(vpc) => CloudView::Observed(format!(
                "{vpc}: {}, {} with interfaces",
                counted(subnets, "subnet"),
                counted(instances, "instance")
            )),
            Known::Unknown(why) => CloudView::Partly("NotRead", why.clone()),
        };
    };
    let reason = match worst.kind {
        CloudErrorKind::Denied => "AccessDenied",
        CloudErrorKind::Throttled => "Throttled",
        CloudErrorKind::TimedOut => "TimedOut",
        CloudErrorKind::Unreachable => "Unreachable",
        CloudErrorKind::NotFound | CloudErrorKind::Invalid => "RequestRejected",
        CloudErrorKind::Internal => "CloudFailed",
    };
    let texts: Vec<String> = inventory.failures.iter().map(sentence).collect();
    CloudView::Partly(reason, texts.join("; "))
}

/// What somebody can do something about comes first.
fn rank(kind: CloudErrorKind) -> u8 {
    match kind {
        CloudErrorKind::Denied => 0,
        CloudErrorKind::Throttled => 1,
        CloudErrorKind::Unreachable => 2,
        CloudErrorKind::TimedOut => 3,
        CloudErrorKind::Invalid => 4,
        CloudErrorKind::NotFound => 5,
        CloudErrorKind::Internal => 6,
    }
}
