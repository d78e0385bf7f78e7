//! The programs of one control plane but etcd, and what they need: files, readiness, stopping.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use k8s_openapi::api::core::v1::ServiceAccount;
use kube::config::Kubeconfig;
use kube::{Api, Client};
use tokio::sync::Mutex;

use super::certs::Certificates;
use super::error::StartError;
use super::flags::{ApiserverFlags, ManagerFlags, scheduler_args, scheduler_config};
use super::guard::Guard;
use super::process::Process;
use super::ready::ready;
use super::{Options, kubeconfig, port};
use crate::tools::{Program, Toolbox};

/// Six seconds alone on two cores; far more where five test binaries start one at the same time.
const READY_WITHIN: Duration = Duration::from_mins(3);
/// An API server with open watches takes a second or two to end by itself.
const STOP_GRACE: Duration = Duration::from_secs(5);
/// The token of the administrator. The server listens on the loopback address only and lives for one test.
const ADMIN_TOKEN: &str = "testbed-admin";

/// The programs but etcd.
pub(super) struct Parts {
    others: Vec<Process>,
    apiserver: Mutex<Option<Process>>,
    certificates: Certificates,
    tokens: PathBuf,
    kubeconfig: PathBuf,
    client: Client,
    etcd_url: String,
    prefix: String,
    port: u16,
}

impl std::fmt::Debug for Parts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Parts")
            .field("port", &self.port)
            .field("prefix", &self.prefix)
            .finish_non_exhaustive()
    }
}

impl Parts {
    pub(super) async fn start(
        tools: &Toolbox,
        options: &Options,
        etcd_url: &str,
        folder: &Path,
        guard: &Arc<Guard>,
    ) -> Result<Self, StartError> {
        let port = port::free()?;
        let certificates = Certificates::make(folder)?;
        let tokens = folder.join("tokens.csv");
        fs::write(&tokens, format!("{ADMIN_TOKEN},admin,admin,\"system:masters\"\n"))
            .map_err(StartError::file("write", &tokens))?;
        let admin = kubeconfig::content(port, &certificates.authority_pem, ADMIN_TOKEN)?;
        let kubeconfig = folder.join("kubeconfig");
        kubeconfig::write(&kubeconfig, &admin)?;
        let mut parts = Self {
            others: Vec::new(),
            apiserver: Mutex::new(None),
            client: kubeconfig::client(admin).await?,
            certificates,
            tokens,
            kubeconfig,
            etcd_url: etcd_url.to_owned(),
            prefix: unique_prefix(),
            port,
        };
        parts.start_apiserver(tools, folder, guard).await?;
        parts.start_others(tools, options, folder, guard).await?;
        Ok(parts)
    }

    async fn start_others(
        &mut self,
        tools: &Toolbox,
        options: &Options,
        folder: &Path,
        guard: &Arc<Guard>,
    ) -> Result<(), StartError> {
        if options.scheduler {
            let config = folder.join("scheduler.yaml");
            fs::write(&config, scheduler_config(&self.kubeconfig).to_string())
                .map_err(StartError::file("write", &config))?;
            let args = scheduler_args(&config);
            self.others.push(Process::start(
                tools,
                Program::KubeScheduler,
                &args,
                folder,
                guard,
            )?);
        }
        if options.controller_manager {
            let flags = ManagerFlags {
                kubeconfig: &self.kubeconfig,
                certificates: &self.certificates,
                node_grace: options.node_grace,
            };
            let args = flags.args();
            let mut manager = Process::start(tools, Program::KubeControllerManager, &args, folder, guard)?;
            // Its first visible work; without it no pod can be created.
            let accounts = Api::<ServiceAccount>::namespaced(self.client.clone(), "kube-system");
            ready(&mut manager, READY_WITHIN, || async {
                accounts
                    .get("default")
                    .await
                    .map(drop)
                    .map_err(|error| error.to_string())
            })
            .await?;
            self.others.push(manager);
        }
        Ok(())
    }

    pub(super) async fn start_apiserver(
        &self,
        tools: &Toolbox,
        folder: &Path,
        guard: &Arc<Guard>,
    ) -> Result<(), StartError> {
        let mut slot = self.apiserver.lock().await;
        if slot.is_some() {
            return Ok(());
        }
        let flags = ApiserverFlags {
            port: self.port,
            etcd: &self.etcd_url,
            prefix: &self.prefix,
            certificates: &self.certificates,
            tokens: &self.tokens,
        };
        let mut process = Process::start(tools, Program::KubeApiserver, &flags.args(), folder, guard)?;
        ready(&mut process, READY_WITHIN, || self.readyz()).await?;
        *slot = Some(process);
        Ok(())
    }

    async fn readyz(&self) -> Result<(), String> {
        let request = http::Request::get("/readyz")
            .body(Vec::new())
            .map_err(|error| error.to_string())?;
        self.client
            .request_text(request)
            .await
            .map(drop)
            .map_err(|error| error.to_string())
    }

    pub(super) async fn stop_apiserver(&self) {
        if let Some(process) = self.apiserver.lock().await.take() {
            process.stop(STOP_GRACE).await;
        }
    }

    pub(super) async fn stop(self) {
        for process in self.others {
            process.stop(Duration::ZERO).await;
        }
        // Its store is thrown away: there is nothing to finish.
        if let Some(process) = self.apiserver.into_inner() {
            process.stop(Duration::ZERO).await;
        }
    }

    pub(super) fn kubeconfig_path(&self) -> PathBuf {
        self.kubeconfig.clone()
    }

    pub(super) fn kubeconfig_for(&self, token: &str) -> Result<Kubeconfig, StartError> {
        kubeconfig::content(self.port, &self.certificates.authority_pem, token)
    }

    pub(super) fn client(&self) -> Client {
        self.client.clone()
    }

    pub(super) fn port(&self) -> u16 {
        self.port
    }

    pub(super) async fn pids(&self) -> Vec<u32> {
        let apiserver = self.apiserver.lock().await.as_ref().map(Process::pid);
        self.others.iter().map(Process::pid).chain(apiserver).collect()
    }
}

/// A key prefix that no other API server on the same etcd has.
fn unique_prefix() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    format!(
        "/registry-{}-{}",
        std::process::id(),
        NEXT.fetch_add(1, Ordering::Relaxed)
    )
}
