//! The operator as a process of its own: the program that was built, as the chart's service account.

use std::fs::{self, File};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::process::{Child, Command};
use vpccni_testbed::scene::{NAMESPACE, Scene};

use super::error::DemoError;

/// Lines of its log that a failure shows.
const LOG_LINES: usize = 40;
/// It gives the Lease back and ends its watches: a second alone, more on a busy machine.
const END_WITHIN: Duration = Duration::from_secs(15);

/// The running operator. Dropping it kills it.
#[derive(Debug)]
pub(super) struct Operator {
    child: Child,
    log: PathBuf,
}

impl Operator {
    /// Starts it against a scene.
    pub(super) fn start(program: &Path, scene: &Scene) -> Result<Self, DemoError> {
        let failed = |action, path: &Path| {
            let path = path.to_owned();
            move |source| DemoError::Operator { action, path, source }
        };
        let log = scene.plane.folder().join("vpc-cni-operator.log");
        let output = File::create(&log).map_err(failed("create", &log))?;
        let errors = output.try_clone().map_err(failed("open", &log))?;
        let port = free_port().map_err(failed("find a port for", program))?;
        let child = Command::new(program)
            .args([
                "run",
                "--namespace",
                NAMESPACE,
                "--identity",
                "demo-0",
                "--cluster-name",
                "demo",
            ])
            .args(["--log-format", "text", "--inventory-interval-seconds", "10"])
            .arg(format!("--listen=127.0.0.1:{port}"))
            .env("KUBECONFIG", &scene.operator.kubeconfig)
            .env("AWS_ENDPOINT_URL", scene.sandbox.endpoint())
            .env("AWS_REGION", "us-west-2")
            .env("AWS_ACCESS_KEY_ID", "demo")
            .env("AWS_SECRET_ACCESS_KEY", "demo")
            .env_remove("AWS_PROFILE")
            .env_remove("AWS_SESSION_TOKEN")
            .stdin(Stdio::null())
            .stdout(output)
            .stderr(errors)
            // The Ctrl-C of a terminal goes to its foreground group: the demo decides when the operator ends.
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .map_err(failed("start", program))?;
        if let Some(pid) = child.id() {
            scene
                .plane
                .end_with_us(pid)
                .map_err(failed("watch over", program))?;
        }
        Ok(Self { child, log })
    }

    /// Where its log is.
    pub(super) fn log(&self) -> &Path {
        &self.log
    }

    /// The last lines of its log.
    pub(super) fn log_tail(&self) -> String {
        let text = fs::read(&self.log).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(LOG_LINES)..].join("\n")
    }

    /// How it ended, if it has.
    pub(super) fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }

    /// Asks it to end, as Kubernetes does, and says how it did.
    pub(super) async fn stop(mut self) -> Result<(), DemoError> {
        let claim = "the operator ends in order when it is asked to";
        if let Some(pid) = self.child.id().and_then(|pid| i32::try_from(pid).ok()) {
            kill(Pid::from_raw(pid), Signal::SIGTERM).map_err(|errno| DemoError::not_shown(claim, &errno))?;
        }
        match tokio::time::timeout(END_WITHIN, self.child.wait()).await {
            Ok(Ok(status)) if status.success() => Ok(()),
            Ok(Ok(status)) => Err(DemoError::not_shown(claim, &status)),
            Ok(Err(error)) => Err(DemoError::not_shown(claim, &error)),
            Err(_) => Err(DemoError::not_shown(
                claim,
                &format!("still there after {} s", END_WITHIN.as_secs()),
            )),
        }
    }
}

/// A port that nobody listens on at this moment.
fn free_port() -> std::io::Result<u16> {
    TcpListener::bind(("127.0.0.1", 0))
        .and_then(|listener| listener.local_addr())
        .map(|address| address.port())
}
