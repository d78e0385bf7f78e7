//! `cargo xtask demo`: the product's main job on a real control plane, step by step.
//!
//! What is shown is real: the API server, kubectl, the operator as a process under its chart's service account, EC2
//! answers of the sandbox. What is not: kubelets and ipamd. Every step checks what it says, so the demo is a test, too.

mod error;
mod migration;
mod node;
mod operator;
mod page;
mod preparation;
mod setting;
mod stage;
mod steps;

use std::cell::Cell;
use std::path::Path;
use std::process::ExitCode;

use vpccni_testbed::scene::Scene;

use crate::terminal::{complain, say};
use error::DemoError;
use operator::Operator;
use page::Page;
use stage::Stage;

const HELP: &str = "\
What it shows, each step with the command a person would type and what it answers:
  a  Observe: what the operator finds, and what it would change
  b  Manage: taking over from kubectl, an ENIConfig for a zone that has no node yet, the rollout
  c  refused: prefix mode in place, custom networking off in place, and both at once
  d  an ENIConfig whose subnet is in another zone
  e  changes by hand: corrected, denied, and held after break-glass

What `demo migration` shows, on two Auto Scaling groups:
  a  a refused change planned: groups, waves, the fewest free /28 blocks, the way back
  b  approved; a PodDisruptionBudget that blocks is named; paused, resumed
  c  canaries, then the others, until no node is old or mixed, and everything is given back

What `demo node` shows, on instances in boxes (namespaces of this machine; needs root):
  a  two nodes with the real kubelet, containerd and ipamd
  b  pods that reach each other and the internet, by the right source address
  c  an interface that is full, and a second one that is attached
  d  a new node in prefix mode, with its prefixes
  e  ipamd killed while pods start
  f  ip rule, nft list ruleset, /v1/enis and the metrics

Examples:
  cargo xtask demo                 watch it; two minutes once everything is built
  cargo xtask demo migration       a migration; two minutes
  cargo xtask demo node            the node agent; two minutes
  cargo xtask demo --keep          leave it running and look around with kubectl
  cargo xtask demo --plain >log    no colours, for a file

What it needs: Rust, and Go for the programs of the control plane, which are built once (`cargo xtask tools`).
No cluster, no AWS account; root only for `demo node`. It listens on 127.0.0.1 only and leaves nothing behind.

Exit codes:
  0    every step showed what it says
  1    one did not; the end of the operator's log tells why
  130  ended by Ctrl-C before the end";

/// What a failure shows of the policy.
const CONDITIONS: &str =
    "jsonpath={range .status.conditions[*]}{.type}={.status} {.reason}: {.message}{\"\\n\"}{end}";

/// Ended by Ctrl-C, as shells count it.
const INTERRUPTED: u8 = 130;

/// What the command takes.
#[derive(Debug, clap::Args)]
#[command(after_help = HELP)]
pub(crate) struct Args {
    /// What to show: the operator, a migration, or the agent of a node at work (needs root)
    #[arg(value_enum, default_value_t = Part::Operator)]
    part: Part,
    /// Leave it running at the end, with a kubeconfig to look around, until Ctrl-C
    #[arg(long)]
    keep: bool,
    /// No colours and nothing that moves, also on a terminal
    #[arg(long)]
    plain: bool,
}

/// The parts of the product that can be shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Part {
    /// The policy: observe, manage, refuse.
    Operator,
    /// A migration: the plan, the approval, a budget that blocks, a pause, node by node to the end.
    Migration,
    /// The node: pods under a real kubelet, interfaces, prefixes, a crash.
    Node,
}

/// The command.
pub(crate) fn run(root: &Path, args: &Args) -> Result<ExitCode, String> {
    let runtime = tokio::runtime::Runtime::new().map_err(|error| format!("start the runtime: {error}"))?;
    let show = Show {
        page: Page::new(args.plain),
        keep: args.keep,
        part: args.part,
        lingers: Cell::new(false),
    };
    let code = runtime.block_on(async {
        tokio::select! {
            code = show.perform(root) => code,
            // What the demo has started ends with the values that stand for it.
            _ = tokio::signal::ctrl_c() => show.interrupted(),
        }
    });
    // A build that was interrupted is not waited for: its compilers got the Ctrl-C, too.
    runtime.shutdown_background();
    Ok(code)
}

/// One run of the demo.
struct Show {
    page: Page,
    keep: bool,
    part: Part,
    /// Whether all is shown, and it only waits for Ctrl-C.
    lingers: Cell<bool>,
}

impl Show {
    async fn perform(&self, root: &Path) -> ExitCode {
        let played = match self.part {
            Part::Operator => self.play(root).await,
            Part::Migration => self.play_migration(root).await,
            Part::Node => self.play_node(root).await,
        };
        match played {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                complain(&format!("\nthe demo failed: {error}"));
                ExitCode::FAILURE
            }
        }
    }

    fn interrupted(&self) -> ExitCode {
        complain("\neverything is taken down");
        if self.lingers.get() {
            ExitCode::SUCCESS
        } else {
            ExitCode::from(INTERRUPTED)
        }
    }

    async fn play(&self, root: &Path) -> Result<(), DemoError> {
        self.page.headline("The Amazon VPC CNI, managed by a policy");
        self.page.prose(
            "A real Kubernetes control plane starts on this machine, with an AWS sandbox that accounts for every \
             address of its subnets, and simulated nodes. The chart of the operator is installed with helm. The \
             operator itself is the real program beside the cluster, under the chart's service account: it may do \
             what the chart's RBAC lets it.",
        );
        let program = preparation::operator(&self.page, root).await?;
        preparation::tools(&self.page).await?;
        let prepared = self.page.elapsed();
        let progress = self.page.progress();
        let started = Scene::start(setting::options(), &mut |line| progress.step(line)).await;
        drop(progress);
        let scene = started.map_err(DemoError::Scene)?;
        self.with_operator(&scene, &program).await?;
        scene.shutdown().await;
        let all = self.page.elapsed();
        say(&format!(
            "\nEvery step showed what it says. It took {} s, {} s of them to build and find programs.",
            all.as_secs(),
            prepared.as_secs()
        ));
        Ok(())
    }

    async fn with_operator(&self, scene: &Scene, program: &Path) -> Result<(), DemoError> {
        let stage = Stage {
            page: &self.page,
            scene,
            programs: program.parent(),
        };
        steps::found::play(&stage).await?;
        let mut operator = Operator::start(program, scene)?;
        if let Err(error) = steps::play(&stage).await {
            complain(&circumstances(scene, &mut operator).await);
            return Err(error);
        }
        if self.keep {
            self.linger(scene, &operator).await;
        }
        operator.stop().await
    }

    /// Until Ctrl-C.
    async fn linger(&self, scene: &Scene, operator: &Operator) {
        let page = &self.page;
        page.headline("It is left running");
        page.prose("Look around, change the policy, break something. Ctrl-C ends it and removes everything.");
        page.output(&format!(
            "export KUBECONFIG={}",
            scene.plane.kubeconfig_path().display()
        ));
        page.output(&format!("tail -f {}", operator.log().display()));
        page.output(&format!("AWS sandbox: {}", scene.sandbox.endpoint()));
        self.lingers.set(true);
        std::future::pending::<()>().await;
    }
}

/// What a failure is to be read with: the conditions of the policy, and the end of the operator's log.
async fn circumstances(scene: &Scene, operator: &mut Operator) -> String {
    let arguments = ["get", "cnip", "default", "-o", CONDITIONS];
    let conditions = scene.plane.kubectl_ok(&arguments, None).await;
    let conditions = conditions.unwrap_or_else(|error| error.to_string());
    let state = operator.ended().map_or_else(
        || "it runs".to_owned(),
        |status| format!("it has ended: {status}"),
    );
    let log = operator.log_tail();
    format!("\nthe policy:\n{conditions}\nthe end of the operator's log ({state}):\n{log}")
}
