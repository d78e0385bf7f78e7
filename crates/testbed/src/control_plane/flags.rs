//! The command lines of the API server, the controller manager and the scheduler.

use std::ffi::OsString;
use std::path::Path;
use std::time::Duration;

use super::certs::Certificates;

/// What the API server is started with.
#[derive(Debug)]
pub(super) struct ApiserverFlags<'a> {
    pub(super) port: u16,
    pub(super) etcd: &'a str,
    pub(super) prefix: &'a str,
    pub(super) certificates: &'a Certificates,
    pub(super) tokens: &'a Path,
}

impl ApiserverFlags<'_> {
    pub(super) fn args(&self) -> Vec<OsString> {
        let certificates = self.certificates;
        let text = [
            format!("--secure-port={}", self.port),
            "--bind-address=127.0.0.1".to_owned(),
            "--advertise-address=127.0.0.1".to_owned(),
            // The address of the Service `kubernetes` may not be a loopback one, and nobody here uses it.
            "--endpoint-reconciler-type=none".to_owned(),
            format!("--etcd-servers={}", self.etcd),
            format!("--etcd-prefix={}", self.prefix),
            "--authorization-mode=Node,RBAC".to_owned(),
            "--allow-privileged=true".to_owned(),
            "--service-cluster-ip-range=10.96.0.0/16".to_owned(),
            "--service-account-issuer=https://kubernetes.default.svc".to_owned(),
            // Tests start many nodes at once; two cores cannot serve more than this anyway.
            "--max-requests-inflight=1000".to_owned(),
            "--max-mutating-requests-inflight=500".to_owned(),
        ];
        let files = [
            ("tls-cert-file", &certificates.server_certificate),
            ("tls-private-key-file", &certificates.server_key),
            ("service-account-signing-key-file", &certificates.account_key),
            ("service-account-key-file", &certificates.account_public_key),
        ];
        let mut args: Vec<OsString> = text.into_iter().map(OsString::from).collect();
        args.extend(files.map(|(flag, path)| file_flag(flag, path)));
        args.push(file_flag("token-auth-file", self.tokens));
        args
    }
}

/// What the controller manager is started with.
#[derive(Debug)]
pub(super) struct ManagerFlags<'a> {
    pub(super) kubeconfig: &'a Path,
    pub(super) certificates: &'a Certificates,
    pub(super) node_grace: Duration,
}

impl ManagerFlags<'_> {
    pub(super) fn args(&self) -> Vec<OsString> {
        let text = [
            "--leader-elect=false".to_owned(),
            "--secure-port=0".to_owned(),
            "--use-service-account-credentials=true".to_owned(),
            // The default of 20 a second makes a DaemonSet of two dozen pods take seconds.
            "--kube-api-qps=400".to_owned(),
            "--kube-api-burst=800".to_owned(),
            format!("--node-monitor-grace-period={}s", self.node_grace.as_secs()),
        ];
        let mut args: Vec<OsString> = text.into_iter().map(OsString::from).collect();
        args.push(file_flag("kubeconfig", self.kubeconfig));
        args.push(file_flag(
            "service-account-private-key-file",
            &self.certificates.account_key,
        ));
        args.push(file_flag("root-ca-file", &self.certificates.authority));
        args
    }
}

/// The configuration file of the scheduler: its rate cannot be set by a flag.
pub(super) fn scheduler_config(kubeconfig: &Path) -> serde_json::Value {
    serde_json::json!({
        "apiVersion": "kubescheduler.config.k8s.io/v1",
        "kind": "KubeSchedulerConfiguration",
        "leaderElection": {"leaderElect": false},
        "clientConnection": {"kubeconfig": kubeconfig, "qps": 400, "burst": 800},
    })
}

/// What the scheduler is started with.
pub(super) fn scheduler_args(config: &Path) -> Vec<OsString> {
    vec![file_flag("config", config), OsString::from("--secure-port=0")]
}

fn file_flag(flag: &str, path: &Path) -> OsString {
    let mut arg = OsString::from(format!("--{flag}="));
    arg.push(path);
    arg
}
