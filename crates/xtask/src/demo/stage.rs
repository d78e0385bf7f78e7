//! Where the steps are played: commands as a person types them, and claims that are held against the API server.

use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use k8s_openapi::api::apps::v1::DaemonSet;
use k8s_openapi::api::events::v1::Event;
use kube::Api;
use kube::api::ListParams;
use serde_json::Value;
use tokio::process::Command;
use vpccni_api::CniPolicy;
use vpccni_testbed::Program;
use vpccni_testbed::scene::Scene;
use vpccni_testbed::wait::until;

use super::error::DemoError;
use super::page::Page;

/// How long the operator may take for what it does by itself: far more than it needs.
pub(super) const PATIENCE: Duration = Duration::from_mins(1);
/// How long a rollout over all nodes may take.
pub(super) const ROLLOUT: Duration = Duration::from_secs(150);

/// A scene and the page it is told on.
#[derive(Debug)]
pub(super) struct Stage<'a> {
    pub(super) page: &'a Page,
    pub(super) scene: &'a Scene,
    /// Where our own programs are, such as the kubectl plugin.
    pub(super) programs: Option<&'a Path>,
}

impl Stage<'_> {
    /// Shows a command and what it answers; it must succeed.
    pub(super) async fn run(&self, command: &str) -> Result<String, DemoError> {
        let (status, text) = self.show(command).await?;
        if status.success() {
            Ok(text)
        } else {
            Err(DemoError::not_shown(&format!("`{command}` succeeds"), &status))
        }
    }

    /// Shows a command and what it answers; it must fail, and the exit code is shown.
    pub(super) async fn fails(&self, command: &str) -> Result<String, DemoError> {
        let (status, text) = self.show(command).await?;
        if status.success() {
            return Err(DemoError::not_shown(&format!("`{command}` fails"), &text));
        }
        self.exit_code(status.code().unwrap_or_default());
        Ok(text)
    }

    /// Shows the exit code of the last command, as a shell does.
    pub(super) fn exit_code(&self, code: i32) {
        self.page.command("echo $?");
        self.page.output(&code.to_string());
    }

    /// Says what takes a while now.
    pub(super) fn waiting(&self, what: &str) {
        self.page.prose(&format!("\n… {what}"));
    }

    /// Shows a command and what it answers.
    pub(super) async fn show(&self, command: &str) -> Result<(ExitStatus, String), DemoError> {
        self.page.command(command);
        let (status, text) = self.quietly(command).await?;
        self.page.output(&text);
        Ok((status, text))
    }

    /// Runs a command in a shell that finds the kubectl of this control plane, as its administrator.
    async fn quietly(&self, command: &str) -> Result<(ExitStatus, String), DemoError> {
        let first = command.lines().next().unwrap_or_default().to_owned();
        let failed = |source| DemoError::Shell {
            command: first.clone(),
            source,
        };
        let plane = &self.scene.plane;
        let kubectl = plane.tool(Program::Kubectl).map_err(DemoError::Tools)?;
        let folders = [kubectl.parent(), self.programs];
        let folders = folders.into_iter().flatten().map(PathBuf::from);
        let inherited = std::env::var_os("PATH").unwrap_or_default();
        let path = std::env::join_paths(folders.chain(std::env::split_paths(&inherited)))
            .map_err(|error| failed(std::io::Error::other(error)))?;
        let output = Command::new("/bin/sh")
            // What is told on standard error belongs where it was told.
            .args(["-c", &format!("exec 2>&1\n{command}")])
            .current_dir(plane.folder())
            .env("PATH", path)
            .env("KUBECONFIG", plane.kubeconfig_path())
            .env("HOME", plane.folder())
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .output()
            .await
            .map_err(failed)?;
        Ok((
            output.status,
            String::from_utf8_lossy(&output.stdout).into_owned(),
        ))
    }

    /// Waits until the policy is as claimed, by its JSON; `look` says what it saw where it is not.
    pub(super) async fn policy(
        &self,
        claim: &str,
        within: Duration,
        look: impl Fn(&Value) -> Result<(), String>,
    ) -> Result<Value, DemoError> {
        let policies = Api::<CniPolicy>::all(self.scene.plane.client());
        let look = &look;
        let found = until(claim, within, || {
            let policies = policies.clone();
            async move {
                let policy = policies.get("default").await.map_err(|error| error.to_string())?;
                let policy = serde_json::to_value(&policy).map_err(|error| error.to_string())?;
                look(&policy).map(|()| policy)
            }
        });
        found.await.map_err(|error| DemoError::not_shown(claim, &error))
    }

    /// Waits until a condition of the policy has this status and reason, for the newest generation.
    pub(super) async fn condition(&self, kind: &str, status: &str, reason: &str) -> Result<Value, DemoError> {
        let claim = format!("condition {kind} is {status} with reason {reason}");
        self.policy(&claim, PATIENCE, |policy| {
            has_condition(policy, kind, status, reason)
        })
        .await
    }

    /// Waits until an Event with this reason about such an object says this.
    pub(super) async fn event(&self, kind: &str, reason: &str, part: &str) -> Result<(), DemoError> {
        let claim = format!("an Event {reason} on {kind} says {part:?}");
        let events = Api::<Event>::default_namespaced(self.scene.plane.client());
        let found = until(&claim, PATIENCE, || {
            let events = events.clone();
            async move {
                let all = events
                    .list(&ListParams::default())
                    .await
                    .map_err(|error| error.to_string())?;
                let about = all.items.iter().filter(|event| {
                    event.reason.as_deref() == Some(reason)
                        && event.regarding.as_ref().and_then(|about| about.kind.as_deref()) == Some(kind)
                });
                let notes: Vec<String> = about.filter_map(|event| event.note.clone()).collect();
                if notes.iter().any(|note| note.contains(part)) {
                    Ok(())
                } else {
                    Err(notes.join(" | "))
                }
            }
        });
        found.await.map_err(|error| DemoError::not_shown(&claim, &error))
    }

    /// Waits until the API server refuses a command that is only tried. It learns of a changed binding a second late.
    pub(super) async fn refused_on_trial(&self, command: &str) -> Result<(), DemoError> {
        let claim = format!("`{command}` is refused");
        let trial = format!("{command} --dry-run=server");
        let found = until(&claim, PATIENCE, || async {
            let (status, text) = self.quietly(&trial).await.map_err(|error| error.to_string())?;
            if status.success() { Err(text) } else { Ok(()) }
        });
        found.await.map_err(|error| DemoError::not_shown(&claim, &error))
    }

    /// Waits until a variable of aws-node has a value.
    pub(super) async fn variable(&self, name: &str, value: &str) -> Result<(), DemoError> {
        let claim = format!("{name} of aws-node is {value}");
        let found = until(&claim, PATIENCE, || async {
            let seen = self.variable_now(name).await?;
            if seen.as_deref() == Some(value) {
                Ok(())
            } else {
                Err(format!("{seen:?}"))
            }
        });
        found.await.map_err(|error| DemoError::not_shown(&claim, &error))
    }

    async fn variable_now(&self, name: &str) -> Result<Option<String>, String> {
        let sets = Api::<DaemonSet>::namespaced(self.scene.plane.client(), "kube-system");
        let set = sets.get("aws-node").await.map_err(|error| error.to_string())?;
        let pod = set.spec.and_then(|spec| spec.template.spec).unwrap_or_default();
        let env = pod
            .containers
            .into_iter()
            .filter(|container| container.name == "aws-node");
        let mut env = env.flat_map(|container| container.env.unwrap_or_default());
        Ok(env
            .find(|variable| variable.name == name)
            .and_then(|variable| variable.value))
    }
}

/// Whether a condition has this status and reason for the newest generation.
pub(super) fn has_condition(policy: &Value, kind: &str, status: &str, reason: &str) -> Result<(), String> {
    let generation = &policy["metadata"]["generation"];
    let all = policy["status"]["conditions"]
        .as_array()
        .map(Vec::as_slice)
        .unwrap_or_default();
    let found = all.iter().find(|condition| condition["type"] == kind);
    let holds = found.is_some_and(|condition| {
        condition["status"] == status
            && condition["reason"] == reason
            && condition["observedGeneration"] == *generation
    });
    if holds {
        return Ok(());
    }
    Err(format!(
        "generation {generation}, {}",
        found.map_or_else(|| "no such condition".to_owned(), Value::to_string)
    ))
}

/// Whether all of these rules are among the findings of the policy.
pub(super) fn has_findings(policy: &Value, rules: &[&str]) -> Result<(), String> {
    let all = policy["status"]["findings"]
        .as_array()
        .map(Vec::as_slice)
        .unwrap_or_default();
    let found: Vec<&str> = all
        .iter()
        .filter_map(|finding| finding["rule"].as_str())
        .collect();
    if rules.iter().all(|rule| found.contains(rule)) {
        Ok(())
    } else {
        Err(format!("{found:?}"))
    }
}
