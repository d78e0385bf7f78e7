//! A control plane of our own: etcd, API server and, where wanted, controller manager and scheduler.
//!
//! Several run at once, each with its own ports, certificates and folder; when the value is dropped, or this process
//! dies, the programs end and the folder goes.

mod accounts;
mod certs;
mod commands;
mod error;
mod etcd;
mod flags;
mod guard;
mod kubeconfig;
mod parts;
mod port;
mod process;
mod ready;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use kube::Client;
use tempfile::TempDir;

pub use accounts::AccountAccess;
pub use commands::CommandError;
pub use error::StartError;
pub use etcd::Etcd;

use crate::tools::{Program, ToolError, Toolbox};
pub(crate) use guard::Guard;
use parts::Parts;

/// How often a start is tried when another process takes a port first.
const TRIES: usize = 3;

/// What a control plane consists of.
#[derive(Debug, Clone)]
pub struct Options {
    /// Runs kube-controller-manager: DaemonSets make pods, service accounts appear, deleted owners take theirs along.
    pub controller_manager: bool,
    /// Runs kube-scheduler: pods get nodes.
    pub scheduler: bool,
    /// An etcd to share; one of its own otherwise.
    pub etcd: Option<Arc<Etcd>>,
    /// How long a node may be silent before its pods are evicted. Long, because simulated kubelets beat slowly.
    pub node_grace: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            controller_manager: true,
            scheduler: true,
            etcd: None,
            node_grace: Duration::from_mins(10),
        }
    }
}

impl Options {
    /// An API server alone, for tests of schemas and admission and for big static clusters.
    pub fn api_only() -> Self {
        Self {
            controller_manager: false,
            scheduler: false,
            ..Self::default()
        }
    }

    /// The programs it needs, with kubectl and helm.
    pub fn programs(&self) -> Vec<Program> {
        let optional = [
            (self.etcd.is_none(), Program::Etcd),
            (self.controller_manager, Program::KubeControllerManager),
            (self.scheduler, Program::KubeScheduler),
        ];
        let always = [Program::KubeApiserver, Program::Kubectl, Program::Helm];
        always
            .into_iter()
            .chain(optional.into_iter().filter(|(wanted, _)| *wanted).map(|(_, p)| p))
            .collect()
    }
}

/// A running control plane.
#[derive(Debug)]
pub struct ControlPlane {
    // The order of the fields is the order of the clean-up: first the programs, then the store, then the folder.
    parts: Parts,
    etcd: Arc<Etcd>,
    guard: Arc<Guard>,
    folder: TempDir,
    tools: Toolbox,
}

impl ControlPlane {
    /// Finds or builds the programs, starts them, and returns when the API server is ready.
    pub async fn start(options: Options) -> Result<Self, StartError> {
        let programs = options.programs();
        let tools = tokio::task::spawn_blocking(move || {
            Toolbox::ready(&programs, &mut |line| tracing::info!("{line}"))
        })
        .await
        .map_err(|error| StartError::Client {
            message: error.to_string(),
        })?
        .map_err(|source| StartError::Tools { source })?;
        Self::start_with(tools, options).await
    }

    /// The same with programs that are ready.
    pub async fn start_with(tools: Toolbox, options: Options) -> Result<Self, StartError> {
        let etcd = match &options.etcd {
            Some(shared) => Arc::clone(shared),
            None => Arc::new(Etcd::start(&tools).await?),
        };
        let mut tries = 0;
        loop {
            tries += 1;
            match Self::start_once(&tools, &options, Arc::clone(&etcd)).await {
                Err(error) if error.is_lost_port() && tries < TRIES => {}
                result => return result,
            }
        }
    }

    async fn start_once(tools: &Toolbox, options: &Options, etcd: Arc<Etcd>) -> Result<Self, StartError> {
        let folder = temp_folder()?;
        let guard = Arc::new(Guard::of(folder.path()).map_err(StartError::file("guard", folder.path()))?);
        let parts = Parts::start(tools, options, &etcd.url(), folder.path(), &guard).await?;
        Ok(Self {
            parts,
            etcd,
            guard,
            folder,
            tools: tools.clone(),
        })
    }

    /// The kubeconfig of an administrator.
    pub fn kubeconfig_path(&self) -> PathBuf {
        self.parts.kubeconfig_path()
    }

    /// A client of an administrator.
    pub fn client(&self) -> Client {
        self.parts.client()
    }

    /// The folder of its files, logs among them; it goes with the control plane.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Where the API server listens.
    pub fn url(&self) -> String {
        format!("https://127.0.0.1:{}", self.parts.port())
    }

    /// The same as an address.
    pub fn address(&self) -> SocketAddr {
        SocketAddr::from((Ipv4Addr::LOCALHOST, self.parts.port()))
    }

    /// Where one of its programs is, for scripts that call it themselves.
    pub fn tool(&self, program: Program) -> Result<&Path, ToolError> {
        self.tools.path(program)
    }

    /// The process numbers of all its programs.
    pub async fn pids(&self) -> Vec<u32> {
        let mut pids = self.parts.pids().await;
        pids.push(self.etcd.pid());
        pids
    }

    /// Has a process of the caller killed when this control plane goes, also when this program is killed.
    pub fn end_with_us(&self, pid: u32) -> std::io::Result<()> {
        self.guard.watch(pid)
    }

    /// Takes the API server away, as an outage does. Everything else runs on.
    pub async fn stop_apiserver(&self) {
        self.parts.stop_apiserver().await;
    }

    /// Brings it back at the same address, and waits until it is ready. Does nothing where it runs.
    pub async fn start_apiserver(&self) -> Result<(), StartError> {
        self.parts
            .start_apiserver(&self.tools, self.folder.path(), &self.guard)
            .await
    }

    /// Stops it and starts it again.
    pub async fn restart_apiserver(&self) -> Result<(), StartError> {
        self.stop_apiserver().await;
        self.start_apiserver().await
    }

    /// Ends all programs in order and removes the folder.
    pub async fn shutdown(self) {
        let Self {
            parts,
            etcd,
            guard,
            folder,
            tools: _,
        } = self;
        parts.stop().await;
        if let Some(etcd) = Arc::into_inner(etcd) {
            etcd.shutdown().await;
        }
        drop(guard);
        drop(folder);
    }
}

/// A folder for one part's files.
fn temp_folder() -> Result<TempDir, StartError> {
    tempfile::Builder::new()
        .prefix("vpccni-testbed-")
        .tempdir()
        .map_err(StartError::file("create a folder in", &std::env::temp_dir()))
}
