//! A server of EC2 as a process of its own: the sandbox, or moto as the baseline.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::process::{peak_mib, program};
use crate::terminal::complain;

/// A server that does not answer by then does not start.
const PATIENCE: Duration = Duration::from_mins(1);

/// A running server; it is killed when this is dropped.
pub(super) struct Endpoint {
    child: Child,
    pub(super) address: SocketAddr,
    /// From its start to its first answer.
    pub(super) started: Duration,
}

impl Drop for Endpoint {
    fn drop(&mut self) {
        let ended = self.child.kill().and_then(|()| self.child.wait());
        if let Err(error) = ended {
            complain(&format!("end the measured server: {error}"));
        }
    }
}

impl Endpoint {
    /// The sandbox as users start it for tests: without delays and limits.
    pub(super) async fn sandbox(root: &Path) -> Result<Self, String> {
        let address = free()?;
        let mut command = Command::new(program(root, "aws-sandbox"));
        command.args(["serve", "--fast", "--listen", &address.to_string()]);
        Self::start(command, address, "/_sandbox/health").await
    }

    /// moto's server.
    pub(super) async fn moto(python: &Path) -> Result<Self, String> {
        let address = free()?;
        let mut command = Command::new(python);
        command.args(["-m", "moto.server", "-H", "127.0.0.1", "-p"]);
        command.arg(address.port().to_string());
        Self::start(command, address, "/moto-api/data.json").await
    }

    async fn start(mut command: Command, address: SocketAddr, path: &str) -> Result<Self, String> {
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let begun = Instant::now();
        let child = command
            .spawn()
            .map_err(|error| format!("start {}: {error}", command.get_program().display()))?;
        let mut endpoint = Self {
            child,
            address,
            started: Duration::ZERO,
        };
        while !answers(address, path).await {
            if begun.elapsed() > PATIENCE {
                return Err(format!("{} does not answer", command.get_program().display()));
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        endpoint.started = begun.elapsed();
        Ok(endpoint)
    }

    /// The highest resident memory so far, in MiB.
    pub(super) fn peak_mib(&self) -> Result<f64, String> {
        peak_mib(self.child.id())
    }
}

/// A port of this machine that nobody listens on.
fn free() -> Result<SocketAddr, String> {
    let listener =
        TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(|error| format!("find a port: {error}"))?;
    listener
        .local_addr()
        .map_err(|error| format!("find a port: {error}"))
}

async fn answers(address: SocketAddr, path: &str) -> bool {
    let ask = async {
        let mut stream = TcpStream::connect(address).await?;
        let request = format!("GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n");
        stream.write_all(request.as_bytes()).await?;
        let mut answer = [0; 12];
        stream.read_exact(&mut answer).await?;
        Ok::<_, std::io::Error>(answer.ends_with(b"200"))
    };
    ask.await.unwrap_or(false)
}

/// Runs the load generator; gives its figures.
pub(super) fn load(
    root: &Path,
    address: SocketAddr,
    arguments: &[&str],
) -> Result<serde_json::Value, String> {
    let output = Command::new(program(root, "sandbox-load"))
        .args(["--address", &address.to_string()])
        .args(arguments)
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| format!("run sandbox-load: {error}"))?;
    if !output.status.success() {
        return Err("sandbox-load failed".to_owned());
    }
    serde_json::from_slice(&output.stdout)
        .map_err(|error| format!("read the figures of sandbox-load: {error}"))
}

/// What the kernel is called and how many processors it has: figures mean little without it.
pub(super) fn machine() -> String {
    let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let model = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = model
        .lines()
        .find_map(|line| line.strip_prefix("model name"))
        .map_or("unknown", |line| line.trim_start_matches([' ', '\t', ':']));
    format!("{processors} processors, {model}")
}
