//! The admin server over loopback.

use super::*;
use prometheus_client::metrics::gauge::Gauge;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

struct Served {
    address: SocketAddr,
    health: Health,
    stop: CancellationToken,
    task: JoinHandle<Result<(), AdminError>>,
}

async fn serve(registry: Registry) -> Served {
    let admin = Admin::bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let (address, health, stop) = (admin.address(), Health::default(), CancellationToken::new());
    #[expect(clippy::disallowed_methods, reason = "a test joins its own task")]
    let task = tokio::spawn(admin.serve(health.clone(), registry, stop.clone()));
    Served {
        address,
        health,
        stop,
        task,
    }
}

async fn get(address: SocketAddr, path: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nhost: admin\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split_whitespace().nth(1).unwrap().parse().unwrap();
    (status, body.to_owned())
}

#[tokio::test]
async fn readiness_follows_the_checks_and_says_why() {
    let served = serve(Registry::default()).await;
    assert_eq!(get(served.address, "/readyz").await.0, 503);
    served
        .health
        .readiness
        .fail("caches", "DaemonSet aws-node: forbidden");
    served.health.readiness.pass("api-server");
    let (status, body) = get(served.address, "/readyz").await;
    assert_eq!(status, 503);
    assert!(body.contains("caches: DaemonSet aws-node: forbidden"), "{body}");
    served.health.readiness.pass("caches");
    assert_eq!(get(served.address, "/readyz").await.0, 200);
}

#[tokio::test]
async fn liveness_fails_while_a_loop_is_silent() {
    let served = serve(Registry::default()).await;
    assert_eq!(get(served.address, "/livez").await, (200, "ok\n".to_owned()));
    let pulse = served.health.heartbeats.start("policy", Duration::ZERO);
    tokio::time::sleep(Duration::from_millis(5)).await;
    let (status, body) = get(served.address, "/livez").await;
    assert_eq!(status, 500);
    assert!(body.contains("policy: no tick"), "{body}");
    drop(pulse);
    assert_eq!(get(served.address, "/livez").await.0, 200);
}

#[tokio::test]
async fn metrics_are_served_and_shutdown_ends_the_server() {
    let registry = Registry::default();
    let leader: Gauge = Gauge::default();
    registry.register("leader", "Whether it leads.", leader.clone());
    leader.set(1);
    let served = serve(registry).await;
    let (status, body) = get(served.address, "/metrics").await;
    assert_eq!(status, 200);
    assert!(body.contains("leader 1"), "{body}");
    served.stop.cancel();
    tokio::time::timeout(Duration::from_secs(10), served.task)
        .await
        .unwrap()
        .unwrap()
        .unwrap();
    assert!(TcpStream::connect(served.address).await.is_err());
}

#[tokio::test]
async fn a_taken_port_is_an_error_that_names_it() {
    let served = serve(Registry::default()).await;
    let error = Admin::bind(served.address).await.unwrap_err().to_string();
    assert!(error.contains(&served.address.to_string()), "{error}");
}
