//! One process that is timed, and the namespaces of pods that it works on.

use std::fmt::Write as _;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Barrier;
use std::thread::{self, ScopedJoinHandle};
use std::time::{Duration, Instant};

use serde_json::Value;
use vpccni_testbed::boxes::Space;

/// Pods of a burst.
pub(super) const BURST: usize = 30;

/// The search path of programs on a node.
const PATH: &str = "/usr/sbin:/usr/bin:/sbin:/bin";

/// A process that is ready to be started.
#[derive(Debug, Clone)]
pub(super) struct Call {
    pub(super) program: PathBuf,
    pub(super) args: Vec<String>,
    pub(super) env: Vec<(&'static str, String)>,
    pub(super) input: String,
}

impl Call {
    /// A program of the machine.
    pub(super) fn program(name: &str, args: &[&str], input: &str) -> Result<Self, String> {
        // By its path: a name would be looked for at each start.
        let mut places = PATH.split(':').map(|folder| Path::new(folder).join(name));
        let program = places.find(|path| path.is_file());
        Ok(Self {
            program: program.ok_or_else(|| format!("there is no {name}"))?,
            args: args.iter().map(|&arg| arg.to_owned()).collect(),
            env: Vec::new(),
            input: input.to_owned(),
        })
    }

    /// A plugin, as a runtime calls it.
    pub(super) fn plugin(program: &Path, command: &str, pod: Namespace, conf: &Value) -> Self {
        let container = format!("{:064x}", pod.0);
        let args = format!(
            "IgnoreUnknown=1;K8S_POD_NAMESPACE=default;K8S_POD_NAME={};K8S_POD_INFRA_CONTAINER_ID={container}",
            pod.name()
        );
        let folder = program
            .parent()
            .unwrap_or_else(|| Path::new("/"))
            .display()
            .to_string();
        Self {
            program: program.to_owned(),
            args: Vec::new(),
            env: vec![
                ("PATH", PATH.to_owned()),
                ("CNI_COMMAND", command.to_owned()),
                ("CNI_CONTAINERID", container),
                ("CNI_NETNS", pod.path().display().to_string()),
                ("CNI_IFNAME", "eth0".to_owned()),
                ("CNI_PATH", folder),
                ("CNI_ARGS", args),
            ],
            input: conf.to_string(),
        }
    }

    /// From its start to its end; an error where it failed.
    pub(super) fn run(&self) -> Result<(Duration, Vec<u8>), String> {
        let name = self.program.display();
        let begun = Instant::now();
        let mut child = Command::new(&self.program)
            .args(&self.args)
            .env_clear()
            .envs(self.env.iter().map(|(key, value)| (key, value)))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| format!("start {name}: {error}"))?;
        if let Some(mut pipe) = child.stdin.take() {
            // One that does not read its input has ended by itself, and how is seen below.
            pipe.write_all(self.input.as_bytes()).unwrap_or_default();
        }
        let output = child
            .wait_with_output()
            .map_err(|error| format!("wait for {name}: {error}"))?;
        let took = begun.elapsed();
        if output.status.success() {
            return Ok((took, output.stdout));
        }
        let said = [output.stdout, output.stderr].concat();
        Err(format!(
            "{name}: {}: {}",
            output.status,
            String::from_utf8_lossy(&said)
        ))
    }

    /// The same, with its answer; nothing where it says nothing.
    pub(super) fn answer(&self) -> Result<(Duration, Value), String> {
        let (took, text) = self.run()?;
        if text.is_empty() {
            return Ok((took, Value::Null));
        }
        let value = serde_json::from_slice(&text);
        value
            .map(|value| (took, value))
            .map_err(|error| format!("read the answer of {}: {error}", self.program.display()))
    }
}

/// Runs something on a thread from which processes are started in the node.
pub(super) fn inside<R: Send>(
    space: &Space,
    run: impl FnOnce() -> Result<R, String> + Send,
) -> Result<R, String> {
    space.enter(run).map_err(|error| error.to_string())?
}

/// One after the other; the times and the answers.
pub(super) fn row(space: &Space, calls: &[Call]) -> Result<(Vec<Duration>, Vec<Value>), String> {
    let answers = inside(space, || {
        calls.iter().map(Call::answer).collect::<Result<Vec<_>, _>>()
    });
    Ok(answers?.into_iter().unzip())
}

/// All at once; from the first start to the last end, and the answers in order.
pub(super) fn burst(space: &Space, calls: &[Call]) -> Result<(Duration, Vec<Value>), String> {
    // What waits here has its namespaces already.
    let barrier = Barrier::new(calls.len());
    let one = |call: &Call| {
        inside(space, || {
            barrier.wait();
            let begun = Instant::now();
            call.answer().map(|(_, answer)| (begun, Instant::now(), answer))
        })
    };
    let done = thread::scope(|scope| {
        let threads: Vec<_> = calls.iter().map(|call| scope.spawn(|| one(call))).collect();
        let join = |thread: ScopedJoinHandle<'_, _>| {
            let joined = thread.join();
            joined.unwrap_or_else(|_| Err("a thread panicked".to_owned()))
        };
        threads.into_iter().map(join).collect::<Result<Vec<_>, _>>()
    })?;
    let first = done.iter().map(|(begun, ..)| *begun).min();
    let last = done.iter().map(|(_, ended, _)| *ended).max();
    let (first, last) = first.zip(last).ok_or("a burst of nobody")?;
    let answers = done.into_iter().map(|(.., answer)| answer).collect();
    Ok((last - first, answers))
}

/// The network namespace of a pod, by its number.
#[derive(Debug, Clone, Copy)]
pub(super) struct Namespace(pub(super) usize);

impl Namespace {
    pub(super) fn name(self) -> String {
        format!("bench-{:05}", self.0)
    }

    pub(super) fn path(self) -> PathBuf {
        Path::new("/var/run/netns").join(self.name())
    }
}

/// Makes fresh ones, which nobody had.
pub(super) fn namespaces(space: &Space, next: &mut usize, count: usize) -> Result<Vec<Namespace>, String> {
    let first = *next;
    *next += count;
    let made: Vec<_> = (first..*next).map(Namespace).collect();
    each(space, &made, "add")?;
    Ok(made)
}

/// Removes them; the kernel takes down what is inside in its own time.
pub(super) fn remove(space: &Space, namespaces: &[Namespace]) -> Result<(), String> {
    each(space, namespaces, "del")
}

fn each(space: &Space, namespaces: &[Namespace], verb: &str) -> Result<(), String> {
    let mut lines = String::new();
    for namespace in namespaces {
        // Writing to a String cannot fail.
        writeln!(lines, "netns {verb} {}", namespace.name()).unwrap_or_default();
    }
    let call = Call::program("ip", &["-batch", "-"], &lines)?;
    inside(space, || call.run()).map(drop)
}
