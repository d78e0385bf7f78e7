//! A call of the plugin: its environment and its configuration, in this process or as one of its own.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use vpccni_cni::Outcome;
use vpccni_cni::kernel::PodKernel;

/// What a runtime would say.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) variables: BTreeMap<String, String>,
    pub(crate) conf: Value,
}

impl Call {
    /// A call for container `c1` of pod `default/sample-pod`; its ipamd is at `ipamd.sock` of the folder, its policy
    /// agent at `npa.sock`, its log is `plugin.log`.
    pub(crate) fn new(command: &str, folder: &Path) -> Self {
        let path = |name: &str| folder.join(name).to_str().unwrap().to_owned();
        let variables = [
            ("CNI_COMMAND", command),
            ("CNI_CONTAINERID", "c1"),
            ("CNI_NETNS", "/var/run/netns/none"),
            ("CNI_IFNAME", "eth0"),
            (
                "CNI_ARGS",
                "IgnoreUnknown=1;K8S_POD_NAMESPACE=default;K8S_POD_NAME=sample-pod;K8S_POD_INFRA_CONTAINER_ID=c1;X=y",
            ),
        ];
        Self {
            variables: variables
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .into(),
            conf: json!({
                "cniVersion": "1.1.0",
                "name": "aws-cni",
                "type": "aws-cni",
                "vethPrefix": "eni",
                "mtu": "9001",
                "podSGEnforcingMode": "strict",
                "pluginLogFile": path("plugin.log"),
                "pluginLogLevel": "DEBUG",
                "ipamdSocket": path("ipamd.sock"),
                "networkPolicySocket": path("npa.sock"),
            }),
        }
    }

    pub(crate) fn set(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.conf[key] = value.into();
        self
    }

    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.variables.insert(name.to_owned(), value.to_owned());
        self
    }

    /// The same call with another command, and the result that the runtime kept.
    pub(crate) fn after(&self, command: &str, result: &Value) -> Self {
        self.clone()
            .env("CNI_COMMAND", command)
            .set("prevResult", result.clone())
    }

    /// In this process.
    pub(crate) fn with(&self, kernel: &mut dyn PodKernel) -> Outcome {
        vpccni_cni::aws_cni(&self.variables, self.conf.to_string().as_bytes(), kernel)
    }

    /// As a process of its own, in the network namespace of this thread.
    pub(crate) fn spawn(&self) -> Spawned {
        self.spawn_with(self.conf.to_string().as_bytes())
    }

    /// The same with any standard input.
    pub(crate) fn spawn_with(&self, stdin: &[u8]) -> Spawned {
        self.spawn_program(Path::new(env!("CARGO_BIN_EXE_aws-cni")), stdin)
    }

    /// As a process of the executable by another name.
    pub(crate) fn spawn_as(&self, program: &Path) -> Spawned {
        self.spawn_program(program, self.conf.to_string().as_bytes())
    }

    fn spawn_program(&self, program: &Path, stdin: &[u8]) -> Spawned {
        let mut child = Command::new(program)
            .env_clear()
            .envs(&self.variables)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(stdin).unwrap();
        let output = child.wait_with_output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Spawned {
            code: output.status.code(),
            stdout: text(output.stdout),
            stderr: text(output.stderr),
        }
    }
}

/// What came of it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Spawned {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Spawned {
    /// All of standard output as one JSON text.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// A success that says nothing.
    pub(crate) fn assert_quiet(&self) {
        let quiet = Self {
            code: Some(0),
            stdout: String::new(),
            stderr: String::new(),
        };
        assert_eq!(*self, quiet);
    }

    /// The code of the error.
    pub(crate) fn error(&self) -> u64 {
        assert_eq!(self.code, Some(1), "{self:?}");
        self.json()["code"].as_u64().unwrap()
    }
}

/// The result of a success.
pub(crate) fn result(outcome: &Outcome) -> Value {
    assert!(outcome.success, "{outcome:?}");
    serde_json::from_str(&outcome.stdout).unwrap()
}

/// The code of a failure.
pub(crate) fn error(outcome: &Outcome) -> u64 {
    assert!(!outcome.success, "{outcome:?}");
    let value: Value = serde_json::from_str(&outcome.stdout).unwrap();
    value["code"].as_u64().unwrap()
}

/// A success that says nothing.
pub(crate) fn assert_quiet(outcome: &Outcome) {
    assert!(outcome.success && outcome.stdout.is_empty(), "{outcome:?}");
}
