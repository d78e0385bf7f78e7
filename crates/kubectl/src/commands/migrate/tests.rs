//! Migrations on an API server in memory: what is shown of them, and what a person's word writes.

use super::{Api, CniMigration, approve, find, list_text, show, steer, watch};
use crate::args::{Approve, Confirmed, Format, Named};
use crate::failure::Failure;
use crate::output::{Out, Paint};
use jiff::Timestamp;
use kube::CustomResourceExt;
use kube::api::PostParams;
use serde_json::{Value, json};
use std::io::Write;
use std::process::ExitCode;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use vpccni_testbed::memory::MemoryApi;

/// What is written, for the test to read.
#[derive(Debug, Clone, Default)]
struct Paper(Arc<Mutex<Vec<u8>>>);

impl Paper {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }

    fn out(&self, format: Format) -> Out {
        Out::to(Box::new(self.clone()), format)
    }
}

impl Write for Paper {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

const NOW: &str = "2026-11-21T12:00:00Z";

fn migration(name: &str, status: &Value) -> CniMigration {
    let change = json!({"planVersion": 1, "from": {}, "to": {}, "groups": []});
    serde_json::from_value(json!({
        "apiVersion": "vpccni.io/v1alpha1", "kind": "CniMigration",
        "metadata": {"name": name, "creationTimestamp": "2026-11-21T11:00:00Z"},
        "spec": {"policy": "default", "changeHash": "sha256:3f9c", "change": change},
        "status": status
    }))
    .unwrap()
}

fn planned() -> Value {
    json!({
        "phase": "Planned",
        "summary": {"replaced": "0/57", "eta": "2h10m"},
        "waitingFor": {
            "what": "approval of sha256:3f9c for 45 nodes", "who": "somebody with the verb approve",
            "since": "2026-11-21T11:55:00Z", "command": "kubectl vpc-cni migrate approve default-3f9c"
        },
        "progress": {"total": 57, "replaced": 0, "active": 0, "quarantined": 0, "mixed": 0, "old": 45},
        "plan": {
            "groups": [
                {"group": {"provider": "ManagedNodeGroup", "name": "blue"}, "method": "BlueGreen",
                 "nodes": 40, "waves": 10, "maxPods": 110},
                {"group": {"provider": "Karpenter", "name": "default"}, "method": "Wait",
                 "nodes": 5, "owner": "set spec.kubelet.maxPods to 110 in EC2NodeClass default"}
            ],
            "groupsTotal": 2, "nodes": 45, "stages": ["ENABLE_PREFIX_DELEGATION false -> true"],
            "direction": "Growing", "maxUnavailable": 5, "maxSurge": 5,
            "minFreePrefixes": [{"subnet": "subnet-0a1", "step": 9, "free": 12},
                                {"subnet": "subnet-0b2", "step": 4, "free": -3}],
            "awsCalls": 431, "eta": "2h10m", "obstacles": ["subnet-0b2 lacks 3 free /28 blocks"],
            "withoutUs": ["Karpenter drift stops; cordons stay"]
        },
        "rollback": {"feasible": true, "nodes": 0, "eta": "0m"}
    })
}

fn halted() -> Value {
    json!({
        "phase": "Halted",
        "summary": {"replaced": "12/57", "eta": "1h20m"},
        "progress": {"total": 57, "replaced": 12, "active": 2, "quarantined": 1, "mixed": 0, "old": 42,
                     "young": 1, "failed": 2},
        "inFlight": [{"node": "ip-10-0-1-5", "step": "Draining", "since": "2026-11-21T11:50:00Z", "podsLeft": 3}],
        "inFlightTotal": 2,
        "blocked": [{"node": "ip-10-0-1-5", "pod": "shop/cart-0", "by": "shop/cart", "since": "2026-11-21T11:52:00Z"}],
        "blockedTotal": 1,
        "halt": {"reason": "NewNodesFail", "message": "2 new nodes are not as planned", "since": "2026-11-21T11:58:00Z",
                 "runbook": "docs/guides/runbooks.md#new-nodes-fail"},
        "rollback": {"feasible": false, "nodes": 12, "eta": "40m", "blockedBy": ["subnet-0b2 lacks 3 blocks"]},
        "ifStopped": "It is well to stop here.", "stays": ["a cordon on ip-10-0-1-5"],
        "memory": {"goingBack": false}
    })
}

#[test]
fn what_waits_for_approval_shows_its_plan() {
    let migration = migration("default-3f9c", &planned());
    let expected = include_str!("../../../tests/golden/migrate-planned.txt");
    assert_eq!(show::text(&migration, at(NOW), Paint::new(false)), expected);
}

#[test]
fn what_halted_shows_why_and_the_ways_out() {
    let migration = migration("default-3f9c", &halted());
    let expected = include_str!("../../../tests/golden/migrate-halted.txt");
    assert_eq!(show::text(&migration, at(NOW), Paint::new(false)), expected);
}

#[test]
fn a_list_has_a_line_each() {
    let all = [
        migration("default-3f9c", &planned()),
        migration("default-77aa", &json!({})),
    ];
    let expected = "\
NAME           PHASE     REPLACED   ACTIVE   ETA     AGE   WAITING FOR
default-3f9c   Planned   0/57       0        2h10m   60m   approval of sha256:3f9c for 45 nodes
default-77aa   -         -          -        -       60m   -
";
    assert_eq!(list_text(&all, at(NOW), Paint::new(false)), expected);
}

/// A server with these migrations.
async fn server(migrations: &[CniMigration]) -> (kube::Client, Api<CniMigration>) {
    let definition = serde_json::to_value(CniMigration::crd()).unwrap();
    let memory = MemoryApi::new(&[definition], || at(NOW), 1);
    let api: Api<CniMigration> = Api::all(memory.client());
    for migration in migrations {
        api.create(&PostParams::default(), migration).await.unwrap();
        let mut created = api.get(migration.metadata.name.as_ref().unwrap()).await.unwrap();
        created.status.clone_from(&migration.status);
        let name = created.metadata.name.clone().unwrap();
        api.replace_status(&name, &PostParams::default(), &created)
            .await
            .unwrap();
    }
    (memory.client(), api)
}

async fn spec(api: &Api<CniMigration>) -> Value {
    json!(api.get("default-3f9c").await.unwrap().spec)
}

#[tokio::test]
async fn the_only_open_migration_needs_no_name() {
    let ended = migration("default-0001", &json!({"phase": "Completed"}));
    let (_, api) = server(std::slice::from_ref(&ended)).await;
    assert!(matches!(find(&api, None).await, Err(Failure::NotFound { .. })));
    assert!(find(&api, Some("default-0001")).await.is_ok());
    let (_, api) = server(&[ended, migration("default-3f9c", &planned())]).await;
    let found = find(&api, None).await.unwrap();
    assert_eq!(found.metadata.name.as_deref(), Some("default-3f9c"));
}

#[tokio::test]
async fn an_approval_is_for_the_change_and_the_nodes_that_were_shown() {
    let (client, api) = server(&[migration("default-3f9c", &planned())]).await;
    let (paper, mut args) = (Paper::default(), approval());
    args.change_hash = Some("sha256:other".to_owned());
    let mut out = paper.out(Format::Table);
    let refused = approve::run(&client, &api, &args, &mut out).await;
    assert!(refused.unwrap_err().to_string().contains("not for sha256:other"));
    assert_eq!(spec(&api).await["approval"], Value::Null);
    args.change_hash = Some("sha256:3f9c".to_owned());
    approve::run(&client, &api, &args, &mut out).await.unwrap();
    let written = spec(&api).await["approval"].clone();
    assert_eq!(
        (&written["changeHash"], &written["maxNodes"]),
        (&json!("sha256:3f9c"), &json!(45))
    );
    let until = at(written["notAfter"].as_str().unwrap());
    let from = at(written["at"].as_str().unwrap());
    assert_eq!(until.duration_since(from).as_hours(), 24);
    assert!(
        paper
            .text()
            .starts_with("default-3f9c is approved for at most 45 nodes until")
    );
}

fn approval() -> Approve {
    Approve {
        confirmed: Confirmed {
            named: Named::default(),
            yes: true,
        },
        max_nodes: None,
        expires: Duration::from_hours(24),
        change_hash: None,
    }
}

#[tokio::test]
async fn without_a_plan_nobody_approves_by_accident() {
    let (client, api) = server(&[migration("default-3f9c", &json!({"phase": "Planned"}))]).await;
    let mut out = Paper::default().out(Format::Table);
    let refused = approve::run(&client, &api, &approval(), &mut out).await;
    assert!(matches!(refused, Err(Failure::NotFound { .. })));
}

#[tokio::test]
async fn a_word_of_a_person_is_one_field_of_the_spec() {
    let (_, api) = server(&[migration("default-3f9c", &halted())]).await;
    let mut out = Paper::default().out(Format::Json);
    let (named, yes) = (Named::default(), approval().confirmed);
    steer::pause(&api, &named, &mut out).await.unwrap();
    assert_eq!(spec(&api).await["desiredState"], "Pause");
    steer::resume(&api, &named, &mut out).await.unwrap();
    let resumed = spec(&api).await;
    assert_eq!(resumed["desiredState"], "Run");
    assert!(resumed["resumedAt"].is_string(), "the halt is answered");
    steer::roll_back(&api, &yes, &mut out).await.unwrap();
    assert_eq!(spec(&api).await["desiredState"], "RollBack");
    steer::abort(&api, &yes, &mut out).await.unwrap();
    assert_eq!(spec(&api).await["desiredState"], "Abort");
}

#[tokio::test]
async fn what_is_paused_on_its_way_back_goes_on_back() {
    let status = json!({"phase": "Paused", "memory": {"goingBack": true}});
    let (_, api) = server(&[migration("default-3f9c", &status)]).await;
    let mut out = Paper::default().out(Format::Table);
    steer::resume(&api, &Named::default(), &mut out).await.unwrap();
    let resumed = spec(&api).await;
    assert_eq!(
        (&resumed["desiredState"], &resumed["resumedAt"]),
        (&json!("RollBack"), &Value::Null)
    );
}

#[tokio::test(start_paused = true)]
async fn watching_says_each_change_once_and_ends_with_the_migration() {
    let (_, api) = server(&[migration("default-3f9c", &planned())]).await;
    let paper = Paper::default();
    let mut out = paper.out(Format::Table);
    let named = Named::default();
    let ends = async {
        tokio::time::sleep(Duration::from_secs(11)).await;
        let mut ended = api.get("default-3f9c").await.unwrap();
        ended.status = migration("x", &json!({"phase": "RolledBack"})).status;
        api.replace_status("default-3f9c", &PostParams::default(), &ended)
            .await
            .unwrap();
    };
    let (code, ()) = tokio::join!(watch::run(&api, &named, &mut out), ends);
    assert_eq!(format!("{:?}", code.unwrap()), format!("{:?}", ExitCode::from(2)));
    let said = paper.text();
    let lines: Vec<&str> = said
        .lines()
        .filter_map(|line| line.split_once("  "))
        .map(|(_, line)| line)
        .collect();
    assert_eq!(
        lines,
        [
            "Planned; 0/57 replaced, 0 in work, 0 mixed, 45 old; ETA 2h10m; waiting for approval of sha256:3f9c for 45 nodes",
            "RolledBack"
        ]
    );
}
