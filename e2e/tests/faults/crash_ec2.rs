//! `kill -9` of the agent at every call that changes something in EC2: while the call is on its way and nothing has
//! happened, and when it has happened and the answer is lost.

use std::time::Duration;

use vpccni_testbed::boxes::{Agent, AgentOptions};
use vpccni_testbed::sandbox::{Disconnect, Effect, Rule};
use vpccni_testbed::wait::until;

use super::{SHORT_COOLDOWN, Scene, Traffic, agree};
use crate::bed::PATIENCE;
use crate::cluster::tail;
use crate::steady::{add, names};

/// The calls that grow a pool. Those that shrink it come a minute after an interface at the earliest; that they can be
/// lost at any point is tried in the simulation of core, and that interfaces left over are deleted in the tests of ipamd.
const CALLS: [&str; 4] = [
    "AssignPrivateIpAddresses",
    "CreateNetworkInterface",
    "AttachNetworkInterface",
    "ModifyNetworkInterfaceAttribute",
];

/// Longer than the time until the kill: the call hangs, and is then cut before anything has happened.
const HANGS: Duration = Duration::from_secs(20);

/// Addresses for pods on an interface of the type.
const EACH: usize = 29;

/// Settings under which the next call is one of `action`.
fn settings(action: &str, round: usize) -> [(&'static str, String); 4] {
    let assigns = action == "AssignPrivateIpAddresses";
    let minimum = 6 + 2 * round;
    let interfaces = if assigns { 1 } else { round };
    [
        ("MAX_ENI", interfaces.to_string()),
        ("WARM_ENI_TARGET", interfaces.to_string()),
        ("MINIMUM_IP_TARGET", if assigns { minimum } else { 0 }.to_string()),
        ("WARM_IP_TARGET", u8::from(assigns).to_string()),
    ]
}

fn rule(action: &str, drop: Disconnect) -> Rule {
    let hangs = u64::try_from(HANGS.as_millis()).unwrap();
    Rule {
        action: Some(action.to_owned()),
        times: Some(1),
        effect: Effect {
            delay_ms: if drop == Disconnect::Before { hangs } else { 0 },
            drop: Some(drop),
            ..Effect::default()
        },
        ..Rule::default()
    }
}

/// On one node: so many interfaces as its pods may need, and no more, can be tried.
async fn killed_at_every_call(drop: Disconnect) {
    let Some(scene) = Scene::start("m5.4xlarge").await else {
        return;
    };
    let few = [
        ("MAX_ENI", "1"),
        ("WARM_IP_TARGET", "1"),
        ("MINIMUM_IP_TARGET", "4"),
    ];
    let mut agent = scene.agent(&few).await;
    let mut pods = add(&scene.node, &names("pod", 2));
    let traffic = Traffic::start(&pods, &scene.other);
    // The first round grows the primary interface, each later one adds an interface.
    for (action, round) in CALLS.into_iter().zip(1..) {
        agent.kill();
        let settings = settings(action, round);
        let settings = settings.each_ref().map(|(name, value)| (*name, value.as_str()));
        kill_at(&scene, action, drop, &settings).await;

        agent = scene.agent(&settings).await;
        let mut pod = scene.node.pod("default", &format!("after-{round}")).unwrap();
        pod.add().unwrap();
        pods.push(pod);
        let wanted = if round == 1 { 8 } else { EACH * round };
        scene.holds(wanted, &agent).await;
        agree(&scene, &pods.iter().collect::<Vec<_>>()).await;
    }
    traffic.stays_unharmed();
}

/// Starts an agent that will make the call, and kills it when it is made.
async fn kill_at(scene: &Scene, action: &str, drop: Disconnect, settings: &[(&str, &str)]) {
    let sandbox = scene.vpc.sandbox();
    let fault = sandbox.add_fault(rule(action, drop)).unwrap();
    let mut options = AgentOptions::new(&[SHORT_COOLDOWN]);
    options.env.extend(AgentOptions::new(settings).env);
    let doomed = Agent::launch(&scene.node, &options).unwrap();
    let fired = || async {
        (sandbox.fired(fault) > 0)
            .then_some(())
            .ok_or_else(|| tail(&doomed.log()))
    };
    if let Err(error) = until(&format!("{action}, cut {drop:?}"), PATIENCE, fired).await {
        panic!("{error}");
    }
    doomed.kill();
    sandbox.clear_faults();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_agent_is_killed_before_every_change_of_ec2() {
    killed_at_every_call(Disconnect::Before).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_agent_is_killed_after_every_change_of_ec2() {
    killed_at_every_call(Disconnect::After).await;
}
