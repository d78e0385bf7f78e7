//! A client and a server over a real socket: modes, a stale file, health, the handshake, and the errors of dialling.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use tokio::sync::oneshot;
use tonic::{Code, Request, Response, Status};
use vpccni_rpc::health::{self, AWS_NODE, Health, OVERALL, POOL};
use vpccni_rpc::node::node_client::NodeClient;
use vpccni_rpc::node::node_server::Node;
use vpccni_rpc::node::{Attachment, GcReply, GcRequest};
use vpccni_rpc::proto::cni_backend_client::CniBackendClient;
use vpccni_rpc::proto::cni_backend_server::CniBackend;
use vpccni_rpc::proto::config_server_backend_client::ConfigServerBackendClient;
use vpccni_rpc::proto::config_server_backend_server::ConfigServerBackend;
use vpccni_rpc::proto::{
    AddNetworkReply, AddNetworkRequest, DelNetworkReply, DelNetworkRequest, IpAllocationMetadata,
    NetworkPolicyAgentConfigReply,
};
use vpccni_rpc::server::{BindError, Handlers, HealthSwitch, bind, serve};
use vpccni_rpc::{ConnectError, UNKNOWN_POD, VERSION, check_version, connect};

const SOON: Duration = Duration::from_secs(2);

struct Agent;

#[tonic::async_trait]
impl CniBackend for Agent {
    async fn add_network(
        &self,
        request: Request<AddNetworkRequest>,
    ) -> Result<Response<AddNetworkReply>, Status> {
        let request = request.into_inner();
        check_version(VERSION, &request.client_version)?;
        Ok(Response::new(AddNetworkReply {
            success: true,
            allocations: vec![IpAllocationMetadata {
                ipv4_addr: "10.0.0.9".to_owned(),
                route_table_id: 254,
                ..Default::default()
            }],
            ..Default::default()
        }))
    }

    async fn del_network(
        &self,
        request: Request<DelNetworkRequest>,
    ) -> Result<Response<DelNetworkReply>, Status> {
        check_version(VERSION, &request.into_inner().client_version)?;
        Err(Status::unknown(UNKNOWN_POD))
    }
}

#[tonic::async_trait]
impl ConfigServerBackend for Agent {
    async fn get_network_policy_configs(
        &self,
        _: Request<()>,
    ) -> Result<Response<NetworkPolicyAgentConfigReply>, Status> {
        Ok(Response::new(NetworkPolicyAgentConfigReply {
            network_policy_mode: "standard".to_owned(),
            ..Default::default()
        }))
    }
}

#[tonic::async_trait]
impl Node for Agent {
    async fn gc(&self, request: Request<GcRequest>) -> Result<Response<GcReply>, Status> {
        Ok(Response::new(GcReply {
            released: request.into_inner().valid,
        }))
    }
}

async fn over(path: &Path, calls: impl AsyncFnOnce(&HealthSwitch)) {
    let listener = bind(path).unwrap();
    let health = HealthSwitch::off().await;
    let (stop, stopped) = oneshot::channel::<()>();
    let handlers = Handlers {
        backend: Agent,
        config: Agent,
        node: Agent,
    };
    let serving = serve(listener, handlers, &health, async {
        stopped.await.unwrap();
    });
    let (served, ()) = tokio::join!(serving, async {
        calls(&health).await;
        stop.send(()).unwrap();
    });
    served.unwrap();
}

#[tokio::test]
async fn every_service_answers_on_one_socket_of_the_right_modes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("aws-node/ipamd.sock");
    over(&path, async |_| {
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&path), mode(path.parent().unwrap())), (0o660, 0o755));
        let channel = connect(&path, SOON).await.unwrap();
        let mut backend = CniBackendClient::new(channel.clone());
        let request = AddNetworkRequest {
            client_version: VERSION.to_owned(),
            ..Default::default()
        };
        let added = backend.add_network(request).await.unwrap().into_inner();
        assert_eq!(added.allocations[0].ipv4_addr, "10.0.0.9");
        let other = backend
            .add_network(AddNetworkRequest::default())
            .await
            .unwrap_err();
        assert_eq!(other.code(), Code::FailedPrecondition);
        let request = DelNetworkRequest {
            client_version: VERSION.to_owned(),
            ..Default::default()
        };
        let unknown = backend.del_network(request).await.unwrap_err();
        assert!(unknown.message().contains("unknown pod"), "{unknown}");
        let mut config = ConfigServerBackendClient::new(channel.clone());
        let configs = config.get_network_policy_configs(()).await.unwrap().into_inner();
        assert_eq!(configs.network_policy_mode, "standard");
        let valid = vec![Attachment {
            container_id: "c1".to_owned(),
            interface: "eth0".to_owned(),
        }];
        let request = GcRequest {
            valid: valid.clone(),
            ..Default::default()
        };
        let collected = NodeClient::new(channel).gc(request).await.unwrap().into_inner();
        assert_eq!(collected.released, valid);
    })
    .await;
}

/// What reflection of version 1 names.
async fn named(channel: tonic::transport::Channel) -> Vec<String> {
    use tonic_reflection::pb::v1::ServerReflectionRequest;
    use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
    use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
    use tonic_reflection::pb::v1::server_reflection_response::MessageResponse;

    let mut client = ServerReflectionClient::new(channel);
    let mut ask = async |question| {
        let request = ServerReflectionRequest {
            host: String::new(),
            message_request: Some(question),
        };
        let answers = client.server_reflection_info(tokio_stream::iter([request])).await;
        let answer = answers.unwrap().into_inner().message().await.unwrap().unwrap();
        answer.message_response.unwrap()
    };
    let MessageResponse::ListServicesResponse(list) = ask(MessageRequest::ListServices(String::new())).await
    else {
        return Vec::new();
    };
    let symbol = MessageRequest::FileContainingSymbol("rpc.AddNetworkReply".to_owned());
    let MessageResponse::FileDescriptorResponse(file) = ask(symbol).await else {
        return Vec::new();
    };
    // By the name it has in the stock agent, not by that of the field in Rust.
    let stock = b"VPCv4CIDRs";
    let bytes = file.file_descriptor_proto.concat();
    assert!(bytes.windows(stock.len()).any(|part| part == stock));
    list.service.into_iter().map(|service| service.name).collect()
}

#[tokio::test]
async fn who_asks_is_told_what_is_served() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ipamd.sock");
    over(&path, async |_| {
        let mut names = named(connect(&path, SOON).await.unwrap()).await;
        names.retain(|name| !name.starts_with("grpc.reflection."));
        names.sort();
        let wanted = [
            "grpc.health.v1.Health",
            "rpc.CNIBackend",
            "rpc.ConfigServerBackend",
            "vpccni.v1.Node",
        ];
        // The agent of the network policies serves NPBackend, whose messages lie in the same file.
        names.retain(|name| name != "rpc.NPBackend");
        assert_eq!(names, wanted);
    })
    .await;
}

#[tokio::test]
async fn health_is_off_until_it_is_switched_on() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ipamd.sock");
    over(&path, async |switch| {
        let channel = connect(&path, SOON).await.unwrap();
        let ask = async |service| health::check(channel.clone(), service).await.unwrap();
        for service in [OVERALL, AWS_NODE, POOL] {
            assert_eq!(ask(service).await, Health::NotServing, "{service:?}");
        }
        switch.set_serving(true).await;
        assert_eq!(
            (ask(OVERALL).await, ask(AWS_NODE).await, ask(POOL).await),
            (Health::Serving, Health::Serving, Health::NotServing)
        );
        switch.set_pool(true).await;
        assert_eq!(ask(POOL).await, Health::Serving);
        assert_eq!(ask("vpccni.other").await, Health::Unknown);
    })
    .await;
}

#[tokio::test]
async fn a_stale_socket_is_replaced_and_any_other_file_is_left() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ipamd.sock");
    drop(bind(&path).unwrap());
    assert!(path.exists(), "a socket file outlives its listener");
    let refused = connect(&path, SOON).await.unwrap_err();
    assert!(matches!(refused, ConnectError::Refused { .. }), "{refused}");
    over(&path, async |_| {
        connect(&path, SOON).await.unwrap();
    })
    .await;
    let file = folder.path().join("by-hand");
    std::fs::write(&file, "kept").unwrap();
    assert!(matches!(bind(&file), Err(BindError::Stale { .. })));
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "kept");
}

#[tokio::test]
async fn who_listens_and_never_answers_is_waited_for_no_longer_than_said() {
    let folder = tempfile::tempdir().unwrap();
    let missing = connect(&folder.path().join("no.sock"), SOON).await.unwrap_err();
    assert!(matches!(missing, ConnectError::Refused { .. }), "{missing}");
    // A backlog that is full: the next connect does not return.
    let path = folder.path().join("busy.sock");
    let listener = std::os::unix::net::UnixListener::bind(&path).unwrap();
    let mut held = Vec::new();
    let short = Duration::from_millis(50);
    let error = loop {
        match connect(&path, short).await {
            Ok(channel) => held.push(channel),
            Err(error) => break error,
        }
        assert!(held.len() < 100_000, "the backlog has an end");
    };
    drop(listener);
    assert!(
        matches!(error, ConnectError::Silent { .. } | ConnectError::Refused { .. }),
        "{error}"
    );
}
