//! `cargo xtask demo migration`: a change that only new nodes can carry out, from the refusal to "0 mixed, 0 old".
//!
//! Real: the API server, the controller manager with its disruption budgets, the scheduler, kubectl and its plugin, the
//! operator. Simulated: AWS with its Auto Scaling groups, kubelets and ipamd. Every step checks what it says.

use std::path::Path;
use std::time::Duration;

use serde_json::Value;
use vpccni_testbed::scaling::FleetGroup;
use vpccni_testbed::scene::{Scene, SceneOptions};
use vpccni_testbed::wait::until;

use super::error::DemoError;
use super::operator::Operator;
use super::stage::Stage;
use super::{Show, circumstances, preparation};
use crate::terminal::{complain, say};

/// Nodes in both groups together.
const NODES: i64 = 6;

/// The whole roll takes a minute on a quiet machine.
const ROLL: Duration = Duration::from_mins(8);

const LIST: &str = "kubectl get cnimigrations";

const BUDGET: &str = "kubectl apply -f - <<'EOF'
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: shop, namespace: default}
spec: {maxUnavailable: 0, selector: {matchLabels: {app: shop}}}
EOF";

fn options() -> SceneOptions {
    let group = |name, zone| FleetGroup {
        name,
        zone,
        instance_type: "m5.large",
        max_pods: 29,
        count: 3,
        max: 5,
    };
    SceneOptions {
        groups: Vec::new(),
        fleet: vec![group("workers-a", "us-west-2a"), group("workers-b", "us-west-2b")],
        seed: 7,
        ..SceneOptions::default()
    }
}

fn policy(mode: &str) -> String {
    format!(
        "kubectl apply -f - <<'EOF'\n\
         apiVersion: vpccni.io/v1alpha1\n\
         kind: CniPolicy\n\
         metadata: {{name: default}}\n\
         spec:\n  \
           managementState: Manage\n  \
           ownership: {{takeOverFrom: [kubectl]}}\n  \
           ipAllocation: {{mode: {mode}}}\n  \
           migration:\n    \
             strategy: Plan\n    \
             budget: {{maxUnavailable: \"1\", maxSurge: \"2\"}}\n    \
             canary: {{nodesPerGroup: 1, soakSeconds: 5}}\n\
         EOF"
    )
}

impl Show {
    /// Plays it.
    pub(super) async fn play_migration(&self, root: &Path) -> Result<(), DemoError> {
        self.page
            .headline("From secondary addresses to prefix delegation, by replacing nodes");
        self.page.prose(
            "A real control plane starts on this machine, with an AWS sandbox. Two Auto Scaling groups of three m5.large \
             become nodes, whose kubelets have the max-pods of their launch template. Twelve pods run on them.",
        );
        let program = preparation::operator(&self.page, root).await?;
        preparation::tools(&self.page).await?;
        let progress = self.page.progress();
        let started = Scene::start(options(), &mut |line| progress.step(line)).await;
        drop(progress);
        let scene = started.map_err(DemoError::Scene)?;
        let stage = Stage {
            page: &self.page,
            scene: &scene,
            programs: program.parent(),
        };
        let mut operator = Operator::start(&program, &scene)?;
        if let Err(error) = play(&stage).await {
            complain(&circumstances(&scene, &mut operator).await);
            return Err(error);
        }
        if self.keep {
            self.linger(&scene, &operator).await;
        }
        operator.stop().await?;
        scene.shutdown().await;
        say("\nEvery step showed what it says.");
        Ok(())
    }
}

async fn play(stage: &Stage<'_>) -> Result<(), DemoError> {
    let page = stage.page;
    stage
        .run("kubectl create deployment shop --image=shop:1 --replicas=12")
        .await?;
    stage.run(&policy("SecondaryIp")).await?;
    stage.policy("the policy is applied", ROLL, ready).await?;

    page.headline("The change, its plan, and the proof that the subnets carry it");
    stage.run(&policy("Prefix")).await?;
    wait(stage, "the migration is planned", |status| {
        is(status, "/phase", "Planned")
    })
    .await?;
    stage.run(LIST).await?;
    stage.run("kubectl vpc-cni migrate show").await?;
    page.prose("What is applied stays applied, and the policy is Ready for it: nothing waits for a person but the migration.");
    stage.run("kubectl get cnip default").await?;

    halted_and_resumed(stage).await?;
    blocked_and_paused(stage).await?;
    ended(stage).await
}

/// The first new nodes are not as planned: it stops by itself, is mended, and goes on.
async fn halted_and_resumed(stage: &Stage<'_>) -> Result<(), DemoError> {
    let page = stage.page;
    page.headline("Approved; but the first new node is not as planned");
    page.prose(
        "Somebody has put an image into the launch templates whose bootstrap ignores the user data: kubelets go on \
         saying 29 pods. A budget of the workload allows no eviction for now, which comes into play later.",
    );
    stage.scene.fleet.ignore_user_data(Some(29));
    stage.run(BUDGET).await?;
    stage
        .run("kubectl vpc-cni migrate approve --yes --max-nodes 10 --expires 2h")
        .await?;
    wait(stage, "it halts by itself", |status| {
        is(status, "/phase", "Halted")
    })
    .await?;
    stage.run(LIST).await?;
    stage
        .run("kubectl get cnimigrations -o jsonpath='{.items[0].status.halt.message}{\"\\n\"}{.items[0].status.waitingFor.command}{\"\\n\"}{.items[0].status.ifStopped}{\"\\n\"}'")
        .await?;
    page.prose(
        "No old node was touched: the new one comes first. The image is put right; whoever was on call says resume, and \
         the nodes that failed are replaced like old ones.",
    );
    stage.scene.fleet.ignore_user_data(None);
    stage.run("kubectl vpc-cni migrate resume").await?;
    Ok(())
}

/// A budget that blocks, a pause, and the way on.
async fn blocked_and_paused(stage: &Stage<'_>) -> Result<(), DemoError> {
    let page = stage.page;
    page.headline("A budget that blocks is named");
    wait(stage, "the budget is named", |status| {
        contains(status, "/waitingFor/what", "default/shop")
    })
    .await?;
    stage.run("kubectl vpc-cni migrate show | head -20").await?;

    page.headline("Pause, and resume with a budget that lets one pod go");
    stage.run("kubectl vpc-cni migrate pause").await?;
    wait(stage, "it is paused", |status| is(status, "/phase", "Paused")).await?;
    stage.run("kubectl get nodes").await?;
    stage
        .run("kubectl patch pdb shop --type=merge -p '{\"spec\":{\"maxUnavailable\":2}}'")
        .await?;
    stage.run("kubectl vpc-cni migrate resume").await?;
    Ok(())
}

/// The rest of the nodes, and the proof.
async fn ended(stage: &Stage<'_>) -> Result<(), DemoError> {
    let page = stage.page;
    stage.waiting("nodes are replaced: canaries, then the others, one at a time");
    let done = wait(stage, "it is completed", |status| {
        is(status, "/phase", "Completed")
    })
    .await?;
    stage.run(LIST).await?;
    page.headline("0 mixed, 0 old");
    stage.run("kubectl get cninodestates").await?;
    stage
        .run("kubectl get ds -n kube-system aws-node -o jsonpath='{.spec.updateStrategy}{\"\\n\"}'")
        .await?;
    let progress = &done["progress"];
    let expected = [("replaced", NODES), ("old", 0), ("mixed", 0)];
    if let Some((name, _)) = expected
        .into_iter()
        .find(|(name, number)| progress[*name] != *number)
    {
        return Err(DemoError::not_shown(
            &format!("status.progress.{name} is right"),
            progress,
        ));
    }
    Ok(())
}

fn ready(policy: &Value) -> Result<(), String> {
    let conditions = policy["status"]["conditions"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    let ready = conditions.iter().find(|condition| condition["type"] == "Ready");
    match ready {
        Some(ready) if ready["status"] == "True" => Ok(()),
        other => Err(format!("{other:?}")),
    }
}

fn is(status: &Value, path: &str, wanted: &str) -> Result<(), String> {
    let seen = status.pointer(path).and_then(Value::as_str).unwrap_or_default();
    (seen == wanted)
        .then_some(())
        .ok_or_else(|| format!("{seen}: {}", status["waitingFor"]))
}

fn contains(status: &Value, path: &str, wanted: &str) -> Result<(), String> {
    let seen = status.pointer(path).and_then(Value::as_str).unwrap_or_default();
    seen.contains(wanted).then_some(()).ok_or_else(|| seen.to_owned())
}

/// Waits until the status of the migration is as claimed, and gives it.
async fn wait(
    stage: &Stage<'_>,
    claim: &str,
    look: impl Fn(&Value) -> Result<(), String>,
) -> Result<Value, DemoError> {
    let all = kube::Api::<vpccni_api::CniMigration>::all(stage.scene.plane.client());
    let look = &look;
    let found = until(claim, ROLL, || {
        let all = all.clone();
        async move {
            let list = all.list(&kube::api::ListParams::default()).await;
            let list = list.map_err(|error| error.to_string())?;
            let first = list.items.first().ok_or("there is no CniMigration")?;
            let status = serde_json::to_value(&first.status).map_err(|error| error.to_string())?;
            look(&status).map(|()| status)
        }
    });
    found.await.map_err(|error| DemoError::not_shown(claim, &error))
}
