//! `kill -9` of the agent at every call that changes something in EC2: while the call is on its way and nothing has
//! happened, and when it has happened and the answer is lost.

use std::time::Duration;

use vpccni_testbed::boxes::{Agent, AgentOptions};
use vpccni_testbed::sandbox::{Disconnect, Effect, Rule};
use vpccni_testbed::wait::until;

use super::{SHORT_COOLDOWN, Scene, Traffic, agree};
use crate::bed::PATIENCE;
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

/// Settings under which the next call is one of `action`.
fn settings(action: &str, round: usize) -> [(&'static str, String); 4] {
    let assigns = action == "AssignPrivateIpAddresses";
    let minimum = 6 + 2 * round;
    let interfaces = if assigns { 1 } else { round };
    [
        ("MAX_ENI", interfaces.to_string()),
        ("WARM_ENI_TARGET", interfaces.to_string()),
        ("MINIMUM_IP_TARGET", if assigns { minimum } else { 0 }.to_string()),
        ("WARM_IP_TARGET", if assigns { 1 } else { 0 }.to_string()),
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

#[tokio::test(flavor = "multi_thread")]
async fn the_agent_is_killed_at_every_call_of_ec2() {
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
    let mut round = 0;
    for action in CALLS {
        for drop in [Disconnect::Before, Disconnect::After] {
            round += 1;
            // The first two rounds grow the primary interface, each later one adds an interface.
            let number = if action == CALLS[0] { round } else { round - 1 };
            let settings = settings(action, number);
            let settings = settings.each_ref().map(|(name, value)| (*name, value.as_str()));
            agent.kill();
            let sandbox = scene.vpc.sandbox();
            let fault = sandbox.add_fault(rule(action, drop)).unwrap();
            let mut options = AgentOptions::new(&settings);
            options.env.extend(AgentOptions::new(&[SHORT_COOLDOWN]).env);
            let doomed = Agent::launch(&scene.node, &options).unwrap();
            let fired = || async {
                (sandbox.fired(fault) > 0)
                    .then_some(())
                    .ok_or_else(|| doomed.log())
            };
            if let Err(error) = until(&format!("{action}, cut {drop:?}"), PATIENCE, fired).await {
                panic!("{error}");
            }
            doomed.kill();
            sandbox.clear_faults();

            agent = scene.agent(&settings).await;
            let mut pod = scene.node.pod("default", &format!("after-{round}")).unwrap();
            pod.add().unwrap();
            pods.push(pod);
            let wanted = if action == CALLS[0] {
                6 + 2 * number
            } else {
                29 * number
            };
            scene.holds(wanted, &agent).await;
            agree(&scene, &pods.iter().collect::<Vec<_>>()).await;
        }
    }
    traffic.is_unharmed();
}
