//! The schema of the kinds on a real API server: what it must refuse, with the field, and what it must take.

use crate::bed::policy;
use kube::Client;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::Path;
use vpccni_testbed::ControlPlane;
use vpccni_testbed::control_plane::Options;

const STATUS: &str = "/apis/vpccni.io/v1alpha1/cnipolicies/default/status";

#[tokio::test(flavor = "multi_thread")]
async fn every_invalid_manifest_is_refused_with_its_field_and_every_valid_one_taken() {
    let plane = plane().await;
    let client = plane.client();
    let mut wrong = Vec::new();
    let invalid = manifests("invalid");
    for (name, text) in &invalid {
        let expected = text.lines().next().unwrap().strip_prefix("# expect: ").unwrap();
        match create(&client, text).await {
            Ok(_) => wrong.push(format!("{name}: taken, but should be refused with {expected}")),
            Err(said) if !said.contains(expected) => {
                wrong.push(format!("{name}: expected {expected}\n  said: {said}"));
            }
            Err(_) => {}
        }
    }
    let valid = manifests("valid");
    for (name, text) in &valid {
        if let Err(said) = create(&client, text).await {
            wrong.push(format!("{name}: refused with {said}"));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {} + {}:\n{}",
        wrong.len(),
        invalid.len(),
        valid.len(),
        wrong.join("\n")
    );
    plane.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_ip_family_is_fixed_once_observed() {
    let plane = plane().await;
    let apply = |spec: &'static str| {
        let manifest = policy(spec);
        let plane = &plane;
        async move { plane.kubectl_ok(&["apply", "-f", "-"], Some(&manifest)).await }
    };
    apply("managementState: Observe\nipFamily: IPv4").await.unwrap();
    let observed = json!({"status": {"cluster": {"ipFamily": "IPv4"}}}).to_string();
    let request = http::Request::patch(STATUS).header("Content-Type", "application/merge-patch+json");
    plane
        .client()
        .request::<Value>(request.body(observed.into_bytes()).unwrap())
        .await
        .unwrap();
    // Another family at once, or after the field was taken away: status remembers.
    let other = "managementState: Observe\nipFamily: IPv6";
    for _ in 0..2 {
        let refused = apply(other).await.unwrap_err().to_string();
        assert!(
            refused.contains("spec.ipFamily: the IP family of a cluster is fixed"),
            "{refused}"
        );
        apply("managementState: Observe").await.unwrap();
    }
    apply("managementState: Observe\nipFamily: IPv4").await.unwrap();
    plane.shutdown().await;
}

async fn plane() -> ControlPlane {
    let plane = ControlPlane::start(Options::api_only()).await.unwrap();
    let crds = concat!(env!("CARGO_MANIFEST_DIR"), "/crds");
    plane.kubectl_ok(&["apply", "-f", crds], None).await.unwrap();
    let wait = [
        "wait",
        "--for=condition=Established",
        "--timeout=30s",
        "crd",
        "--all",
    ];
    plane.kubectl_ok(&wait, None).await.unwrap();
    plane
}

/// A dry run with the strictness of kubectl: an unknown field is an error.
async fn create(client: &Client, manifest: &str) -> Result<Value, String> {
    let object: Value = serde_norway::from_str(manifest).unwrap();
    let plural = if object["kind"] == "CniPolicy" {
        "cnipolicies"
    } else {
        "cninodestates"
    };
    let path = format!("/apis/vpccni.io/v1alpha1/{plural}?dryRun=All&fieldValidation=Strict");
    let request = http::Request::post(path).header("Content-Type", "application/json");
    let request = request.body(object.to_string().into_bytes()).unwrap();
    client
        .request::<Value>(request)
        .await
        .map_err(|error| error.to_string())
}

/// The manifests of a folder by name.
fn manifests(folder: &str) -> BTreeMap<String, String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(folder);
    let entries = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    entries
        .map(|path| {
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            (name, std::fs::read_to_string(path).unwrap())
        })
        .collect()
}
