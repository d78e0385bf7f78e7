//! The real Karpenter for AWS, unmodified, on a control plane of ours and the sandbox as AWS.

mod objects;

use std::fs::{self, File};
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use serde::Deserialize;
use tokio::process::{Child, Command};

pub use objects::{NodeClass, NodePool, create_role, node_claims};

use crate::control_plane::CommandError;
use crate::http;
use crate::tools::ToolError;
use crate::wait::{self, TimedOut};
use crate::{ControlPlane, Program, Toolbox};

/// It reads all instance types before it is healthy.
const HEALTHY_WITHIN: Duration = Duration::from_mins(2);
/// Where it keeps its leases; it needs nothing else of it.
const NAMESPACE: &str = "kube-system";
/// The module whose CRDs are applied, and whose program is run.
const MODULE: &str = "github.com/aws/karpenter-provider-aws";
/// How much of its log an error carries.
const LOG_LINES: usize = 30;

/// A running Karpenter. Dropping it ends it.
#[derive(Debug)]
pub struct Karpenter {
    child: Child,
    log: PathBuf,
}

/// Karpenter did not come up.
#[derive(Debug, thiserror::Error)]
pub enum KarpenterError {
    /// Its program is missing.
    #[error(transparent)]
    Tools(ToolError),
    /// Its CRDs were not found.
    #[error("find the CRDs of {MODULE}: {message}")]
    Crds {
        /// Why.
        message: String,
    },
    /// Its CRDs were refused.
    #[error("apply the CRDs of Karpenter: {0}")]
    Apply(CommandError),
    /// A file or a process could not be had.
    #[error("{action} {path}: {source}", path = path.display())]
    File {
        /// What was done.
        action: &'static str,
        /// To which file.
        path: PathBuf,
        /// Why it failed.
        source: std::io::Error,
    },
    /// It ended, or it runs and is not healthy.
    #[error("karpenter is not healthy: {source}; the end of its log:\n{log}")]
    NotHealthy {
        /// What was waited for.
        source: TimedOut,
        /// The tail of its log.
        log: String,
    },
}

impl Karpenter {
    /// Applies its CRDs, starts it for the cluster of that name, and waits until it is healthy.
    ///
    /// The sandbox must have that cluster: Karpenter looks it up.
    pub async fn start(plane: &ControlPlane, aws: &str, cluster: &str) -> Result<Self, KarpenterError> {
        let tools = tokio::task::spawn_blocking(|| {
            Toolbox::ready(&[Program::Karpenter], &mut |line| tracing::info!("{line}"))
        })
        .await
        .map_err(|error| KarpenterError::Crds {
            message: error.to_string(),
        })?
        .map_err(KarpenterError::Tools)?;
        apply_crds(plane).await?;
        let program = tools.path(Program::Karpenter).map_err(KarpenterError::Tools)?;
        let [metrics, health] = [free_port()?, free_port()?];
        let log = plane.folder().join("karpenter.log");
        let child = spawn(
            program,
            plane,
            &log,
            &environment(plane, aws, cluster, metrics, health),
        )?;
        if let Some(pid) = child.id() {
            plane.end_with_us(pid).map_err(file_error("watch", program))?;
        }
        let karpenter = Self { child, log };
        wait::until("karpenter to be healthy", HEALTHY_WITHIN, || healthy(health))
            .await
            .map_err(|source| KarpenterError::NotHealthy {
                source,
                log: karpenter.log_tail(),
            })?;
        Ok(karpenter)
    }

    /// The last lines of its log.
    pub fn log_tail(&self) -> String {
        let text = self.log_text();
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(LOG_LINES)..].join("\n")
    }

    /// Everything it has written.
    pub fn log_text(&self) -> String {
        String::from_utf8_lossy(&fs::read(&self.log).unwrap_or_default()).into_owned()
    }

    /// Ends it.
    pub async fn stop(mut self) {
        if let Err(error) = self.child.kill().await {
            tracing::debug!(%error, "karpenter had ended");
        }
    }
}

fn spawn(
    program: &Path,
    plane: &ControlPlane,
    log: &Path,
    environment: &[(&str, String)],
) -> Result<Child, KarpenterError> {
    let output = File::create(log).map_err(file_error("create", log))?;
    let errors = output.try_clone().map_err(file_error("open", log))?;
    Command::new(program)
        .current_dir(plane.folder())
        // Nothing of the user's AWS set-up may be seen.
        .env_clear()
        .env("HOME", plane.folder())
        .envs(environment.iter().map(|(name, value)| (*name, value)))
        .stdin(Stdio::null())
        .stdout(output)
        .stderr(errors)
        .process_group(0)
        .kill_on_drop(true)
        .spawn()
        .map_err(file_error("run", program))
}

/// What it is told. Prices come from its own table (`ISOLATED_VPC`), and there is no queue of interruptions.
fn environment(
    plane: &ControlPlane,
    aws: &str,
    cluster: &str,
    metrics: u16,
    health: u16,
) -> Vec<(&'static str, String)> {
    vec![
        ("KUBECONFIG", plane.kubeconfig_path().display().to_string()),
        ("CLUSTER_NAME", cluster.to_owned()),
        ("CLUSTER_ENDPOINT", plane.url()),
        ("ISOLATED_VPC", "true".to_owned()),
        ("SYSTEM_NAMESPACE", NAMESPACE.to_owned()),
        ("DISABLE_LEADER_ELECTION", "true".to_owned()),
        ("METRICS_PORT", metrics.to_string()),
        ("HEALTH_PROBE_PORT", health.to_string()),
        // A pod waits this long for others to share a node with; the usual second and ten only slow a test down.
        ("BATCH_IDLE_DURATION", "500ms".to_owned()),
        ("BATCH_MAX_DURATION", "2s".to_owned()),
        ("LOG_LEVEL", "debug".to_owned()),
        ("AWS_ENDPOINT_URL", aws.to_owned()),
        ("AWS_REGION", "us-west-2".to_owned()),
        ("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE".to_owned()),
        ("AWS_SECRET_ACCESS_KEY", "secret".to_owned()),
        ("AWS_EC2_METADATA_DISABLED", "true".to_owned()),
    ]
}

/// What `go mod download -json` says of a module.
#[derive(Deserialize)]
struct Module {
    #[serde(rename = "Path")]
    path: String,
    #[serde(rename = "Dir")]
    folder: PathBuf,
}

/// The folder of its CRDs, in the module that the program is built from.
async fn crds() -> Result<PathBuf, KarpenterError> {
    let failed = |message: String| KarpenterError::Crds { message };
    let output = Command::new("go")
        .args(["mod", "download", "-json", MODULE])
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("tools/karpenter"))
        .env("GOWORK", "off")
        .env("GOFLAGS", "-mod=readonly")
        .output()
        .await
        .map_err(|error| failed(format!("run go: {error}")))?;
    let module: Module = serde_json::from_slice(&output.stdout)
        .map_err(|_| failed(String::from_utf8_lossy(&output.stderr).into_owned()))?;
    debug_assert_eq!(module.path, MODULE);
    Ok(module.folder.join("pkg/apis/crds"))
}

async fn apply_crds(plane: &ControlPlane) -> Result<(), KarpenterError> {
    let folder = crds().await?.display().to_string();
    // Server-side: client-side apply would write the whole CRD into an annotation.
    let apply = ["apply", "--server-side", "-f", &folder];
    plane
        .kubectl_ok(&apply, None)
        .await
        .map_err(KarpenterError::Apply)?;
    let established = [
        "wait",
        "--for=condition=Established",
        "--timeout=30s",
        "-f",
        &folder,
    ];
    plane
        .kubectl_ok(&established, None)
        .await
        .map(drop)
        .map_err(KarpenterError::Apply)
}

/// A port that nobody listens on. Another process may take it first: then Karpenter is not healthy, and its log says so.
fn free_port() -> Result<u16, KarpenterError> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .and_then(|listener| listener.local_addr())
        .map(|address| address.port())
        .map_err(file_error("find a free port on", Path::new("127.0.0.1")))
}

/// Whether its probe answers 200.
async fn healthy(port: u16) -> Result<(), String> {
    let answer = http::get(port, "/healthz").await?;
    if answer.starts_with("HTTP/1.1 200") {
        Ok(())
    } else {
        Err(answer.lines().next().unwrap_or("no answer").to_owned())
    }
}

fn file_error(action: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> KarpenterError {
    let path = path.to_owned();
    move |source| KarpenterError::File { action, path, source }
}
