//! What the agent serves on its socket: the two stock services, ours, gRPC health, and reflection.

use std::fs::{self, DirBuilder, Permissions};
use std::future::Future;
use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};

use tokio::net::UnixListener;
use tokio_stream::wrappers::UnixListenerStream;
use tonic::service::Routes;
use tonic::transport::Server;
use tonic_health::ServingStatus;
use tonic_health::server::HealthReporter;

use crate::generated::descriptors::DESCRIPTORS;
use crate::health::{AWS_NODE, OVERALL, POOL};
use crate::node::node_server::{Node, NodeServer};
use crate::proto::cni_backend_server::{CniBackend, CniBackendServer};
use crate::proto::config_server_backend_server::{ConfigServerBackend, ConfigServerBackendServer};

/// The socket is for root and its group: whoever may write to it may take addresses.
const SOCKET_MODE: u32 = 0o660;
const FOLDER_MODE: u32 = 0o755;

/// Why the socket is not there.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// Its folder cannot be made.
    #[error("create {}: {error}", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// What the kernel says.
        error: io::Error,
    },
    /// There is something in its place that is no socket, or that cannot be removed.
    #[error("remove what is at {}: {error}", path.display())]
    Stale {
        /// The socket.
        path: PathBuf,
        /// What the kernel says.
        error: io::Error,
    },
    /// It cannot be bound.
    #[error("listen at {}: {error}", path.display())]
    Bind {
        /// The socket.
        path: PathBuf,
        /// What the kernel says.
        error: io::Error,
    },
}

/// Why serving ended.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The descriptions of the services cannot be read.
    #[error("read the descriptors of gRPC: {0}")]
    Descriptors(tonic_reflection::server::Error),
    /// The server ended.
    #[error("serve gRPC: {0}")]
    Transport(tonic::transport::Error),
}

/// Binds the socket, in a folder made for it, over one left by a process that is gone. Needs a tokio runtime.
pub fn bind(path: &Path) -> Result<UnixListener, BindError> {
    let failed = |error| BindError::Bind {
        path: path.to_owned(),
        error,
    };
    make_folder(path)?;
    remove_stale(path).map_err(|error| BindError::Stale {
        path: path.to_owned(),
        error,
    })?;
    let listener = UnixListener::bind(path).map_err(failed)?;
    fs::set_permissions(path, Permissions::from_mode(SOCKET_MODE)).map_err(failed)?;
    Ok(listener)
}

fn make_folder(path: &Path) -> Result<(), BindError> {
    let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) else {
        return Ok(());
    };
    DirBuilder::new()
        .recursive(true)
        .mode(FOLDER_MODE)
        .create(folder)
        .map_err(|error| BindError::Folder {
            path: folder.to_owned(),
            error,
        })
}

/// A socket file outlives its process, so one that is there says nothing. Any other kind of file is not ours to remove.
fn remove_stale(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::FileTypeExt;
    match fs::symlink_metadata(path) {
        Ok(there) if there.file_type().is_socket() => fs::remove_file(path),
        Ok(_) => Err(io::Error::from(io::ErrorKind::AlreadyExists)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

/// The handlers. `CNIBackend` and `ConfigServerBackend` are the stock contract, `Node` is ours.
#[derive(Debug)]
pub struct Handlers<B, C, N> {
    /// AddNetwork and DelNetwork.
    pub backend: B,
    /// GetNetworkPolicyConfigs.
    pub config: C,
    /// Gc.
    pub node: N,
}

/// What the health service says, and the way to change it; clones speak of the same service.
#[derive(Clone, Debug)]
pub struct HealthSwitch(HealthReporter);

impl HealthSwitch {
    /// A health service that says NOT_SERVING of everything.
    pub async fn off() -> Self {
        let switch = Self(HealthReporter::new());
        switch.set_serving(false).await;
        switch.set_pool(false).await;
        switch
    }

    /// Whether the agent as a whole serves: the empty name, and the stock one.
    pub async fn set_serving(&self, serving: bool) {
        self.set(OVERALL, serving).await;
        self.set(AWS_NODE, serving).await;
    }

    /// Whether an ADD would find an address.
    pub async fn set_pool(&self, ready: bool) {
        self.set(POOL, ready).await;
    }

    async fn set(&self, service: &str, serving: bool) {
        let status = if serving {
            ServingStatus::Serving
        } else {
            ServingStatus::NotServing
        };
        self.0.set_service_status(service, status).await;
    }
}

/// Serves until `stop` is done; calls under way are finished first.
pub async fn serve<B, C, N>(
    listener: UnixListener,
    handlers: Handlers<B, C, N>,
    health: &HealthSwitch,
    stop: impl Future<Output = ()>,
) -> Result<(), ServeError>
where
    B: CniBackend,
    C: ConfigServerBackend,
    N: Node,
{
    let Handlers {
        backend,
        config,
        node,
    } = handlers;
    let health = tonic_health::server::HealthService::from_health_reporter(health.0.clone());
    let routes = Routes::new(tonic_health::pb::health_server::HealthServer::new(health))
        .add_service(CniBackendServer::new(backend))
        .add_service(ConfigServerBackendServer::new(config))
        .add_service(NodeServer::new(node))
        // Tools ask by either version.
        .add_service(described().build_v1().map_err(ServeError::Descriptors)?)
        .add_service(described().build_v1alpha().map_err(ServeError::Descriptors)?);
    Server::builder()
        .add_routes(routes)
        .serve_with_incoming_shutdown(UnixListenerStream::new(listener), stop)
        .await
        .map_err(ServeError::Transport)
}

/// What is told to who asks what is served.
fn described() -> tonic_reflection::server::Builder<'static> {
    tonic_reflection::server::Builder::configure()
        .register_encoded_file_descriptor_set(DESCRIPTORS)
        .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
}
