//! Calls another plugin, as a runtime would: by its type, looked for in CNI_PATH.

use crate::environment::{Command, Environment};
use crate::error::{CniError, Code};
use serde_json::Value;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::{self, Stdio};

/// Runs the plugin with the configuration of this call; what it prints comes back, if it is anything.
pub(crate) fn run(
    kind: &str,
    command: Command,
    env: &Environment,
    conf: &[u8],
) -> Result<Option<Value>, CniError> {
    let program = find(kind, &env.path)?;
    let failed =
        |error: io::Error| CniError::because(Code::Delegate, format!("run the plugin {kind}"), error);
    let mut child = process::Command::new(&program)
        .envs([
            ("CNI_COMMAND", command.text()),
            ("CNI_CONTAINERID", &env.container_id),
            ("CNI_NETNS", &env.netns),
            ("CNI_IFNAME", &env.if_name),
            ("CNI_ARGS", &env.raw_args),
            ("CNI_PATH", &env.path),
        ])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(failed)?;
    if let Some(mut stdin) = child.stdin.take() {
        match stdin.write_all(conf) {
            // It may answer without reading all.
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => return Err(failed(error)),
            _ => {}
        }
    }
    let output = child.wait_with_output().map_err(failed)?;
    let said: Option<Value> = serde_json::from_slice(&output.stdout).ok();
    if output.status.success() {
        return Ok(said);
    }
    let why = said
        .as_ref()
        .and_then(|error| error["msg"].as_str())
        .map_or_else(|| output.status.to_string(), str::to_owned);
    let message = format!("the plugin {kind} failed to {}", command.text());
    Err(CniError::because(Code::Delegate, message, why))
}

fn find(kind: &str, path: &str) -> Result<PathBuf, CniError> {
    if kind.is_empty() || kind.contains('/') {
        let message = format!("{kind:?} is no type of a plugin");
        return Err(CniError::new(Code::InvalidConfig, message));
    }
    std::env::split_paths(path)
        .map(|folder| folder.join(kind))
        .find(|file| file.is_file())
        .ok_or_else(|| {
            CniError::new(
                Code::Delegate,
                format!("there is no plugin {kind} in CNI_PATH {path:?}"),
            )
        })
}
