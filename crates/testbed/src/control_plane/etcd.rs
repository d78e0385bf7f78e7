//! The store. One can serve several API servers, each under a key prefix of its own.

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tempfile::TempDir;

use super::error::StartError;
use super::guard::Guard;
use super::port;
use super::process::Process;
use super::ready::ready;
use crate::http;
use crate::tools::{Program, Toolbox};

/// A running etcd with its data in a folder of its own.
#[derive(Debug)]
pub struct Etcd {
    // The order of the fields is the order of the clean-up: the process ends before its folder goes.
    process: Process,
    _guard: Arc<Guard>,
    folder: TempDir,
    port: u16,
}

impl Etcd {
    /// Starts one and waits until it answers.
    pub async fn start(tools: &Toolbox) -> Result<Self, StartError> {
        let mut tries = 0;
        loop {
            tries += 1;
            match Self::start_once(tools).await {
                Err(error) if error.is_lost_port() && tries < super::TRIES => {}
                result => return result,
            }
        }
    }

    async fn start_once(tools: &Toolbox) -> Result<Self, StartError> {
        let folder = super::temp_folder()?;
        let guard = Arc::new(Guard::of(folder.path()).map_err(StartError::file("guard", folder.path()))?);
        let (client, peer) = (port::free()?, port::free()?);
        let mut process = Process::start(tools, Program::Etcd, &args(client, peer), folder.path(), &guard)?;
        ready(&mut process, Duration::from_secs(30), || healthy(client)).await?;
        Ok(Self {
            process,
            _guard: guard,
            folder,
            port: client,
        })
    }

    /// Where it listens.
    pub fn url(&self) -> String {
        url(self.port)
    }

    /// Its log.
    pub fn log(&self) -> PathBuf {
        self.folder.path().join("etcd.log")
    }

    /// Its process number.
    pub fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// Ends it and removes its data.
    pub async fn shutdown(self) {
        // Its data are thrown away, so there is nothing to wait for.
        self.process.stop(Duration::ZERO).await;
    }
}

fn url(port: u16) -> String {
    format!("http://127.0.0.1:{port}")
}

fn args(client: u16, peer: u16) -> Vec<OsString> {
    [
        "--name=testbed".to_owned(),
        "--data-dir=etcd".to_owned(),
        // The data live as long as the process: a flush to disk on each write only makes tests slow.
        "--unsafe-no-fsync".to_owned(),
        format!("--listen-client-urls={}", url(client)),
        format!("--advertise-client-urls={}", url(client)),
        format!("--listen-peer-urls={}", url(peer)),
        format!("--initial-advertise-peer-urls={}", url(peer)),
        format!("--initial-cluster=testbed={}", url(peer)),
        "--log-level=warn".to_owned(),
    ]
    .into_iter()
    .map(OsString::from)
    .collect()
}

async fn healthy(port: u16) -> Result<(), String> {
    let answer = http::get(port, "/health").await?;
    if answer.contains(r#""health":"true""#) {
        Ok(())
    } else {
        Err(answer)
    }
}
