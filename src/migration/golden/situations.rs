//! The eight situations.

use super::scene::{Scene, ago, node, pool, workers};
use vpccni_core::known::Known;
use vpccni_core::migration::{Desired, NodeStep, Switched, WindowView};
use vpccni_core::safety::NodeMode;

/// All of them, by the name of their file.
pub(super) fn all() -> Vec<(&'static str, Scene)> {
    vec![
        ("waiting-for-approval", Scene::new()),
        ("rolling", rolling()),
        ("blocked-by-a-budget", blocked()),
        ("paused", paused()),
        ("outside-the-window", outside()),
        ("halted-by-a-bad-node", halted()),
        ("rolling-back", rolling_back()),
        ("done", done()),
    ]
}

/// One node is being emptied, the replacement of another one has just joined.
fn rolling() -> Scene {
    let mut scene = Scene::begun(3);
    scene.step(4, NodeStep::Draining, 2);
    scene.step(5, NodeStep::Selected, 4);
    let fourth = scene.add(104, &workers(), true, ago(6));
    scene.nodes.get_mut(&fourth).unwrap().ours.replaces = Some(node(4));
    let fifth = scene.add(105, &workers(), true, ago(1));
    let view = scene.nodes.get_mut(&fifth).unwrap();
    view.ours.replaces = Some(node(5));
    view.ready = false;
    view.facts.mode = NodeMode::Unknown;
    view.proof = None;
    scene
}

/// The budget of a workload allows no eviction.
fn blocked() -> Scene {
    let mut scene = rolling();
    let view = scene.step(4, NodeStep::Draining, 9);
    if let Known::Yes(pods) = &mut view.pods {
        pods.truncate(1);
        for pod in pods {
            pod.pdb.as_mut().unwrap().allowed = 0;
        }
    }
    scene
}

/// By a person, three minutes ago: the node that was being emptied has two minutes left.
fn paused() -> Scene {
    let mut scene = rolling();
    scene.desired = Desired::Pause;
    scene.memory.stopped = Some(ago(3));
    scene
}

/// What was in work is finished; the next window is tomorrow.
fn outside() -> Scene {
    let mut scene = Scene::begun(5);
    scene.memory.stopped = Some(ago(20));
    scene.window = WindowView {
        open: false,
        text: "2026-11-23T02:00:00Z".to_owned(),
    };
    scene
}

/// Two new nodes never became Ready.
fn halted() -> Scene {
    let mut scene = Scene::begun(3);
    for (number, created) in [(104, 12), (105, 11)] {
        let name = scene.add(number, &workers(), true, ago(created));
        let view = scene.nodes.get_mut(&name).unwrap();
        view.ready = false;
        view.ours.replaces = Some(node(number - 100));
        view.proof = None;
    }
    scene.step(4, NodeStep::Selected, 15);
    scene.step(5, NodeStep::Selected, 14);
    scene
}

/// The three that were replaced are replaced again.
fn rolling_back() -> Scene {
    let mut scene = Scene::begun(3);
    scene.desired = Desired::RollBack;
    scene.live_is_to = false;
    let state = scene.state();
    let back = state.back.unwrap();
    scene.memory.going_back = true;
    scene.memory.switched.push(Switched {
        to: back.stages[0].to_id.clone(),
        at: ago(10),
    });
    for view in scene.nodes.values_mut() {
        let new = view.facts.mode == NodeMode::Prefix;
        view.newest_revision = Some(!new);
        if view.facts.group == pool() {
            view.ours.hold = false;
            view.drifted = Some(false);
        }
    }
    scene.step(101, NodeStep::Draining, 3);
    let first = scene.add(201, &workers(), false, ago(5));
    scene.nodes.get_mut(&first).unwrap().ours.replaces = Some(node(101));
    scene
}

/// All are new, and everything was given back.
fn done() -> Scene {
    let mut scene = Scene::begun(8);
    for number in 9..=12 {
        scene.nodes.remove(&node(number));
        scene.add(100 + number, &pool(), true, ago(8));
    }
    scene.memory.ended = Some(ago(2));
    scene.memory.shield_seen = false;
    scene
}
