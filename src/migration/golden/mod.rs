//! What a person sees: `kubectl describe` and `kubectl get` of a migration in eight situations, as the real kubectl prints
//! what a real API server has stored of the status that the report step makes. Time, facts and names are fixed.

mod scene;
mod situations;

use scene::{NOW, Scene};
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::path::PathBuf;
use vpccni_api::CniMigration;
use vpccni_api::convert::migration::change;
use vpccni_api::migration::{CniMigrationSpec, CniMigrationStatus, DesiredState, MigrationApproval};
use vpccni_core::migration::{Desired, next};
use vpccni_testbed::ControlPlane;
use vpccni_testbed::control_plane::Options;

/// Set, it has the test write what it would compare.
const UPDATE: &str = "UPDATE_GOLDEN";

fn folder() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/cnimigration"))
}

/// What the report step says of a scene.
fn status(scene: &Scene) -> CniMigrationStatus {
    let state = scene.state();
    let next = next(&state, &scene.world(), NOW());
    let said = super::say::Said {
        before: None,
        generation: Some(1),
        state: &state,
        next: &next,
        failures: &[],
        now: NOW(),
    };
    super::say::status(said)
}

fn object(scene: &Scene) -> CniMigration {
    let planned = Scene::original_plan();
    let mut object = CniMigration::new(
        scene::NAME,
        CniMigrationSpec {
            policy: "default".to_owned(),
            change_hash: planned.hash.to_string(),
            change: change(&planned, &scene.from, &scene.to),
            desired_state: match scene.desired {
                Desired::Run => None,
                Desired::Pause => Some(DesiredState::Pause),
                Desired::Abort => Some(DesiredState::Abort),
                Desired::RollBack => Some(DesiredState::RollBack),
            },
            approval: scene.approved.then(|| MigrationApproval {
                change_hash: Some(planned.hash.to_string()),
                max_nodes: Some(12),
                not_after: None,
                by: Some("anna@example.com".to_owned()),
                at: None,
            }),
            resumed_at: None,
        },
    );
    object.status = Some(status(scene));
    object
}

#[test]
fn every_situation_says_what_it_waits_for_who_acts_with_what_and_how_long_it_takes() {
    for (name, scene) in situations::all() {
        let status = status(&scene);
        let eta = status.summary.and_then(|summary| summary.eta).unwrap();
        let conditions = status.conditions.unwrap();
        let find = |kind: &str| {
            conditions
                .iter()
                .find(|condition| condition.type_ == kind)
                .unwrap()
        };
        if name == "done" {
            assert!(
                find("Completed").message.contains("0 old, 0 mixed"),
                "{:?}",
                find("Completed")
            );
            assert_eq!(eta, "-");
            continue;
        }
        let waiting = status.waiting_for.unwrap();
        for (field, said) in [
            ("reason", waiting.reason),
            ("what", waiting.what),
            ("who", waiting.who),
            ("command", waiting.command),
            ("since", waiting.since.map(|time| time.0.to_string())),
        ] {
            assert!(said.is_some_and(|said| !said.is_empty()), "{name}: {field}");
        }
        assert!(eta.contains('m'), "{name}: {eta}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn kubectl_shows_each_situation_as_committed() {
    let plane = ControlPlane::start(Options::api_only()).await.unwrap();
    let crds = concat!(env!("CARGO_MANIFEST_DIR"), "/crds");
    plane.kubectl_ok(&["apply", "-f", crds], None).await.unwrap();
    let established = [
        "wait",
        "--for=condition=Established",
        "crd/cnimigrations.vpccni.io",
    ];
    plane.kubectl_ok(&established, None).await.unwrap();
    let mut wrong = Vec::new();
    let mut tables = String::new();
    for (name, scene) in situations::all() {
        put(&plane, &object(&scene)).await;
        let described = plane.kubectl_ok(&["describe", "cnimig"], None).await.unwrap();
        wrong.extend(check(&format!("{name}.describe.txt"), &normalised(&described)));
        let table = plane.kubectl_ok(&["get", "cnimig"], None).await.unwrap();
        writeln!(tables, "# {name}\n{}", aged(&table)).unwrap();
        plane
            .kubectl_ok(&["delete", "cnimig", "--all"], None)
            .await
            .unwrap();
    }
    wrong.extend(check("get.txt", &tables));
    plane.shutdown().await;
    assert!(
        wrong.is_empty(),
        "not what is shown now; if it should be, mend it with {UPDATE}=1 cargo test -p vpc-cni-operator --lib golden:\n{}",
        wrong.join("\n")
    );
}

/// The object, and its status as the operator writes it.
async fn put(plane: &ControlPlane, object: &CniMigration) {
    let mut whole = json!(object);
    let status = json!({"status": crate::status::without_empty_maps(whole["status"].take())});
    let spec = whole.to_string();
    plane
        .kubectl_ok(&["create", "-f", "-"], Some(&spec))
        .await
        .unwrap();
    let (name, patch) = (scene::NAME, status.to_string());
    let patched = [
        "patch",
        "cnimig",
        name,
        "--subresource=status",
        "--type=merge",
        "-p",
        &patch,
    ];
    plane.kubectl_ok(&patched, None).await.unwrap();
}

/// Without what the API server makes up.
fn normalised(described: &str) -> String {
    let line = |line: &str| {
        let key = line.trim_start().split(':').next().unwrap_or_default();
        match key {
            "UID" | "Resource Version" | "Creation Timestamp" => {
                let indent = &line[..line.len() - line.trim_start().len()];
                format!("{indent}{key}: (made up by the API server)")
            }
            _ => line.trim_end().to_owned(),
        }
    };
    described.lines().map(|text| line(text) + "\n").collect()
}

/// The age of an object that was made a moment ago.
fn aged(table: &str) -> String {
    let mut lines = table.lines();
    let head = lines.next().unwrap_or_default();
    let at = head.find("AGE").unwrap();
    let row = |line: &str| {
        let (before, after) = line.split_at(at);
        let width = after.find(' ').unwrap_or(after.len());
        format!(
            "{before}{}{}\n",
            "0s".to_owned() + &" ".repeat(width.saturating_sub(2)),
            &after[width..]
        )
    };
    let rows: String = lines.map(row).collect();
    format!("{head}\n{rows}")
}

/// What differs from the committed file.
fn check(name: &str, text: &str) -> Option<String> {
    let path = folder().join(name);
    if std::env::var_os(UPDATE).is_some() {
        std::fs::write(&path, text).unwrap();
        return None;
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    let differs = committed.lines().zip(text.lines()).find(|(was, is)| was != is);
    (committed != text).then(|| format!("{name}: {differs:?}"))
}

#[test]
fn what_the_api_server_makes_up_is_left_out() {
    let said = "Metadata:\n  UID:  1-2\n  Generation:  1\n  Resource Version: 7\n";
    let left = normalised(said);
    assert!(
        left.contains("Generation:  1") && !left.contains("1-2") && !left.contains(": 7"),
        "{left}"
    );
    assert_eq!(
        aged("NAME  AGE  WHY\na     12s  x\n"),
        "NAME  AGE  WHY\na     0s   x\n"
    );
    let status: Value = json!(status(&situations::all()[0].1));
    assert_eq!(status["observedGeneration"], 1);
    let planned = Scene::original_plan();
    assert_eq!(scene::NAME, format!("default-{}", planned.hash.short()));
}
