//! The operator as a process of its own: started, asked for its metrics and its memory, ended.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use vpccni_testbed::scene::NAMESPACE;

/// A program of the measured profile.
pub(super) fn program(root: &Path, name: &str) -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
    // A debug build measures its like; it says so in what it records.
    let profile = if cfg!(debug_assertions) {
        "debug"
    } else {
        super::PROFILE
    };
    target.join(profile).join(name)
}

/// What the process is told.
pub(super) struct Start<'a> {
    pub(super) root: &'a Path,
    pub(super) kubeconfig: &'a Path,
    pub(super) endpoint: &'a str,
    pub(super) log: &'a Path,
    pub(super) inventory_seconds: u64,
}

/// The running operator; it is killed when this is dropped.
pub(super) struct Operator {
    child: Child,
    pid: u32,
    port: u16,
}

impl Operator {
    pub(super) fn start(start: &Start<'_>) -> Result<Self, String> {
        let port = free_port()?;
        let log = fs::File::create(start.log).map_err(|error| format!("create the log: {error}"))?;
        let interval = start.inventory_seconds.to_string();
        let child = Command::new(program(start.root, "vpc-cni-operator"))
            .args([
                "--namespace",
                NAMESPACE,
                "--identity",
                "bench-0",
                "--log-format",
                "text",
            ])
            .args([
                "--cluster-name",
                "demo",
                "--inventory-interval-seconds",
                &interval,
            ])
            .args(["--listen", &format!("127.0.0.1:{port}")])
            .env("KUBECONFIG", start.kubeconfig)
            .env("AWS_ENDPOINT_URL", start.endpoint)
            .env("AWS_REGION", "us-west-2")
            .env("AWS_ACCESS_KEY_ID", "bench")
            .env("AWS_SECRET_ACCESS_KEY", "bench")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| format!("start the operator: {error}"))?;
        let pid = child.id().ok_or("the operator ended at once")?;
        Ok(Self { child, pid, port })
    }

    /// The highest resident memory so far, in MiB.
    pub(super) fn peak_mib(&self) -> Result<f64, String> {
        peak_mib(self.pid)
    }

    /// All writes so far but those of the Lease, which is renewed whatever happens.
    pub(super) async fn writes(&self) -> Result<f64, String> {
        let text = self.metrics().await?;
        let lines = text
            .lines()
            .filter(|line| line.starts_with("vpccni_operator_writes_total{"));
        let counted = lines.filter(|line| !line.contains("site=\"lease\""));
        Ok(counted
            .filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok())
            .sum())
    }

    /// The sum of the series that begin so.
    pub(super) async fn total(&self, begin: &str) -> Result<f64, String> {
        let text = self.metrics().await?;
        let lines = text.lines().filter(|line| line.starts_with(begin));
        Ok(lines
            .filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok())
            .sum())
    }

    async fn metrics(&self) -> Result<String, String> {
        let ask = async {
            let mut stream = TcpStream::connect(("127.0.0.1", self.port)).await?;
            stream
                .write_all(b"GET /metrics HTTP/1.0\r\nHost: localhost\r\n\r\n")
                .await?;
            let mut answer = String::new();
            stream.read_to_string(&mut answer).await?;
            Ok::<_, std::io::Error>(answer)
        };
        tokio::time::timeout(Duration::from_secs(10), ask)
            .await
            .map_err(|_| "the operator's metrics did not answer".to_owned())?
            .map_err(|error| format!("read the operator's metrics: {error}"))
    }

    pub(super) async fn stop(mut self) -> Result<(), String> {
        self.child
            .kill()
            .await
            .map_err(|error| format!("end the operator: {error}"))
    }
}

/// The highest resident memory of a process so far, in MiB.
pub(super) fn peak_mib(pid: u32) -> Result<f64, String> {
    let path = format!("/proc/{pid}/status");
    let status = fs::read_to_string(&path).map_err(|error| format!("read {path}: {error}"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.trim().trim_end_matches(" kB").trim().parse::<f64>().ok());
    kib.map(|kib| kib / 1024.0)
        .ok_or_else(|| format!("no VmHWM in {path}"))
}

fn free_port() -> Result<u16, String> {
    let listener =
        std::net::TcpListener::bind(("127.0.0.1", 0)).map_err(|error| format!("find a port: {error}"))?;
    listener
        .local_addr()
        .map(|address| address.port())
        .map_err(|error| format!("find a port: {error}"))
}
