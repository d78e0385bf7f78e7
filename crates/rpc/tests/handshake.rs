//! The vectors of the area `rpc-version`, against a real server of the version they name.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::oneshot;
use tokio_stream::wrappers::UnixListenerStream;
use tonic::transport::Server;
use tonic::{Code, Request, Response, Status};
use vpccni_rpc::proto::cni_backend_client::CniBackendClient;
use vpccni_rpc::proto::cni_backend_server::{CniBackend, CniBackendServer};
use vpccni_rpc::proto::{AddNetworkReply, AddNetworkRequest, DelNetworkReply, DelNetworkRequest};
use vpccni_rpc::server::bind;
use vpccni_rpc::{UNKNOWN_POD, check_version, connect};

/// An agent of some version that knows no sandbox.
struct Agent(String);

#[tonic::async_trait]
impl CniBackend for Agent {
    async fn add_network(
        &self,
        request: Request<AddNetworkRequest>,
    ) -> Result<Response<AddNetworkReply>, Status> {
        check_version(&self.0, &request.into_inner().client_version)?;
        Ok(Response::new(AddNetworkReply::default()))
    }

    async fn del_network(
        &self,
        request: Request<DelNetworkRequest>,
    ) -> Result<Response<DelNetworkReply>, Status> {
        check_version(&self.0, &request.into_inner().client_version)?;
        Err(Status::unknown(UNKNOWN_POD))
    }
}

fn vectors() -> Vec<Value> {
    let folder = std::env::var_os("VECTORS_DIR").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../core/data"),
        PathBuf::from,
    );
    let text = std::fs::read_to_string(folder.join("vpc-cni-vectors.json")).unwrap();
    let data: Value = serde_json::from_str(&text).unwrap();
    let all = data["vectors"].as_array().unwrap().iter();
    all.filter(|vector| vector["area"] == "rpc-version")
        .cloned()
        .collect()
}

/// Whether the two calls of a client of this version are let in, and with which code the others are refused.
async fn call(socket: &Path, version: &str) -> (bool, Option<Code>) {
    let channel = connect(socket, Duration::from_secs(2)).await.unwrap();
    let mut backend = CniBackendClient::new(channel);
    let add = AddNetworkRequest {
        client_version: version.to_owned(),
        ..Default::default()
    };
    let del = DelNetworkRequest {
        client_version: version.to_owned(),
        ..Default::default()
    };
    let added = backend.add_network(add).await;
    let deleted = backend.del_network(del).await.unwrap_err();
    match added {
        Ok(_) => {
            assert_eq!(deleted.message(), "datastore: unknown pod");
            (true, None)
        }
        Err(status) => {
            assert_eq!(deleted.code(), status.code());
            (false, Some(status.code()))
        }
    }
}

#[tokio::test]
async fn only_a_plugin_of_the_same_version_is_served() {
    let vectors = vectors();
    assert!(!vectors.is_empty(), "there are such vectors");
    for vector in vectors {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("ipamd.sock");
        let incoming = UnixListenerStream::new(bind(&socket).unwrap());
        let (stop, stopped) = oneshot::channel::<()>();
        let server = vector["input"]["server"].as_str().unwrap().to_owned();
        let serving = Server::builder()
            .add_service(CniBackendServer::new(Agent(server)))
            .serve_with_incoming_shutdown(incoming, async { stopped.await.unwrap_or_default() });
        let calls = async {
            let (mut accepted, mut code) = (Vec::new(), None);
            for client in vector["input"]["clients"].as_array().unwrap() {
                let (let_in, refused) = call(&socket, client.as_str().unwrap()).await;
                accepted.push(let_in);
                code = code.or(refused);
            }
            stop.send(()).unwrap();
            let code = code.map(|code| format!("{code:?}"));
            json!({"accepted": accepted, "grpc_code": code})
        };
        let (served, actual) = tokio::join!(serving, calls);
        served.unwrap();
        assert_eq!(actual, vector["expected"], "{}", vector["id"]);
    }
}
