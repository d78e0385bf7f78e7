//! The disk of the checkpoint: it is full, or what is on it is rubbish.

use std::fs;

use vpccni_testbed::boxes::NodeBox;
use vpccni_testbed::wait::until;

use super::{CHECKPOINT, Scene, Traffic, agree};
use crate::bed::PATIENCE;
use crate::steady::{EACH, STEADY, add, names};

/// A file system of its own, as small as the checkpoint may need.
const SMALL: &str = "/var/lib/aws-node/small";

fn free_blocks(node: &NodeBox) -> String {
    node.run("stat", &["-f", "-c", "%f", SMALL]).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_refuses_pods_and_harms_none() {
    let Some(scene) = Scene::start("m5.large").await else {
        return;
    };
    let node = &scene.node;
    node.run("mkdir", &["-p", SMALL]).unwrap();
    node.run("mount", &["-t", "tmpfs", "-o", "size=64k", "small", SMALL])
        .unwrap();
    let file = format!("{SMALL}/ipam.json");
    let [one, two] = STEADY;
    let agent = scene
        .agent(&[one, two, ("AWS_VPC_K8S_CNI_BACKING_STORE", &file)])
        .await;
    scene.holds(2 * EACH, &agent).await;
    let pods = add(node, &names("pod", 3));
    let traffic = Traffic::start(&pods, &scene.other);

    // It ends with an error when nothing is left.
    node.run("sh", &["-c", &format!("cat /dev/zero >{SMALL}/filler || true")])
        .unwrap();
    assert_eq!(free_blocks(node).trim(), "0");
    let before = node.kernel().unwrap();
    let kept = node.run("cat", &[&file]).unwrap();
    let mut late = node.pod("default", "late").unwrap();
    for _ in 0..3 {
        let error = late.add().unwrap_err().to_string();
        assert!(
            error.contains("failed to write the checkpoint") && error.contains("No space left"),
            "{error}"
        );
    }
    assert_eq!(
        node.run("cat", &[&file]).unwrap(),
        kept,
        "the old checkpoint is whole"
    );
    let change = node.kernel().unwrap().since(&before);
    assert!(change.is_empty(), "{change}");

    node.run("rm", &[&format!("{SMALL}/filler")]).unwrap();
    late.add().unwrap();
    // `agree` reads the checkpoint where it usually is.
    let copy = || async {
        let text = node.run("cat", &[&file]).map_err(|error| error.to_string())?;
        fs::write(node.path(CHECKPOINT), text).map_err(|error| error.to_string())
    };
    until("the checkpoint", PATIENCE, copy).await.unwrap();
    agree(&scene, &[&pods[0], &pods[1], &pods[2], &late]).await;
    late.del().unwrap();
    traffic.stays_unharmed();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_torn_checkpoint_gives_no_address_twice() {
    let Some(scene) = Scene::start("m5.large").await else {
        return;
    };
    let node = &scene.node;
    let mut agent = scene.agent(&STEADY).await;
    scene.holds(2 * EACH, &agent).await;
    let mut pods = add(node, &names("pod", 2));
    let traffic = Traffic::start(&pods, &scene.other);
    let torn = |text: &str| text[..text.len() / 2].to_owned();
    let whole = fs::read_to_string(node.path(CHECKPOINT)).unwrap();
    for (number, text) in [String::new(), torn(&whole), "\0\0\0rubbish".to_owned()]
        .into_iter()
        .enumerate()
    {
        agent.kill();
        fs::write(node.path(CHECKPOINT), text).unwrap();
        agent = scene.agent(&STEADY).await;
        let mut pod = node.pod("default", &format!("after-{number}")).unwrap();
        pod.add().unwrap();
        pods.push(pod);
        agree(&scene, &pods.iter().collect::<Vec<_>>()).await;
    }
    // Which container has which address nobody knows any more: they come free when the agent has missed their links
    // for some minutes.
    traffic.stays_unharmed();
}
