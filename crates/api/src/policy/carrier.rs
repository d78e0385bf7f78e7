//! What the operator does, where the configuration is carried, who may own it, and what the admission policies do.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

words! {
    /// What the operator does.
    ManagementState {
        /// it writes nothing but status.
        Observe,
        /// it writes the configuration.
        Manage,
        /// it starts nothing and finishes what is in flight.
        Paused,
    }

    /// What is applied while something else of the same policy has to wait.
    ApplyMode {
        /// nothing (the default).
        Atomic,
        /// the keys that no finding names; the rest is in status.pending.
        SafeFirst,
    }

    /// Who writes a managed add-on.
    AddonWriter {
        /// the operator calls UpdateAddon.
        Operator,
        /// the operator reviews, publishes the document in status and waits.
        External,
    }

    /// What the admission policies do with changes of owned things made by others.
    AdmissionMode {
        /// they warn (the default).
        Warn,
        /// they deny.
        Deny,
    }
}

/// A DaemonSet by name.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DaemonSetRef {
    /// Its namespace.
    #[schemars(length(min = 1, max = 63))]
    pub namespace: String,
    /// Its name.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
}

/// An EKS add-on by name.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ManagedAddonRef {
    /// The EKS cluster.
    #[schemars(length(min = 1, max = 100))]
    pub cluster_name: String,
    /// The add-on.
    #[schemars(length(min = 1, max = 100))]
    pub name: String,
    /// Who writes it; Operator where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub writer: Option<AddonWriter>,
}

optional! {
    /// The carrier of the configuration: at most one of the two.
    Target {
        /// A DaemonSet that somebody installed.
        daemon_set: DaemonSetRef,
        /// The EKS managed add-on.
        managed_addon: ManagedAddonRef,
    }

    /// The EKS cluster.
    Cluster {
        /// Its name.
        #[schemars(length(min = 1, max = 100))]
        name: String,
        /// Its region, such as us-west-2.
        #[schemars(length(min = 1, max = 32))]
        region: String,
    }

    /// Whose keys may be taken over.
    Ownership {
        /// Field managers, by prefix and in any case, whose keys are taken when the policy names them. Managers that reconcile cannot be listed.
        #[schemars(length(max = 32), inner(length(min = 1, max = 128)), extend("x-kubernetes-list-type" = "set"))]
        take_over_from: Vec<String>,
    }

    /// What the admission policies do.
    Admission {
        /// Warn where absent.
        mode: AdmissionMode,
    }
}
