//! `aws-cni` and `egress-cni`: what a container runtime calls for each sandbox.
//!
//! One process for one call, so there is no state: what must outlive it is in the kernel, in ipamd, or in the result.
//! Standard output carries the result or the error, and nothing else.

pub mod args;
mod command;
pub mod conf;
mod delegate;
pub mod egress;
pub mod environment;
pub mod error;
pub mod ipamd;
pub mod kernel;
pub mod log;
pub mod pods;
pub mod result;
pub mod spec;

use command::Call;
use conf::{LogConf, NetConf};
use environment::{Command, Environment};
use error::{CniError, Code};
use kernel::{EgressKernel, PodKernel};
use log::Log;
use serde_json::{Value, json};
use spec::Spec;
use std::collections::BTreeMap;
use std::panic::{self, AssertUnwindSafe};

/// What to print, and how to exit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// For standard output; empty where there is nothing to say.
    pub stdout: String,
    /// Whether it worked.
    pub success: bool,
}

/// Runs one call of `aws-cni`.
pub fn aws_cni(variables: &BTreeMap<String, String>, stdin: &[u8], kernel: &mut dyn PodKernel) -> Outcome {
    attempt(variables, stdin, |env, spec, log| {
        let conf = NetConf::read(stdin, spec)?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| CniError::because(Code::Internal, "start a runtime", error))?;
        let mut call = Call {
            env,
            conf: &conf,
            kernel,
            log,
        };
        runtime.block_on(command::run(&mut call))
    })
}

/// Runs one call of `egress-cni`.
pub fn egress_cni(
    variables: &BTreeMap<String, String>,
    stdin: &[u8],
    kernel: &mut dyn EgressKernel,
) -> Outcome {
    attempt(variables, stdin, |env, spec, log| {
        egress::run(env, stdin, spec, kernel, log)
    })
}

/// An error as the specification writes it.
pub fn failure(error: &CniError, version: Option<&str>) -> Outcome {
    let version = Spec::read(version).unwrap_or(Spec::NEWEST);
    let mut value = json!({
        "cniVersion": version.text(),
        "code": error.code.number(),
        "msg": error.message,
    });
    if !error.details.is_empty() {
        value["details"] = json!(error.details);
    }
    Outcome {
        stdout: format!("{value}\n"),
        success: false,
    }
}

/// Runs a call, and makes an error of a panic: a runtime must get JSON, whatever happens.
pub fn guarded(call: impl FnOnce() -> Outcome) -> Outcome {
    panic::catch_unwind(AssertUnwindSafe(call)).unwrap_or_else(|said| {
        let said = said
            .downcast_ref::<String>()
            .map(String::as_str)
            .or_else(|| said.downcast_ref::<&str>().copied())
            .unwrap_or_default();
        failure(
            &CniError::because(Code::Internal, "the plugin made a mistake", said),
            None,
        )
    })
}

/// The log, as far as the configuration can be read.
fn opening(variables: &BTreeMap<String, String>, stdin: &[u8]) -> (LogConf, Log) {
    let head: LogConf = conf::decode(stdin).unwrap_or_default();
    let silent = variables
        .get("CNI_COMMAND")
        .is_some_and(|command| command == "VERSION");
    let log = if silent {
        Log::none()
    } else {
        let subject = variables.get("CNI_CONTAINERID").cloned().unwrap_or_default();
        Log::open(&head.plugin_log_file, &head.plugin_log_level, subject)
    };
    (head, log)
}

/// What both plugins do around a command: read the call, log it, and give what comes of it its form.
fn attempt(
    variables: &BTreeMap<String, String>,
    stdin: &[u8],
    command: impl FnOnce(&Environment, Spec, &Log) -> Result<Option<Value>, CniError>,
) -> Outcome {
    let (head, log) = opening(variables, stdin);
    let answer = Environment::read(variables).and_then(|env| {
        if env.command == Command::Version {
            return version(stdin).map(Some);
        }
        // Read again, for the error.
        let head: LogConf = conf::decode(stdin)?;
        let (name, pod) = (env.command.text(), &env.pod);
        let of = format_args!("{}/{} in {}", pod.namespace, pod.name, env.netns).to_string();
        log.debug(format_args!("{name} {} for pod {of}", env.if_name));
        command(&env, Spec::read(head.cni_version.as_deref())?, &log)
    });
    match answer {
        Ok(value) => Outcome {
            stdout: value.map(|value| format!("{value}\n")).unwrap_or_default(),
            success: true,
        },
        Err(error) => {
            let command = variables
                .get("CNI_COMMAND")
                .map(String::as_str)
                .unwrap_or_default();
            log.error(format_args!("{command} failed: {error}"));
            failure(&error, head.cni_version.as_deref())
        }
    }
}

/// VERSION comes with a version and no network; from old runtimes with nothing at all.
fn version(stdin: &[u8]) -> Result<Value, CniError> {
    let head: LogConf = if stdin.trim_ascii().is_empty() {
        LogConf::default()
    } else {
        conf::decode(stdin)?
    };
    // The runtime asks because it does not know: a version that is not known is answered with the newest.
    let asked = head.cni_version.as_deref().map(|text| Spec::read(Some(text)));
    Ok(command::versions(
        asked.and_then(Result::ok).unwrap_or(Spec::NEWEST),
    ))
}
