//! Connections carried out of a namespace to a server of this machine: metadata, AWS, the API server.

use std::io;
use std::net::SocketAddr;

use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use super::error::BoxError;
use super::space::Space;

/// A listener inside whose connections end outside. It ends when it is dropped.
#[derive(Debug)]
pub struct Forwarder {
    address: SocketAddr,
    _tasks: JoinSet<()>,
}

impl Forwarder {
    /// Listens in the network of a machine, and carries every connection to a server of ours.
    pub fn start(space: &Space, listen: SocketAddr, target: SocketAddr) -> Result<Self, BoxError> {
        let error = || BoxError::kernel::<io::Error>(format!("listen on {listen} in a box"));
        let listener = space
            .within(|| std::net::TcpListener::bind(listen))?
            .map_err(error())?;
        listener.set_nonblocking(true).map_err(error())?;
        let address = listener.local_addr().map_err(error())?;
        let listener = TcpListener::from_std(listener).map_err(error())?;
        let mut tasks = JoinSet::new();
        tasks.spawn(accept(listener, target));
        Ok(Self {
            address,
            _tasks: tasks,
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

async fn accept(listener: TcpListener, target: SocketAddr) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((inside, _)) => drop(connections.spawn(carry(inside, target))),
                Err(error) => {
                    tracing::warn!(%error, "a box lost a connection");
                    tokio::task::yield_now().await;
                }
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn carry(mut inside: TcpStream, target: SocketAddr) {
    let carried = async {
        let mut outside = TcpStream::connect(target).await?;
        inside.set_nodelay(true)?;
        outside.set_nodelay(true)?;
        tokio::io::copy_bidirectional(&mut inside, &mut outside).await
    };
    if let Err(error) = carried.await {
        tracing::debug!(%error, %target, "a connection out of a box ended");
    }
}
