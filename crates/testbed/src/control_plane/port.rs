//! Free ports.

use std::net::{Ipv4Addr, TcpListener};

use super::error::StartError;

/// A port that nobody listens on. Someone else may take it before it is used: the start is then tried again.
pub(super) fn free() -> Result<u16, StartError> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .and_then(|listener| listener.local_addr())
        .map(|address| address.port())
        .map_err(|source| StartError::Port { source })
}
