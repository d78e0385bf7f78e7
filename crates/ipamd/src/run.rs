//! Wiring: makes everything a run needs, starts every task under one supervisor, and ends all of it in order.

mod tasks;

use crate::agent::{Agent, Facts};
use crate::args::Args;
use crate::cloud::Cloud;
use crate::host::Host;
use crate::install;
use crate::introspect::{Introspection, Sources};
use crate::kubernetes::{self, Kubernetes, KubernetesError, Whose};
use crate::left_over;
use crate::metrics::Metrics;
use crate::node::{Node, Pace};
use crate::notice::{Notice, Notices};
use crate::service::Service;
use crate::settings::{Settings, SettingsError};
use crate::start::{Start, StartError, Started, Who, who};
use std::net::Ipv6Addr;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use vpccni_aws::{Aws, ImdsClient, Limits, Overrides};
use vpccni_core::config::Key;
use vpccni_core::ports::node::{Identity, Imds, NodeEc2};
use vpccni_core::ports::{CloudError, Ec2, Kernel};
use vpccni_rpc::server::{BindError, Handlers, HealthSwitch, bind, serve};
use vpccni_telemetry::admin::{Admin, AdminError};
use vpccni_telemetry::health::Health;
use vpccni_telemetry::signals::{self, SignalError};
use vpccni_telemetry::supervisor::{Supervisor, TaskError};

/// How long all tasks together have to end: a DaemonSet's pod is given ten seconds.
const SHUTDOWN_GRACE: Duration = Duration::from_secs(8);

/// Where the introspection is when nothing is said.
const INTROSPECTION: &str = "127.0.0.1:61679";

/// Why a run ended.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// Signals cannot be listened for.
    #[error(transparent)]
    Signals(SignalError),
    /// The settings forbid a start.
    #[error(transparent)]
    Settings(SettingsError),
    /// AWS was of no help.
    #[error(transparent)]
    Cloud(CloudError),
    /// The mode needs the API server.
    #[error("the settings need the API server: {0}")]
    Kubernetes(KubernetesError),
    /// The mode needs to know the Node.
    #[error("the settings need the API server, and MY_NODE_NAME is not set")]
    NoNodeName,
    /// The start failed.
    #[error(transparent)]
    Start(StartError),
    /// The plugin cannot be installed.
    #[error(transparent)]
    Install(install::InstallError),
    /// The socket is not there.
    #[error(transparent)]
    Socket(BindError),
    /// The introspection is not there.
    #[error(transparent)]
    Introspection(crate::introspect::IntrospectError),
    /// The metrics are not there.
    #[error(transparent)]
    Metrics(AdminError),
    /// A task ended.
    #[error(transparent)]
    Task(TaskError),
}

/// What a run is made from.
#[derive(Debug)]
pub struct RunOptions {
    /// The command line.
    pub args: Args,
    /// The settings.
    pub settings: Settings,
    /// EC2 for the node, and for limits of types; none takes it from the environment.
    pub ec2: Option<Arc<Aws>>,
    /// The kernel.
    pub kernel: Arc<dyn Kernel>,
    /// How often and how long.
    pub pace: Pace,
    /// Ends it.
    pub stop: CancellationToken,
    /// Whether SIGTERM and SIGINT end it, too.
    pub signals: bool,
}

/// Runs the agent until `stop` is cancelled, a signal comes, or a task fails.
pub async fn run(options: RunOptions) -> Result<(), RunError> {
    let begun = Instant::now();
    let stop = options.stop.clone();
    let mut supervisor = Supervisor::new(stop.clone());
    if options.signals {
        let signals = signals::listen().map_err(RunError::Signals)?;
        let until = stop.clone();
        supervisor.add("signals", async move {
            signals.forward_to(until).await;
            Ok::<(), std::convert::Infallible>(())
        });
    }
    options.settings.check(None).map_err(RunError::Settings)?;
    let prepared = tokio::select! {
        prepared = Run::prepare(options, &mut supervisor) => prepared?,
        () = stop.cancelled() => None,
    };
    if let Some(run) = prepared {
        run.serve(&mut supervisor, begun).await?;
    }
    supervisor.run(SHUTDOWN_GRACE).await.map_err(RunError::Task)
}

/// A run that is ready to serve.
struct Run {
    args: Args,
    stop: CancellationToken,
    cloud: Cloud,
    host: Host,
    kubernetes: Option<Kubernetes>,
    started: Started,
    pace: Arc<Pace>,
}

impl Run {
    async fn prepare(options: RunOptions, supervisor: &mut Supervisor) -> Result<Option<Self>, RunError> {
        let RunOptions {
            args,
            settings,
            ec2,
            kernel,
            pace,
            stop,
            signals: _,
        } = options;
        let imds = ImdsClient::new(&args.imds_endpoint).map_err(RunError::Cloud)?;
        let Some(identity) = who(&imds, &pace, &stop).await else {
            return Ok(None);
        };
        let aws = match ec2 {
            Some(aws) => aws,
            None => Arc::new(connect(&identity, &settings).await.map_err(RunError::Cloud)?),
        };
        let (notices, told) = Notices::channel();
        let imds: Arc<dyn Imds> = Arc::new(imds);
        let node_ec2: Arc<dyn NodeEc2> = aws.clone();
        let cloud = Cloud::new(node_ec2, imds, Metrics::new(), notices);
        let types: &dyn Ec2 = aws.as_ref();
        let who = Who::with_limits(identity, &cloud, types)
            .await
            .map_err(RunError::Cloud)?;
        settings.check(Some(&who.limits)).map_err(RunError::Settings)?;
        let kubernetes = api_server(&args, &settings, told, supervisor, &stop).await?;
        let (host, pace) = (Host::new(kernel), Arc::new(pace));
        let start = Start {
            cloud: cloud.clone(),
            host: host.clone(),
            kubernetes: kubernetes.clone(),
            settings,
            who,
            pace: Arc::clone(&pace),
            state_dir: args.state_dir.clone(),
            checkpoint: args.checkpoint.clone(),
        };
        let initialising = Instant::now();
        let started = start.run().await.map_err(RunError::Start)?;
        cloud.metrics().initialised(initialising.elapsed());
        Ok(Some(Self {
            args,
            stop,
            cloud,
            host,
            kubernetes,
            started,
            pace,
        }))
    }

    async fn serve(self, supervisor: &mut Supervisor, begun: Instant) -> Result<(), RunError> {
        let Started { beginning, node_ipv6 } = self.started;
        let (tools, node) = (beginning.tools.clone(), Arc::clone(&beginning.tools.node));
        let (args, stop, metrics) = (self.args, self.stop, self.cloud.metrics().clone());
        install_executables(&args, &node)?;
        let socket = bind(&args.socket).map_err(RunError::Socket)?;
        let (agent, asks, facts) = Agent::new(beginning, stop.clone());
        let sources = Sources {
            asks: asks.clone(),
            settings: node.settings.clone(),
            kubernetes: self.kubernetes.clone(),
        };
        watchers(&args, sources, &metrics, supervisor, &stop).await?;
        let annotations = tasks::annotations(&tools, &asks, supervisor, &stop);
        let service = Service {
            asks,
            facts: facts.clone(),
            node: Arc::clone(&node),
            node_ipv6,
            host: self.host,
            kubernetes: self.kubernetes.clone(),
            annotations,
            metrics: metrics.clone(),
        };
        let health = HealthSwitch::off().await;
        let (switch, until) = (health.clone(), stop.clone());
        supervisor.add("the pool", agent.run());
        supervisor.add("gRPC", async move {
            let handlers = Handlers {
                backend: service.clone(),
                config: service.clone(),
                node: service,
            };
            serve(socket, handlers, &switch, until.cancelled_owned()).await
        });
        health.set_serving(true).await;
        supervisor.add("health", tasks::pool_health(health, facts.clone(), stop.clone()));
        supervisor.add("clean-up", left_over::clean_up(tools.clone(), stop.clone()));
        if let Some(kubernetes) = self
            .kubernetes
            .clone()
            .filter(|_| node.settings.effective.pod_eni())
        {
            let work = tasks::features(kubernetes, Arc::clone(&node), self.pace, stop.clone());
            supervisor.add("features of the node", work);
        }
        metrics.started(begun.elapsed(), self.kubernetes.is_some());
        tracing::info!(instance = %node.identity.instance, mode = ?node.mode, socket = %args.socket.display(), "serving");
        supervisor.add(
            "the list of plugins",
            conflist(args, node, node_ipv6, facts, stop),
        );
        Ok(())
    }
}

/// What people and collectors look at.
async fn watchers(
    args: &Args,
    sources: Sources,
    metrics: &Metrics,
    supervisor: &mut Supervisor,
    stop: &CancellationToken,
) -> Result<(), RunError> {
    let effective = &sources.settings.effective;
    if !effective.is_on(Key::DisableMetrics) {
        let admin = Admin::bind(args.metrics_addr).await.map_err(RunError::Metrics)?;
        let health = Health::default();
        health.readiness.pass("start");
        let registry = metrics.registry().clone();
        supervisor.add("metrics", admin.serve(health, registry, stop.clone()));
    }
    if !effective.is_on(Key::DisableIntrospection) {
        let address = Some(effective.text(Key::IntrospectionBindAddress)).filter(|text| !text.is_empty());
        let introspection = Introspection::bind(address.unwrap_or(INTROSPECTION))
            .await
            .map_err(RunError::Introspection)?;
        supervisor.add("introspection", introspection.serve(sources, stop.clone()));
    }
    Ok(())
}

async fn connect(identity: &Identity, settings: &Settings) -> Result<Aws, CloudError> {
    let attempt = settings.http_timeout();
    Aws::from_environment(Overrides {
        region: Some(identity.region.clone()),
        endpoint: settings.ec2_endpoint(),
        credentials: None,
        limits: Limits {
            attempt,
            operation: attempt * 3,
            ..Limits::default()
        },
    })
    .await
}

/// The API server, where there is one; waited for only where the mode needs it.
async fn api_server(
    args: &Args,
    settings: &Settings,
    told: mpsc::Receiver<Notice>,
    supervisor: &mut Supervisor,
    stop: &CancellationToken,
) -> Result<Option<Kubernetes>, RunError> {
    let needed = settings.needs_kubernetes();
    let client = match (&args.node_name, kubernetes::client().await) {
        (None, _) if needed => return Err(RunError::NoNodeName),
        (_, Err(error)) if needed => return Err(RunError::Kubernetes(error)),
        (None, _) => return Ok(None),
        (Some(_), Err(error)) => {
            tracing::info!(%error, "working without an API server");
            return Ok(None);
        }
        (Some(name), Ok(client)) => (name.clone(), client),
    };
    let (name, client) = client;
    let whose = Whose {
        node: name,
        pod: args.pod_name.clone().map(|pod| (args.pod_namespace.clone(), pod)),
    };
    let effective = &settings.effective;
    let kubernetes = Kubernetes::start(client, whose, effective.pod_eni(), told, supervisor, stop);
    if needed {
        tracing::info!("waiting for the API server");
        kubernetes.node_seen().await;
    }
    Ok(Some(kubernetes))
}

fn install_executables(args: &Args, node: &Node) -> Result<(), RunError> {
    match args.plugin_source() {
        Some(source) => {
            let target = node.settings.effective.text(Key::CniBinPath);
            install::executables(source, Path::new(target)).map_err(RunError::Install)
        }
        None => Ok(()),
    }
}

async fn conflist(
    args: Args,
    node: Arc<Node>,
    ipv6: Option<Ipv6Addr>,
    facts: watch::Receiver<Facts>,
    stop: CancellationToken,
) -> Result<(), String> {
    if args.plugin_source().is_some() {
        let forever = node.settings.effective.custom_networking();
        tokio::select! {
            () = tasks::ready(facts, forever) => {}
            () = stop.cancelled() => return Ok(()),
        }
        tasks::write_conflist(&args, &node, ipv6)?;
    }
    stop.cancelled().await;
    Ok(())
}
