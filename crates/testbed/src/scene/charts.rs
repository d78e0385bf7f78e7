//! The charts of this checkout, installed with the real helm.

use super::{NAMESPACE, SceneError};
use crate::control_plane::ControlPlane;

/// Where they are.
pub(super) const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../charts");

/// Installs the definitions, then the operator.
pub async fn install(plane: &ControlPlane, values: &[String]) -> Result<(), SceneError> {
    let crds = format!("{FOLDER}/vpc-cni-operator-crds");
    let arguments = [
        "install",
        "vpc-cni-operator-crds",
        &crds,
        "--namespace",
        NAMESPACE,
        "--create-namespace",
    ];
    plane.helm_ok(&arguments).await.map_err(SceneError::Command)?;
    let names = ["crd/cnipolicies.vpccni.io", "crd/cninodestates.vpccni.io"];
    let wait = [
        "wait",
        "--for=condition=Established",
        "--timeout=30s",
        names[0],
        names[1],
    ];
    plane.kubectl_ok(&wait, None).await.map_err(SceneError::Command)?;
    let chart = format!("{FOLDER}/vpc-cni-operator");
    let mut arguments = vec!["install", "vpc-cni-operator", &chart, "--namespace", NAMESPACE];
    for value in values {
        arguments.extend(["--set", value]);
    }
    plane
        .helm_ok(&arguments)
        .await
        .map(drop)
        .map_err(SceneError::Command)
}
