//! Plain HTTP, and waiting.

use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};

/// For what happens within a second on a machine that has nothing else to do.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) async fn wait<F>(what: &str, mut is_so: impl FnMut() -> F)
where
    F: Future<Output = bool>,
{
    let begun = std::time::Instant::now();
    while !is_so().await {
        assert!(begun.elapsed() < PATIENCE, "waited in vain for {what}");
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
}

pub(crate) async fn http_unix(path: &std::path::Path, target: &str) -> String {
    let stream = UnixStream::connect(path).await.expect("a connection");
    let head = format!("GET {target} HTTP/1.1\r\nHost: node\r\nConnection: close\r\n\r\n");
    let answer = exchange(stream, &head).await;
    let (_, body) = answer.split_once("\r\n\r\n").expect("a body");
    body.to_owned()
}

/// A request that must be answered with 200.
pub(crate) async fn post(address: SocketAddr, target: &str, body: &str) {
    let stream = TcpStream::connect(address).await.expect("a connection");
    let length = body.len();
    let head = format!(
        "POST {target} HTTP/1.1\r\nHost: sandbox\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}"
    );
    let answer = exchange(stream, &head).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

async fn exchange(mut stream: impl AsyncRead + AsyncWrite + Unpin, request: &str) -> String {
    stream.write_all(request.as_bytes()).await.expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("an answer");
    answer
}
