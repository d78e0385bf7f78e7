//! What may happen in the middle of a migration, on the real control plane: outages, people, spot interruptions, a
//! second thought. After each the rules hold, and the end is the same or the halt says why.

mod hand_over;
mod setbacks;

use crate::bed::{Bed, PATIENCE, Wanted};
use crate::migration::{
    approve, approved, completed, migration, names, nothing_is_left, phase, says, wanted, wanted_with,
    workload,
};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::time::Duration;
use vpccni_testbed::scaling::FleetGroup;
use vpccni_testbed::scene::SceneOptions;
use vpccni_testbed::wait::until;

/// How long the API server is away: longer than any request waits.
const OUTAGE: Duration = Duration::from_secs(12);

fn options() -> SceneOptions {
    let group = |name, zone| FleetGroup {
        name,
        zone,
        instance_type: "m5.large",
        max_pods: 29,
        count: 2,
        max: 5,
    };
    SceneOptions {
        groups: Vec::new(),
        fleet: vec![group("workers-a", "us-west-2a"), group("workers-b", "us-west-2b")],
        ..SceneOptions::default()
    }
}

/// The first nodes are replaced.
async fn rolling(bed: &Bed) {
    let seen = until("a replaced node", PATIENCE * 3, || async {
        let progress = migration(bed).await["status"]["progress"].clone();
        match progress["replaced"].as_i64() {
            Some(1..) => Ok(()),
            _ => Err(progress.to_string()),
        }
    });
    seen.await.unwrap();
}

async fn begun(bed: &Bed) {
    bed.apply(&workload(5)).await;
    bed.apply(&wanted("SecondaryIp")).await;
    bed.condition("Ready", "True", "Applied").await;
    bed.apply(&wanted("Prefix")).await;
    approved(bed).await;
}

/// The node and the instance of one that still gives single addresses.
async fn old_node(bed: &Bed) -> (String, String) {
    let states = bed.get(&["cninodestates"]).await;
    let old: BTreeSet<&str> = states["items"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|state| state["status"]["mode"] == "SecondaryIp" && state["spec"]["migration"].is_null())
        .filter_map(|state| state["metadata"]["name"].as_str())
        .collect();
    let nodes = bed.get(&["nodes"]).await;
    let mut nodes = nodes["items"].as_array().unwrap().iter();
    let node = nodes.find(|node| {
        let name = node["metadata"]["name"].as_str().unwrap();
        old.contains(name) && node["spec"]["unschedulable"] != true
    });
    let node = node.unwrap();
    let id = node["spec"]["providerID"].as_str().unwrap();
    let id = id.rsplit('/').next().unwrap().to_owned();
    (node["metadata"]["name"].as_str().unwrap().to_owned(), id)
}

#[tokio::test(flavor = "multi_thread")]
async fn outages_interruptions_and_people_in_mid_roll_change_nothing_about_the_end() {
    let mut bed = Bed::start(options()).await;
    let before = names(&bed).await;
    begun(&bed).await;
    rolling(&bed).await;

    // A spot instance is taken, and somebody needs one node more.
    let (node, instance) = old_node(&bed).await;
    bed.scene.cloud.terminate(&instance).unwrap();
    bed.scene.sandbox.world().write(|world| {
        let desired = world.scaling_group("workers-b").unwrap().desired;
        world.set_desired("workers-b", desired + 1, false).unwrap();
    });

    // Somebody puts the update strategy of the DaemonSet back.
    let rolling_update = r#"{"spec":{"updateStrategy":{"type":"RollingUpdate","rollingUpdate":null}}}"#;
    bed.patch_by_hand("somebody", rolling_update).await;
    bed.sees("the shield raised again", || async {
        let strategy = bed.daemon_set().await["spec"]["updateStrategy"].clone();
        let over = migration(&bed).await["status"]["phase"] == "Completed";
        if strategy["type"] == "OnDelete" || over {
            Ok(())
        } else {
            Err(strategy.to_string())
        }
    })
    .await;

    bed.scene.plane.stop_apiserver().await;
    // The wait is the outage itself.
    tokio::time::sleep(OUTAGE).await;
    bed.scene.plane.start_apiserver().await.unwrap();

    // The operator is upgraded: another process goes on from what is recorded.
    bed.restart_operator(Wanted {
        identity: Some("upgraded"),
        ..Wanted::default()
    })
    .await;
    let done = phase(&bed, "Completed").await;
    let progress = &done["status"]["progress"];
    let counted = [&progress["old"], &progress["mixed"], &progress["failed"]];
    assert_eq!(counted, [&json!(0), &json!(0), &json!(0)], "{progress}");
    let after = names(&bed).await;
    assert!(after.len() >= 5, "{after:?}");
    assert!(!after.contains(&node), "{node} was interrupted");
    for node in after {
        assert!(!before.contains(&node), "{node} was not replaced");
    }
    nothing_is_left(&bed).await;
    bed.shutdown().await;
}

/// The migration of this name.
async fn named(bed: &Bed, name: &str) -> Value {
    bed.get(&["cnimigration", name]).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_that_is_edited_half_way_is_planned_anew_and_never_mixed() {
    let bed = Bed::start(options()).await;
    begun(&bed).await;
    let first = migration(&bed).await;
    let first = first["metadata"]["name"].as_str().unwrap().to_owned();
    rolling(&bed).await;

    bed.apply(&wanted("SecondaryIp")).await;
    let second = until("a second plan", PATIENCE * 2, || async {
        let newest = migration(&bed).await;
        if newest["metadata"]["name"] != first.as_str() && newest["status"]["phase"] == "Planned" {
            Ok(newest)
        } else {
            Err(newest["status"]["phase"].to_string())
        }
    });
    let second = second.await.unwrap();
    let paused = named(&bed, &first).await;
    assert_eq!(paused["status"]["phase"], "Paused", "{}", paused["status"]);
    let waits = paused["status"]["waitingFor"].to_string();
    assert!(
        waits.contains(second["metadata"]["name"].as_str().unwrap()),
        "{waits}"
    );

    // Thought better of it: nothing was given up, and the first goes on.
    bed.apply(&wanted("Prefix")).await;
    says(&bed, "/metadata/name", &first).await;

    // And again, for good.
    bed.apply(&wanted("SecondaryIp")).await;
    let third = until("the plan of the way back", PATIENCE * 2, || async {
        let newest = migration(&bed).await;
        if newest["metadata"]["name"] != first.as_str() && newest["status"]["phase"] == "Planned" {
            Ok(newest)
        } else {
            Err(newest["status"]["phase"].to_string())
        }
    });
    approve(&bed, &third.await.unwrap()).await;
    completed(&bed, 4).await;
    let ended = named(&bed, &first).await;
    assert_eq!(ended["status"]["phase"], "Aborted");
    assert_eq!(
        bed.variable("ENABLE_PREFIX_DELEGATION").await.as_deref(),
        Some("false")
    );
    bed.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_that_wants_it_so_finishes_the_first_change_before_the_next() {
    let bed = Bed::start(options()).await;
    let finishing = |mode: &str| {
        wanted_with(
            &format!("ipAllocation: {{mode: {mode}}}"),
            "  onSuperseded: Complete",
        )
    };
    bed.apply(&finishing("SecondaryIp")).await;
    bed.condition("Ready", "True", "Applied").await;
    bed.apply(&finishing("Prefix")).await;
    let first = approved(&bed).await;
    let first = first["metadata"]["name"].as_str().unwrap();
    rolling(&bed).await;
    bed.apply(&finishing("SecondaryIp")).await;
    let ended = until("the end of the first", PATIENCE * 5, || async {
        let phase = named(&bed, first).await["status"]["phase"].clone();
        if phase == "Completed" {
            Ok(())
        } else {
            Err(phase.to_string())
        }
    });
    ended.await.unwrap();
    let next = phase(&bed, "Planned").await;
    assert_ne!(next["metadata"]["name"], first);
    bed.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_that_wants_it_so_stops_the_first_change_until_a_person_decides() {
    let bed = Bed::start(options()).await;
    let stopping =
        |mode: &str| wanted_with(&format!("ipAllocation: {{mode: {mode}}}"), "  onSuperseded: Stop");
    bed.apply(&workload(3)).await;
    bed.apply(&stopping("SecondaryIp")).await;
    bed.condition("Ready", "True", "Applied").await;
    bed.apply(&stopping("Prefix")).await;
    let first = approved(&bed).await;
    rolling(&bed).await;
    bed.apply(&stopping("SecondaryIp")).await;
    let paused = phase(&bed, "Paused").await;
    let waits = &paused["status"]["waitingFor"];
    assert_eq!(waits["who"], "a person", "{waits}");
    assert!(
        waits["command"].as_str().unwrap().contains("migrate abort"),
        "{waits}"
    );
    // Nothing is planned beside it.
    assert_eq!(paused["metadata"]["name"], first["metadata"]["name"]);

    // The policy is put back: it goes on by itself.
    bed.apply(&stopping("Prefix")).await;
    completed(&bed, 4).await;
    bed.shutdown().await;
}
